// Package notifytest holds what tests share: a clock turned by hand, fakes, and the conformance suites that every Store,
// Adapter, Connector and Bus must pass.
package notifytest

import (
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// Clock is a notify.Clock that stands still until a test turns it.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	timers map[*timer]struct{}
	asked  chan struct{} // closed and renewed whenever a timer is made
}

// NewClock starts at the given time; zero: 2026-11-23 09:00 UTC.
func NewClock(start time.Time) *Clock {
	if start.IsZero() {
		start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	}
	return &Clock{now: start, timers: map[*timer]struct{}{}, asked: make(chan struct{})}
}

// Now implements notify.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// NewTimer implements notify.Clock.
func (c *Clock) NewTimer(d time.Duration) notify.Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{clock: c, at: c.now.Add(d), c: make(chan time.Time, 1)}
	if d <= 0 {
		t.c <- c.now
	} else {
		c.timers[t] = struct{}{}
	}
	close(c.asked)
	c.asked = make(chan struct{})
	return t
}

// Advance turns the clock by d and fires what is due.
func (c *Clock) Advance(d time.Duration) { c.Set(c.Now().Add(d)) }

// Set turns the clock to t, forwards (firing what is due) or backwards.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
	for tm := range c.timers {
		if !tm.at.After(t) {
			delete(c.timers, tm)
			tm.c <- t
		}
	}
}

// Waiting tells how many timers run.
func (c *Clock) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.timers)
}

// Next gives when the earliest timer fires; zero when none runs.
func (c *Clock) Next() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	var next time.Time
	for t := range c.timers {
		if next.IsZero() || t.at.Before(next) {
			next = t.at
		}
	}
	return next
}

// Asked gives a channel that is closed when the next timer is made: a test waits on it before it turns the clock.
func (c *Clock) Asked() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

type timer struct {
	clock *Clock
	at    time.Time
	c     chan time.Time
}

func (t *timer) C() <-chan time.Time { return t.c }

func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, running := t.clock.timers[t]
	delete(t.clock.timers, t)
	return running
}
