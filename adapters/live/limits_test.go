package live

import (
	"context"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"allim.dev/allim/adapters/live/livetest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestHeartbeats(t *testing.T) {
	h := newHouse(t, nil, nil)
	s := h.open("user=kim", "")
	h.want(s, "ready e1.0")
	for i, wait := range []time.Duration{15, 20, 20, 20} { // the first one by chance between half and whole
		notifytest.Until(t, "the heartbeat's timer", func() bool { return h.clock.Waiting() == 1 })
		if got := h.clock.Next().Sub(h.clock.Now()); got != wait*time.Second {
			t.Fatalf("heartbeat %d comes after %s, want %d s", i, got, wait)
		}
		h.clock.Advance(wait*time.Second - 1)
		if h.clock.Waiting() != 1 {
			t.Fatalf("heartbeat %d came early", i)
		}
		h.clock.Advance(1)
		h.want(s, "ping e1.0")
	}
}

// The bus may lose wake-ups: what they were for is found at the third heartbeat.
func TestLostWakeUps(t *testing.T) {
	h := newHouse(t, nil, nil)
	s := h.open("user=kim", "")
	h.want(s, "ready e1.0")
	h.bus.deaf.Store(true)
	h.inbox.putText("kim", "x")
	for range lookEvery {
		notifytest.Until(t, "the heartbeat's timer", func() bool { return h.clock.Waiting() == 1 })
		h.clock.Advance(DefaultHeartbeat)
		h.want(s, "ping e1.0")
	}
	h.want(s, "notification e1.1")
}

func TestOldStreamsReconnect(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.MaxAge = time.Minute }, nil)
	s := h.open("user=kim", "")
	h.want(s, "ready e1.0")
	begun := h.clock.Now()
	end := make(chan error, 1)
	go func() {
		for {
			if _, err := s.Next(); err != nil {
				end <- err
				return
			}
		}
	}()
	for left := true; left; {
		select {
		case err := <-end:
			if err != io.EOF {
				t.Errorf("ended by %v, want an orderly end", err)
			}
			left = false
		default:
			notifytest.Until(t, "a timer or the end", func() bool { return h.clock.Waiting() == 1 || len(end) > 0 })
			if next := h.clock.Next(); !next.IsZero() {
				h.clock.Set(next)
			}
		}
	}
	if got := h.clock.Now().Sub(begun); got != 54*time.Second { // 90 % of a minute by the fixed chance
		t.Errorf("ended after %s, want 54s", got)
	}
	if s.Retry != 1500*time.Millisecond {
		t.Errorf("retry %s, want 1.5s", s.Retry)
	}
}

func TestLimits(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.MaxPerUser, o.MaxTotal = 2, 3 }, nil)
	first, second := h.open("user=kim", ""), h.open("user=kim", "")
	h.want(first, "ready e1.0")
	h.want(second, "ready e1.0")
	refused := func(user string, status int, code notify.Code) {
		t.Helper()
		_, err := livetest.Open(t.Context(), h.srv.Client(), h.url("/me/stream", "user="+user), nil, "")
		if e := wantRefusal(t, err, status, code); e.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	refused("kim", 429, notify.CodeTooManyRequests)
	third := h.open("user=alex", "")
	h.want(third, "ready e1.0")
	refused("alex", 503, notify.CodeUnavailable)
	if got := h.connections(); got[transportSSE] != 3 || got[transportPoll] != 0 {
		t.Errorf("allim_live_connections is %v, want 3 by sse and 0 by poll", got)
	}
	first.Close()
	notifytest.Until(t, "a free place", func() bool { return h.bus.count() == 2 })
	notifytest.Until(t, "room for kim", func() bool {
		s, err := livetest.Open(t.Context(), h.srv.Client(), h.url("/me/stream", "user=kim"), nil, "")
		if err == nil {
			s.Close()
		}
		return err == nil
	})
}

func TestCloseSpreadsTheReturn(t *testing.T) {
	var n atomic.Int64
	h := newHouse(t, func(o *Options) { o.Rand = func() float64 { return float64(n.Add(1)%10) / 10 } }, nil)
	var streams []*livetest.Stream
	for range 20 {
		s := h.open("user=kim", "")
		h.want(s, "ready e1.0")
		streams = append(streams, s)
	}
	closed := make(chan error, 1)
	go func() { closed <- h.live.Close(t.Context()) }()
	retries := map[time.Duration]int{}
	for _, s := range streams {
		if _, err := s.Next(); err != io.EOF {
			t.Errorf("ended by %v, want an orderly end", err)
		}
		retries[s.Retry]++
		if s.Retry < time.Second || s.Retry > retryDrainMax {
			t.Errorf("retry %s, want 1 s to %s", s.Retry, retryDrainMax)
		}
	}
	if len(retries) < 5 {
		t.Errorf("all come back at once: %v", retries)
	}
	if err := notifytest.Receive(t, "the end of Close", closed); err != nil {
		t.Error(err)
	}
	_, err := livetest.Open(t.Context(), h.srv.Client(), h.url("/me/stream", "user=kim"), nil, "")
	wantRefusal(t, err, 503, notify.CodeUnavailable)
	if err := h.live.Close(t.Context()); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func TestCloseIsBoundedInTime(t *testing.T) {
	r := newRegistry(1, 1, nil)
	leave, err := r.enter("kim", transportSSE)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.close(ctx); err == nil {
		t.Error("Close did not say that a connection is left")
	}
	leave()
	if err := r.close(t.Context()); err != nil {
		t.Error(err)
	}
}

// stalled connects and then reads nothing, with small buffers, so that writes to it block soon.
func stalled(t *testing.T, h *house, query string) net.Conn {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", h.srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET /v1/me/stream?"+query+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestSlowReaderIsDroppedAndHurtsNobody(t *testing.T) {
	const size, count = 64 << 10, 200
	h := newHouse(t, func(o *Options) { o.WriteTimeout = 2 * time.Second }, func(s *httptest.Server) {
		s.Listener = smallBuffers{s.Listener}
	})
	stalled(t, h, "user=kim&after=e1.0")
	quick := h.open("user=kim&after=e1.0", "")
	h.want(quick, "ready e1.0")
	notifytest.Until(t, "both streams", func() bool { return h.bus.count() == 2 })
	big := notify.Notification{Content: notify.Content{Body: strings.Repeat("x", size)}}
	for range count {
		h.inbox.put("kim", big)
	}
	for seq := int64(1); seq <= count; seq++ {
		h.want(quick, "notification "+id(seq))
	}
	notifytest.Until(t, "the slow one's end", func() bool { return h.bus.count() == 1 })
	h.inbox.putText("kim", "x")
	h.want(quick, "notification "+id(count+1))
}

// smallBuffers makes the server's side block early too.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		err = tcp.SetWriteBuffer(32 << 10)
	}
	return c, err
}

// connections reads allim_live_connections by transport.
func (h *house) connections() map[string]float64 {
	h.t.Helper()
	families, err := h.reg.Gather()
	if err != nil || len(families) != 1 || families[0].GetName() != "allim_live_connections" {
		h.t.Fatalf("metrics: %v, %v", families, err)
	}
	out := map[string]float64{}
	for _, m := range families[0].GetMetric() {
		out[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
	}
	return out
}
