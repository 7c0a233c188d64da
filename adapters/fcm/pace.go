package fcm

import (
	"context"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// The pace is a token bucket (as the generic cell rate algorithm: one time instead of a count). Google's own bucket is
// filled once a minute, and not when our minute begins ("FCM throttling and quotas"), so a tenth of it stays unused. From
// a pause on the rate rises evenly: "Best practices when sending FCM messages at scale" names spikes as what is refused.
const (
	useOfQuota = 0.9
	startShare = 0.1 // of the full rate, at once after a pause
	burst      = time.Second
	shortWait  = time.Millisecond // is not waited for: the timer would take longer
)

// pace holds back what would exceed the project's quota. Safe for use from any goroutine.
type pace struct {
	clock notify.Clock
	full  float64 // messages a second
	ramp  time.Duration

	mu    sync.Mutex
	next  time.Time // when the next message is due; a burst lies before now
	last  time.Time // when a place was last taken
	begun time.Time // since when the rate rises
}

func newPace(quota int, ramp time.Duration, clock notify.Clock) *pace {
	return &pace{clock: clock, full: float64(quota) / 60 * useOfQuota, ramp: ramp}
}

// wait returns when one more message may go out, or the context's error.
func (p *pace) wait(ctx context.Context) error {
	d := p.permit()
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

// permit takes the next place and gives how long it must be waited for; 0: not at all.
func (p *pace) permit() time.Duration {
	if d := p.reserve(); d >= shortWait {
		return d
	}
	return 0
}

// reserve takes the next place and gives the time until it is due.
func (p *pace) reserve() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	// After a pause it rises anew; and a clock that was turned back must not hold up the messages until it is there again.
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

// rate gives the messages a second that may go out now.
func (p *pace) rate(now time.Time) float64 {
	if p.ramp <= 0 {
		return p.full
	}
	return p.full * min(max(float64(now.Sub(p.begun))/float64(p.ramp), startShare), 1)
}

// slow begins to rise anew: Google said that it was too much.
func (p *pace) slow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = p.clock.Now()
}
