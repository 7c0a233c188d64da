package h2

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"allim.dev/allim/adapters/sim/fast"
	"allim.dev/allim/notify/notifytest"
)

// Stop begins no more; those that are under way are waited for.
func TestStop(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	rc := warm(t, s, c, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 2})
	u := begin(t, c, 200)
	u.next = func(i int, _ *Reply) Next {
		if i == 0 {
			return Stop
		}
		return GoOn
	}
	a, b := rc.request(), rc.request()
	rc.answer(a.id, "403", "")
	rc.ping()
	rc.answer(b.id, "200", "")
	for i, r := range u.wait() {
		if i < 2 && r.Status == 0 || i >= 2 && (!errors.Is(r.Err, ErrStopped) || !r.Unsent) {
			t.Fatalf("%d: %+v", i, r)
		}
	}
}

// A first answer that says Stop is heard before anything else goes out on the new connection; Retire ends it.
func TestStopAtTheFirstAnswer(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	u := begin(t, c, 50)
	u.next = func(int, *Reply) Next { return Stop | Retire }
	rc := s.accept()
	rc.answer(rc.request().id, "403", "")
	if code, said := rc.ends(); !said || code != 0 {
		t.Errorf("%v %v", code, said)
	}
	if got := u.wait(); got[0].Status != 403 || !got[49].Unsent {
		t.Errorf("%+v", got)
	}
}

// The end of the context ends everything at once, and the server hears of it.
func TestContextEnds(t *testing.T) {
	s, dial := newRaw(t)
	c := newClient(t, options(dial))
	rc := warm(t, s, c, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 3})
	u := begin(t, c, 100)
	for range 3 {
		rc.request()
	}
	u.cancel()
	unsent := 0
	for _, r := range u.wait() {
		if !errors.Is(r.Err, context.Canceled) {
			t.Fatalf("%+v", r)
		}
		if r.Unsent {
			unsent++
		}
	}
	if unsent != 97 {
		t.Errorf("%d unsent, want 97", unsent)
	}
	for range 3 {
		f, err := rc.next()
		rc.must(err)
		if r, ok := f.(*http2.RSTStreamFrame); !ok || r.ErrCode != http2.ErrCodeCancel {
			t.Errorf("%v instead of RST_STREAM", f)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := newAnswers(t, 10)
	c.Do(ctx, Batch{N: 10, Fill: fill, Done: a.done})
	if got := a.count(); got[0] != 10 {
		t.Errorf("%v", got)
	}
	rc.ping() // nothing was sent
}

// Before's error is the next request's, and the batch goes on; Fill's as well.
func TestBefore(t *testing.T) {
	s := server(t, fast.Options{})
	c := newClient(t, options(to(s)))
	calls := 0
	failed := errors.New("no token")
	a := newAnswers(t, 200)
	c.Do(t.Context(), Batch{N: 200, Fill: fill, Done: a.done, Before: func(context.Context) error {
		if calls++; calls == 2 {
			return failed
		}
		return nil
	}})
	if got := a.count(); got[200] != 199 || got[0] != 1 {
		t.Errorf("%v", got)
	}
}

// The pace is kept: no request goes out before its permit is due, and none needs a turn of its own.
func TestPermits(t *testing.T) {
	s, dial := newRaw(t)
	o, clock := timed(dial)
	c := newClient(t, o)
	rc := warm(t, s, c)
	var given atomic.Int64
	a := newAnswers(t, 3)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Do(t.Context(), Batch{N: 3, Fill: fill, Done: a.done, Permit: func() time.Duration {
			return time.Duration(given.Add(1)-1) * time.Second // 0, 1s, 2s
		}})
	}()
	for i := range 3 {
		if i > 0 {
			rc.ping()
			turn(t, c, clock, time.Duration(i)*time.Second)
		}
		rc.answer(rc.request().id, "200", "")
	}
	notifytest.Receive(t, "Do returns", done)
	if got := a.count(); got[200] != 3 || given.Load() != 3 {
		t.Errorf("%v after %d permits", got, given.Load())
	}
}

// Many batches at a time share the connections; all get through, and few goroutines do it.
func TestManyBatches(t *testing.T) {
	s := server(t, fast.Options{Streams: 100, OneStream: true, GoAwayAfter: 1000, Latency: time.Millisecond})
	o := options(to(s))
	o.Connections = 3
	c := newClient(t, o)
	base := runtime.NumGoroutine()
	var most atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			a := newAnswers(t, 500)
			a.next = func(int, *Reply) Next {
				most.Store(max(most.Load(), int64(runtime.NumGoroutine()-base)))
				return GoOn
			}
			c.Do(t.Context(), Batch{N: 500, Fill: fill, Done: a.done})
			if got := a.count(); got[200] != 500 {
				for _, r := range a.list {
					if r.Status != 200 {
						t.Errorf("%+v", r) // its error says why
					}
				}
			}
		})
	}
	wg.Wait()
	st := s.Stats()
	if st.Accepted < 10_000 || st.Accepted > 10_500 || st.Refused > 0 {
		t.Errorf("%+v", st)
	}
	if st.Connections > 10+3*3 {
		t.Errorf("%d connections for ten that were ended", st.Connections)
	}
	if n := most.Load(); n > 120 {
		t.Errorf("%d goroutines", n)
	}
}

// A busy client opens its connections one after the other, a quiet one stays with one.
func TestConnectionsGrow(t *testing.T) {
	s := server(t, fast.Options{Latency: 2 * time.Millisecond})
	o := options(to(s))
	o.Connections = 3
	c := newClient(t, o)
	for range 20 {
		pushN(t, c, 1)
	}
	if n := s.Stats().Connections; n != 1 {
		t.Errorf("%d connections for one request at a time", n)
	}
	pushN(t, c, 5000)
	if n := s.Stats().Connections; n != 3 {
		t.Errorf("%d connections when all are busy, want 3", n)
	}
}

// A client that is closed, or whose server cannot be reached, answers all the same.
func TestNoServer(t *testing.T) {
	refused := errors.New("refused")
	o := options(func(context.Context) (*Wire, error) { return nil, refused })
	c := New(o)
	a := newAnswers(t, 100)
	a.next = func(_ int, r *Reply) Next {
		if !errors.Is(r.Err, refused) && !errors.Is(r.Err, ErrStopped) || !r.Unsent {
			t.Errorf("%+v", r)
		}
		return Stop
	}
	c.Do(t.Context(), Batch{N: 100, Fill: fill, Done: a.done})
	a.count()
	c.Close()
	a = newAnswers(t, 3)
	c.Do(t.Context(), Batch{N: 3, Fill: fill, Done: a.done})
	for _, r := range a.list {
		if !errors.Is(r.Err, ErrClosed) {
			t.Errorf("%+v", r)
		}
	}
}

// An eager client waits for the server's settings and for no answer: what is stuck holds up nobody.
func TestEager(t *testing.T) {
	s, dial := newRaw(t)
	o := options(dial)
	o.Eager = true
	c := newClient(t, o)
	u := begin(t, c, 5)
	rc := s.acceptBare()
	rc.must(rc.fr.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 3}))
	first := rc.request()
	for range 2 {
		rc.answer(rc.request().id, "200", "")
	}
	for range 2 {
		rc.answer(rc.request().id, "200", "")
	}
	rc.answer(first.id, "410", "")
	if got := u.wait(); got[0].Status != 410 || got[4].Status != 200 {
		t.Errorf("%+v", got)
	}
}
