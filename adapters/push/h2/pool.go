package h2

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// Backoff of opening connections: a few tries at once, for a server that said goodbye just then, then ever slower.
const (
	freeStrikes  = 3
	backoffFirst = 100 * time.Millisecond
	backoffMost  = 10 * time.Second
)

// pick gives a connection that takes requests now. nil without an error: there is none yet, and the call stands in line
// to be woken. The error of a dial goes to all who waited for it.
func (c *Client) pick(k *call) (*conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	var best *conn
	for _, o := range c.conns {
		if o.room > 0 && (best == nil || o.room > best.room) {
			best = o
		}
	}
	if best != nil {
		k.failed = c.failures
		c.unline(k)
		if best.busy >= growAt && c.mayDial() && !c.opts.Clock.Now().Before(c.growAfter) {
			c.dial()
		}
		return best, nil
	}
	if c.failures > k.failed {
		k.failed = c.failures
		return nil, c.failure
	}
	if c.mayDial() {
		if c.failure != nil && c.opts.Clock.Now().Before(c.dialAfter) {
			return nil, c.failure
		}
		c.dial()
	}
	if !k.waits {
		k.waits = true
		c.waiting = append(c.waiting, k)
	}
	return nil, nil
}

// unline takes a call out of the line; c.mu is held.
func (c *Client) unline(k *call) {
	if k.waits {
		k.waits = false
		c.waiting = slices.DeleteFunc(c.waiting, func(o *call) bool { return o == k })
	}
}

// leave is of a call that needs no room now: what it may have been woken for is the next one's.
func (c *Client) leave(k *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unline(k)
	for _, o := range c.conns {
		if o.room > 0 {
			c.wakeOne()
			return
		}
	}
}

// wakeOne wakes the first in line; c.mu is held.
func (c *Client) wakeOne() {
	if len(c.waiting) == 0 {
		return
	}
	k := c.waiting[0]
	c.waiting = slices.Delete(c.waiting, 0, 1)
	k.waits = false
	k.signal()
}

func (c *Client) wakeAll() {
	for len(c.waiting) > 0 {
		c.wakeOne()
	}
}

// mayDial tells whether another connection may be opened: one at a time, and only when the last one proved good. c.mu is
// held.
func (c *Client) mayDial() bool {
	usable := 0
	for _, o := range c.conns {
		if o.gone {
			continue
		}
		if o.unproven {
			return false
		}
		usable++
	}
	return !c.dialling && !c.closed && usable < c.opts.Connections
}

// dial opens a connection in the background; c.mu is held.
func (c *Client) dial() {
	c.dialling = true
	c.wg.Go(func() {
		ctx, cancel := context.WithTimeout(c.ctx, c.opts.Timeout)
		defer cancel()
		w, err := c.opts.Dial(ctx)
		var o *conn
		if err == nil {
			o = newConn(c, w)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.dialling = false
		switch {
		case err == nil && c.closed:
			_ = w.Close()
		case err == nil:
			c.conns = append(c.conns, o)
			o.start()
		default:
			c.dialFailed(err)
		}
	})
}

// dialFailed tells those who wait, unless there are other connections; c.mu is held.
func (c *Client) dialFailed(err error) {
	for _, o := range c.conns {
		if !o.gone {
			c.growAfter = c.opts.Clock.Now().Add(growPause)
			return
		}
	}
	c.failures++
	c.strike(err)
	c.wakeAll()
}

// strike notes that a connection came to nothing; c.mu is held.
func (c *Client) strike(err error) {
	c.strikes++
	c.failure = err
	if n := c.strikes - freeStrikes; n >= 0 {
		d := min(backoffFirst<<min(n, 10), backoffMost)
		c.dialAfter = c.opts.Clock.Now().Add(d/2 + rand.N(d/2+1))
	}
}

// proved notes that a connection works; c.mu is held.
func (c *Client) proved() {
	c.strikes, c.failure, c.dialAfter = 0, nil, time.Time{}
}

// forget drops a connection that ended; c.mu is held. Somebody who waits may open another one.
func (c *Client) forget(o *conn) {
	c.conns = slices.DeleteFunc(c.conns, func(x *conn) bool { return x == o })
	c.wakeOne()
}
