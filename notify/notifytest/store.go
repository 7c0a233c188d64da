package notifytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"allim.dev/allim/notify"
)

// StoreSuite is the contract of notify.Store as tests: every method, and every error code that it names. open makes an
// empty store in a new dir, or opens the one of the same dir again; its time is the clock's.
func StoreSuite(t *testing.T, open OpenStore) {
	for _, part := range [][]storeCase{
		usersSuite(), devicesSuite(), oldIDsSuite(), suspicionSuite(), topicsSuite(), accountsSuite(), syncSuite(), eventsSuite(), planSuite(), remindersSuite(),
		acceptSuite(), ingestSuite(), idempotencySuite(), listSuite(), steerSuite(), walksSuite(), advanceSuite(), sleepersSuite(), settleSuite(), deliveriesSuite(),
		receiptsSuite(), underWaySuite(), inboxSuite(), keysSuite(), opsSuite(), sweepSuite(), eraseSuite(), mergeSuite(), peopleSuite(), modelSuite(),
	} {
		for _, c := range part {
			t.Run(c.name, func(t *testing.T) {
				clock := NewClock(time.Time{})
				x := &storeTest{t: t, open: open, dir: t.TempDir(), clock: clock, epochs: map[string]notify.Epoch{}}
				x.Store = open(t, x.dir, clock)
				defer func() {
					if err := x.Close(); err != nil {
						t.Errorf("close: %v", err)
					}
				}()
				c.test(x)
			})
		}
	}
}

// storeCase is one test of the suite.
type storeCase struct {
	name string
	test func(*storeTest)
}

// storeTest is a store under test, with short words for what tests often do.
type storeTest struct {
	notify.Store
	t      *testing.T
	open   OpenStore
	dir    string
	clock  *Clock
	epochs map[string]notify.Epoch
	tokens int
}

func (x *storeTest) ctx() context.Context { return x.t.Context() }

// reopen closes the store and opens it again: what was answered is there.
func (x *storeTest) reopen() {
	x.t.Helper()
	x.ok(x.Close())
	x.Store = x.open(x.t, x.dir, x.clock)
	clear(x.epochs) // a new hub takes its leases anew
}

func (x *storeTest) ok(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

// fails checks an error's code, and that it is a *notify.Error, whose words a caller can be told.
func (x *storeTest) fails(err error, code notify.Code) *notify.Error {
	x.t.Helper()
	var e *notify.Error
	if !errors.As(err, &e) || e.Code != code || e.Detail == "" {
		x.t.Fatalf("the error is %v, want a %s with a detail", err, code)
	}
	return e
}

// failsAt is fails with the paths of the bad fields.
func (x *storeTest) failsAt(err error, code notify.Code, paths ...string) {
	x.t.Helper()
	x.same("paths of the bad fields", pathsOf(x.fails(err, code).Fields), paths)
}

func pathsOf(fields []notify.FieldError) (paths []string) {
	for _, f := range fields {
		paths = append(paths, f.Path)
	}
	return paths
}

// same compares; empty and nil are the same, times by the moment, and what Accept hands on beside a notification does not
// count.
func (x *storeTest) same(what string, got, want any) {
	x.t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(notify.Notification{}, "Fresh")); d != "" {
		x.t.Fatalf("%s (-want +got):\n%s", what, d)
	}
}

// user makes users without identities.
func (x *storeTest) user(ids ...string) {
	x.t.Helper()
	for _, id := range ids {
		_, err := x.PutUser(x.ctx(), notify.User{ID: id, UpdatedAt: x.clock.Now()})
		x.ok(err)
	}
}

// person makes a user with identities, written kind:value.
func (x *storeTest) person(id string, identities ...string) {
	x.t.Helper()
	u := notify.User{ID: id, UpdatedAt: x.clock.Now()}
	for _, s := range identities {
		i, err := notify.ParseIdentity(s)
		x.ok(err)
		u.Identities = append(u.Identities, i)
	}
	_, err := x.PutUser(x.ctx(), u)
	x.ok(err)
}

// device registers a new device of the user on a lane.
func (x *storeTest) device(user string, l notify.Lane) notify.Device {
	x.t.Helper()
	x.tokens++
	return x.register(user, l, fmt.Sprintf("token-%d", x.tokens))
}

