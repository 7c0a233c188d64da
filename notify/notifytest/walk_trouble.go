package notifytest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"allim.dev/allim/notify"
)

// troubled is the walk when the store, the adapter or a single notice fails.
func troubled() map[string]func(*house) {
	return map[string]func(*house){
		"what cannot be stored is not sent again and again": notStored,
		"a refused outcome is put aside":                    refused,
		"a notice that cannot be read holds up nobody":      unreadable,
		"unicast goes before a backlog of retries":          unicastBeforeRetries,
		"a slow device holds up only itself":                slowDevice,
		"a hung adapter does not hold up the stop":          hungAdapter,
		"accounts follow the identities in the end":         syncedLater,
	}
}

// sickStore fails where a test says so.
type sickStore struct {
	notify.Store
	advance atomic.Pointer[func(notify.Progress) error] // nil: it is well
	unread  atomic.Pointer[string]                      // the notification that cannot be read
	unsync  atomic.Bool                                 // SyncAccounts fails
}

func (s *sickStore) SyncAccounts(ctx context.Context, source string, rule notify.AccountsFrom) (bool, error) {
	if s.unsync.Load() {
		return false, notify.Errorf(notify.CodeUnavailable, "the disk is full")
	}
	return s.Store.SyncAccounts(ctx, source, rule)
}

func (s *sickStore) Advance(ctx context.Context, p []notify.Progress) []error {
	f := s.advance.Load()
	if f == nil {
		return s.Store.Advance(ctx, p)
	}
	errs := make([]error, len(p))
	for i := range p {
		if errs[i] = (*f)(p[i]); errs[i] == nil {
			errs[i] = s.Store.Advance(ctx, p[i:i+1])[0]
		}
	}
	return errs
}

func (s *sickStore) Notification(ctx context.Context, id string) (notify.Notification, error) {
	if bad := s.unread.Load(); bad != nil && *bad == id {
		return notify.Notification{}, notify.Errorf(notify.CodeInternal, "the row is damaged")
	}
	return s.Store.Notification(ctx, id)
}

func (s *sickStore) Steps(ctx context.Context, walks []int64) (map[int64]notify.Step, error) {
	steps, err := s.Store.Steps(ctx, walks)
	for _, step := range steps {
		if bad := s.unread.Load(); bad != nil && *bad == step.Notification.ID {
			return nil, notify.Errorf(notify.CodeInternal, "the row is damaged")
		}
	}
	return steps, err
}

// sicken starts the house again over a store that can fail.
func (h *house) sicken() *sickStore {
	h.t.Helper()
	s := &sickStore{}
	open := h.open
	h.open = func(t testing.TB, dir string, clock notify.Clock) notify.Store {
		s.Store = open(t, dir, clock)
		return s
	}
	h.restart()
	return s
}

func notStored(h *house) {
	s := h.sicken()
	h.person("kim", 1)
	full := func(notify.Progress) error { return notify.Errorf(notify.CodeUnavailable, "the disk is full") }
	s.advance.Store(&full)
	n := h.send(to("kim"))
	end := h.clock.Now().Add(10 * time.Minute)
	h.turning(time.Second, "ten minutes with a full disk", func() bool { return h.clock.Now().After(end) && len(h.phones().Sent()) > 0 })
	s.advance.Store(nil)
	h.turning(time.Second, "the outcome to be stored", func() bool { return h.get(n.ID).State == notify.StateDone })
	if sent := h.phones().Sent(); len(sent) != 1 {
		h.t.Errorf("kim was told %d times", len(sent))
	}
	h.wantCounts(n.ID, notify.Counts{Targeted: 1, Accepted: 1})
}

