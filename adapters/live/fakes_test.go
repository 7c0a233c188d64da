package live

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"allim.dev/allim/adapters/live/livetest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeBus is a bus that can lose wake-ups.
type fakeBus struct {
	mu   sync.Mutex
	subs map[*fakeSub]bool
	deaf atomic.Bool
}

type fakeSub struct {
	bus      *fakeBus
	subjects []string
	c        chan struct{}
	f        func(string)
}

// calling is a fakeBus that can call: with it connections are taken over.
type calling struct{ *fakeBus }

func (b calling) Call(f func(string), subjects ...string) notify.Subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &fakeSub{bus: b.fakeBus, subjects: subjects, f: f}
	b.subs[s] = true
	return s
}

func (b *fakeBus) Subscribe(subjects ...string) notify.Subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &fakeSub{bus: b, subjects: subjects, c: make(chan struct{}, 1)}
	b.subs[s] = true
	return s
}

func (b *fakeBus) Wake(subject string) {
	if b.deaf.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.subs {
		if slices.Contains(s.subjects, subject) {
			if s.f != nil {
				s.f(subject)
				continue
			}
			select {
			case s.c <- struct{}{}:
			default:
			}
		}
	}
}

func (b *fakeBus) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.subs)
}

func (s *fakeSub) C() <-chan struct{} { return s.c }

func (s *fakeSub) Close() {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	delete(s.bus.subs, s)
}

// fakeInbox is a notify.InboxStore: one log, in which an item is a person's or everybody's.
type fakeInbox struct {
	bus   *fakeBus
	mu    sync.Mutex
	epoch string
	floor int64 // everything up to here was swept
	seq   int64
	looks int // into one person's inbox
	log   []fakeEntry
	fail  error
	read  func() // called once after the next read, before its answer
	users map[string]notify.User
	marks map[string][]notify.ReadMark
}

type fakeEntry struct {
	user string // empty: everybody
	item notify.InboxItem
}

func (f *fakeInbox) Inbox(_ context.Context, user string, after notify.Cursor, limit int) (notify.InboxPage, error) {
	defer f.afterRead()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	if err := f.check(user); err != nil {
		return notify.InboxPage{}, err
	}
	p := notify.InboxPage{Next: notify.Cursor{Epoch: f.epoch, Seq: f.seq}}
	if after != (notify.Cursor{}) && (after.Epoch != f.epoch || after.Seq < f.floor) {
		p.Resync, after.Seq = true, 0
	}
	for _, e := range f.log {
		if e.item.Seq > after.Seq && (e.user == "" || e.user == user) {
			if len(p.Items) == limit {
				break
			}
			p.Items = append(p.Items, e.item)
			p.Next.Seq = e.item.Seq
		}
	}
	return p, nil
}

func (f *fakeInbox) InboxEnd(_ context.Context, user string) (notify.Cursor, error) {
	defer f.afterRead()
	f.mu.Lock()
	defer f.mu.Unlock()
	return notify.Cursor{Epoch: f.epoch, Seq: f.seq}, f.check(user)
}

func (f *fakeInbox) afterRead() {
	f.mu.Lock()
	read := f.read
	f.read = nil
	f.mu.Unlock()
	if read != nil {
		read()
	}
}

func (f *fakeInbox) check(user string) error {
	if _, ok := f.users[user]; !ok {
		return notify.Errorf(notify.CodeUnknownUser, "there is no user %q", user)
	}
	return f.fail
}

func (f *fakeInbox) User(_ context.Context, id string) (notify.User, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.users[id], f.check(id)
}

// put appends an item for the user (empty: for everybody) and wakes.
func (f *fakeInbox) put(user string, n notify.Notification) int64 {
	f.mu.Lock()
	f.seq++
	seq := f.seq
	if n.ID == "" {
		n.ID = fmt.Sprint("n", seq)
	}
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	n.ExpiresAt = at.Add(time.Hour)
	f.log = append(f.log, fakeEntry{user, notify.InboxItem{Seq: seq, Notification: n, CreatedAt: at}})
	f.mu.Unlock()
	if user == "" {
		f.bus.Wake(notify.SubjectInboxAll)
	} else {
		f.bus.Wake(notify.SubjectInbox(user))
	}
	return seq
}

