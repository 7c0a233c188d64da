package imap

import (
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// credential guards a login that serves all accounts of a source. When it is refused for one account after the other,
// it is the login itself that is wrong: then one try at a time is made for all, in the slow lane, so that thousands of
// accounts do not get it locked. One that is refused here and there is those accounts' own trouble.
type credential struct {
	clock   notify.Clock
	mu      sync.Mutex
	proven  bool // it was accepted, and not refused since
	failed  int  // in a row
	trying  int
	lane    authLane
	closed  bool
	dueAt   time.Time
	text    string
	changed chan struct{} // closed when there is a reason to ask again
}

// closeAfter is how many refusals in a row make it the login's fault. Until it is proven, no more are tried at a time.
const closeAfter = 10

func newCredential(clock notify.Clock) *credential {
	return &credential{clock: clock, changed: make(chan struct{})}
}

// ask tells whether an account may try now, and then settle must follow; if not, when to ask again at the latest, and why.
func (c *credential) ask() (ok bool, wait time.Duration, text string, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := closeAfter - c.failed
	if c.closed {
		room = 0
		if wait = c.dueAt.Sub(c.clock.Now()); wait <= 0 {
			room = 1
		}
		text = c.text
	}
	if c.proven || c.trying < room {
		c.trying++
		return true, 0, "", nil
	}
	return false, jitter(max(wait, time.Minute)), text, c.changed
}

// settle notes how a try went: refused, accepted, or neither, which says nothing of the login.
func (c *credential) settle(refused, accepted bool, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trying--
	switch {
	case accepted:
		if !c.proven {
			c.proven, c.closed = true, false
			c.news()
		}
		c.failed = 0
		c.lane.accepted()
	case refused:
		c.text, c.proven = text, false
		if c.failed++; c.failed >= closeAfter {
			c.closed = true
			c.dueAt = c.clock.Now().Add(c.lane.refused(c.clock.Now()))
		}
		if c.failed == closeAfter {
			c.news()
		}
	default:
		if !c.proven && !c.closed {
			c.news() // there is room for another one
		}
	}
}

func (c *credential) news() {
	close(c.changed)
	c.changed = make(chan struct{})
}
