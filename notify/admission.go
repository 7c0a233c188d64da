package notify

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// DefaultAcceptQueue is how many requests may wait for the store where Options does not say.
const DefaultAcceptQueue = 4096

const (
	// admitted are with the store at once: as many as it commits as one group.
	admitted = 512
	// admissionPatience is how long the first in the queue may have waited: when it is longer, the disk does not keep up, and
	// who comes is told so at once instead of waiting for nothing.
	admissionPatience = 3 * time.Second
	admissionRetry    = 2 * time.Second
)

// admission is the door to the store for requests: behind it wait those that the disk has no time for yet, in one queue
// for each caller, who take turns. So one that floods delays itself, and nobody waits for ever.
type admission struct {
	clock Clock
	limit int

	mu      sync.Mutex
	inside  int
	waiting int
	callers map[string]*caller
	turn    []*caller // those with somebody in the queue, in the order of their turns
}

// caller is one caller's queue.
type caller struct {
	name  string
	queue []*applicant
}

type applicant struct {
	since time.Time
	in    chan struct{} // closed when its turn has come
	done  bool          // guarded by admission.mu: its turn has come, or it has left
}

func newAdmission(clock Clock, limit int) *admission {
	if limit == 0 {
		limit = DefaultAcceptQueue
	}
	return &admission{clock: clock, limit: limit, callers: map[string]*caller{}}
}

// enter waits for the caller's turn; leave must be called once afterwards. Errors: CodeUnavailable with a time to come
// back, when the queue is full, the caller's part of it is, the disk does not keep up, or ctx ends.
func (a *admission) enter(ctx context.Context, name string) (leave func(), err error) {
	a.mu.Lock()
	if a.inside < admitted && a.waiting == 0 {
		a.inside++
		a.mu.Unlock()
		return a.leave, nil
	}
	if err := a.refusal(name); err != nil {
		a.mu.Unlock()
		return nil, err
	}
	c := a.callers[name]
	if c == nil {
		c = &caller{name: name}
		a.callers[name] = c
		a.turn = append(a.turn, c)
	}
	me := &applicant{since: a.clock.Now(), in: make(chan struct{})}
	c.queue = append(c.queue, me)
	a.waiting++
	a.mu.Unlock()
	select {
	case <-me.in:
		return a.leave, nil
	case <-ctx.Done():
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if me.done { // both at once
		return a.leave, nil
	}
	me.done = true
	a.waiting--
	e := Wrap(CodeUnavailable, ctx.Err(), "the call ended while it waited for the disk")
	e.RetryAfter = admissionRetry
	return nil, e
}

// refusal tells why a caller may not even wait. Called with mu held.
func (a *admission) refusal(name string) error {
	detail := ""
	switch c := a.callers[name]; {
	case a.waiting >= a.limit:
		detail = "as many requests wait for the disk as limits.accept_queue allows, which is " + strconv.Itoa(a.limit)
	case c != nil && len(a.turn) > 1 && len(c.queue) >= max(1, a.limit/4):
		detail = "as many requests of this key wait for the disk as one key may have beside others: a quarter of " +
			"limits.accept_queue, which is " + strconv.Itoa(a.limit)
	case a.oldest() > admissionPatience:
		detail = "the disk does not keep up: requests wait for it longer than " + admissionPatience.String()
	default:
		return nil
	}
	return &Error{Code: CodeUnavailable, Detail: detail, RetryAfter: admissionRetry}
}

// oldest is how long the longest has waited. Called with mu held.
func (a *admission) oldest() (age time.Duration) {
	now := a.clock.Now()
	for _, c := range a.turn {
		age = max(age, now.Sub(c.queue[0].since))
	}
	return age
}

// leave lets the next one in: the first in the queue of the caller whose turn it is.
func (a *admission) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inside--
	for a.inside < admitted && len(a.turn) > 0 {
		c := a.turn[0]
		me := c.queue[0]
		c.queue[0] = nil
		c.queue, a.turn = c.queue[1:], a.turn[1:]
		if len(c.queue) > 0 {
			a.turn = append(a.turn, c)
		} else {
			delete(a.callers, c.name)
		}
		if me.done {
			continue // it has left
		}
		me.done = true
		a.waiting--
		a.inside++
		close(me.in)
	}
}
