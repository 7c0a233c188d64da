package fcm

import (
	"context"
	"errors"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// spend takes places for d, one after the other as they come due, and gives how many.
func spend(p *pace, clock *notifytest.Clock, d time.Duration) int {
	end := clock.Now().Add(d)
	for n := 0; ; n++ {
		wait := p.reserve()
		if wait > 0 {
			clock.Advance(wait)
		}
		if !clock.Now().Before(end) {
			return n
		}
	}
}

func TestPaceKeepsUnderTheQuota(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	p := newPace(6000, 0, clock)
	spend(p, clock, time.Minute)
	for minute := range 5 {
		if n := spend(p, clock, time.Minute); n < 5300 || n > 5500 {
			t.Errorf("minute %d: %d messages, want nine tenths of 6000", minute, n)
		}
	}
}

func TestPaceRises(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	p := newPace(6000, time.Minute, clock)
	var got []int
	for range 7 {
		got = append(got, spend(p, clock, 10*time.Second))
	}
	// 90 a second at the end; a tenth of it at first, and a burst of one second.
	for i, want := range []int{120, 225, 375, 525, 675, 825, 900} {
		if got[i] < want*8/10 || got[i] > want*12/10 {
			t.Errorf("in the %d. ten seconds %d messages, want about %d (%v)", i+1, got[i], want, got)
		}
	}
	p.slow()
	if n := spend(p, clock, 10*time.Second); n > 300 {
		t.Errorf("%d messages after Google said that it was too much", n)
	}
	clock.Advance(time.Hour)
	if n := spend(p, clock, time.Second); n > 40 {
		t.Errorf("%d messages in the first second after a pause", n)
	}
}

func TestPaceNeedsNoBurstForTheFirst(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	p := newPace(1, time.Hour, clock)
	if d := p.reserve(); d > 0 {
		t.Errorf("the first message waits %s", d)
	}
	clock.Advance(-24 * time.Hour) // the machine's clock was put right
	if d := p.reserve(); d > 0 {
		t.Errorf("the first message waits %s after the clock was turned back", d)
	}
}

func TestPaceEndsWithTheContext(t *testing.T) {
	p := newPace(1, 0, notify.SystemClock{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for p.wait(ctx) == nil {
		cancel() // the next one has to wait a minute
	}
	if err := p.wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// The simulator's quota is what Google's is: the adapter that keeps to it is never refused, one that does not is told,
// and the rest of its batch waits.
func TestQuota(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	h := newHouse(t, sim.FCMOptions{Clock: clock, Quota: 100}, "ramp: 0s\n")
	got := map[notify.Verdict]int{}
	for _, o := range h.push(t, deliveries(t, h, 3000)) {
		got[o.Verdict]++
		if o.Verdict == notify.Retry && (!o.WholeLane || o.At.Sub(clock.Now()) != time.Minute || o.Reason != "RESOURCE_EXHAUSTED RATE_LIMIT_EXCEEDED") {
			t.Fatalf("%+v", o)
		}
	}
	if got[notify.Accepted] != 100 || got[notify.Retry] != 2900 {
		t.Errorf("%v", got)
	}
	if n := h.sim.Log().Counts().Requests; n > 100+int64(h.adapter.sender.links.Room()) {
		t.Errorf("%d requests although the quota is used up", n)
	}
	clock.Advance(time.Minute)
	if o := h.one(t, 0); o.Verdict != notify.Accepted {
		t.Errorf("a minute later: %+v", o)
	}
}

func TestDeviceQuota(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	h := newHouse(t, sim.FCMOptions{Clock: clock, DeviceQuota: 2}, "")
	for i, want := range []notify.Verdict{notify.Accepted, notify.Accepted, notify.Retry} {
		if o := h.one(t, 0); o.Verdict != want || o.WholeLane {
			t.Errorf("%d: %+v", i, o)
		}
	}
	if o := h.one(t, 1); o.Verdict != notify.Accepted {
		t.Errorf("another device: %+v", o)
	}
}
