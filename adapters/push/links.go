package push

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// errClosed is what Take gives after Close.
const errClosed = Plain("the adapter was closed")

// growAt is how many requests must be under way on each connection before another one is opened: a quiet app needs one.
// When that fails, it is tried again after growPause: rapid connecting looks like an attack.
const (
	growAt    = 32
	growPause = 10 * time.Second
)

// Link is one connection. Its fields are guarded by Links.mu.
type Link struct {
	conn *http.ClientConn
	busy int
	// warm: an answer came, so the server's limit of streams is known. Until then one request is alone on it: Apple allows
	// one stream only before the first request with a valid token was answered.
	warm    bool
	retired bool // no new requests; closed when the last one ends
	streams int  // what the server allowed when it was last known
}

// RoundTrip sends one request on the connection, which Take gave. The response's body is the caller's to close.
func (c *Link) RoundTrip(req *http.Request) (*http.Response, error) { return c.conn.RoundTrip(req) }

// LinksOptions is what a set of connections is made of.
type LinksOptions struct {
	Size int // connections at most
	Each int // requests under way on each at most
	Dial func(ctx context.Context) (*http.ClientConn, error)
	// Clock paces the opening of connections.
	Clock notify.Clock
}

// Links is a set of connections to one server: opened when they are needed and one at a time, each warmed up by one
// request before others follow, so that a cold start or a lost connection is no storm of dials. It bounds what is under
// way. Safe for use from any goroutine.
type Links struct {
	opts LinksOptions

	mu        sync.Mutex
	open      []*Link
	dialling  bool
	closed    bool
	failures  int       // dials that failed so far
	failure   error     // the last one's error
	growAfter time.Time // no further connection before
	waiting   []chan struct{}
	poked     chan struct{} // room for one: a connection changed by itself
}

// NewLinks makes a set; it dials nothing yet. Close it.
func NewLinks(o LinksOptions) *Links { return &Links{opts: o, poked: make(chan struct{}, 1)} }

// Room is how many requests may be under way on all connections together.
func (l *Links) Room() int { return l.opts.Size * l.opts.Each }

// Take gives a connection with room for one more request, which Give must give back. It opens one when there is none or
// all are busy, and waits when there may be no more. The error of a dial goes to all who waited for it.
// fresh: the connection has not answered yet, and the request is alone on it.
func (l *Links) Take(ctx context.Context) (c *Link, fresh bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for failures := l.failures; ; {
		best := l.best()
		switch {
		case ctx.Err() != nil:
			return nil, false, ctx.Err()
		case l.closed:
			return nil, false, errClosed
		case best != nil:
			if best.busy >= growAt && l.mayDial() && !l.opts.Clock.Now().Before(l.growAfter) {
				if c, err := l.dialLocked(ctx); err == nil {
					return c, true, nil
				}
				l.growAfter = l.opts.Clock.Now().Add(growPause)
				continue // there are others
			}
			if l.reserve(best) {
				return best, false, nil
			}
			continue // it has just closed or filled up
		case l.failures > failures:
			return nil, false, l.failure
		case l.mayDial():
			c, err := l.dialLocked(ctx)
			return c, true, err
		}
		if err := l.wait(ctx); err != nil {
			return nil, false, err
		}
	}
}

// best gives the least busy connection that can take a request; it drops those that ended.
func (l *Links) best() *Link {
	l.open = slices.DeleteFunc(l.open, func(c *Link) bool {
		if c.retired && c.busy == 0 {
			_ = c.conn.Close() // always nil
		}
		return c.conn.Err() != nil
	})
	var best *Link
	for _, c := range l.open {
		// The counts move while they are read: requests end, and one that was reserved is for a moment in neither of them.
		// So it is only believed to be full of nothing when every count says so.
		before := c.conn.InFlight()
		room := c.conn.Available()
		after := c.conn.InFlight()
		switch {
		case room > 0 && c.warm: // before, net/http may still guess 100, for the server's SETTINGS are not read yet
			c.streams = room + min(before, after)
		case c.warm && max(before, after, c.busy) < c.streams:
			c.retired = true // it has room and takes nothing: the server said GOAWAY
		}
		if room > 0 && c.warm && !c.retired && c.busy < l.opts.Each && (best == nil || c.busy < best.busy) {
			best = c
		}
	}
	return best
}

// mayDial tells whether another connection may be opened: one at a time, and only when the last one proved good.
func (l *Links) mayDial() bool {
	fresh := 0
	for _, c := range l.open {
		if c.retired {
			continue
		}
		if !c.warm {
			return false
		}
		fresh++
	}
	return !l.dialling && !l.closed && fresh < l.opts.Size
}

func (l *Links) reserve(c *Link) bool {
	if c.conn.Reserve() != nil {
		return false
	}
	c.busy++
	l.wakeLocked(1) // there may be room for the next one too
	return true
}

// dialLocked opens a connection; l.mu is held, but not during the dial.
func (l *Links) dialLocked(ctx context.Context) (*Link, error) {
	l.dialling = true
	l.mu.Unlock()
	conn, err := l.opts.Dial(ctx)
	l.mu.Lock()
	l.dialling = false
	if err == nil && l.closed {
		conn.Close()
		err = errClosed
	}
	if err != nil {
		if ctx.Err() == nil { // else who dialled gave up, and somebody else may go on
			l.failures++
			l.failure = err
		}
		l.wakeLocked(len(l.waiting))
		return nil, err
	}
	conn.SetStateHook(func(*http.ClientConn) { l.poke() })
	c := &Link{conn: conn, busy: 1, streams: 1}
	l.open = append(l.open, c)
	return c, nil
}

// Give gives a connection back after a request. answered: an answer came; retire: it shall take no more requests.
func (l *Links) Give(c *Link, answered, retire bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.busy--
	wake := 1
	if answered && !c.warm {
		c.warm = true
		wake = len(l.waiting)
	}
	if retire && !c.retired || !c.warm {
		c.retired = true
		wake = len(l.waiting) // somebody may open another one
	}
	if c.retired && c.busy == 0 {
		c.conn.Close()
		l.open = slices.DeleteFunc(l.open, func(o *Link) bool { return o == c })
	}
	l.wakeLocked(wake)
}

// wait lets others go on until something may have changed; l.mu is held before and after.
func (l *Links) wait(ctx context.Context) error {
	woken := make(chan struct{})
	l.waiting = append(l.waiting, woken)
	l.mu.Unlock()
	defer l.mu.Lock()
	var err error
	select {
	case <-woken:
		return nil
	case <-l.poked:
	case <-ctx.Done():
		err = ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.waiting, woken); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	} else if err != nil {
		l.wakeLocked(1) // woken at the same moment: pass it on
	}
	return err
}

// poke wakes somebody who waits, because a connection got room or ended without anybody having given it back: net/http
// forgets a stream a little after its answer was read, and a server may allow more streams at any time. It takes no
// lock, as net/http calls it from everywhere.
func (l *Links) poke() {
	select {
	case l.poked <- struct{}{}:
	default:
	}
}

func (l *Links) wakeLocked(n int) {
	n = min(n, len(l.waiting))
	for _, w := range l.waiting[:n] {
		close(w)
	}
	l.waiting = append(l.waiting[:0], l.waiting[n:]...)
}

// Close ends all connections; who waits for one gets an error.
func (l *Links) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, c := range l.open {
		c.conn.Close()
	}
	l.open = nil
	l.wakeLocked(len(l.waiting))
}
