package push

import (
	"context"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// Of every pace: after a pause the rate may rise evenly, because spikes are what services refuse (FCM, "Best practices
// when sending FCM messages at scale").
const (
	startShare = 0.1 // of the full rate, at once after a pause
	burst      = time.Second
	shortWait  = time.Millisecond // is not waited for: the timer would take longer
)

// Pace is a lane's token bucket (as the generic cell rate algorithm: one time instead of a count): a second's worth at
// once, then evenly. A nil one holds nothing back. Safe for use from any goroutine.
type Pace struct {
	clock notify.Clock
	full  float64 // pushes a second
	ramp  time.Duration

	mu    sync.Mutex
	next  time.Time // when the next push is due; a burst lies before now
	last  time.Time // when a place was last taken
	begun time.Time // since when the rate rises
}

// MaxRate is the greatest setting `rate` of a platform's section, in pushes a second.
const MaxRate = 1_000_000

// NewPace makes a bucket of so many pushes a second, 0: none (nil). From a pause on it takes ramp to get to the full rate;
// 0: it is there at once.
func NewPace(perSecond float64, ramp time.Duration, clock notify.Clock) *Pace {
	if perSecond <= 0 {
		return nil
	}
	return &Pace{clock: clock, full: perSecond, ramp: ramp}
}

// Wait returns when one more push may go out, or the context's error.
func (p *Pace) Wait(ctx context.Context) error {
	d := p.Permit()
	if d == 0 {
		return ctx.Err()
	}
	timer := p.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Permit takes the next place and gives how long it must be waited for; 0: not at all.
func (p *Pace) Permit() time.Duration {
	if p == nil {
		return 0
	}
	if d := p.reserve(); d >= shortWait {
		return d
	}
	return 0
}

// reserve takes the next place and gives the time until it is due.
func (p *Pace) reserve() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	// After a pause it rises anew; and a clock that was turned back must not hold up the pushes until it is there again.
	if p.next.IsZero() || now.Sub(p.next) > max(p.ramp, burst) || now.Before(p.last.Add(-time.Minute)) {
		p.begun, p.next = now, time.Time{}
	}
	if floor := now.Add(-burst); p.next.Before(floor) {
		p.next = floor
	}
	due := p.next
	p.next = due.Add(time.Duration(float64(time.Second) / p.rate(now)))
	p.last = now
	return due.Sub(now)
}

// rate gives the pushes a second that may go out now.
func (p *Pace) rate(now time.Time) float64 {
	if p.ramp <= 0 {
		return p.full
	}
	return p.full * min(max(float64(now.Sub(p.begun))/float64(p.ramp), startShare), 1)
}

// Slow begins to rise anew: the service said that it was too much.
func (p *Pace) Slow() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = p.clock.Now()
}
