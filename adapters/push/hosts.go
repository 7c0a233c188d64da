package push

import (
	"context"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// Breaker of a host: after so many rounds of failures in a row nothing is sent to it for a while, so that a dead host
// does not hold the workers. A round is what was under way together.
const (
	breakAfter  = 3
	breakFirst  = 5 * time.Second
	breakMost   = 5 * time.Minute
	maxSick     = 10_000 // hosts whose failures are remembered; past it any one is forgotten
	hostsAtOnce = 64     // hosts that one call of Each serves at a time
)

// Hosts bounds how many requests are under way to each host and to all together, and leaves alone those that are down.
// It keeps nothing of hosts that work and are not being used. It may be used from any goroutine.
type Hosts struct {
	limit int
	clock notify.Clock
	all   chan struct{}
	mu    sync.Mutex
	used  map[string]*hostSlots
	sick  map[string]sickness
}

type hostSlots struct {
	own  chan struct{}
	refs int
}

type sickness struct {
	rounds   int // in a row
	failedAt time.Time
	until    time.Time // nothing is sent before
}

// NewHosts allows limit requests to one host and total to all, both at least 1.
func NewHosts(limit, total int, clock notify.Clock) *Hosts {
	return &Hosts{limit: limit, clock: clock, all: make(chan struct{}, total), used: map[string]*hostSlots{},
		sick: map[string]sickness{}}
}

// Enter waits for a slot to host. leave must be called when the request ended; until, when it is not zero, is when the
// host may be asked again, and nothing is to be sent now. The error is the context's; then there is nothing to leave.
func (h *Hosts) Enter(ctx context.Context, host string) (leave func(), until time.Time, err error) {
	s := h.hold(host)
	if err := take(ctx, s.own); err != nil { // the own one first: nobody holds a shared one while waiting for his own
		h.drop(host, s)
		return nil, time.Time{}, err
	}
	if err := take(ctx, h.all); err != nil {
		<-s.own
		h.drop(host, s)
		return nil, time.Time{}, err
	}
	leave = func() {
		<-h.all
		<-s.own
		h.drop(host, s)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if until = h.sick[host].until; !until.After(h.clock.Now()) {
		until = time.Time{}
	}
	return leave, until, nil
}

func take(ctx context.Context, slots chan struct{}) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *Hosts) hold(host string) *hostSlots {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.used[host]
	if s == nil {
		s = &hostSlots{own: make(chan struct{}, h.limit)}
		h.used[host] = s
	}
	s.refs++
	return s
}

func (h *Hosts) drop(host string, s *hostSlots) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.refs--; s.refs == 0 {
		delete(h.used, host)
	}
}

// Answered notes that the host works.
func (h *Hosts) Answered(host string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sick, host)
}

// Failed notes that a request to host, sent at started, got no answer or one of trouble. until is the host's own word
// for when to come again; zero: it said none.
func (h *Hosts) Failed(host string, started, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now, s := h.clock.Now(), h.sick[host]
	if s.rounds > 0 && !started.After(s.failedAt) {
		return // of the same round
	}
	s.rounds++
	s.failedAt = now
	if n := s.rounds - breakAfter; n >= 0 {
		if t := now.Add(min(breakFirst<<min(n, 10), breakMost)); t.After(until) {
			until = t
		}
	}
	if s.rounds > 1 && until.After(s.until) {
		s.until = until
	}
	if len(h.sick) >= maxSick {
		for k := range h.sick {
			delete(h.sick, k)
			break
		}
	}
	h.sick[host] = s
}

// Each calls f for the members of all groups, at most the limit of one host at a time for each, and returns when all
// calls have returned.
func (h *Hosts) Each(groups map[string][]int, f func(host string, i int)) {
	names := make([]string, 0, len(groups))
	for name := range groups {
		names = append(names, name)
	}
	Each(len(names), hostsAtOnce, func(k int) bool {
		list := groups[names[k]]
		Each(len(list), h.limit, func(i int) bool {
			f(names[k], list[i])
			return true
		})
		return true
	})
}
