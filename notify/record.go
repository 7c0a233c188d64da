package notify

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// First step of the walk: what a connector saw is stored, once, with the state to resume from.

// watcher is the hub's side of one source: its connector's Watch.
type watcher struct {
	hub       *Hub
	source    SourceConfig
	connector Connector

	mu     sync.Mutex
	epoch  Epoch
	health map[string]Health // of every account, as last reported
	dirty  map[string]Health // not yet stored
}

func newWatcher(h *Hub, s Source) *watcher {
	return &watcher{hub: h, source: s.Config, connector: s.Connector, health: map[string]Health{}, dirty: map[string]Health{}}
}

// run watches while this hub owns the source.
func (w *watcher) run(ctx context.Context) error {
	return w.hub.withLease(ctx, "source/"+w.source.ID, func(ctx context.Context, epoch Epoch) error {
		w.mu.Lock()
		w.epoch = epoch
		w.mu.Unlock()
		if _, err := w.hub.store.SyncAccounts(ctx, w.source.ID, w.source.Accounts); err != nil {
			return err
		}
		g := newGroup(w.hub.log)
		g.run("health of "+w.source.ID, w.keepHealth)
		err := w.connector.Run(ctx, w)
		// The reports of the connector's last moments are stored, too.
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if e := g.stop(stop); e != nil {
			w.hub.log.Warn("health keeper did not stop", "error", e)
		}
		return err
	})
}

// Accounts implements Watch.
func (w *watcher) Accounts(ctx context.Context) ([]Account, <-chan struct{}, error) {
	changed := make(chan struct{})
	sub := w.hub.bus.Subscribe(SubjectAccounts(w.source.ID))
	accounts, err := w.watched(ctx)
	if err != nil {
		sub.Close()
		return nil, nil, err
	}
	w.forget(accounts)
	w.hub.workers.run("accounts of "+w.source.ID, func(all context.Context) error {
		defer sub.Close()
		select {
		case <-sub.C():
			close(changed)
		case <-ctx.Done():
		case <-all.Done():
		}
		return nil
	})
	return accounts, changed, nil
}

// watched gives the source's accounts; the one of a source that is one thing is made when it is not there.
func (w *watcher) watched(ctx context.Context) ([]Account, error) {
	sole, ok := w.connector.(SoleAccounter)
	if !ok {
		return w.hub.store.WatchedAccounts(ctx, w.source.ID)
	}
	a := Account{Source: w.source.ID, Login: sole.SoleAccount(), Topic: w.source.Topic, Explicit: true, CreatedAt: w.hub.clock.Now()}
	it := func() ([]Account, error) {
		accounts, err := w.hub.store.WatchedAccounts(ctx, w.source.ID)
		return slices.DeleteFunc(accounts, func(other Account) bool { return other.Login != a.Login || other.Topic != a.Topic }), err
	}
	if accounts, err := it(); err != nil || len(accounts) > 0 {
		return accounts, err
	}
	if _, _, err := w.hub.store.PutAccount(ctx, a); err != nil {
		return nil, err
	}
	return it()
}

// forget drops the health of accounts that are no more.
func (w *watcher) forget(accounts []Account) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := make(map[string]Health, len(accounts))
	for _, a := range accounts {
		h, ok := w.health[a.ID]
		if !ok {
			h = a.Health
			h.State = HealthStarting
			w.dirty[a.ID] = h // what was stored is of before the start
		}
		known[a.ID] = h
	}
	w.health = known
	w.gauge()
}

// Load implements Watch.
func (w *watcher) Load(ctx context.Context, account string) (map[string][]byte, error) {
	return w.hub.store.Load(ctx, account)
}

// Put implements Watch: one transaction, then the new events go on to be planned.
func (w *watcher) Put(ctx context.Context, b Batch) error {
	w.mu.Lock()
	b.Epoch = w.epoch
	w.mu.Unlock()
	for i := range b.Events {
		b.Events[i].Source, b.Events[i].Account = w.source.ID, b.Account
	}
	fresh, err := w.hub.store.Record(ctx, w.source.ID, b)
	if err != nil {
		return err
	}
	for _, e := range fresh {
		w.hub.metrics.events.WithLabelValues(e.Source, string(e.Type)).Inc()
		w.hub.tally.add(SampleEvents, e.Source, 1)
		w.hub.planner.offer(e)
	}
	if len(fresh) > 0 {
		w.noteEvent(b.Account)
	}
	if len(b.Reminders) > 0 {
		w.hub.bus.Wake(SubjectReminders)
	}
	return nil
}

