package h2

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"allim.dev/allim/notify/notifytest"
)

// timed gives options on a clock that the test turns.
func timed(dial func(context.Context) (*Wire, error)) (Options, *notifytest.Clock) {
	o := options(dial)
	clock := notifytest.NewClock(time.Time{})
	o.Clock, o.Timeout, o.PingAfter, o.PingTimeout = clock, 10*time.Second, time.Minute, 5*time.Second
	return o, clock
}

// turn turns the clock once the connection's keeper sleeps, which looked at everything before.
func turn(t *testing.T, c *Client, clock *notifytest.Clock, d time.Duration) {
	t.Helper()
	to := clock.Now().Add(d)
	notifytest.Until(t, "the keeper sleeps until then at most", func() bool {
		next := clock.Next()
		return !next.IsZero() && !next.After(to)
	})
	clock.Set(to)
}

// Each request has its own deadline. The server is told, and asked whether it lives; others go on as soon as it says so.
func TestDeadlines(t *testing.T) {
	s, dial := newRaw(t)
	o, clock := timed(dial)
	c := newClient(t, o)
	rc := warm(t, s, c)
	u := begin(t, c, 1)
	first := rc.request()
	clock.Advance(6 * time.Second)
	v := begin(t, c, 1)
	second := rc.request()
	turn(t, c, clock, 4*time.Second)
	if got := u.wait()[0]; !errors.Is(got.Err, context.DeadlineExceeded) || got.Unsent {
		t.Errorf("%+v", got)
	}
	f, err := rc.next()
	rc.must(err)
	if r, ok := f.(*http2.RSTStreamFrame); !ok || r.StreamID != first.id || r.ErrCode != http2.ErrCodeCancel {
		t.Errorf("%v instead of RST_STREAM", f)
	}
	f, err = rc.next()
	rc.must(err)
	ping, ok := f.(*http2.PingFrame)
	if !ok || ping.IsAck() {
		t.Fatalf("%v instead of a ping", f)
	}
	rc.must(rc.fr.WritePing(true, ping.Data))
	rc.answer(first.id, "200", "") // too late: ignored
	rc.answer(second.id, "200", "")
	if got := v.wait()[0]; got.Status != 200 {
		t.Errorf("%+v", got)
	}
	w := begin(t, c, 1)
	rc.answer(rc.request().id, "200", "")
	if got := w.wait()[0]; got.Status != 200 {
		t.Errorf("%+v", got)
	}
}

// A server that answers nothing, not even a ping, is given up: what was under way goes out again elsewhere.
func TestSilentServer(t *testing.T) {
	s, dial := newRaw(t)
	o, clock := timed(dial)
	o.Timeout = time.Hour
	c := newClient(t, o)
	first := warm(t, s, c)
	u := begin(t, c, 1)
	id := first.request().fields["apns-id"]
	turn(t, c, clock, time.Minute) // of silence: it is asked
	for {
		f, err := first.next()
		first.must(err)
		if p, ok := f.(*http2.PingFrame); ok && !p.IsAck() {
			break
		}
	}
	turn(t, c, clock, 5*time.Second)
	second := s.accept()
	r := second.request()
	if r.fields["apns-id"] != id {
		t.Errorf("%s is sent again, want %s", r.fields["apns-id"], id)
	}
	second.answer(r.id, "200", "")
	if got := u.wait()[0]; got.Status != 200 {
		t.Errorf("%+v", got)
	}
}

// While a connection is under suspicion requests go elsewhere; when it proves alive it has lost its place.
func TestSuspectConnection(t *testing.T) {
	s, dial := newRaw(t)
	o, clock := timed(dial)
	c := newClient(t, o)
	first := warm(t, s, c)
	u := begin(t, c, 1)
	first.request()
	turn(t, c, clock, 10*time.Second)
	if got := u.wait()[0]; !errors.Is(got.Err, context.DeadlineExceeded) {
		t.Errorf("%+v", got)
	}
	u = begin(t, c, 1)
	second := s.accept()
	second.answer(second.request().id, "200", "")
	if got := u.wait()[0]; got.Status != 200 {
		t.Errorf("%+v", got)
	}
	first.must(first.fr.WritePing(true, [8]byte{}))
	if _, said := first.ends(); !said {
		t.Error("the first connection ends without a goodbye")
	}
}

