package feed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"time"

	"allim.dev/allim/notify"
)

const (
	// wholeEvery is how often to ask without a condition: a server whose "not modified" is wrong is found out by that.
	wholeEvery = 24 * time.Hour
	// The longest pauses after failures: of trouble that passes, and of a refusal.
	troubleLast = time.Hour
	refusedLast = 6 * time.Hour
	storeWait   = time.Second
	maxText     = 500
)

// runner is a running connector.
type runner struct {
	*connector
	watch notify.Watch
	w     *watcher // nil: there is no account
}

// run looks at the feed in rounds until ctx ends.
func (r *runner) run(ctx context.Context) error {
	for ctx.Err() == nil {
		accounts, changed, err := r.watch.Accounts(ctx)
		if err != nil {
			if ctx.Err() == nil {
				r.log.Warn("cannot read the accounts; trying again", "error", err)
			}
			r.sleep(ctx, storeWait, nil)
			continue
		}
		switch {
		case len(accounts) == 0:
			r.w = nil
			r.wait(ctx, changed)
			continue
		case r.w == nil || r.w.account != accounts[0].ID:
			r.w = &watcher{connector: r.connector, watch: r.watch, account: accounts[0].ID, health: accounts[0].Health}
		}
		if r.w.zones = accounts[0].Zones; len(r.w.zones) == 0 {
			r.w.zones = []string{""}
		}
		if err := r.rounds(ctx, changed); err != nil {
			return err
		}
	}
	return nil
}

// rounds looks again and again until the accounts change. An error means that this hub must stop.
func (r *runner) rounds(ctx context.Context, changed <-chan struct{}) error {
	if err := r.w.rezone(ctx); err != nil && ctx.Err() == nil {
		r.log.Warn("reminders are not made for people's time zones yet; trying again", "error", err)
		r.w.plan(r.clock.Now(), storeWait)
	}
	for ctx.Err() == nil {
		if wait := min(r.w.next.Sub(r.clock.Now()), r.w.pause); wait > 0 && r.sleep(ctx, wait, changed) { // the clock may jump back
			return nil
		}
		err := r.w.round(ctx)
		switch notify.CodeOf(err) {
		case notify.CodeUnknownAccount:
			r.w = nil
			r.wait(ctx, changed)
			return nil
		case notify.CodeStaleEpoch:
			if ctx.Err() == nil {
				return err
			}
		}
		select {
		case <-changed:
			return nil
		default:
		}
	}
	return nil
}

func (c *connector) wait(ctx context.Context, changed <-chan struct{}) {
	select {
	case <-changed:
	case <-ctx.Done():
	}
}

// sleep waits for d; true when something came first.
func (c *connector) sleep(ctx context.Context, d time.Duration, early <-chan struct{}) bool {
	t := c.clock.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C():
		return false
	case <-early:
		return true
	case <-ctx.Done():
		return true
	}
}

// watcher is one feed with its account.
type watcher struct {
	*connector
	watch   notify.Watch
	account string
	health  notify.Health
	zones   []string // of the people who are told; at least one
	st      *state   // nil: not loaded
	next    time.Time
	pause   time.Duration // until next, when it was planned
	failed  int           // rounds in a row
}

// round is one look. Its error is the store's; the feed's own trouble is told in the health.
func (w *watcher) round(ctx context.Context) error {
	err := w.look(ctx)
	if ctx.Err() != nil {
		return nil
	}
	now := w.clock.Now()
	var t *trouble
	switch code := notify.CodeOf(err); {
	case err == nil:
		w.failed = 0
		w.plan(now, jittered(w.settings.Poll))
		w.report(notify.HealthPolling, now)
	case errors.As(err, &t):
		err = w.trouble(ctx, t, now)
	case code == notify.CodeUnknownAccount || code == notify.CodeStaleEpoch:
		return err
	default:
		w.log.Warn("the store does not take what was seen; trying again", "error", err)
		w.plan(now, storeWait)
	}
	return err
}

// plan sets when the next round is.
func (w *watcher) plan(now time.Time, wait time.Duration) {
	w.next, w.pause = now.Add(wait), wait
	w.health.NextTryAt = w.next
}

func jittered(d time.Duration) time.Duration { return d - d/20 + rand.N(d/10+1) }

// trouble tells what went wrong and plans the next try: later each time, and not before the server wants it.
func (w *watcher) trouble(ctx context.Context, t *trouble, now time.Time) error {
	last := troubleLast
	if t.refused {
		last = refusedLast
	}
	wait := jittered(min(w.settings.Poll<<min(w.failed, 16), max(last, w.settings.Poll)))
	w.failed++
	if named := t.after.Sub(now); named > wait {
		wait = named
	}
	w.plan(now, wait)
	w.health.LastError, w.health.LastErrorAt = notify.Clip(t.text, maxText), now
	w.report(t.state, now)
	w.log.Debug("the feed could not be read", "reason", t.text, "next", w.next)
	if t.after.IsZero() || w.st == nil || w.st.fresh || w.st.head.NotBefore.Equal(t.after) {
		return nil
	}
	st := w.st.clone() // kept over a restart
	st.head.NotBefore, st.head.dirty = t.after, true
	return w.put(ctx, st, notify.Batch{})
}

func (w *watcher) report(s notify.HealthState, now time.Time) {
	if w.health.State != s {
		w.health.Since = now
	}
	if w.health.State = s; s == notify.HealthPolling {
		w.health.LastOKAt = now
	}
	w.watch.Report(w.account, w.health)
}