func refused(h *house) {
	s := h.sicken()
	h.person("kim", 1)
	var bad atomic.Int64
	refuse := func(p notify.Progress) error {
		if bad.CompareAndSwap(0, p.Walk) || bad.Load() == p.Walk {
			return notify.Errorf(notify.CodeInternal, "this cannot be stored")
		}
		return nil
	}
	s.advance.Store(&refuse)
	first := h.send(to("kim"))
	Until(h.t, "the first push", func() bool { return len(h.phones().Sent()) == 1 })
	end := h.clock.Now().Add(30 * time.Minute)
	h.turning(time.Second, "half an hour", func() bool { return h.clock.Now().After(end) })
	second := h.send(to("kim"))
	h.wantCounts(second.ID, notify.Counts{Targeted: 1, Accepted: 1})
	if n := len(h.phones().Sent()); n != 2 {
		h.t.Errorf("%d pushes, want one of each", n)
	}
	s.advance.Store(nil)
	h.turning(time.Minute, "another try", func() bool { return h.get(first.ID).State == notify.StateDone })
}

func unreadable(h *house) {
	s := h.sicken()
	h.person("kim", 1)
	release := h.phones().Hold()
	h.stop()
	h.store = h.open(h.t, h.dir, h.clock)
	n := to("kim")
	n.Content.Title, n.TTL = "hello", time.Hour
	bad, _, err := h.store.Accept(h.ctx(), n, []notify.Lane{phones}, notify.Idempotency{})
	if err != nil {
		h.t.Fatal(err)
	}
	good, _, err := h.store.Accept(h.ctx(), n, []notify.Lane{phones}, notify.Idempotency{}) // is read together with it
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.store.Close(); err != nil {
		h.t.Fatal(err)
	}
	s.unread.Store(&bad.ID)
	h.start()
	release()
	h.wantCounts(good.ID, notify.Counts{Targeted: 1, Accepted: 1})
	h.wantCounts(h.send(to("kim")).ID, notify.Counts{Targeted: 1, Accepted: 1})
	s.unread.Store(nil)
	h.turning(time.Second, "the damage to be repaired", func() bool { return h.get(bad.ID).State == notify.StateDone })
}

func unicastBeforeRetries(h *house) {
	const n = 2800
	h.crowd(n)
	h.person("kim", 1)
	h.phones().Answer(func(notify.Delivery, int) notify.Outcome { return outcome(notify.Retry, "503 ServiceUnavailable") })
	b := notify.Notification{To: notify.Audience{All: true}}
	b = h.send(b)
	Until(h.t, "all to wait for their retry", func() bool {
		rows, err := h.store.Deliveries(h.ctx(), b.ID, notify.DeliveryPending, notify.Page{Limit: 1000,
			After: notify.DeliveryID(b.Seq, n-10)})
		return err == nil && len(rows) == 11
	})
	h.phones().Answer(nil)
	before := len(h.phones().Sent())
	release := h.phones().Hold()
	h.clock.Advance(time.Minute)
	one := to("kim")
	one.Content.Title = "urgent"
	h.send(one)
	release()
	h.turning(time.Second, "the unicast", func() bool { return len(h.phones().Sent()) == before+n+2 })
	for i, s := range h.phones().Sent()[before:] {
		if string(s.Delivery.Payload.Body) == "urgent\n" && i > 2700 {
			h.t.Errorf("the unicast was push %d, after the retries", i)
		}
	}
}

// slowAdapter never answers for one device until it is released.
type slowAdapter struct {
	*Adapter
	slow    func(notify.Device) bool
	release chan struct{}
	settled atomic.Int64
}

func (a *slowAdapter) Push(ctx context.Context, deliveries []notify.Delivery, settle func(int, notify.Outcome)) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for i, d := range deliveries {
		if a.slow(d.Device) {
			wg.Go(func() {
				select {
				case <-a.release:
					settle(i, a.take(d))
					a.settled.Add(1)
				case <-ctx.Done():
					settle(i, notify.Outcome{Verdict: notify.Retry, Reason: "stopped"})
				}
			})
			continue
		}
		settle(i, a.take(d))
		a.settled.Add(1)
	}
}

