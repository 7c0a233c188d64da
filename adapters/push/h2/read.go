package h2

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/net/http2"
)

// Bounds of what a server may do that brings nothing (RFC 9113 section 10.5).
const (
	maxUseless   = 20_000 // frames in a row
	maxFragments = 64     // of one header block
	maxInterim   = 32     // 1xx answers to one request
	maxDebug     = 1 << 10
	batchFrames  = 512 // handled before the requests that they end are judged
	frameHeader  = 9
)

// readLoop reads frames. It handles under one lock what came together, and judges the requests that ended without it.
func (c *conn) readLoop() {
	fr := http2.NewFramer(nil, c.in)
	fr.SetReuseFrames()
	fr.SetMaxReadFrameSize(maxFrame)
	for {
		f, err := fr.ReadFrame()
		c.mu.Lock()
		c.readAt = c.client.opts.Clock.Now()
		cleared := c.suspect
		c.suspect = false
		for n := 0; ; n++ {
			if err = c.take(f, err); err != nil || n == batchFrames || !c.whole() {
				break
			}
			f, err = fr.ReadFrame()
		}
		finished := c.finished
		c.finished = nil
		if cleared && err == nil { // before anybody is answered, whose next request would open another one
			c.viewLocked()
		}
		some := len(c.out) > 0
		if len(c.out) > hardPending {
			err = http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)
		}
		c.mu.Unlock()
		if some {
			c.sendSoon()
		}
		c.judge(finished)
		if err != nil {
			c.giveUp(err)
			return
		}
	}
}

// whole tells whether the next frame was read already, so that it is had without waiting.
func (c *conn) whole() bool {
	if c.in.Buffered() < frameHeader {
		return false
	}
	h, err := c.in.Peek(frameHeader)
	return err == nil && c.in.Buffered() >= frameHeader+int(h[0])<<16+int(h[1])<<8+int(h[2])
}

// giveUp ends the connection after an error of it, and tells the server why when it is the server's fault.
func (c *conn) giveUp(err error) {
	var fault http2.ConnectionError
	if errors.Is(err, http2.ErrFrameTooLarge) {
		err = http2.ConnectionError(http2.ErrCodeFrameSize)
	}
	if !errors.As(err, &fault) {
		c.end(ErrLost)
		return
	}
	c.mu.Lock()
	_ = c.write.WriteGoAway(0, http2.ErrCode(fault), nil)
	c.mu.Unlock()
	c.end(fmt.Errorf("%w: %w", ErrLost, fault))
}

// judge has the requests that ended answered, and shows the client the room that they left; mu is not held.
func (c *conn) judge(finished []*stream) {
	var retire, proved bool
	for _, s := range finished {
		if s.err != nil {
			c.lose(s, s.err, refusedOrGone(s.err, c.client))
			continue
		}
		next := s.call.answer(s.index, &Reply{Status: s.status, Header: s.header, Body: s.got, Tag: s.tag})
		retire = retire || next&Retire != 0
		proved = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reuse(finished)
	c.retired = c.retired || retire || len(finished) > 0 && !proved && !c.warm
	if proved && !c.warm {
		c.warm = true
		c.client.mu.Lock()
		c.client.proved()
		c.client.mu.Unlock()
	}
	c.viewLocked()
	c.hush()
}

// refusedOrGone tells whether an error of one request says that another try may help.
func refusedOrGone(err error, c *Client) bool {
	var reset *ResetError
	if errors.As(err, &reset) {
		return reset.Code == http2.ErrCodeRefusedStream // RFC 9113 section 8.7: it was not processed
	}
	return c.again(err)
}

// again tells whether requests that were lost with their connection are to be sent again.
func (c *Client) again(err error) bool {
	var bye *GoAwayError
	switch {
	case errors.As(err, &bye):
		return c.opts.Again == nil || c.opts.Again(bye.Debug)
	case errors.Is(err, ErrLost), errors.Is(err, ErrSilent):
		return true
	}
	return false
}

// take handles a frame, or the error in its place; mu is held. An error ends the connection.
func (c *conn) take(f http2.Frame, err error) error {
	var wrong http2.StreamError
	switch {
	case errors.As(err, &wrong):
		return c.wrong(wrong.StreamID, wrong.Code)
	case err != nil:
		if errors.Is(err, io.EOF) {
			return ErrLost
		}
		return err
	}
	if c.useless++; c.useless > maxUseless {
		return http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)
	}
	if !c.settled { // RFC 9113 section 3.4: its first frame
		if s, ok := f.(*http2.SettingsFrame); !ok || s.IsAck() {
			return http2.ConnectionError(http2.ErrCodeProtocol)
		}
	}
	switch f := f.(type) {
	case *http2.HeadersFrame:
		return c.takeHeaders(f)
	case *http2.ContinuationFrame:
		return c.fragment(f.HeaderBlockFragment(), f.HeadersEnded())
	case *http2.DataFrame:
		return c.takeData(f)
	case *http2.RSTStreamFrame:
		return c.takeReset(f)
	case *http2.SettingsFrame:
		return c.takeSettings(f)
	case *http2.PingFrame:
		c.takePing(f)
	case *http2.GoAwayFrame:
		c.takeGoAway(f)
	case *http2.WindowUpdateFrame:
		return c.takeWindow(f)
	case *http2.PushPromiseFrame: // SETTINGS_ENABLE_PUSH is 0: section 8.4
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	return nil // PRIORITY and what is not known: section 4.1
}

// begun tells whether a stream was ever opened; frames on others break the protocol (section 5.1, "idle").
func (c *conn) begun(id uint32) bool { return id%2 == 1 && id < c.nextID }

// wrong ends a request whose answer breaks the protocol; mu is held.
func (c *conn) wrong(id uint32, code http2.ErrCode) error {
	if !c.begun(id) {
		return http2.ConnectionError(code)
	}
	if s := c.streams[id]; s != nil {
		c.reset(s, code)
		c.finish(s, ErrMalformed)
	}
	return nil
}

// reset tells the server that nothing more is wanted on a stream; mu is held.
func (c *conn) reset(s *stream, code http2.ErrCode) { _ = c.write.WriteRSTStream(s.id, code) }

// finish takes a request out: judge answers it. mu is held.
func (c *conn) finish(s *stream, err error) {
	c.drop(s)
	s.err = err
	c.finished = append(c.finished, s)
}

// drop takes a request out; mu is held.
func (c *conn) drop(s *stream) {
	delete(c.streams, s.id)
	s.body, s.queued = nil, false
	if c.cur == s {
		c.cur = nil
	}
	c.giveBack(s.taken)
	s.taken = 0
	if len(c.blocked) > 0 {
		c.pump()
	}
}

// giveBack gives the server window for what it sent: not when it comes but when its request ends, so that the window
// bounds what all answers under way hold. mu is held.
func (c *conn) giveBack(n int) {
	c.credit += n
	if c.credit < connWindow/2 {
		return
	}
	c.holds -= c.credit
	_ = c.write.WriteWindowUpdate(0, uint32(c.credit))
	c.credit = 0
}
