package caldav

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"allim.dev/allim/connectors/ical"
	"allim.dev/allim/notify"
)

// source is a running connector: what its accounts share, and who is looked at when. A manager keeps the accounts in a
// queue by the time of their next look; a few workers do the looks. So an account at rest costs no goroutine.
type source struct {
	settings *Settings
	client   *client
	locator  *locator
	reader   *ical.Reader
	clock    notify.Clock
	log      *slog.Logger
	watch    notify.Watch
	gate     *gate

	// The manager's own.
	accounts map[string]*account
	busy     map[string]*account // looks under way, by account id
	queue    queue
	free     int           // workers without work
	work     chan *account // to the workers
	done     chan visited  // from them
}

// visited is a look that ended.
type visited struct {
	a   *account
	err error
}

func newSource(c *connector, watch notify.Watch) *source {
	client := newClient(c.settings, c.base, c.roots, c.clock)
	n := c.settings.Connections
	return &source{settings: c.settings, client: client, reader: ical.NewReader(), clock: c.clock, log: c.log, watch: watch,
		locator: &locator{client: client, resolver: c.resolver, base: c.base, bare: c.bare},
		gate:    &gate{clock: c.clock, shared: c.settings.Auth.shared()}, accounts: map[string]*account{}, busy: map[string]*account{}, free: n,
		work: make(chan *account, n), done: make(chan visited, n)}
}

// run watches all accounts until ctx ends.
func (s *source) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var workers sync.WaitGroup
	for range s.settings.Connections {
		workers.Go(func() { s.worker(ctx) })
	}
	defer s.client.close()
	defer workers.Wait()
	defer cancel()
	var trouble retries
	for {
		err := s.once(ctx, &trouble)
		if err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// rereadEvery is how often the accounts are read again though nobody said that they changed: a person's time zone may have.
const rereadEvery = 15 * time.Minute

// once reads the accounts and watches them until they change. Its only error is that another hub watches this source.
func (s *source) once(ctx context.Context, trouble *retries) error {
	listening, stop := context.WithCancel(ctx)
	defer stop()
	wait := rereadEvery
	accounts, changed, err := s.watch.Accounts(listening)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		wait, changed = trouble.trouble(), nil
		s.log.Warn("cannot read the accounts; trying again", "error", err, "wait", wait)
	default:
		trouble.well()
		s.reconcile(accounts)
	}
	again := s.clock.NewTimer(wait)
	defer again.Stop()
	return s.manage(ctx, changed, again.C())
}

// manage hands out work until the accounts have to be read anew. Its only error is that another hub watches this source.
func (s *source) manage(ctx context.Context, changed <-chan struct{}, again <-chan time.Time) error {
	for {
		wait, some := s.handOut()
		var timer notify.Timer
		var due <-chan time.Time
		if some {
			timer = s.clock.NewTimer(wait)
			due = timer.C()
		}
		stop, err := false, error(nil)
		select {
		case <-ctx.Done():
			stop = true
		case <-changed:
			stop = true
		case <-again:
			stop = true
		case v := <-s.done:
			err = s.settle(ctx, v)
		case <-due:
		}
		if timer != nil {
			timer.Stop()
		}
		if stop || err != nil {
			return err
		}
	}
}

// handOut gives what is due to the free workers, and tells how long it is until more is due; false: until something happens.
func (s *source) handOut() (time.Duration, bool) {
	for len(s.queue) > 0 && s.free > 0 {
		a, now := s.queue[0], s.clock.Now()
		if wait := a.next.Sub(now); wait > 0 {
			return wait, true
		}
		heap.Pop(&s.queue)
		ok, reason, again := s.gate.enter()
		if !ok {
			a.heldBack(reason, again)
			heap.Push(&s.queue, a)
			continue
		}
		s.busy[a.id] = a
		s.free--
		s.work <- a
	}
	return 0, false
}

func (s *source) worker(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-s.work:
			err := s.guarded(ctx, a)
			s.gate.leave(err)
			s.done <- visited{a, err} // has room for every worker
		}
	}
}

// guarded looks at an account; a fault of our own in it concerns this account only.
func (s *source) guarded(ctx context.Context, a *account) (err error) {
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("a fault in the CalDAV connector", "account", a.id, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			a.loaded = false
			err = troublef(kindRefused, "an internal fault; see the log")
		}
	}()
	return a.look(ctx)
}

// settle plans an account's next look.
func (s *source) settle(ctx context.Context, v visited) error {
	a := v.a
	delete(s.busy, a.id)
	s.free++
	switch {
	case errors.Is(v.err, errStale):
		return v.err
	case ctx.Err() != nil:
		return nil
	case a.follows != nil:
		s.enqueue(a.follows)
		return nil
	case a.removed:
		return nil
	case errors.Is(v.err, errGone):
		delete(s.accounts, a.id)
		return nil
	}
	a.settle(v.err)
	heap.Push(&s.queue, a)
	return nil
}

// reconcile makes the watched accounts those that there are.
func (s *source) reconcile(accounts []notify.Account) {
	listed := make(map[string]bool, len(accounts))
	fresh := slices.Clone(accounts)
	slices.SortStableFunc(fresh, func(a, b notify.Account) int { return b.LastActive.Compare(a.LastActive) })
	for _, acct := range fresh {
		listed[acct.ID] = true
		old := s.accounts[acct.ID]
		if old != nil && old.who == identityOf(acct) {
			continue
		}
		if old != nil {
			s.remove(old)
		}
		a := s.newAccount(acct)
		s.accounts[acct.ID] = a
		if under := s.busy[acct.ID]; under != nil {
			under.follows = a // one look at a time
		} else {
			s.enqueue(a)
		}
	}
	for id, a := range s.accounts {
		if !listed[id] {
			s.remove(a)
			delete(s.accounts, id)
		}
	}
}

// remove takes an account out; a look at it that is under way goes on to its end.
func (s *source) remove(a *account) {
	a.removed = true
	if a.index >= 0 {
		heap.Remove(&s.queue, a.index)
	}
	if under := s.busy[a.id]; under != nil && under.follows == a {
		under.follows = nil
	}
}

func (s *source) enqueue(a *account) {
	a.next = s.clock.Now()
	a.health.state(notify.HealthStarting, time.Time{})
	heap.Push(&s.queue, a)
}

func (s *source) newAccount(acct notify.Account) *account {
	a := &account{src: s, id: acct.ID, who: identityOf(acct), index: -1, access: s.client.access(acct.Login, acct.Secret)}
	a.zones, a.addresses = zonesOf(acct), acct.Addresses
	watch, id := s.watch, acct.ID
	a.health = tracker{h: acct.Health, clock: s.clock, report: func(h notify.Health) { watch.Report(id, h) }}
	a.health.h.Notes = nil
	return a
}

// sleep waits for d or for the end of ctx.
func (s *source) sleep(ctx context.Context, d time.Duration) {
	t := s.clock.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C():
	case <-ctx.Done():
	}
}
