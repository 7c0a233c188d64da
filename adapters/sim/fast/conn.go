package fast

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"allim.dev/allim/adapters/push/gather"
)

// Sizes, in bytes.
const (
	readBuffer  = 64 << 10
	window      = 8 << 20 // what a peer may send before it hears back, on a stream and on the connection
	maxRequest  = 64 << 10
	frameHeader = 9
)

// queueLen is how many batches of answers may be on their way at once when answers are held back.
const queueLen = 4096

// conn is one connection. One goroutine reads frames, judges and answers: what was read at once is answered at once.
type conn struct {
	server *Server
	raw    net.Conn
	gather *gather.Conn
	nc     *tls.Conn
	buf    []byte // read[at:end] is not handled yet
	at     int
	end    int

	dec     *hpack.Decoder
	block   []byte             // a header block that goes on
	open    map[uint32]request // headers came, the body not yet
	cur     request            // the request whose headers came last
	taken   int                // requests so far
	last    uint32             // the stream taken last
	leaving bool
	credit  int // received and not yet given back

	out      []byte // answers
	fields   []byte
	sent     time.Time    // when the last 200 was noted
	room     int64        // what the peer lets us send
	backlog  [][]byte     // DATA frames that wait for room
	underWay atomic.Int64 // streams without an answer
	answered int          // in out
	limit    int
	later    chan batch // answers that are held back; nil: none are
}

// batch is what is written at once, when it is due.
type batch struct {
	due     time.Time
	frames  []byte
	streams int // that it answers
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{server: s, raw: nc, gather: gather.New(nc), buf: make([]byte, readBuffer), open: map[uint32]request{},
		room: 65535, limit: s.opts.Streams}
	c.nc = tls.Server(c.gather, s.tls)
	c.dec = hpack.NewDecoder(4096, c.emit)
	if s.opts.OneStream {
		c.limit = 1
	}
	return c
}

// emit takes one header field of c.cur.
func (c *conn) emit(f hpack.HeaderField) {
	switch f.Name {
	case ":path":
		c.cur.path = f.Value
	case "apns-id":
		c.cur.id = f.Value
	}
}

// run serves the connection until it ends.
func (c *conn) run() {
	defer func() { _ = c.raw.Close() }()
	if c.server.opts.Latency > 0 {
		c.later = make(chan batch, queueLen)
		done := make(chan struct{})
		go c.deliver(done)
		defer func() { close(c.later); _ = c.raw.Close(); <-done }()
	}
	if c.begin() != nil {
		return
	}
	for c.serve() == nil {
		if c.flush() != nil {
			return
		}
	}
	_ = c.flush()
	_ = c.nc.CloseWrite()
}

// begin reads the preface and sends the settings (RFC 9113 section 3.4).
func (c *conn) begin() error {
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(c.nc, preface); err != nil || string(preface) != http2.ClientPreface {
		return errors.New("no HTTP/2 preface")
	}
	c.settings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: uint32(c.limit)},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}, http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: 8000})
	c.frame(http2.FrameWindowUpdate, 0, 0, 4)
	c.out = binary.BigEndian.AppendUint32(c.out, window-65535)
	return c.flush()
}

func (c *conn) settings(list ...http2.Setting) {
	c.frame(http2.FrameSettings, 0, 0, 6*len(list))
	for _, s := range list {
		c.out = binary.BigEndian.AppendUint16(c.out, uint16(s.ID))
		c.out = binary.BigEndian.AppendUint32(c.out, s.Val)
	}
}

