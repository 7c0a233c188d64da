package push

import (
	"context"
	"errors"
	"testing"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// spend takes places for d, one after the other as they come due, and gives how many.
func spend(p *Pace, clock *notifytest.Clock, d time.Duration) int {
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

func TestPaceKeepsItsRate(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	p := NewPace(90, 0, clock)
	spend(p, clock, time.Minute)
	for minute := range 5 {
		if n := spend(p, clock, time.Minute); n < 5300 || n > 5500 {
			t.Errorf("minute %d: %d pushes, want 90 a second", minute, n)
		}
	}
}

func TestPaceRises(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	p := NewPace(90, time.Minute, clock)
	var got []int
	for range 7 {
		got = append(got, spend(p, clock, 10*time.Second))
	}
	// 90 a second at the end; a tenth of it at first, and a burst of one second.
	for i, want := range []int{120, 225, 375, 525, 675, 825, 900} {
		if got[i] < want*8/10 || got[i] > want*12/10 {
			t.Errorf("in the %d. ten seconds %d pushes, want about %d (%v)", i+1, got[i], want, got)
		}
	}
	p.Slow()
	if n := spend(p, clock, 10*time.Second); n > 300 {
		t.Errorf("%d pushes after the service said that it was too much", n)
	}
	clock.Advance(time.Hour)
	if n := spend(p, clock, time.Second); n > 40 {
		t.Errorf("%d pushes in the first second after a pause", n)
	}
}

func TestPaceNeedsNoBurstForTheFirst(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	p := NewPace(1.0/60, time.Hour, clock)
	if d := p.reserve(); d > 0 {
		t.Errorf("the first message waits %s", d)
	}
	clock.Advance(-24 * time.Hour) // the machine's clock was put right
	if d := p.reserve(); d > 0 {
		t.Errorf("the first message waits %s after the clock was turned back", d)
	}
}

func TestPaceEndsWithTheContext(t *testing.T) {
	p := NewPace(1.0/60, 0, notify.SystemClock{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for p.Wait(ctx) == nil {
		cancel() // the next one has to wait a minute
	}
	if err := p.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestNoPaceHoldsNothingBack(t *testing.T) {
	p := NewPace(0, time.Minute, notify.SystemClock{})
	p.Slow()
	for range 1000 {
		if d := p.Permit(); d != 0 {
			t.Fatalf("held back for %s", d)
		}
	}
	if err := p.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}
