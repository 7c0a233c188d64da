package h2

import (
	"errors"

	"golang.org/x/net/http2"
)

// lose ends a request that got no whole answer: it is sent again when that may help, else it has its reply. mu is not
// held.
func (c *conn) lose(s *stream, err error, again bool) {
	k := s.call
	// A new connection that is lost at once is not worth a third one; and what was accepted is not sent again.
	if again && s.try < triesFor(s, err) && !(s.fresh && s.try > 1) && (s.status < 200 || s.status > 299) && !k.cancelled.Load() {
		k.requeue(s.index, s.try+1)
		return
	}
	k.answer(s.index, &Reply{Status: s.status, Header: s.header, Body: s.got, Tag: s.tag, Err: err, Fresh: s.fresh})
}

// triesFor is how often a request may be sent when it met such an error: what the server said it did not take in a
// goodbye costs nothing and cannot be told twice (RFC 9113 section 6.8), so that it may meet several.
func triesFor(s *stream, err error) uint8 {
	var bye *GoAwayError
	if errors.As(err, &bye) && s.id > bye.Last {
		return maxUntaken
	}
	return maxTries
}

// cancel ends what a call has under way, because its context ended.
func (c *conn) cancel(k *call) {
	var list []*stream
	c.mu.Lock()
	for _, s := range c.streams {
		if s.call == k {
			list = append(list, s)
		}
	}
	c.abandon(list)
	c.mu.Unlock()
	for _, s := range list {
		c.lose(s, k.ctx.Err(), false)
	}
	c.after(list)
}

// abandon takes requests out and tells the server that they are not waited for; mu is held.
func (c *conn) abandon(list []*stream) {
	for _, s := range list {
		c.reset(s, http2.ErrCodeCancel)
		c.drop(s)
	}
}

// after shows the room that requests left which were ended from outside of the reading loop.
func (c *conn) after(list []*stream) {
	if len(list) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reuse(list)
	if !c.warm { // the first one came to nothing
		c.retired = true
	}
	c.viewLocked()
	c.hush()
	c.sendSoon()
}