// frame appends a frame's header (RFC 9113 section 4.1).
func (c *conn) frame(t http2.FrameType, flags http2.Flags, stream uint32, length int) {
	c.out = append(c.out, byte(length>>16), byte(length>>8), byte(length), byte(t), byte(flags),
		byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

// serve reads once and handles every whole frame that is there.
func (c *conn) serve() error {
	if c.at > 0 {
		c.end = copy(c.buf, c.buf[c.at:c.end])
		c.at = 0
	}
	n, err := c.nc.Read(c.buf[c.end:])
	if err != nil {
		return err
	}
	c.end += n
	for c.end-c.at >= frameHeader {
		h := c.buf[c.at:c.end]
		length := int(h[0])<<16 | int(h[1])<<8 | int(h[2])
		if length > 16384 {
			return errors.New("a frame over the limit")
		}
		if len(h) < frameHeader+length {
			break
		}
		stream := binary.BigEndian.Uint32(h[5:]) & (1<<31 - 1)
		if err := c.handle(http2.FrameType(h[3]), http2.Flags(h[4]), stream, h[frameHeader:frameHeader+length]); err != nil {
			return err
		}
		c.at += frameHeader + length
	}
	return nil
}

func (c *conn) handle(t http2.FrameType, flags http2.Flags, stream uint32, p []byte) error {
	switch t {
	case http2.FrameHeaders:
		return c.headers(flags, stream, p)
	case http2.FrameContinuation:
		c.block = append(c.block, p...)
		if flags.Has(http2.FlagContinuationEndHeaders) {
			return c.begun(c.block, c.cur.stream&(1<<31) != 0)
		}
	case http2.FrameData:
		return c.data(flags, stream, p)
	case http2.FrameSettings:
		if !flags.Has(http2.FlagSettingsAck) {
			c.frame(http2.FrameSettings, http2.FlagSettingsAck, 0, 0)
		}
	case http2.FramePing:
		if !flags.Has(http2.FlagPingAck) {
			c.frame(http2.FramePing, http2.FlagPingAck, 0, len(p))
			c.out = append(c.out, p...)
		}
	case http2.FrameWindowUpdate:
		if stream == 0 && len(p) == 4 {
			c.room += int64(binary.BigEndian.Uint32(p))
			c.drain()
		}
	case http2.FrameRSTStream:
		c.reset(stream)
	case http2.FrameGoAway:
		return io.EOF
	}
	return nil
}

// reset forgets a request whose body is not whole; one that is has been answered, and the peer ignores it.
func (c *conn) reset(stream uint32) {
	_, open := c.open[stream]
	switch {
	case c.cur.stream == stream:
		c.cur = request{}
	case open:
		delete(c.open, stream)
	default:
		return
	}
	c.underWay.Add(-1)
}

// headers takes a HEADERS frame (RFC 9113 section 6.2).
func (c *conn) headers(flags http2.Flags, stream uint32, p []byte) error {
	pad := 0
	if flags.Has(http2.FlagHeadersPadded) && len(p) > 0 {
		pad, p = int(p[0]), p[1:]
	}
	if flags.Has(http2.FlagHeadersPriority) && len(p) >= 5 {
		p = p[5:]
	}
	if pad > len(p) {
		return errors.New("too much padding")
	}
	p = p[:len(p)-pad]
	if c.cur.stream != 0 { // its body comes later, between those of others
		c.open[c.cur.stream] = c.cur
	}
	c.cur = request{stream: stream}
	ends := flags.Has(http2.FlagHeadersEndStream)
	if flags.Has(http2.FlagHeadersEndHeaders) {
		return c.begun(p, ends)
	}
	if ends { // kept in the highest bit until the block is whole
		c.cur.stream |= 1 << 31
	}
	c.block = append(c.block[:0], p...)
	return nil
}

// begun takes a whole header block.
func (c *conn) begun(block []byte, ends bool) error {
	c.cur.stream &= 1<<31 - 1
	if _, err := c.dec.Write(block); err != nil {
		return fmt.Errorf("decode the header: %w", err)
	}
	if err := c.dec.Close(); err != nil {
		return fmt.Errorf("decode the header: %w", err)
	}
	switch {
	case c.leaving:
		c.server.counts.untaken.Add(1)
		c.cur = request{}
		return nil
	case c.underWay.Load() >= int64(c.limit):
		c.server.counts.refused.Add(1)
		c.frame(http2.FrameRSTStream, 0, c.cur.stream, 4)
		c.out = binary.BigEndian.AppendUint32(c.out, uint32(http2.ErrCodeRefusedStream))
		c.cur = request{}
		return nil
	}
	c.underWay.Add(1)
	if ends {
		c.answer(c.cur)
		c.cur = request{}
	}
	return nil
}

// data takes a DATA frame (RFC 9113 section 6.1).
func (c *conn) data(flags http2.Flags, stream uint32, p []byte) error {
	if c.credit += len(p); c.credit >= window/2 {
		c.frame(http2.FrameWindowUpdate, 0, 0, 4)
		c.out = binary.BigEndian.AppendUint32(c.out, uint32(c.credit))
		c.credit = 0
	}
	if flags.Has(http2.FlagDataPadded) && len(p) > 0 {
		if int(p[0]) >= len(p) {
			return errors.New("too much padding")
		}
		p = p[1 : len(p)-int(p[0])]
	}
	r, here := c.cur, c.cur.stream == stream
	if !here {
		var known bool
		if r, known = c.open[stream]; !known {
			return nil
		}
	}
	ends := flags.Has(http2.FlagDataEndStream)
	switch {
	case ends && r.body == nil:
		r.body = p // whole in one frame: looked at before the buffer moves
	case len(r.body)+len(p) <= maxRequest:
		r.body = append(r.body, p...)
	}
	if ends {
		c.answer(r)
		r = request{}
	}
	switch {
	case here:
		c.cur = r
	case ends:
		delete(c.open, stream)
	default:
		c.open[stream] = r
	}
	return nil
}

// answer judges a whole request and appends the frames that go back.
func (c *conn) answer(r request) {
	c.taken++
	c.last = r.stream
	a := c.server.judge(&r, c.fields[:0])
	c.fields = a.fields
	flags := http2.FlagHeadersEndHeaders
	if len(a.body) == 0 {
		flags |= http2.FlagHeadersEndStream
	}
	c.frame(http2.FrameHeaders, flags, r.stream, len(a.fields))
	c.out = append(c.out, a.fields...)
	if len(a.body) > 0 {
		from := len(c.out)
		c.frame(http2.FrameData, http2.FlagDataEndStream, r.stream, len(a.body))
		c.out = append(c.out, a.body...)
		if int64(len(a.body)) > c.room || len(c.backlog) > 0 {
			c.backlog = append(c.backlog, append([]byte(nil), c.out[from:]...))
			c.out = c.out[:from]
		} else {
			c.room -= int64(len(a.body))
		}
	}
	c.answered++
	if c.limit != c.server.opts.Streams {
		c.limit = c.server.opts.Streams
		c.settings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: uint32(c.limit)})
	}
	if n := c.server.opts.GoAwayAfter; n > 0 && c.taken == n {
		c.leaving = true
		c.frame(http2.FrameGoAway, 0, 0, 8)
		c.out = binary.BigEndian.AppendUint32(c.out, c.last)
		c.out = binary.BigEndian.AppendUint32(c.out, uint32(http2.ErrCodeNo))
	}
}

