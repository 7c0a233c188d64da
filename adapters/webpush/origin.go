package webpush

import (
	"context"
	"sync"
	"time"
)

// Bounds of what is kept per push service. Strangers name the hosts, so there may be any number of them.
const (
	maxOrigins    = 10_000
	strangerShare = 8 // a stranger's host gets one in so many of a big service's slots
)

// Breaker of an origin: after so many rounds of failures in a row nothing is sent for a while, so that a dead host does
// not hold the workers. A round is what was under way together: one broken connection fails them all.
const (
	breakAfter = 3
	breakFirst = 5 * time.Second
	breakMost  = 5 * time.Minute
)

// Throttling of an origin: 429 is a word about one subscription or about us; when this many different subscriptions
// hear it within the window, it is about us.
const (
	throttleCount  = 3
	throttleWindow = time.Minute
)

// slots bounds how many requests are under way.
type slots chan struct{}

func (s slots) take(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	default:
	}
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s slots) release() { <-s }

// origins are the push services met so far.
type origins struct {
	concurrency int
	bigs        slots // all known services together
	strangers   slots // all others together
	mu          sync.Mutex
	byName      map[string]*origin
}

func newOrigins(concurrency int) *origins {
	return &origins{concurrency: concurrency, byName: map[string]*origin{},
		bigs: make(slots, 4*concurrency), strangers: make(slots, concurrency)}
}

// get gives the origin of that name (scheme://host[:port], the "aud" of RFC 8292 section 2).
func (s *origins) get(name string, v vendor) *origin {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.byName[name]; o != nil {
		return o
	}
	if len(s.byName) >= maxOrigins {
		s.evict()
	}
	o := &origin{name: name, vendor: v, all: s.bigs, own: make(slots, s.concurrency)}
	if v == stranger {
		o.all, o.own = s.strangers, make(slots, max(s.concurrency/strangerShare, 1))
	}
	s.byName[name] = o
	return o
}

// evict forgets some strangers: they lose a token and a breaker's state, both made again.
func (s *origins) evict() {
	n := maxOrigins / 10
	for name, o := range s.byName {
		if n == 0 {
			return
		}
		if o.vendor == stranger {
			delete(s.byName, name)
			n--
		}
	}
}

// origin is one push service: its token, its slots, its breaker.
type origin struct {
	name   string
	vendor vendor
	all    slots // shared with the others of its class
	own    slots

	mu        sync.Mutex
	token     string // the whole Authorization value
	madeAt    time.Time
	forcedAt  time.Time
	failures  int // rounds in a row
	failedAt  time.Time
	pauseTill time.Time
	throttled map[uint64]time.Time // subscriptions that heard 429 lately
	plainTill time.Time            // it speaks no HTTP/2: not asked for it again before
}

// enter waits for a slot; the own one first, so that nobody holds a shared one while waiting for his own.
func (o *origin) enter(ctx context.Context) error {
	if err := o.own.take(ctx); err != nil {
		return err
	}
	if err := o.all.take(ctx); err != nil {
		o.own.release()
		return err
	}
	return nil
}

func (o *origin) leave() {
	o.all.release()
	o.own.release()
}

// authorization gives the origin's token, made anew at half of its life.
func (o *origin) authorization(s *signer, now time.Time) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.token != "" && now.Sub(o.madeAt).Abs() < tokenRenew {
		return o.token, nil
	}
	return o.sign(s, now)
}

func (o *origin) sign(s *signer, now time.Time) (string, error) {
	token, err := s.authorization(o.name, now)
	if err != nil {
		return "", err
	}
	o.token, o.madeAt = token, now
	return token, nil
}

// refresh gives another token than the refused one, or "" when making one would not help or is not allowed yet.
func (o *origin) refresh(s *signer, refused string, now time.Time) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.token != refused {
		return o.token, nil // somebody was faster
	}
	last, pause := o.forcedAt, tokenPause
	if o.vendor == apple {
		last, pause = o.madeAt, tokenPauseApple
	}
	if !last.IsZero() && now.Sub(last).Abs() < pause {
		return "", nil
	}
	o.forcedAt = now
	return o.sign(s, now)
}

// paused tells until when nothing is sent; zero: it may be.
func (o *origin) paused(now time.Time) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pauseTill.After(now) {
		return o.pauseTill
	}
	return time.Time{}
}

// answered notes that the service works.
func (o *origin) answered() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failures = 0
}

// failed notes that a request, sent at started, got no answer or one of trouble. The service is left alone until the
// given time (zero: it gave none) from the second round on, and longer after breakAfter rounds.
func (o *origin) failed(started, now, until time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failures > 0 && !started.After(o.failedAt) {
		return // of the same round
	}
	o.failures++
	o.failedAt = now
	if n := o.failures - breakAfter; n >= 0 {
		if t := now.Add(min(breakFirst<<min(n, 10), breakMost)); t.After(until) {
			until = t
		}
	}
	if o.failures > 1 {
		o.pause(until)
	}
}

// throttle notes a 429 for one subscription, and slows the whole origin when it is not the only one. A stranger's
// service speaks for single endpoints only (UnifiedPush).
func (o *origin) throttle(subscription uint64, now, until time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.vendor == stranger {
		return
	}
	if o.throttled == nil {
		o.throttled = map[uint64]time.Time{}
	}
	for k, at := range o.throttled {
		if now.Sub(at) > throttleWindow {
			delete(o.throttled, k)
		}
	}
	if o.throttled[subscription] = now; len(o.throttled) >= throttleCount {
		clear(o.throttled)
		o.pause(until)
	}
}

func (o *origin) pause(until time.Time) {
	if until.After(o.pauseTill) {
		o.pauseTill = until
	}
}

// isPlain tells whether the service is known to speak HTTP/1.1 only.
func (o *origin) isPlain(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.plainTill.After(now)
}

func (o *origin) setPlain(until time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.plainTill = until
}
