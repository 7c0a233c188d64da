package h2

import (
	"slices"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"allim.dev/allim/notify"
)

// takeHeaders begins a header block: an answer's, or trailers (RFC 9113 section 8.1). mu is held, here and below.
func (c *conn) takeHeaders(f *http2.HeadersFrame) error {
	if !c.begun(f.StreamID) {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	c.cur = c.streams[f.StreamID] // nil: it ended; its block must be decoded all the same, for the table
	c.curID, c.curEnds, c.curSize, c.curBad = f.StreamID, f.StreamEnded(), 0, false
	c.fragments, c.blockSize = 0, 0
	if c.cur != nil {
		if c.cur.status != 0 { // trailers: nothing in them is wanted
			c.curBad = !c.curEnds
			c.dec.SetEmitEnabled(false)
		} else {
			c.dec.SetEmitEnabled(true)
		}
	} else {
		c.dec.SetEmitEnabled(false)
	}
	return c.fragment(f.HeaderBlockFragment(), f.HeadersEnded())
}

// fragment takes a part of a header block.
func (c *conn) fragment(part []byte, last bool) error {
	c.fragments++
	c.blockSize += len(part)
	if c.fragments > maxFragments || c.blockSize > maxBlock {
		return http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)
	}
	if _, err := c.dec.Write(part); err != nil {
		return http2.ConnectionError(http2.ErrCodeCompression)
	}
	if !last {
		return nil
	}
	if err := c.dec.Close(); err != nil {
		return http2.ConnectionError(http2.ErrCodeCompression)
	}
	return c.headed()
}

// field takes one field of a header.
func (c *conn) field(f hpack.HeaderField) {
	s := c.cur
	if s == nil {
		return
	}
	c.curSize += len(f.Name) + len(f.Value) + fieldOverhead
	switch {
	case f.Name == ":status":
		c.curBad = c.curBad || s.status != 0 || c.curSize != len(f.Name)+len(f.Value)+fieldOverhead || len(f.Value) != 3
		for i := 0; i < len(f.Value) && !c.curBad; i++ {
			c.curBad = f.Value[i] < '0' || f.Value[i] > '9'
			s.status = s.status*10 + int(f.Value[i]-'0')
		}
		c.curBad = c.curBad || s.status < 100 || s.status == 101
		if s.status == 200 || c.curBad { // nothing else is looked at, nor made of the bytes
			c.dec.SetEmitEnabled(false)
		}
	case f.IsPseudo() || s.status == 0: // section 8.3
		c.curBad = true
	case c.curSize > maxList:
		c.curBad = true
		c.dec.SetEmitEnabled(false)
	case s.status >= 200 && slices.Contains(c.client.opts.Keep, f.Name):
		s.header = append(s.header, notify.Header{Name: f.Name, Value: f.Value})
	}
}

// headed is the end of a header block.
func (c *conn) headed() error {
	s := c.cur
	c.cur = nil
	if s == nil {
		return nil
	}
	c.useless = 0
	switch {
	case c.curBad || s.status == 0:
		s.status = 0
		return c.wrong(s.id, http2.ErrCodeProtocol)
	case s.status < 200: // section 8.1: before the answer itself, which has no end here
		s.status = 0
		if s.interims++; c.curEnds || s.interims > maxInterim {
			return c.wrong(s.id, http2.ErrCodeProtocol)
		}
	case c.curEnds:
		c.answered(s)
	}
	return nil
}

// answered ends a request whose answer is whole.
func (c *conn) answered(s *stream) {
	if len(s.body) > 0 { // it did not wait for the rest of the request: section 8.1
		c.reset(s, http2.ErrCodeNo)
	}
	c.finish(s, nil)
}

// takeData takes a part of an answer's body (section 6.1).
func (c *conn) takeData(f *http2.DataFrame) error {
	if !c.begun(f.StreamID) {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	n := int(f.Length) // with its padding: section 6.9.1
	if c.holds += n; c.holds > connWindow {
		return http2.ConnectionError(http2.ErrCodeFlowControl)
	}
	s := c.streams[f.StreamID]
	if s == nil {
		c.giveBack(n)
		return nil
	}
	s.taken += n
	if s.status == 0 {
		return c.wrong(s.id, http2.ErrCodeProtocol)
	}
	data := f.Data()
	if len(data) > 0 {
		c.useless = 0
	}
	limit := c.client.opts.MaxBody
	s.got = append(s.got, data[:min(len(data), limit-len(s.got))]...)
	switch {
	case f.StreamEnded():
		c.answered(s)
	case s.taken > limit && len(s.got) == limit || s.taken > max(limit, initialSpace): // cut; or padding only
		c.reset(s, http2.ErrCodeCancel)
		c.finish(s, nil)
	}
	return nil
}

// takeReset ends a request that the server does not answer (section 6.4).
func (c *conn) takeReset(f *http2.RSTStreamFrame) error {
	if !c.begun(f.StreamID) {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	if s := c.streams[f.StreamID]; s != nil {
		c.finish(s, &ResetError{Code: f.ErrCode})
	}
	return nil
}