// drain sends the bodies that waited for room (RFC 9113 section 6.9).
func (c *conn) drain() {
	for len(c.backlog) > 0 {
		n := int64(len(c.backlog[0]) - frameHeader)
		if n > c.room {
			return
		}
		c.room -= n
		c.out = append(c.out, c.backlog[0]...)
		c.backlog = c.backlog[1:]
	}
}

// flush writes what was answered, or has it written when it is due.
func (c *conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	if now := time.Now(); now.Sub(c.sent) > time.Millisecond && c.taken > 0 {
		c.sent = now
		c.server.counts.first.CompareAndSwap(0, now.UnixNano())
		c.server.counts.last.Store(now.UnixNano())
	}
	if c.later == nil {
		err := c.write(c.out, c.answered)
		c.out, c.answered = c.out[:0], 0
		return err
	}
	c.later <- batch{time.Now().Add(c.server.opts.Latency), c.out, c.answered}
	c.out, c.answered = make([]byte, 0, len(c.out)), 0
	return nil
}

// write writes frames that answer so many streams.
func (c *conn) write(frames []byte, answered int) error {
	c.underWay.Add(-int64(answered)) // before: the peer may use the room at once
	c.gather.Hold()
	_, err := c.nc.Write(frames)
	return errors.Join(err, c.gather.Flush())
}

// deliver writes batches when they are due, until there are no more.
func (c *conn) deliver(done chan<- struct{}) {
	defer close(done)
	var failed bool
	for b := range c.later {
		if failed {
			continue
		}
		time.Sleep(time.Until(b.due)) // the network that is played: of its own process, milliseconds
		failed = c.write(b.frames, b.streams) != nil
	}
}
