package h2

import (
	"bytes"
	"errors"
	"time"

	"golang.org/x/net/http2"
)

// takeSettings takes the server's settings and says so (RFC 9113 section 6.5). mu is held, here and below.
func (c *conn) takeSettings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	c.settled = true
	if err := f.ForeachSetting(c.setting); err != nil {
		return err
	}
	return c.write.WriteSettingsAck()
}

func (c *conn) setting(s http2.Setting) error {
	if err := s.Valid(); err != nil {
		return err
	}
	switch s.ID {
	case http2.SettingMaxConcurrentStreams:
		c.maxStreams = s.Val
		c.starved = time.Time{}
		if s.Val == 0 {
			c.starved = c.readAt
			c.poke()
		}
	case http2.SettingInitialWindowSize: // section 6.9.2: it changes those that are open too
		by := int64(s.Val) - c.firstSpace
		c.firstSpace = int64(s.Val)
		for _, o := range c.streams {
			if o.window += by; o.window > maxSpace {
				return http2.ConnectionError(http2.ErrCodeFlowControl)
			}
		}
		c.pump()
	case http2.SettingMaxFrameSize:
		c.frameSize = int(min(s.Val, 64<<10)) // more would only hold up others
	case http2.SettingHeaderTableSize:
		c.enc.limit(s.Val)
	case http2.SettingMaxHeaderListSize:
		c.listSize = s.Val
	case http2.SettingEnablePush:
		if s.Val != 0 { // section 6.5.2: a server never may
			return http2.ConnectionError(http2.ErrCodeProtocol)
		}
	}
	return nil
}

// takePing answers a ping, or notes that one was answered (section 6.7).
func (c *conn) takePing(f *http2.PingFrame) {
	if f.IsAck() {
		c.pingAt = time.Time{}
		return
	}
	_ = c.write.WritePing(true, f.Data)
}

// takeWindow gives us more to send (section 6.9).
func (c *conn) takeWindow(f *http2.WindowUpdateFrame) error {
	if f.StreamID == 0 {
		if c.space += int64(f.Increment); c.space > maxSpace {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
		c.pump()
		return nil
	}
	if !c.begun(f.StreamID) {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	s := c.streams[f.StreamID]
	if s == nil {
		return nil
	}
	if s.window += int64(f.Increment); s.window > maxSpace {
		c.reset(s, http2.ErrCodeFlowControl)
		c.finish(s, ErrMalformed)
		return nil
	}
	if s.queued {
		c.pump()
	}
	return nil
}

// takeGoAway is the server's goodbye (section 6.8): no more requests; those above the last stream were not processed and
// go out again at once, on another connection; the others are waited for as long as the connection lasts.
func (c *conn) takeGoAway(f *http2.GoAwayFrame) {
	debug := f.DebugData()
	bye := &GoAwayError{Code: f.ErrCode, Last: f.LastStreamID, Debug: bytes.Clone(debug[:min(len(debug), maxDebug)])}
	if c.goAway != nil { // a second one may only take more back
		bye.Last = min(bye.Last, c.goAway.Last)
	}
	c.goAway = bye
	for id, s := range c.streams {
		if id > bye.Last {
			c.finish(s, bye)
		}
	}
	if f.ErrCode == http2.ErrCodeEnhanceYourCalm {
		c.client.mu.Lock()
		c.client.strike(bye)
		c.client.mu.Unlock()
	}
	c.hush()
}

// isOne tells whether an error is of one request only, so that it says nothing about others.
func isOne(err error) bool {
	var reset *ResetError
	return errors.As(err, &reset) || errors.Is(err, ErrMalformed) || errors.Is(err, ErrHeader)
}

// Local tells whether the error of a reply is about that request alone: it says nothing about the server.
func Local(err error) bool { return isOne(err) }
