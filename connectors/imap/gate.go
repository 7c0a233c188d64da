package imap

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// gate lets accounts to the server: at a rate that the server bears, those who had mail lately first, and one alone while
// the server is away. Thousands of accounts that lost their connections at one moment come back in good order.
//
// The rate starts as set, grows by two a second while logins succeed, up to its bound, and is halved by trouble
// (additive increase, multiplicative decrease).
type gate struct {
	clock    notify.Clock
	maxRate  float64
	kick     chan struct{}
	mu       sync.Mutex
	queue    waiters
	arrived  uint64
	rate     float64
	tokens   float64
	filled   time.Time // when tokens were counted last
	halvedAt time.Time
	inside   int  // logins under way
	failed   int  // connection attempts in a row that found no server
	down     bool // the server is away
	since    time.Time
	reason   string
	probe    bool // one is under way
	probeAt  time.Time
	changed  chan struct{} // closed when down changes
}

// Bounds of the gate.
const (
	maxInside   = 64 // logins under way at one time
	minRate     = 1  // logins a second
	downAfter   = 3  // failed connections in a row
	probeFirst  = time.Second
	probeLast   = time.Minute // one connection a minute hurts nobody
	halveEvery  = time.Second // one burst of trouble counts once
	growPerTick = 2           // logins a second, each second
)

// verdict is how an attempt went, as far as it concerns the server as a whole.
type verdict int

const (
	verdictOK      verdict = iota // the server answered in good order
	verdictTrouble                // it is overloaded, or broke off
	verdictAway                   // nobody answered
)

func newGate(clock notify.Clock, rate, maxRate float64) *gate {
	return &gate{clock: clock, rate: rate, maxRate: maxRate, tokens: 1, filled: clock.Now(), kick: make(chan struct{}, 1),
		changed: make(chan struct{})}
}

// enter waits for a permit; leave or unused must follow. away is called while the server is away, from the caller's
// goroutine, with the reason. Error: ctx ended.
func (g *gate) enter(ctx context.Context, lastActive time.Time, away func(reason string)) error {
	w := &waiter{lastActive: lastActive, granted: make(chan struct{})}
	g.mu.Lock()
	g.arrived++
	w.seq = g.arrived
	heap.Push(&g.queue, w)
	down, reason, changed := g.down, g.reason, g.changed
	g.mu.Unlock()
	g.wake()
	for {
		if down {
			away(reason)
		}
		select {
		case <-w.granted:
			return nil
		case <-changed:
			g.mu.Lock()
			down, reason, changed = g.down, g.reason, g.changed
			g.mu.Unlock()
		case <-ctx.Done():
			g.cancel(w)
			return ctx.Err()
		}
	}
}

// cancel takes a waiter out, or gives back the permit that it got in the same moment.
func (g *gate) cancel(w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.index >= 0 {
		heap.Remove(&g.queue, w.index)
		return
	}
	g.inside--
	g.probe = false
	g.wake()
}

// unused gives a permit back.
func (g *gate) unused() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.probe = false
	g.tokens++
	g.wake()
}

// leave ends an attempt.
func (g *gate) leave(v verdict, reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	g.inside--
	if g.down && g.probe {
		g.probe = false
		g.probeAt = now.Add(g.probeWait(now))
	}
	switch v {
	case verdictAway:
		g.reason = reason
		if g.failed++; g.failed >= downAfter && !g.down {
			g.since = now
			g.setDown(true)
			g.probeAt = now.Add(g.probeWait(now))
		}
		g.halve(now)
	case verdictTrouble:
		g.answered()
		g.halve(now)
	case verdictOK:
		g.answered()
		g.rate = min(g.maxRate, g.rate+growPerTick/max(g.rate, 1))
	}
	g.wake()
}

// trouble slows down because of something that happened to an open connection.
func (g *gate) trouble() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.halve(g.clock.Now())
}

func (g *gate) halve(now time.Time) {
	if now.Sub(g.halvedAt) >= halveEvery {
		g.halvedAt = now
		g.rate = max(minRate, g.rate/2)
	}
}

func (g *gate) answered() {
	g.failed = 0
	if g.down {
		g.setDown(false)
	}
}

// probeWait is how long to leave a server alone that is away: in proportion to how long it has been, so that a short outage
// is over soon.
func (g *gate) probeWait(now time.Time) time.Duration {
	return jitter(min(probeFirst+now.Sub(g.since)/4, probeLast))
}

func (g *gate) setDown(down bool) {
	g.down = down
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *gate) wake() {
	select {
	case g.kick <- struct{}{}:
	default: // it is awake already
	}
}

// run hands out permits until ctx ends.
func (g *gate) run(ctx context.Context) {
	for {
		wait, some := g.grant()
		var timer notify.Timer
		var fired <-chan time.Time
		if some {
			timer = g.clock.NewTimer(wait)
			fired = timer.C()
		}
		select {
		case <-ctx.Done():
		case <-g.kick:
		case <-fired:
		}
		if timer != nil {
			timer.Stop()
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// grant lets in whom it may and tells how long it is until the next; false: until something happens.
func (g *gate) grant() (wait time.Duration, some bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	for len(g.queue) > 0 && g.inside < maxInside {
		if g.down {
			if g.probe {
				return 0, false
			}
			if wait := g.probeAt.Sub(now); wait > 0 {
				return wait, true
			}
			g.probe = true
			g.pop()
			continue
		}
		g.refill(now)
		if g.tokens < 1 {
			return time.Duration((1 - g.tokens) / g.rate * float64(time.Second)), true
		}
		g.tokens--
		g.pop()
	}
	return 0, false
}

func (g *gate) refill(now time.Time) {
	if d := now.Sub(g.filled); d > 0 {
		// What was not used is gone, but for a tenth of a second's worth: no bursts.
		g.tokens = min(g.tokens+d.Seconds()*g.rate, max(1, g.rate/10))
	}
	g.filled = now
}

func (g *gate) pop() {
	w, ok := heap.Pop(&g.queue).(*waiter)
	if !ok {
		panic("imap: not a waiter")
	}
	g.inside++
	close(w.granted)
}