func (x *storeTest) register(user string, l notify.Lane, token string) notify.Device {
	x.t.Helper()
	d, _, err := x.PutDevice(x.ctx(), notify.Device{User: user, App: l.App, Platform: l.Platform, Token: token, RegisteredAt: x.clock.Now()})
	x.ok(err)
	return d
}

func (x *storeTest) members(topic string, users ...string) {
	x.t.Helper()
	for _, u := range users {
		x.ok(x.AddMember(x.ctx(), topic, u))
	}
}

// own takes the lease of a lane or source.
func (x *storeTest) own(name string) notify.Epoch {
	x.t.Helper()
	if e, ok := x.epochs[name]; ok {
		return e
	}
	e, err := x.Lease(x.ctx(), name, "hub", time.Hour, x.clock.Now())
	x.ok(err)
	x.epochs[name] = e
	return e
}

// notice gives a notification that is complete but for its audience.
func (x *storeTest) notice(to notify.Audience) notify.Notification {
	now := x.clock.Now()
	return notify.Notification{ID: notify.NewID(), To: to, Content: notify.Content{Title: "Lunch", Body: "is ready"},
		Priority: notify.PriorityNormal, Privacy: notify.PrivacyFull, TTL: time.Hour, State: notify.StateSending,
		CreatedAt: now, ExpiresAt: now.Add(time.Hour), By: "key"}
}

// send accepts a notice for the audience on all lanes of the suite.
func (x *storeTest) send(to notify.Audience) notify.Notification {
	x.t.Helper()
	return x.sendAs(x.notice(to))
}

func (x *storeTest) sendAs(n notify.Notification) notify.Notification {
	x.t.Helper()
	n, replayed, err := x.Accept(x.ctx(), n, lanes(), notify.Idempotency{})
	x.ok(err)
	if replayed {
		x.t.Fatal("replayed without an idempotency key")
	}
	x.sameSteps()
	for _, f := range n.Fresh { // it is what the dispatcher would read
		x.same("a fresh walk", f.Walk, x.walk(n, f.Walk.Lane))
		x.same("its targets", f.Targets, x.next(f.Walk, notify.SmallAudience+1))
	}
	return n
}

// sameSteps: small walks that are read together have what they have when each is read by itself.
func (x *storeTest) sameSteps() {
	x.t.Helper()
	for _, l := range lanes() {
		var keys []int64
		want := map[int64][]notify.Target{}
		for _, w := range x.ready(l) {
			if targets := x.next(w, notify.SmallAudience+1); w.Small {
				keys = append(keys, w.ID)
				if len(targets) > 0 {
					want[w.ID] = targets
				}
			}
		}
		steps, err := x.Steps(x.ctx(), append(keys, 1<<40))
		x.ok(err)
		got := map[int64][]notify.Target{}
		for walk, step := range steps {
			got[walk] = step.Targets
			alone, err := x.Notification(x.ctx(), step.Notification.ID)
			x.ok(err)
			alone.Counts = notify.Counts{}
			x.same("the notification of a step", step.Notification, alone)
		}
		x.same("the targets of steps", got, want)
	}
}

func lanes() []notify.Lane { return []notify.Lane{phones, browsers} }

func toUsers(ids ...string) notify.Audience { return notify.Audience{Users: ids} }

func toTopics(names ...string) notify.Audience { return notify.Audience{Topics: names} }

// walk gives the notification's walk that is ready on the lane.
func (x *storeTest) walk(n notify.Notification, l notify.Lane) notify.Walk {
	x.t.Helper()
	for _, w := range x.ready(l) {
		if w.Notification == n.ID {
			return w
		}
	}
	x.t.Fatalf("the notification has no walk ready on %s", l)
	return notify.Walk{}
}

func (x *storeTest) ready(l notify.Lane) []notify.Walk {
	x.t.Helper()
	walks, err := x.Ready(x.ctx(), l, x.clock.Now(), 1000)
	x.ok(err)
	return walks
}

// next gives the walk's next targets.
func (x *storeTest) next(w notify.Walk, limit int) []notify.Target {
	x.t.Helper()
	targets, err := x.Next(x.ctx(), w, limit)
	x.ok(err)
	return targets
}

// reached gives the ids of the devices that the walk would come to from where it stands.
func (x *storeTest) reached(w notify.Walk) (ids []string) {
	x.t.Helper()
	for _, t := range x.next(w, 1000) {
		ids = append(ids, t.Device.ID)
	}
	return ids
}

