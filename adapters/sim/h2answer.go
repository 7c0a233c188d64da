package sim

import (
	"encoding/json"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"allim.dev/allim/notify"
)

// answer sends what goes back on a stream. It is flushed with the next pause of the read loop; call flush from elsewhere.
func (c *h2conn) answer(stream uint32, a h2answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.active[stream] || c.leaving && stream > c.last {
		return // the client gave up, or the connection said that it never took this stream
	}
	if int64(len(a.body)) > c.window {
		c.blocked = append(c.blocked, func() { c.answer(stream, a) })
		return
	}
	c.encBuf.Reset()
	c.encode(":status", strconv.Itoa(a.status))
	for _, f := range a.header {
		c.encode(f.Name, f.Value)
	}
	_ = c.write.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.encBuf.Bytes(),
		EndHeaders: true, EndStream: len(a.body) == 0})
	switch {
	case len(a.body) == 0:
	case a.truncate:
		c.body(stream, a.body[:len(a.body)/2], false)
		_ = c.write.WriteRSTStream(stream, http2.ErrCodeInternal)
	default:
		c.body(stream, a.body, true)
	}
	c.closeStream(stream)
	c.closeWhenDrained()
}

func (c *h2conn) body(stream uint32, body []byte, end bool) {
	c.window -= int64(len(body))
	_ = c.write.WriteData(stream, end, body)
}

func (c *h2conn) encode(name, value string) {
	// The buffer is in memory: writing to it cannot fail.
	_ = c.enc.WriteField(hpack.HeaderField{Name: name, Value: value})
}

// closeWhenDrained ends a connection that said goodbye, once all it took is answered; c.mu is held. Only our side is
// closed, so that nothing we sent is lost in a TCP reset; the client closes the rest.
func (c *h2conn) closeWhenDrained() {
	if c.leaving && len(c.active) == 0 {
		_ = c.out.Flush()
		_ = c.nc.CloseWrite()
	}
}

// after runs f when d has passed by the clock, unless the connection ends before; then it flushes. d 0: at once.
func (c *h2conn) after(clock notify.Clock, d time.Duration, f func()) {
	if d <= 0 {
		f()
		return
	}
	timer := clock.NewTimer(d)
	c.later.Add(1)
	go func() {
		defer c.later.Done()
		defer timer.Stop()
		select {
		case <-timer.C():
			f()
			c.flush()
		case <-c.done:
		}
	}()
}

// drip sends a body byte by byte; there must be one.
func (c *h2conn) drip(clock notify.Clock, stream uint32, a h2answer) {
	c.locked(func() {
		c.encBuf.Reset()
		c.encode(":status", strconv.Itoa(a.status))
		for _, f := range a.header {
			c.encode(f.Name, f.Value)
		}
		_ = c.write.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.encBuf.Bytes(), EndHeaders: true})
	})
	var next func(i int)
	next = func(i int) {
		c.locked(func() { c.body(stream, a.body[i:i+1], i == len(a.body)-1) })
		if i < len(a.body)-1 {
			c.after(clock, a.drip, func() { next(i + 1) })
			return
		}
		c.locked(func() { c.closeStream(stream) })
	}
	next(0)
}

// goAway says goodbye (RFC 9113 section 6.8): streams above last were not taken and are forgotten. With shut none of the
// others is answered either, and the connection ends at once.
func (c *h2conn) goAway(last uint32, g GoAway, shut bool) {
	var debug []byte
	if g.Reason != "" {
		debug, _ = json.Marshal(map[string]string{"reason": g.Reason}) // two strings: cannot fail
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.write.WriteGoAway(last, http2.ErrCode(g.Code), debug)
	c.leaving, c.last = true, last
	for id := range c.active {
		if shut || id > last {
			c.closeStream(id)
		}
	}
	_ = c.out.Flush()
	c.closeWhenDrained()
}

// raise lets more streams be active at once.
func (c *h2conn) raise(limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if limit == c.limit {
		return
	}
	c.limit = limit
	_ = c.write.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: uint32(limit)})
}