// A server that allows no stream at all holds up nobody for ever.
func TestNoStreamsAllowed(t *testing.T) {
	s, dial := newRaw(t)
	o, clock := timed(dial)
	c := newClient(t, o)
	first := warm(t, s, c)
	first.must(first.fr.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 0}))
	first.ping()
	u := begin(t, c, 1)
	turn(t, c, clock, 10*time.Second)
	second := s.accept()
	second.answer(second.request().id, "200", "")
	if got := u.wait()[0]; got.Status != 200 {
		t.Errorf("%+v", got)
	}
}

// An answer that drips, or never ends, is cut off by the request's deadline.
func TestDrip(t *testing.T) {
	s, dial := newRaw(t)
	o, clock := timed(dial)
	c := newClient(t, o)
	rc := warm(t, s, c)
	u := begin(t, c, 1)
	r := rc.request()
	rc.answerOpen(r.id)
	for range 3 {
		rc.must(rc.fr.WriteData(r.id, false, []byte("a")))
		rc.ping()
		clock.Advance(3 * time.Second)
	}
	turn(t, c, clock, time.Second)
	if got := u.wait()[0]; !errors.Is(got.Err, context.DeadlineExceeded) || got.Status != 500 || string(got.Body) != "aaa" {
		t.Errorf("%+v", got)
	}
}

// A server that takes the connection and says nothing is as good as none.
func TestNoSettingsEver(t *testing.T) {
	s, dial := newRaw(t)
	o, clock := timed(dial)
	c := newClient(t, o)
	u := begin(t, c, 1)
	s.acceptBare()
	turn(t, c, clock, 10*time.Second)
	if got := u.wait()[0]; !errors.Is(got.Err, ErrSilent) || !got.Unsent {
		t.Errorf("%+v", got)
	}
}

// A connection that is not used is closed, with a goodbye; the next request opens another one at once.
func TestIdleConnections(t *testing.T) {
	s, dial := newRaw(t)
	o, clock := timed(dial)
	o.IdleAfter, o.PingAfter = 30*time.Second, time.Hour
	c := newClient(t, o)
	for range freeStrikes + 2 { // it counts as no failure
		rc := warm(t, s, c)
		clock.Advance(29 * time.Second)
		u := begin(t, c, 1)
		rc.answer(rc.request().id, "200", "")
		u.wait()
		clock.Advance(29 * time.Second) // since the second request
		rc.ping()
		goodbye := make(chan bool, 1)
		go func() {
			code, said := rc.readToEnd()
			goodbye <- said && code == http2.ErrCodeNo
		}()
		notifytest.Until(t, "its end", func() bool {
			clock.Advance(time.Second)
			return len(goodbye) > 0
		})
		if !<-goodbye {
			t.Error("it ends without a goodbye")
		}
		c.noConns(t)
	}
}

// A request that is under way keeps its connection, however long ago it began.
func TestBusyConnectionIsNotIdle(t *testing.T) {
	s, dial := newRaw(t)
	o, clock := timed(dial)
	o.IdleAfter, o.PingAfter, o.Timeout = 30*time.Second, time.Hour, time.Hour
	c := newClient(t, o)
	rc := warm(t, s, c)
	u := begin(t, c, 1)
	r := rc.request()
	turn(t, c, clock, time.Minute)
	rc.answer(r.id, "200", "")
	if got := u.wait()[0]; got.Status != 200 {
		t.Errorf("%+v", got)
	}
}
