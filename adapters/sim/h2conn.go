package sim

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Sizes of the little HTTP/2 server. A body over maxBody is counted but not kept.
const (
	h2Window    = 1 << 20
	h2Replenish = h2Window / 2
	maxBody     = 64 << 10
)

// h2request is one request, whole.
type h2request struct {
	stream uint32
	method string
	path   string
	header []Field // without the pseudo-headers, in order
	body   []byte
	size   int // of the body, kept or not
}

// h2answer is what goes back.
type h2answer struct {
	status   int
	header   []Field
	body     []byte
	truncate bool          // send half of the body, then reset
	drip     time.Duration // pause between the body's bytes
}

// h2conn is one connection of an HTTP/2 server that, unlike net/http's, can be told to misbehave on the level of frames
// (RFC 9113). Its read loop calls serve for each whole request, in order, without a goroutine a stream; answers are
// gathered and flushed when nothing more has come in.
type h2conn struct {
	id    int64
	nc    *tls.Conn
	in    *bufio.Reader
	read  *http2.Framer
	serve func(*h2conn, *h2request)
	muted func() bool // true: answer nothing, pings neither
	done  chan struct{}
	later sync.WaitGroup // answers under way outside of the read loop

	// Read loop only.
	open     map[uint32]*h2request // headers came, the body not yet
	received int                   // bytes not yet given back to the peer's window
	maxSeen  uint32

	mu      sync.Mutex // guards what follows
	out     *bufio.Writer
	write   *http2.Framer
	enc     *hpack.Encoder
	encBuf  bytes.Buffer
	window  int64            // what the peer lets us send
	blocked []func()         // answers that wait for window
	active  map[uint32]bool  // streams that have no answer yet
	limit   int              // streams that may be active at once
	last    uint32           // after GOAWAY: the last stream taken
	leaving bool             // GOAWAY was sent
	refused func(stream int) // told of streams over the limit; may be nil
}

func newH2conn(id int64, nc *tls.Conn, limit int) *h2conn {
	c := &h2conn{id: id, nc: nc, in: bufio.NewReaderSize(nc, 32<<10), out: bufio.NewWriterSize(nc, 32<<10),
		done: make(chan struct{}), open: map[uint32]*h2request{}, active: map[uint32]bool{}, limit: limit,
		window: 65535, muted: func() bool { return false }}
	c.read = http2.NewFramer(nil, c.in)
	c.read.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.read.MaxHeaderListSize = 16 << 10
	c.write = http2.NewFramer(c.out, nil)
	c.enc = hpack.NewEncoder(&c.encBuf)
	return c
}

// run serves the connection until it ends.
func (c *h2conn) run() {
	defer c.later.Wait()
	defer close(c.done)
	defer c.nc.Close()
	if err := c.start(); err != nil {
		return
	}
	for {
		f, err := c.read.ReadFrame()
		var stream http2.StreamError
		switch {
		case errors.As(err, &stream):
			c.reset(stream.StreamID, stream.Code)
		case err != nil:
			return
		case !c.frame(f):
			return
		}
		if c.in.Buffered() == 0 {
			c.flush()
		}
	}
}

// start reads the preface and sends the settings (RFC 9113 section 3.4).
func (c *h2conn) start() error {
	if err := c.nc.Handshake(); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	if p := c.nc.ConnectionState().NegotiatedProtocol; p != http2.NextProtoTLS {
		return fmt.Errorf("protocol %q instead of HTTP/2", p)
	}
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(c.in, preface); err != nil || string(preface) != http2.ClientPreface {
		return errors.New("no HTTP/2 preface")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.write.WriteSettings(
		http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: uint32(c.limit)},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: h2Window},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: 8000})
	if err == nil {
		err = c.write.WriteWindowUpdate(0, h2Window)
	}
	return errors.Join(err, c.out.Flush())
}

// frame handles one frame; false ends the connection.
func (c *h2conn) frame(f http2.Frame) bool {
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		c.headers(f)
	case *http2.DataFrame:
		c.data(f)
	case *http2.SettingsFrame:
		if !f.IsAck() {
			c.locked(func() { _ = c.write.WriteSettingsAck() })
		}
	case *http2.PingFrame:
		if !f.IsAck() && !c.muted() {
			c.locked(func() { _ = c.write.WritePing(true, f.Data) })
		}
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			c.widen(int64(f.Increment))
		}
	case *http2.RSTStreamFrame:
		delete(c.open, f.StreamID)
		c.locked(func() { c.closeStream(f.StreamID) })
	case *http2.GoAwayFrame:
		return false
	}
	return true
}

func (c *h2conn) headers(f *http2.MetaHeadersFrame) {
	id := f.StreamID
	if id <= c.maxSeen { // trailers, which nobody sends here
		return
	}
	c.maxSeen = id
	c.mu.Lock()
	ignore := c.leaving && id > c.last
	full := len(c.active) >= c.limit
	if !ignore && !full {
		c.active[id] = true
	}
	c.mu.Unlock()
	if ignore {
		return
	}
	if full {
		if c.refused != nil {
			c.refused(int(id))
		}
		c.reset(id, http2.ErrCodeRefusedStream)
		return
	}
	r := &h2request{stream: id, method: f.PseudoValue("method"), path: f.PseudoValue("path")}
	r.header = make([]Field, 0, len(f.Fields))
	for _, h := range f.Fields {
		if !strings.HasPrefix(h.Name, ":") {
			r.header = append(r.header, Field{h.Name, h.Value})
		}
	}
	if f.StreamEnded() {
		c.serve(c, r)
		return
	}
	c.open[id] = r
}

func (c *h2conn) data(f *http2.DataFrame) {
	c.received += int(f.Length)
	if c.received >= h2Replenish {
		n := uint32(c.received)
		c.locked(func() { _ = c.write.WriteWindowUpdate(0, n) })
		c.received = 0
	}
	r := c.open[f.StreamID]
	if r == nil {
		return
	}
	r.size += len(f.Data())
	if len(r.body)+len(f.Data()) <= maxBody {
		r.body = append(r.body, f.Data()...)
	}
	if f.StreamEnded() {
		delete(c.open, f.StreamID)
		c.serve(c, r)
	} else if r.size > h2Window/2 {
		delete(c.open, f.StreamID)
		c.reset(f.StreamID, http2.ErrCodeEnhanceYourCalm)
	}
}

// locked runs f with the writing side to itself.
func (c *h2conn) locked(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

func (c *h2conn) flush() {
	c.locked(func() { _ = c.out.Flush() }) // a broken connection ends the read loop
}

// widen gives the writing side more room (RFC 9113 section 6.9) and sends what waited for it.
func (c *h2conn) widen(n int64) {
	c.mu.Lock()
	c.window += n
	waiting := c.blocked
	c.blocked = nil
	c.mu.Unlock()
	for _, send := range waiting {
		send()
	}
}

// closeStream ends a stream's life; c.mu is held.
func (c *h2conn) closeStream(id uint32) { delete(c.active, id) }

// reset ends a stream with a code.
func (c *h2conn) reset(id uint32, code http2.ErrCode) {
	c.locked(func() {
		_ = c.write.WriteRSTStream(id, code)
		c.closeStream(id)
	})
}
