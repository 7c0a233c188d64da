package h2

import (
	"time"

	"golang.org/x/net/http2"
)

// send begins as many of the requests as the connection takes, and gives how many.
func (c *conn) send(k *call, list []item) (n int) {
	now := c.client.opts.Clock.Now()
	c.mu.Lock()
	for room := c.freeLocked(); n < len(list) && room > 0 && !k.cancelled.Load(); n++ {
		c.open(k, &list[n], now)
		if room--; len(c.blocked) > 0 || c.space <= 0 || len(c.out) > maxPending {
			room = 0
		}
	}
	c.viewLocked()
	some := len(c.out) > 0
	c.mu.Unlock()
	if some {
		c.sendSoon()
	}
	// Those that could not be sent at all: answered without the lock.
	for i := range n {
		if err := list[i].req.bad; err != nil {
			list[i].req.bad = nil
			k.answer(list[i].index, &Reply{Err: err, Unsent: true})
		}
	}
	return n
}

// open begins a request; mu is held.
func (c *conn) open(k *call, it *item, now time.Time) {
	r := &it.req
	if size, ok := c.enc.size(r); !ok || uint32(size) > c.listSize {
		r.bad = ErrHeader
		return
	}
	s := c.stream()
	s.id, s.call, s.index, s.try, s.tag = c.nextID, k, it.index, it.try, r.Tag
	s.fresh, s.window, s.deadline = !c.warm, c.firstSpace, now.Add(c.client.opts.Timeout)
	c.usedAt = now
	c.nextID += 2
	if c.nextID > lastStream-2 {
		c.retired = true // RFC 9113 section 5.1.1: its numbers are used up
	}
	c.streams[s.id] = s
	c.block = c.enc.append(c.block[:0], r)
	c.headers(s.id, c.block, len(r.Body) == 0)
	if s.body = r.Body; len(s.body) > 0 && !c.body(s) {
		s.queued = true
		c.blocked = append(c.blocked, s)
	}
	if s.deadline.Before(c.wakeAt) {
		c.poke()
	}
}

// headers writes a header block; mu is held.
func (c *conn) headers(id uint32, block []byte, ends bool) {
	first := block[:min(len(block), c.frameSize)]
	block = block[len(first):]
	_ = c.write.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: first, EndStream: ends, EndHeaders: len(block) == 0})
	for len(block) > 0 {
		part := block[:min(len(block), c.frameSize)]
		block = block[len(part):]
		_ = c.write.WriteContinuation(id, len(block) == 0, part)
	}
}

// body writes what the windows allow of a stream's body; true: that was all of it. mu is held.
func (c *conn) body(s *stream) bool {
	for len(s.body) > 0 {
		n := int(min(int64(len(s.body)), c.space, s.window, int64(c.frameSize)))
		if n <= 0 {
			return false
		}
		part := s.body[:n]
		s.body = s.body[n:]
		c.space -= int64(n)
		s.window -= int64(n)
		_ = c.write.WriteData(s.id, len(s.body) == 0, part)
	}
	s.body = nil
	return true
}

// pump writes what has waited for a window, the first in line first; mu is held.
func (c *conn) pump() {
	if len(c.blocked) == 0 {
		return
	}
	left := c.blocked[:0]
	for _, s := range c.blocked {
		if !s.queued { // it ended meanwhile
			continue
		}
		if c.space > 0 && c.body(s) {
			s.queued = false
			continue
		}
		left = append(left, s)
	}
	clear(c.blocked[len(left):])
	c.blocked = left
}

// stream gives one to be filled; mu is held.
func (c *conn) stream() *stream {
	n := len(c.idle)
	if n == 0 {
		return &stream{}
	}
	s := c.idle[n-1]
	c.idle = c.idle[:n-1]
	return s
}

// reuse takes streams back that nobody knows any more; mu is held.
func (c *conn) reuse(list []*stream) {
	for _, s := range list {
		header, got := s.header[:0], s.got[:0]
		if cap(got) > keptBody {
			got = nil
		}
		clear(header[:cap(header)])
		*s = stream{header: header, got: got}
	}
	c.idle = append(c.idle, list...)
}

// writeLoop writes what is in out: as much as has gathered there while it wrote before.
func (c *conn) writeLoop() {
	for {
		c.mu.Lock()
		buf := c.out
		c.out, c.spare = c.spare[:0], nil
		last := c.closing && len(buf) == 0
		if len(buf) > maxPending {
			c.viewLocked()
		}
		c.mu.Unlock()
		if last {
			_ = c.wire.Close() // TLS says goodbye too
			c.end(ErrLost)
			return
		}
		if len(buf) == 0 {
			c.keepSpare(buf)
			select {
			case <-c.toSend:
				continue
			case <-c.done:
				c.lastWords()
				return
			}
		}
		if err := c.flush(buf); err != nil {
			c.end(ErrLost)
			c.shut()
			return
		}
		c.keepSpare(buf)
	}
}

// lastWords writes what is left when the connection ended, if that still goes.
func (c *conn) lastWords() {
	c.mu.Lock()
	buf := c.out
	c.out = nil
	c.mu.Unlock()
	if len(buf) > 0 {
		_ = c.flush(buf)
	}
	c.shut()
}

func (c *conn) keepSpare(buf []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spare = buf[:0]
}

// flush writes with one system call, as far as the system takes it.
func (c *conn) flush(buf []byte) error {
	if c.wire.gather == nil {
		_, err := c.wire.Write(buf)
		return err
	}
	c.wire.gather.Hold()
	if _, err := c.wire.Write(buf); err != nil {
		return err
	}
	return c.wire.gather.Flush()
}
