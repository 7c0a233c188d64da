package web

import (
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// slowLane makes who guesses wait: after some wrong passwords for one address, or from one place, each further try has
// to wait longer. A right one forgets the address's.
type slowLane struct {
	clock notify.Clock
	mu    sync.Mutex
	tries map[string]*wrongs
	asked chan struct{} // passwords being checked at the mail servers
}

type wrongs struct {
	count int
	until time.Time // no try before
	last  time.Time
}

const (
	freeTries   = 5 // for one address
	freePlace   = 30
	firstWait   = 10 * time.Second
	longestWait = 15 * time.Minute
	forgetAfter = time.Hour
	lanesKept   = 20_000 // names; past it, those over their time are forgotten, else nobody may try for a moment
	askedAtOnce = 4
)

func newSlowLane(clock notify.Clock) *slowLane {
	return &slowLane{clock: clock, tries: map[string]*wrongs{}, asked: make(chan struct{}, askedAtOnce)}
}

// may tells whether a try may be made now: nil, or CodeTooManyRequests with the time to wait.
func (s *slowLane) may(names ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	if len(s.tries) >= lanesKept {
		s.tidy(now)
	}
	if len(s.tries) >= lanesKept {
		return tooMany(firstWait)
	}
	for _, name := range names {
		if w := s.tries[name]; w != nil && now.Before(w.until) {
			return tooMany(w.until.Sub(now))
		}
	}
	return nil
}

func tooMany(wait time.Duration) error {
	return &notify.Error{Code: notify.CodeTooManyRequests, Detail: "too many wrong tries; wait a while", RetryAfter: wait}
}

func (s *slowLane) tidy(now time.Time) {
	for name, w := range s.tries {
		if now.Sub(w.last) > forgetAfter {
			delete(s.tries, name)
		}
	}
}

// wrong counts a wrong try for the address and from the place.
func (s *slowLane) wrong(address, place string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	for name, free := range map[string]int{address: freeTries, place: freePlace} {
		w := s.tries[name]
		if w == nil || now.Sub(w.last) > forgetAfter {
			w = &wrongs{}
			s.tries[name] = w
		}
		w.count++
		w.last = now
		if over := w.count - free; over >= 0 {
			w.until = now.Add(min(firstWait<<min(over, 10), longestWait))
		}
	}
}

// right forgets the address's wrong tries.
func (s *slowLane) right(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tries, address)
}
