package h2

import (
	"context"
	"time"
)

// minSleep is how exact deadlines are.
const minSleep = 5 * time.Millisecond

// keep watches over deadlines and the server's life until the connection ends. It looks at all requests under way when
// the first of them is due: there are a thousand at most, so that nothing has to be kept in order.
func (c *conn) keep() {
	for {
		d, dead := c.watch()
		if dead != nil {
			c.end(dead)
			return
		}
		timer := c.client.opts.Clock.NewTimer(d)
		select {
		case <-timer.C():
		case <-c.poked:
			timer.Stop()
		case <-c.done:
			timer.Stop()
			return
		}
	}
}

// poke has keep look again.
func (c *conn) poke() {
	select {
	case c.poked <- struct{}{}:
	default:
	}
}

// watch ends what is due and gives the time until it must look again; dead: the connection is to be given up.
func (c *conn) watch() (sleep time.Duration, dead error) {
	o := &c.client.opts
	now := o.Clock.Now()
	c.mu.Lock()
	var late []*stream
	next := now.Add(o.PingAfter)
	for _, s := range c.streams {
		switch {
		case !s.deadline.After(now):
			late = append(late, s)
		case s.deadline.Before(next):
			next = s.deadline
		}
	}
	c.abandon(late)
	if len(late) > 0 && !c.readAt.After(now.Add(-minSleep)) {
		c.suspect = true // nobody else is sent on it until something comes
	}
	next, dead = c.ping(now, next, len(late) > 0)
	if !c.settled { // nothing else was read: it stands still since it was opened
		if end := c.readAt.Add(o.Timeout); !end.After(now) {
			dead = ErrSilent
		} else if end.Before(next) {
			next = end
		}
	}
	if !c.starved.IsZero() {
		if end := c.starved.Add(o.Timeout); !end.After(now) {
			dead = ErrSilent // it would hold up everybody for ever
		} else if end.Before(next) {
			next = end
		}
	}
	next = c.idleAt(now, next)
	if len(late) > 0 || len(c.out) > 0 {
		c.sendSoon()
	}
	c.wakeAt = next
	c.mu.Unlock()
	for _, s := range late {
		c.lose(s, context.DeadlineExceeded, false)
	}
	c.after(late)
	return max(next.Sub(now), minSleep), dead
}

// ping asks the server whether it lives, after a silence and after a request that was not answered; it gives when to look
// again. mu is held.
func (c *conn) ping(now, next time.Time, late bool) (time.Time, error) {
	o := &c.client.opts
	if !c.pingAt.IsZero() {
		if c.readAt.After(c.pingAt) {
			c.pingAt = time.Time{} // it lives, whatever became of the ping
		} else if end := c.pingAt.Add(o.PingTimeout); !end.After(now) {
			return next, ErrSilent
		} else if end.Before(next) {
			next = end
		}
	}
	if c.pingAt.IsZero() && (late || !c.readAt.Add(o.PingAfter).After(now)) {
		c.pingAt = now
		_ = c.write.WritePing(false, [8]byte{'a', 'l', 'l', 'i', 'm'})
		c.sendSoon()
		if end := now.Add(o.PingTimeout); end.Before(next) {
			next = end
		}
	} else if at := c.readAt.Add(o.PingAfter); c.pingAt.IsZero() && at.Before(next) {
		next = at
	}
	return next, nil
}

// idleAt closes the connection when it was not used for long, and gives when to look again. mu is held.
func (c *conn) idleAt(now, next time.Time) time.Time {
	idle := c.client.opts.IdleAfter
	if idle == 0 || c.ended || c.closing {
		return next
	}
	end := c.usedAt.Add(idle)
	if len(c.streams) > 0 { // it may be idle when they have ended
		end = now.Add(idle)
	}
	if end.After(now) {
		if end.Before(next) {
			return end
		}
		return next
	}
	c.retired, c.unused = true, true
	c.viewLocked()
	c.hush()
	return next
}
