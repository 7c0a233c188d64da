package h2

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"allim.dev/allim/notify/notifytest"
)

// rawServer is the server's side of connections that a test plays by hand, frame by frame.
type rawServer struct {
	t     testing.TB
	conns chan *rawConn
}

// newRaw gives a server and the Dial that leads to it.
func newRaw(t testing.TB) (*rawServer, func(context.Context) (*Wire, error)) {
	s := &rawServer{t: t, conns: make(chan *rawConn, 64)}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := lis.Accept()
			if err != nil {
				close(s.conns)
				return
			}
			s.conns <- newRawConn(t, nc)
		}
	})
	t.Cleanup(func() {
		_ = lis.Close()
		wg.Wait()
		for c := range s.conns {
			_ = c.nc.Close()
		}
	})
	return s, func(ctx context.Context) (*Wire, error) {
		nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", lis.Addr().String())
		if err != nil {
			return nil, err
		}
		return NewWire(nc), nil
	}
}

// accept gives the next connection, with the settings sent; more are sent in the same frame.
func (s *rawServer) accept(more ...http2.Setting) *rawConn {
	s.t.Helper()
	c := s.acceptBare()
	c.must(c.fr.WriteSettings(more...))
	return c
}

// acceptBare gives the next connection, before the server said anything.
func (s *rawServer) acceptBare() *rawConn {
	s.t.Helper()
	c := notifytest.Receive(s.t, "a connection", s.conns)
	s.t.Cleanup(func() { _ = c.nc.Close() })
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(c.nc, preface); err != nil || string(preface) != http2.ClientPreface {
		s.t.Fatalf("preface %q %v", preface, err)
	}
	return c
}

// rawConn is one connection, seen from the server.
type rawConn struct {
	t   testing.TB
	nc  net.Conn
	fr  *http2.Framer
	dec *hpack.Decoder
	buf bytes.Buffer
	enc *hpack.Encoder
	got *rawRequest // whose header is being read
}

// rawRequest is a request as it came.
type rawRequest struct {
	id     uint32
	fields map[string]string
	never  map[string]bool // fields that must not be indexed
	body   []byte
	ended  bool
}

func newRawConn(t testing.TB, nc net.Conn) *rawConn {
	_ = nc.SetDeadline(time.Now().Add(notifytest.Patience))
	c := &rawConn{t: t, nc: nc, fr: http2.NewFramer(nc, nc)}
	c.fr.AllowIllegalWrites = true
	c.dec = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		c.got.fields[f.Name] = f.Value
		c.got.never[f.Name] = f.Sensitive
	})
	c.enc = hpack.NewEncoder(&c.buf)
	return c
}

func (c *rawConn) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// next gives the next frame that is not one of connection keeping.
func (c *rawConn) next() (http2.Frame, error) {
	for {
		f, err := c.fr.ReadFrame()
		if err != nil {
			return nil, err
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				c.must(c.fr.WriteSettingsAck())
			}
		case *http2.WindowUpdateFrame:
		default:
			return f, nil
		}
	}
}

// request reads one whole request.
func (c *rawConn) request() *rawRequest {
	c.t.Helper()
	r := c.head()
	for !r.ended {
		f, err := c.next()
		c.must(err)
		d, ok := f.(*http2.DataFrame)
		if !ok || d.StreamID != r.id {
			c.t.Fatalf("%v in the body of stream %d", f, r.id)
		}
		r.body = append(r.body, d.Data()...)
		r.ended = d.StreamEnded()
	}
	return r
}

// head reads the header of a request.
func (c *rawConn) head() *rawRequest {
	c.t.Helper()
	f, err := c.next()
	c.must(err)
	h, ok := f.(*http2.HeadersFrame)
	if !ok {
		c.t.Fatalf("%v instead of HEADERS", f)
	}
	c.got = &rawRequest{id: h.StreamID, fields: map[string]string{}, never: map[string]bool{}, ended: h.StreamEnded()}
	_, err = c.dec.Write(h.HeaderBlockFragment())
	c.must(err)
	for ended := h.HeadersEnded(); !ended; {
		f, err := c.fr.ReadFrame()
		c.must(err)
		more, ok := f.(*http2.ContinuationFrame)
		if !ok {
			c.t.Fatalf("%v instead of CONTINUATION", f)
		}
		_, err = c.dec.Write(more.HeaderBlockFragment())
		c.must(err)
		ended = more.HeadersEnded()
	}
	c.must(c.dec.Close())
	return c.got
}