// load reads what is kept, once.
func (w *watcher) load(ctx context.Context) error {
	if w.st != nil {
		return nil
	}
	stored, err := w.watch.Load(ctx, w.account)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(w.settings.URL))
	w.st = readState(stored, hex.EncodeToString(sum[:12]))
	w.health.Notes = nil
	return nil
}

// look asks for the feed and puts what is new.
func (w *watcher) look(ctx context.Context) error {
	if err := w.load(ctx); err != nil {
		return err
	}
	if err := w.rezone(ctx); err != nil {
		return err
	}
	now := w.clock.Now()
	if w.st.head.NotBefore.After(now) && w.st.head.NotBefore.Sub(now) <= maxRetryAfter {
		return &trouble{state: notify.HealthBackoff, text: firstOf(w.health.LastError, "the server asked to come again later"), after: w.st.head.NotBefore}
	}
	st := w.st.clone()
	var known validators
	doubt := st.fresh || st.head.Missing > 0 // the answer counts, also when it is as before
	if whole := now.Sub(st.head.Whole); !doubt && whole >= 0 && whole < wholeEvery {
		known = st.head.Validators
	}
	got, err := w.fetcher.fetch(ctx, known)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(got.body)
	body := hex.EncodeToString(sum[:12])
	if got.notModified || !doubt && body == st.head.Body {
		st.head.answered(got, body, known, now)
		return w.same(ctx, st, now)
	}
	d, err := decode(got.body, got.contentType, w.settings)
	if err != nil {
		return err
	}
	d.resolve(got.at)
	st.head.answered(got, body, known, now)
	return w.take(ctx, st, d, got.moved)
}

// answered notes what an answer says of the next request.
func (h *head) answered(a *answer, body string, sent validators, now time.Time) {
	if !h.NotBefore.IsZero() {
		h.NotBefore, h.dirty = time.Time{}, true
	}
	if a.notModified {
		return
	}
	if h.Body != body || h.Validators != a.validators {
		h.Body, h.Validators, h.dirty = body, a.validators, true
	}
	if a.validators != (validators{}) && sent == (validators{}) {
		h.Whole, h.dirty = now, true
	}
}

// same is a look that found nothing new. Once a day a calendar's reminders are made for the days that have come nearer.
func (w *watcher) same(ctx context.Context, st *state, now time.Time) error {
	var batches []notify.Batch
	if since := now.Sub(st.head.Looked); st.head.Calendar && (since >= lookEvery || since < 0) {
		st.head.Looked, st.head.dirty = now, true
		batches, _ = w.calendarBatches(st.again(), st, now, true)
	}
	return w.put(ctx, st, batches...)
}

// take puts what an answer holds.
func (w *watcher) take(ctx context.Context, st *state, d *document, moved string) error {
	now := w.clock.Now()
	isCalendar := d.calendar != nil
	silent := st.fresh || st.head.Calendar != isCalendar // a feed that has become something else begins anew
	if silent {
		st.head.Since, st.head.Calendar, st.head.Zones, st.head.dirty = now, isCalendar, zoneSet(w.zones), true
	}
	var batches []notify.Batch
	var notes []string
	if moved != "" {
		notes = append(notes, "the feed has moved for good: set url to "+moved)
	}
	if isCalendar {
		notes = append(notes, faultNotes(d.calendar)...)
		changes := st.calendarChanges(d.calendar, &notes)
		if since := now.Sub(st.head.Looked); since >= lookEvery || since < 0 {
			st.head.Looked, st.head.dirty = now, true
			changes = append(changes, st.again(changes...)...)
		}
		more, odd := w.calendarBatches(changes, st, now, silent)
		batches, notes = more, append(notes, odd...)
	} else {
		batch, odd := w.items(st, d, now, silent)
		batches, notes = []notify.Batch{batch}, append(notes, odd...)
	}
	w.health.Notes = clipped(notes)
	return w.put(ctx, st, batches...)
}

// items makes the batch of a feed's new items.
func (w *watcher) items(st *state, d *document, now time.Time, silent bool) (b notify.Batch, notes []string) {
	if len(st.objects) > 0 { // it was a calendar
		b.State, b.Reminders = map[string][]byte{}, map[notify.Object][]notify.Reminder{}
		for name := range st.objects {
			b.State[name], b.Reminders[notify.Object(name)] = nil, nil
		}
		clear(st.objects)
	}
	fresh, notes := st.news(d, now, silent)
	kept, odd := w.youngest(fresh, now)
	for _, i := range kept {
		b.Events = append(b.Events, w.event(i, st, d, now))
	}
	return b, append(notes, odd...)
}

// put stores batches, the last one with what is kept of the feed as a whole, and makes st the state. Nothing to store is
// no write.
func (w *watcher) put(ctx context.Context, st *state, batches ...notify.Batch) error {
	if len(batches) == 0 {
		batches = []notify.Batch{{}}
	}
	st.fresh = false
	last := &batches[len(batches)-1]
	for name, value := range st.stored() {
		if last.State == nil {
			last.State = map[string][]byte{}
		}
		last.State[name] = value
	}
	for _, b := range batches {
		if len(b.State)+len(b.Events)+len(b.Reminders) == 0 {
			continue
		}
		b.Account = w.account
		if err := w.watch.Put(ctx, b); err != nil {
			return err
		}
		if len(b.Events) > 0 {
			w.health.LastEventAt = w.clock.Now()
		}
	}
	w.st = st
	return nil
}

func clipped(notes []string) []string {
	out := notes[:min(len(notes), maxNotes)]
	for i := range out {
		out[i] = notify.Clip(out[i], 200)
	}
	return out
}
