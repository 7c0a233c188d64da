package notifytest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"allim.dev/allim/notify"
)

// Watch is a notify.Watch in memory that keeps the promises of the real one: a batch is stored as a whole or not at all,
// an event once by its key. It survives the connector, as the store does, and may be given to the next one.
type Watch struct {
	mu       sync.Mutex
	accounts []notify.Account
	changed  chan struct{}
	states   map[string]map[string][]byte
	events   []notify.Event
	planned  map[string]map[notify.Object][]notify.Reminder
	keys     map[string]bool // account and key
	reports  map[string][]notify.Health
	puts     int
	refuse   func(notify.Batch) error
	wrong    []string // broken rules of events
	moved    chan struct{}
	running  int  // connectors at work
	fresh    bool // the last one that started has reported
}

// NewWatch has the given accounts; those without an id get one.
func NewWatch(accounts ...notify.Account) *Watch {
	w := &Watch{changed: make(chan struct{}), moved: make(chan struct{}), states: map[string]map[string][]byte{},
		planned: map[string]map[notify.Object][]notify.Reminder{}, keys: map[string]bool{}, reports: map[string][]notify.Health{}}
	w.SetAccounts(accounts...)
	return w
}

// SetAccounts replaces the accounts and tells the connector.
func (w *Watch) SetAccounts(accounts ...notify.Account) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accounts = slices.Clone(accounts)
	for i := range w.accounts {
		if w.accounts[i].ID == "" {
			w.accounts[i].ID = "account-" + strconv.Itoa(i+1) + "-" + w.accounts[i].Login
		}
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

// Refuse lets f decide on each batch before it is stored: an error refuses it as a whole. nil: all are taken.
func (w *Watch) Refuse(f func(notify.Batch) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuse = f
}

// Accounts implements notify.Watch.
func (w *Watch) Accounts(ctx context.Context) ([]notify.Account, <-chan struct{}, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.accounts), w.changed, ctx.Err()
}

// Load implements notify.Watch.
func (w *Watch) Load(ctx context.Context, account string) (map[string][]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.states[account]), ctx.Err()
}

// Put implements notify.Watch.
func (w *Watch) Put(ctx context.Context, b notify.Batch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running == 0 {
		w.wrong = append(w.wrong, "a batch was put after Run had returned")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !slices.ContainsFunc(w.accounts, func(a notify.Account) bool { return a.ID == b.Account }) {
		return notify.Errorf(notify.CodeUnknownAccount, "there is no account %s", b.Account)
	}
	if w.refuse != nil {
		if err := w.refuse(b); err != nil {
			return err
		}
	}
	w.puts++
	if w.states[b.Account] == nil {
		w.states[b.Account] = map[string][]byte{}
	}
	for k, v := range b.State {
		if v == nil {
			delete(w.states[b.Account], k)
		} else {
			w.states[b.Account][k] = slices.Clone(v)
		}
	}
	for object, list := range b.Reminders {
		if w.planned[b.Account] == nil {
			w.planned[b.Account] = map[notify.Object][]notify.Reminder{}
		}
		if w.planned[b.Account][object] = slices.Clone(list); len(list) == 0 {
			delete(w.planned[b.Account], object)
		}
	}
	for _, e := range b.Events {
		w.rules(e)
		if id := b.Account + "\x00" + e.Key; !w.keys[id] {
			w.keys[id] = true
			e.Account = b.Account
			w.events = append(w.events, e)
		}
	}
	w.move()
	return nil
}

// rules notes what an event must not be, by the contract of notify.Event.
func (w *Watch) rules(e notify.Event) {
	bad := func(format string, args ...any) { w.wrong = append(w.wrong, fmt.Sprintf(format, args...)) }
	switch {
	case e.Key == "" || len(e.Key) > 200:
		bad("key %q: must have 1 to 200 bytes", e.Key)
	case e.Type == "":
		bad("event %s has no type", e.Key)
	case e.SeenAt.IsZero():
		bad("event %s has no time of seeing", e.Key)
	}
	for k, v := range e.Params {
		if !utf8.ValidString(v) || len(v) > 1024 {
			bad("event %s: %s is not valid UTF-8 of at most 1 KiB", e.Key, k)
		}
	}
}

// Report implements notify.Watch.
func (w *Watch) Report(account string, h notify.Health) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running == 0 {
		w.wrong = append(w.wrong, "a report came after Run had returned")
	}
	w.fresh = w.fresh || h.State == notify.HealthWatching || h.State == notify.HealthPolling
	w.reports[account] = append(w.reports[account], h)
	w.move()
}

// move wakes those who wait; the lock is held.
func (w *Watch) move() {
	close(w.moved)
	w.moved = make(chan struct{})
}

// Moved gives a channel that is closed at the next batch or report.
func (w *Watch) Moved() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.moved
}

// Events gives all stored events, in order.
func (w *Watch) Events() []notify.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

// Puts counts the batches that were stored.
func (w *Watch) Puts() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.puts
}

// State gives what is stored of an account.
func (w *Watch) State(account string) map[string][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.states[account])
}

// Reminders gives the reminders that are planned for an account, by time.
func (w *Watch) Reminders(account string) []notify.Reminder {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []notify.Reminder
	for _, list := range w.planned[account] {
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b notify.Reminder) int { return a.FireAt.Compare(b.FireAt) })
	return all
}

// Forget loses the state of an account, as a lost database does; its events stay.
func (w *Watch) Forget(account string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.states, account)
}

// Restore puts a state back, as a crash before the last commits does.
func (w *Watch) Restore(account string, state map[string][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.states[account] = maps.Clone(state)
}

// Health gives an account's last report; the zero value when there was none.
func (w *Watch) Health(account string) notify.Health {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.reports[account]
	if len(l) == 0 {
		return notify.Health{}
	}
	return l[len(l)-1]
}

// Reports gives all reports of an account, in order.
func (w *Watch) Reports(account string) []notify.Health {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.reports[account])
}

// Broken tells which rules of the contract were broken by what was put.
func (w *Watch) Broken() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.wrong)
}

// count notes that a connector starts or ends.
func (w *Watch) count(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running += n
	if n > 0 {
		w.fresh = false
	}
}

// reported tells whether the present connector has said that an account is well.
func (w *Watch) reported() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fresh
}

// Running is a connector at work.
type Running struct {
	cancel context.CancelFunc
	done   chan error
}

// StartConnector runs a connector until Stop.
func StartConnector(c notify.Connector, w *Watch) *Running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &Running{cancel: cancel, done: make(chan error, 1)}
	w.count(1)
	go func() {
		err := c.Run(ctx, w)
		w.count(-1)
		r.done <- err
	}()
	return r
}

// errSlow is the error of a connector that does not stop.
var errSlow = errors.New("the connector did not stop within 10 s")

// Stop ends the connector and waits for it; a second call does nothing.
func (r *Running) Stop() error {
	r.cancel()
	t := time.NewTimer(10 * time.Second)
	defer t.Stop()
	select {
	case err, ok := <-r.done:
		if ok {
			close(r.done)
		}
		return err
	case <-t.C:
		return errSlow
	}
}

// Done gives what Run returned by itself.
func (r *Running) Done() <-chan error { return r.done }