func slowDevice(h *house) {
	const n, one = 2400, 100 // of n deliveries every hundredth is slow
	h.person("kim", 1)
	h.person("lee", 1)
	slow := &slowAdapter{Adapter: h.phones(), release: make(chan struct{}), slow: func(d notify.Device) bool { return d.User == "lee" }}
	h.wrap = func(a notify.Adapter) notify.Adapter {
		if a == notify.Adapter(slow.Adapter) {
			return slow
		}
		return a
	}
	h.stop()
	h.store = h.open(h.t, h.dir, h.clock)
	var g errgroup.Group
	g.SetLimit(64)
	for i := range n {
		g.Go(func() error {
			m := to("kim")
			if i%one == 0 {
				m = to("lee")
			}
			m.Content.Title, m.TTL = fmt.Sprint(i), time.Hour
			_, _, err := h.store.Accept(h.ctx(), m, []notify.Lane{phones}, notify.Idempotency{})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		h.t.Fatal(err)
	}
	if err := h.store.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.start()
	Until(h.t, "all but the slow ones", func() bool { return slow.settled.Load() == n-n/one })
	close(slow.release)
	Until(h.t, "the slow ones", func() bool { return slow.settled.Load() == n })
}

// hangingAdapter ends neither its Push nor its Close before it is released.
type hangingAdapter struct {
	*Adapter
	pushed, release chan struct{}
}

func (a *hangingAdapter) Push(_ context.Context, deliveries []notify.Delivery, settle func(int, notify.Outcome)) {
	close(a.pushed)
	<-a.release
	for i, d := range deliveries {
		settle(i, a.take(d))
	}
}

func (a *hangingAdapter) Close() error {
	<-a.release
	return nil
}

func hungAdapter(h *house) {
	h.person("kim", 1)
	hung := &hangingAdapter{Adapter: h.phones(), pushed: make(chan struct{}), release: make(chan struct{})}
	h.wrap = func(a notify.Adapter) notify.Adapter {
		if a == notify.Adapter(hung.Adapter) {
			return hung
		}
		return a
	}
	h.restart()
	h.send(to("kim"))
	Receive(h.t, "a push", hung.pushed)
	ctx, cancel := context.WithTimeout(h.ctx(), 100*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- h.hub.Stop(ctx) }()
	if err := Receive(h.t, "the stop", done); err == nil {
		h.t.Error("the stop says that all ended")
	}
	close(hung.release)
	Until(h.t, "what was under way to be stored", func() bool { return len(h.phones().Accepted()) == 1 })
	h.wrap = nil
	if err := h.store.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.start()
}

func syncedLater(h *house) {
	h.config.Accounts = notify.AccountsFrom{Kind: notify.KindEmail}
	s := h.sicken()
	h.watch()
	s.unsync.Store(true)
	kim := notify.User{ID: "kim", Identities: []notify.Identity{{Kind: notify.KindEmail, Value: "kim@example.com"}}}
	if _, _, err := h.hub.PutUser(h.ctx(), kim); err != nil {
		h.t.Fatal(err)
	}
	s.unsync.Store(false)
	h.turning(10*time.Second, "kim's account", func() bool {
		accounts, err := h.store.WatchedAccounts(h.ctx(), "mail")
		return err == nil && len(accounts) == 1
	})
}

// panicking: neither the batch nor the process is lost.
func panicking(h *house) {
	h.crowd(3)
	h.phones().Answer(func(d notify.Delivery, nth int) notify.Outcome {
		if d.Device.User == "user0001" && nth == 1 {
			panic("a defect")
		}
		return outcome(notify.Accepted, "")
	})
	n := h.send(to("user0000", "user0001", "user0002"))
	h.turning(time.Second, "the end", func() bool { return h.get(n.ID).State == notify.StateDone })
	h.wantCounts(n.ID, notify.Counts{Targeted: 3, Accepted: 3})
	h.wantAccepted(phones, 3, 1)
}
