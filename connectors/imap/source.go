package imap

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// source is a running connector: what its accounts share, and the accounts as they come and go.
type source struct {
	settings   *Settings
	dialer     *dialer
	clock      notify.Clock
	log        *slog.Logger
	watch      notify.Watch
	gate       *gate
	slots      *slots
	credential *credential
	alarms     *alarms
	renewal    *renewal

	wg       sync.WaitGroup
	accounts map[string]*account // used by the manager's goroutine only
	fatal    chan error          // one account found out that all is over
}

func newSource(c *connector, watch notify.Watch) *source {
	return &source{
		settings: c.settings, dialer: c.dialer, clock: c.clock, log: c.log, watch: watch,
		gate:       newGate(c.clock, c.settings.LoginRate, c.settings.MaxLoginRate),
		slots:      newSlots(c.settings.MaxConnections),
		credential: newCredential(c.clock),
		alarms:     newAlarms(c.clock),
		renewal:    newRenewal(c.settings.Renew),
		accounts:   map[string]*account{},
		fatal:      make(chan error, 1),
	}
}

// run watches all accounts until ctx ends.
func (s *source) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer s.wg.Wait()
	defer cancel()
	s.goRun(func() { s.gate.run(ctx) })
	s.goRun(func() { s.alarms.run(ctx) })
	trouble := backoff{first: time.Second, last: time.Minute}
	for {
		accounts, changed, err := s.watch.Accounts(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			wait := trouble.next()
			s.log.Warn("cannot read the accounts; trying again", "error", err, "wait", wait)
			if s.sleep(ctx, wait, nil); ctx.Err() != nil {
				return nil
			}
			continue
		}
		trouble.reset()
		s.reconcile(ctx, accounts)
		select {
		case <-changed:
		case err := <-s.fatal:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// reconcile starts, stops and restarts watches so that they are those of the accounts.
func (s *source) reconcile(ctx context.Context, accounts []notify.Account) {
	listed := make(map[string]bool, len(accounts))
	for _, acct := range accounts {
		listed[acct.ID] = true
		old := s.accounts[acct.ID]
		if old != nil && !old.ended() && old.who == (identity{acct.Login, acct.Secret}) {
			continue
		}
		s.start(ctx, acct, old)
	}
	for id, a := range s.accounts {
		if !listed[id] {
			a.cancel()
			delete(s.accounts, id)
		}
	}
}

// start watches an account, after an earlier watch of it has ended.
func (s *source) start(ctx context.Context, acct notify.Account, old *account) {
	ctx, cancel := context.WithCancel(ctx)
	a := &account{src: s, id: acct.ID, who: identity{acct.Login, acct.Secret}, login: acct.Login,
		lastActive: acct.LastActive, done: make(chan struct{}), cancel: cancel,
		back: backoff{first: backoffFirst, last: backoffLast}}
	id, watch := acct.ID, s.watch
	a.health = tracker{h: acct.Health, clock: s.clock, report: func(h notify.Health) { watch.Report(id, h) }}
	a.health.h.Notes = nil
	s.accounts[acct.ID] = a
	s.goRun(func() {
		defer close(a.done)
		defer cancel()
		if old != nil {
			old.cancel()
			<-old.done
		}
		a.health.state(notify.HealthStarting, time.Time{})
		if err := a.run(ctx); err != nil && errors.Is(err, errStale) {
			select {
			case s.fatal <- err:
			default: // somebody said so already
			}
		}
	})
}

func (a *account) ended() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

func (s *source) goRun(f func()) {
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		f()
	}()
}

// sleep waits for d, for early, or for the end of ctx.
func (s *source) sleep(ctx context.Context, d time.Duration, early <-chan struct{}) {
	s.sleepOn(ctx, s.clock.NewTimer(d), early)
}

// sleepOn is sleep with a timer that runs already.
func (s *source) sleepOn(ctx context.Context, t notify.Timer, early <-chan struct{}) {
	defer t.Stop()
	select {
	case <-t.C():
	case <-early:
	case <-ctx.Done():
	}
}

// renewal is how long one IDLE lasts at this server. It is learnt downwards: when connections are found dead at their
// renewal again and again, something on the way forgets them earlier.
type renewal struct {
	mu     sync.Mutex
	d      time.Duration
	floor  time.Duration
	deaths int
}

const (
	renewFloor  = 55 * time.Second // the shortest that is known to be needed
	deathsToCut = 5
)

func newRenewal(d time.Duration) *renewal { return &renewal{d: d, floor: min(d, renewFloor)} }

func (r *renewal) length() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return jitter(r.d)
}

// saw notes how a renewal went.
func (r *renewal) saw(err error, rang bool) {
	if !rang {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.deaths = 0
		return
	}
	if r.deaths++; r.deaths >= deathsToCut {
		r.deaths, r.d = 0, max(r.floor, r.d/2)
	}
}