// read gives the notification as it is now.
func (x *storeTest) read(n notify.Notification) notify.Notification {
	x.t.Helper()
	n, err := x.Notification(x.ctx(), n.ID)
	x.ok(err)
	return n
}

// counts checks the notification's state and counts, and that the counts add up.
func (x *storeTest) counts(n notify.Notification, state notify.State, want notify.Counts) {
	x.t.Helper()
	got := x.read(n)
	x.same("state", got.State, state)
	x.same("counts", got.Counts, want)
	if c := got.Counts; c.Targeted != c.Pending+c.Accepted+c.Failed+c.Gone+c.Expired+c.Suppressed {
		x.t.Fatalf("the counts do not add up: %+v", c)
	}
}

// row gives the row of a target as the dispatcher makes it.
func (x *storeTest) row(w notify.Walk, d notify.Device, state notify.DeliveryState) notify.DeliveryRow {
	now := x.clock.Now()
	r := notify.DeliveryRow{ID: notify.DeliveryID(w.Seq, d.Key), Walk: w.ID, Notification: w.Notification, Device: d.ID, DeviceKey: d.Key,
		User: d.User, Lane: w.Lane, State: state, Attempt: 1, CreatedAt: now, UpdatedAt: now}
	if state == notify.DeliveryPending {
		r.NextAt, r.Reason = now.Add(time.Minute), "503"
	}
	return r
}

// settle advances a walk over its next targets, all with one state, and ends it when they were the last.
func (x *storeTest) settle(w notify.Walk, limit int, state notify.DeliveryState) {
	x.t.Helper()
	targets := x.next(w, limit)
	p := x.progress(w)
	p.Position, p.Done = w.Last, true
	if len(targets) == limit {
		p.Position, p.Done = targets[limit-1].Device.Key, false
	}
	for _, t := range targets {
		if w.Small || state != notify.DeliveryAccepted {
			p.Rows = append(p.Rows, x.row(w, t.Device, state))
		}
		p.Counts = p.Counts.Add(one(state))
	}
	x.advance(p)
}

func (x *storeTest) progress(w notify.Walk) notify.Progress {
	return notify.Progress{Walk: w.ID, Lane: w.Lane, Epoch: x.own("lane/" + w.Lane.String())}
}

func (x *storeTest) advance(p ...notify.Progress) {
	x.t.Helper()
	errs := x.Advance(x.ctx(), p)
	if len(errs) != len(p) {
		x.t.Fatalf("%d results for %d progresses", len(errs), len(p))
	}
	x.ok(errors.Join(errs...))
}

// one gives the counts of one delivery of that state; a pending one is not counted.
func one(s notify.DeliveryState) (c notify.Counts) {
	switch s {
	case notify.DeliveryAccepted:
		c.Accepted = 1
	case notify.DeliveryFailed:
		c.Failed = 1
	case notify.DeliveryGone:
		c.Gone = 1
	case notify.DeliveryExpired:
		c.Expired = 1
	case notify.DeliverySuppressed:
		c.Suppressed = 1
	}
	return c
}

// rows gives the notification's stored deliveries of a state.
func (x *storeTest) rows(n notify.Notification, state notify.DeliveryState) []notify.DeliveryRow {
	x.t.Helper()
	rows, err := x.Deliveries(x.ctx(), n.ID, state, notify.Page{Limit: 1000})
	x.ok(err)
	return rows
}

// inbox gives the titles of what a person reads after a cursor.
func (x *storeTest) inbox(user string, after notify.Cursor) []string {
	x.t.Helper()
	page, err := x.Inbox(x.ctx(), user, after, 1000)
	x.ok(err)
	titles := make([]string, len(page.Items))
	for i, item := range page.Items {
		titles[i] = item.Notification.Content.Title
	}
	return titles
}

// paged reads a listing in pages of two and gives the names of its entries.
func paged[T any](x *storeTest, list func(notify.Page) ([]T, error), cursor func(T) string) (names []string) {
	x.t.Helper()
	p := notify.Page{Limit: 2}
	for {
		part, err := list(p)
		x.ok(err)
		for _, v := range part {
			names = append(names, cursor(v))
		}
		if len(part) < 2 {
			return names
		}
		if p.After = names[len(names)-1]; slices.Index(names, p.After) != len(names)-1 {
			x.t.Fatalf("the listing gave %q twice", p.After)
		}
	}
}
