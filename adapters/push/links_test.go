package push

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// Who waits for a connection that another one dials does not suffer when that one gives up.
func TestWhoWaitsOutlivesWhoDials(t *testing.T) {
	var dials atomic.Int32
	begun := make(chan struct{})
	refused := Plain("refused")
	l := NewLinks(LinksOptions{Size: 1, Each: 10, Clock: notify.SystemClock{},
		Dial: func(ctx context.Context) (*http.ClientConn, error) {
			if dials.Add(1) == 1 {
				close(begun)
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return nil, refused
		}})
	defer l.Close()
	first, giveUp := context.WithCancel(t.Context())
	one, other := make(chan error, 1), make(chan error, 1)
	go func() {
		_, _, err := l.Take(first)
		one <- err
	}()
	notifytest.Receive(t, "the first dials", begun)
	go func() {
		_, _, err := l.Take(t.Context())
		other <- err
	}()
	notifytest.Until(t, "the second waits", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.waiting) == 1
	})
	giveUp()
	if err := notifytest.Receive(t, "the first ends", one); !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
	if err := notifytest.Receive(t, "the second ends", other); !errors.Is(err, refused) {
		t.Errorf("the second: %v, want the outcome of its own dial", err)
	}
}

// Until a server's SETTINGS are read, net/http takes it that 100 requests may be under way: that must not make a connection
// that is busy with its only one look as if it had said goodbye.
func TestOneStreamFromTheStart(t *testing.T) {
	var dials atomic.Int32
	ours, theirs := net.Pipe()
	server := &oneStream{framer: http2.NewFramer(theirs, theirs), asked: make(chan uint32, 4)}
	read := make(chan struct{})
	go func() { defer close(read); server.read(theirs) }()
	var h2c http.Protocols
	h2c.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &h2c, DialContext: func(context.Context, string, string) (net.Conn, error) { return ours, nil }}
	l := NewLinks(LinksOptions{Size: 1, Each: 10, Clock: notify.SystemClock{},
		Dial: func(ctx context.Context) (*http.ClientConn, error) {
			if dials.Add(1) > 1 {
				return nil, Plain("a second connection")
			}
			return transport.NewClientConn(ctx, "http", "push.test:80")
		}})
	c, _, err := l.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- ride(t.Context(), l) }()
	waits := func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.waiting) == 1
	}
	notifytest.Until(t, "the second has looked at the connection, and waits", waits)
	head := make(chan *http.Response, 1)
	go func() {
		res, err := c.RoundTrip(request(t.Context()))
		if err != nil {
			t.Error(err)
		}
		head <- res
	}()
	first := notifytest.Receive(t, "the first request", server.asked)
	if err := server.framer.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1}); err != nil {
		t.Fatal(err)
	}
	server.answer(t, first, false)
	res := notifytest.Receive(t, "its answer", head)
	l.Give(c, true, false) // the stream is still there, as it is for a moment behind each answer
	notifytest.Until(t, "the second has looked again", func() bool { return waits() || len(done) > 0 })
	if n := dials.Load(); n != 1 {
		t.Fatalf("%d dials", n)
	}
	if err := server.framer.WriteData(first, true, nil); err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	server.answer(t, notifytest.Receive(t, "the second request", server.asked), true)
	if err := notifytest.Receive(t, "the second's end", done); err != nil {
		t.Error(err)
	}
	l.Close()
	_ = theirs.Close()
	<-read
}

// ride sends one request over the links.
func ride(ctx context.Context, l *Links) error {
	c, _, err := l.Take(ctx)
	if err != nil {
		return err
	}
	res, err := c.RoundTrip(request(ctx))
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	l.Give(c, err == nil, false)
	return err
}

func request(ctx context.Context) *http.Request {
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://push.test/", nil) // is well formed
	return r
}

// oneStream is a server that says late how many streams it takes, and answers when it is told to.
type oneStream struct {
	framer *http2.Framer
	asked  chan uint32 // streams
}

func (s *oneStream) read(conn io.Reader) {
	if _, err := io.CopyN(io.Discard, conn, int64(len(http2.ClientPreface))); err != nil {
		return
	}
	for {
		f, err := s.framer.ReadFrame()
		if err != nil {
			return
		}
		if h, ok := f.(*http2.HeadersFrame); ok {
			s.asked <- h.StreamID
		}
	}
}

func (s *oneStream) answer(t *testing.T, stream uint32, end bool) {
	t.Helper()
	err := s.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte{0x88}, EndHeaders: true, EndStream: end}) // :status 200
	if err != nil {
		t.Fatal(err)
	}
}