func (f *fakeInbox) putText(user, title string) int64 {
	return f.put(user, notify.Notification{Content: notify.Content{Title: title}})
}

func (f *fakeInbox) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// house is a hub's live part on a real HTTP server; the query's user parameter says who is signed in.
type house struct {
	t     testing.TB
	live  *Live
	inbox *fakeInbox
	bus   *fakeBus
	clock *notifytest.Clock
	reg   *prometheus.Registry
	srv   *httptest.Server
	back  sync.WaitGroup // serves what was taken over and comes back
}

func newHouse(t testing.TB, change func(*Options), server func(*httptest.Server)) *house {
	t.Helper()
	bus := &fakeBus{subs: map[*fakeSub]bool{}}
	inbox := &fakeInbox{bus: bus, epoch: "e1", users: map[string]notify.User{
		"kim": {ID: "kim", Locale: "ko-KR", TimeZone: "Asia/Seoul"}, "alex": {ID: "alex", Locale: "en", TimeZone: "Europe/London"}}}
	h := &house{t: t, bus: bus, inbox: inbox, clock: notifytest.NewClock(time.Time{}), reg: prometheus.NewRegistry()}
	o := Options{Inbox: inbox, Bus: calling{bus}, Users: inbox, Clock: h.clock, Metrics: h.reg, MaxPerUser: 1000,
		Rand: func() float64 { return 0.5 }}
	if inHandlers(t) {
		o.Bus = bus
	}
	if change != nil {
		change(&o)
	}
	h.live = New(o)
	mux := http.NewServeMux()
	for _, r := range h.live.Routes() {
		mux.HandleFunc(r.Method+" /v1"+r.Path, func(w http.ResponseWriter, req *http.Request) {
			r.Handler(w, req, req.URL.Query().Get("user"))
		})
	}
	h.srv = httptest.NewUnstartedServer(mux)
	if server != nil {
		server(h.srv)
	}
	if h.srv.URL == "" {
		h.srv.Start()
	}
	h.back.Go(func() { _ = h.srv.Config.Serve(h.live.Returned()) }) // until live is closed
	t.Cleanup(h.stop)
	return h
}

func (h *house) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), notifytest.Patience)
	defer cancel()
	if err := h.live.Close(ctx); err != nil {
		h.t.Error(err)
	}
	h.back.Wait()
	h.srv.Client().CloseIdleConnections()
	h.srv.Close()
	if n := h.bus.count(); n != 0 {
		h.t.Errorf("%d subscriptions are left", n)
	}
}

func (h *house) url(path, query string) string { return h.srv.URL + "/v1" + path + "?" + query }

// open connects and expects the stream to begin.
func (h *house) open(query, lastID string) *livetest.Stream {
	h.t.Helper()
	s, err := livetest.Open(h.t.Context(), h.srv.Client(), h.url("/me/stream", query), nil, lastID)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { s.Close() })
	return s
}

func (h *house) next(s *livetest.Stream) livetest.Event {
	h.t.Helper()
	type result struct {
		e   livetest.Event
		err error
	}
	c := make(chan result, 1)
	go func() {
		e, err := s.Next()
		c <- result{e, err}
	}()
	r := notifytest.Receive(h.t, "an event", c)
	if r.err != nil {
		h.t.Fatalf("waited for an event, got: %v", r.err)
	}
	return r.e
}

// want reads the next events and compares their names and ids: "ready e1.0".
func (h *house) want(s *livetest.Stream, want ...string) {
	h.t.Helper()
	for _, w := range want {
		e := h.next(s)
		if got := e.Name + " " + e.ID; got != w {
			h.t.Fatalf("got event %q (data %s), want %q", got, e.Data, w)
		}
	}
}

func id(seq int64) string { return "e1." + strconv.FormatInt(seq, 10) }
