package webpush

import (
	"fmt"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

// A service that fails again and again is left alone, for longer every time; the others get theirs.
func TestBreaker(t *testing.T) { both(t, testBreaker) }

func testBreaker(t *testing.T, via string) {
	h := newHouse(t, sim.WebPushOptions{}, via)
	sick, well := h.device(t, sim.ModeGoogle), h.device(t, sim.ModeMozilla)
	h.sim.Script(sick.Token, sim.Fault{Status: 500, Times: -1})
	requests := func() int64 { return h.sim.Log().Counts().Requests }
	for range breakAfter {
		h.clock.Advance(time.Second)
		if o := h.deliver(t, notice(), sick)[0]; o.Status != 500 {
			t.Fatalf("%+v", o)
		}
	}
	before := requests()
	out := h.deliver(t, notice(), sick, well)
	if o := out[0]; o.Verdict != notify.Retry || !o.At.Equal(h.clock.Now().Add(breakFirst)) || o.WholeLane {
		t.Errorf("while it is left alone: %+v", o)
	}
	if out[1].Verdict != notify.Accepted || requests() != before+1 {
		t.Errorf("another service: %+v; %d requests", out[1], requests()-before)
	}
	h.clock.Advance(breakFirst)
	if o := h.deliver(t, notice(), sick)[0]; o.Status != 500 {
		t.Errorf("after the pause nothing was tried: %+v", o)
	}
	if o := h.deliver(t, notice(), sick)[0]; !o.At.Equal(h.clock.Now().Add(2 * breakFirst)) {
		t.Errorf("the second pause ends at %s", o.At)
	}
	h.clock.Advance(2 * breakFirst)
	h.sim.ClearScript(sick.Token)
	for range 2 {
		if o := h.deliver(t, notice(), sick)[0]; o.Verdict != notify.Accepted {
			t.Errorf("after it is well: %+v", o)
		}
	}
}

// What was under way together fails together: that is one failure, not many.
func TestBreakerCountsRounds(t *testing.T) {
	o := newOrigins(8).get("https://push.example.net", google)
	for range 64 {
		o.failed(start, start.Add(time.Second), time.Time{})
	}
	if until := o.paused(start.Add(time.Second)); !until.IsZero() {
		t.Errorf("one round of failures pauses until %s", until)
	}
	at := start.Add(time.Second)
	for range 50 {
		at = at.Add(2 * time.Second)
		o.failed(at, at.Add(time.Second), time.Time{})
	}
	if wait := o.paused(at).Sub(at); wait > breakMost+time.Second || wait < breakMost-time.Second {
		t.Errorf("the pause is %s, want at most %s", wait, breakMost)
	}
}

// One subscription's 429 is its own; that of several slows the service, if it is a big one.
func TestThrottling(t *testing.T) { both(t, testThrottling) }

func testThrottling(t *testing.T, via string) {
	for mode, slowed := range map[sim.PushMode]bool{sim.ModeGoogle: true, sim.ModeUnifiedPush: false} {
		t.Run(string(mode), func(t *testing.T) {
			h := newHouse(t, sim.WebPushOptions{}, via)
			other := h.device(t, mode)
			for i := range throttleCount {
				if o := h.deliver(t, notice(), other)[0]; o.Verdict != notify.Accepted {
					t.Fatalf("after %d: %+v", i, o)
				}
				d := h.device(t, mode)
				h.sim.Script(d.Token, sim.Fault{Status: 429, Header: map[string]string{"Retry-After": "60"}})
				if o := h.deliver(t, notice(), d)[0]; o.Verdict != notify.Retry || !o.At.Equal(h.clock.Now().Add(time.Minute)) {
					t.Fatalf("%+v", o)
				}
			}
			got := h.deliver(t, notice(), other)[0]
			if slowed != (got.Verdict == notify.Retry) {
				t.Errorf("another subscription: %+v", got)
			}
			h.clock.Advance(time.Minute)
			if o := h.deliver(t, notice(), other)[0]; o.Verdict != notify.Accepted {
				t.Errorf("after the pause: %+v", o)
			}
		})
	}
}

// Strangers may name any number of hosts: what is kept of them is bounded, and the big services stay.
func TestOriginsAreBounded(t *testing.T) {
	all := newOrigins(8)
	big := all.get("https://fcm.googleapis.com", google)
	for i := range 2 * maxOrigins {
		all.get(fmt.Sprintf("https://h%d.example.org", i), stranger)
	}
	if len(all.byName) > maxOrigins || all.get("https://fcm.googleapis.com", google) != big {
		t.Errorf("%d origins are kept", len(all.byName))
	}
	l := newLimits()
	for i := range maxLimits + 1000 {
		l.learn(fmt.Sprint(i))
	}
	if len(l.small) > maxLimits {
		t.Errorf("%d limits are kept", len(l.small))
	}
}