func (w *watcher) noteEvent(account string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.health[account]
	h.LastEventAt = w.hub.clock.Now()
	w.health[account], w.dirty[account] = h, h
}

// Report implements Watch.
func (w *watcher) Report(account string, h Health) {
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.health[account]
	if h.LastEventAt.IsZero() {
		h.LastEventAt = old.LastEventAt
	}
	if h.LastError == "" {
		h.LastError, h.LastErrorAt = old.LastError, old.LastErrorAt
	}
	w.health[account], w.dirty[account] = h, h
	if old.State != h.State {
		w.gauge()
	}
}

// gauge shows how many accounts are in each state. Called with mu held.
func (w *watcher) gauge() {
	count := map[HealthState]int{}
	for _, h := range w.health {
		count[h.State]++
	}
	for _, s := range healthStates {
		w.hub.metrics.accounts.WithLabelValues(w.source.ID, string(s)).Set(float64(count[s]))
	}
}

var healthStates = []HealthState{HealthStarting, HealthWatching, HealthPolling, HealthBackoff, HealthAuthFailed, HealthUnreachable}

// keepHealth stores reports once a second, so that a reconnect of thousands of accounts is few writes.
func (w *watcher) keepHealth(ctx context.Context) error {
	for ctx.Err() == nil {
		w.hub.pause(ctx, time.Second)
		w.flushHealth(context.WithoutCancel(ctx))
	}
	return nil
}

func (w *watcher) flushHealth(ctx context.Context) {
	w.mu.Lock()
	dirty := w.dirty
	w.dirty = map[string]Health{}
	w.mu.Unlock()
	if len(dirty) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := w.hub.store.SetHealth(ctx, dirty); err != nil {
		w.hub.log.Warn("account health not stored", "source", w.source.ID, "error", err)
	}
}

// status sums the source up.
func (w *watcher) status() SourceStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := SourceStatus{ID: w.source.ID, Kind: w.source.Kind, Accounts: map[HealthState]int{}, State: HealthStarting}
	for _, h := range maps.All(w.health) {
		s.Accounts[h.State]++
		if h.LastEventAt.After(s.LastEventAt) {
			s.LastEventAt = h.LastEventAt
		}
		if h.LastErrorAt.After(s.LastErrorAt) {
			s.LastErrorAt, s.LastError = h.LastErrorAt, h.LastError
		}
	}
	most := 0
	for _, state := range healthStates {
		if n := s.Accounts[state]; n > 0 && n >= most {
			most, s.State = n, state
		}
	}
	return s
}

// syncTimeout bounds the look at all sources after a user changed.
const syncTimeout = 30 * time.Second

// syncAccounts lets the accounts follow the identities after a user changed. The change is stored: a caller who leaves
// now does not end this, and what fails comes again with the housekeeping.
func (h *Hub) syncAccounts(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), syncTimeout)
	defer cancel()
	for id, w := range h.sources {
		if w.source.Accounts.Kind == "" {
			continue
		}
		changed, err := h.store.SyncAccounts(ctx, id, w.source.Accounts)
		if err != nil {
			h.unsynced.Store(true)
			h.log.Warn("accounts do not follow the identities yet; another try follows", "source", id, "error", err)
		}
		if changed {
			h.bus.Wake(SubjectAccounts(id))
		}
	}
}

// zoneChanged lets a person's new zone have its effect: what the clock there skipped is planned, and connectors plan for it.
// Nothing is lost when this hub ends before: they look at the zones when they start, and the events are stored. Of a person
// who is new only sources without accounts have to know: the others' accounts change.
func (h *Hub) zoneChanged(isNew bool) {
	if !isNew {
		h.planner.again()
	}
	for id, w := range h.sources {
		_, minds := w.connector.(ZoneMinder)
		if _, sole := w.connector.(SoleAccounter); minds && (sole || !isNew) {
			h.bus.Wake(SubjectAccounts(id))
		}
	}
}

func (h *Hub) wakeAllAccounts() {
	for id := range h.sources {
		h.bus.Wake(SubjectAccounts(id))
	}
}