// block encodes a header: names and values in turn.
func (c *rawConn) block(fields ...string) []byte {
	c.buf.Reset()
	for i := 0; i < len(fields); i += 2 {
		c.must(c.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}))
	}
	return bytes.Clone(c.buf.Bytes())
}

// answer answers a stream with a status and a body.
func (c *rawConn) answer(id uint32, status, body string) {
	c.t.Helper()
	c.must(c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block(":status", status), EndHeaders: true,
		EndStream: body == ""}))
	if body != "" {
		c.must(c.fr.WriteData(id, true, []byte(body)))
	}
}

// ends reads until the client closes, and gives the code of its GOAWAY; none: 0 and false.
func (c *rawConn) ends() (code http2.ErrCode, said bool) {
	c.t.Helper()
	for {
		f, err := c.fr.ReadFrame()
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
				c.t.Fatalf("the client does not close: %v", err)
			}
			return code, said
		}
		if g, ok := f.(*http2.GoAwayFrame); ok {
			code, said = g.ErrCode, true
		}
	}
}

// under is a batch that runs while the test plays the server.
type under struct {
	*answers
	cancel  context.CancelFunc
	stopped chan struct{}
}

// begin sends n pushes in the background.
func begin(t testing.TB, c *Client, n int) *under { return beginFilled(t, c, n, fill) }

func beginFilled(t testing.TB, c *Client, n int, fill func(int, *Request) error) *under {
	ctx, cancel := context.WithCancel(t.Context())
	u := &under{answers: newAnswers(t, n), cancel: cancel, stopped: make(chan struct{})}
	go func() {
		defer close(u.stopped)
		c.Do(ctx, Batch{N: n, Fill: fill, Done: u.done})
	}()
	t.Cleanup(func() { cancel(); <-u.stopped })
	return u
}

// wait waits for the end of the batch and gives its replies.
func (u *under) wait() []Reply {
	u.t.Helper()
	notifytest.Receive(u.t, "Do returns", u.stopped)
	u.count()
	return u.list
}

// warm lets a first request through and gives the connection.
func warm(t testing.TB, s *rawServer, c *Client, settings ...http2.Setting) *rawConn {
	t.Helper()
	u := begin(t, c, 1)
	rc := s.accept(settings...)
	rc.answer(rc.request().id, "200", "")
	if r := u.wait()[0]; r.Err != nil || r.Status != 200 {
		t.Fatalf("%+v", r)
	}
	return rc
}

// noConns waits until the client has noticed that it has no connection.
func (c *Client) noConns(t testing.TB) {
	t.Helper()
	notifytest.Until(t, "the client has no connection", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.conns) == 0
	})
}

// ping asks the client; all that was sent before has been handled when it answers. No request may come before.
func (c *rawConn) ping() {
	c.t.Helper()
	data := [8]byte{1, 2, 3, 4, 5, 6, 7, 8}
	c.must(c.fr.WritePing(false, data))
	f, err := c.next()
	c.must(err)
	if p, ok := f.(*http2.PingFrame); !ok || !p.IsAck() || p.Data != data {
		c.t.Fatalf("%v instead of a ping's answer", f)
	}
}

// answerOpen begins an answer that accepts nothing.
func (c *rawConn) answerOpen(id uint32) {
	_ = c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block(":status", "500"), EndHeaders: true})
}

// flood writes until the client has enough.
func (c *rawConn) flood(write func() error) {
	for range maxUseless + 10 {
		if write() != nil {
			return
		}
	}
}

// readToEnd reads until the connection ends, however, and gives the code of the client's GOAWAY.
func (c *rawConn) readToEnd() (code http2.ErrCode, said bool) {
	for {
		f, err := c.fr.ReadFrame()
		if err != nil {
			return code, said
		}
		if g, ok := f.(*http2.GoAwayFrame); ok {
			code, said = g.ErrCode, true
		}
	}
}
