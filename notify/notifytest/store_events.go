package notifytest

import (
	"time"

	"allim.dev/allim/notify"
)

func eventsSuite() []storeCase {
	return []storeCase{
		{"events: stored once by source, account and key", eventsOnce},
		{"events: read as recorded", eventRoundTrip},
		{"events: state is merged by key", stateMerged},
		{"events: all of a batch or nothing", batchWhole},
		{"events: epoch and account are checked", recordRefused},
		{"events: unplanned ones, oldest first", unplannedOrder},
	}
}

// mails gives one event for each key.
func mails(keys ...string) (events []notify.Event) {
	for _, k := range keys {
		events = append(events, notify.Event{Key: k, Type: notify.MailReceived, Params: map[string]string{"subject": k}})
	}
	return events
}

// record stores a batch under the source's lease.
func (x *storeTest) record(source string, b notify.Batch) []notify.Event {
	x.t.Helper()
	b.Epoch = x.own("source/" + source)
	fresh, err := x.Record(x.ctx(), source, b)
	x.ok(err)
	return fresh
}

// plan plans an event with a notice to its users, and gives the users and the accepted notification.
func (x *storeTest) plan(event string) (told []string, n *notify.Notification) {
	x.t.Helper()
	n, err := x.Plan(x.ctx(), event, lanes(), func(e notify.Event, users []string) *notify.Notification {
		told = users
		n := x.notice(toUsers(users...))
		n.Event, n.By, n.Content.Title = e.ID, "", e.Key
		return &n
	})
	x.ok(err)
	return told, n
}

// unplanned checks which events wait, by key.
func (x *storeTest) unplanned(keys ...string) {
	x.t.Helper()
	list, err := x.Unplanned(x.ctx(), 100)
	x.ok(err)
	var got []string
	for _, e := range list {
		got = append(got, e.Key)
	}
	x.same("unplanned events", got, keys)
}

func keysOf(events []notify.Event) (keys []string) {
	for _, e := range events {
		keys = append(keys, e.Key)
	}
	return keys
}

func eventsOnce(x *storeTest) {
	x.user("kim")
	a, b := x.account("mail", "a", "kim"), x.account("mail", "b", "kim")
	c := x.account("other", "a", "kim")
	x.same("fresh", keysOf(x.record("mail", notify.Batch{Account: a.ID, Events: mails("1", "2", "1")})), []string{"1", "2"})
	x.same("again", keysOf(x.record("mail", notify.Batch{Account: a.ID, Events: mails("1", "2", "3")})), []string{"3"})
	x.same("another account", keysOf(x.record("mail", notify.Batch{Account: b.ID, Events: mails("1")})), []string{"1"})
	x.same("another source", keysOf(x.record("other", notify.Batch{Account: c.ID, Events: mails("1")})), []string{"1"})
	for _, key := range []string{"1", "2"} {
		list, err := x.Unplanned(x.ctx(), 1)
		x.ok(err)
		x.same("next", list[0].Key, key)
		x.plan(list[0].ID)
	}
	x.same("after planning", len(x.record("mail", notify.Batch{Account: a.ID, Events: mails("1", "2")})), 0)
}

func eventRoundTrip(x *storeTest) {
	x.user("kim")
	a := x.account("mail", "a", "kim")
	now := x.clock.Now()
	e := notify.Event{Key: "1/7", Type: notify.CalendarReminder, At: now.Add(-time.Hour), SeenAt: now, Told: "hash", URL: "https://example.com/7",
		Params: map[string]string{"subject": "점심", "from": "kim@example.com"}}
	fresh := x.record("mail", notify.Batch{Account: a.ID, Events: []notify.Event{e}})
	e.ID, e.Source, e.Account = fresh[0].ID, "mail", a.ID
	x.same("recorded", fresh[0], e)
	x.reopen()
	got, err := x.Event(x.ctx(), e.ID)
	x.ok(err)
	x.same("event", got, e)
	waiting, err := x.Unplanned(x.ctx(), 10)
	x.ok(err)
	x.same("unplanned", waiting, []notify.Event{e})
	for _, id := range []string{"x", notify.NewID()} {
		_, err = x.Event(x.ctx(), id)
		x.fails(err, notify.CodeNotFound)
	}
	acc, err := x.Account(x.ctx(), a.ID)
	x.ok(err)
	x.same("last active", acc.LastActive, now)
}

func stateMerged(x *storeTest) {
	x.user("kim")
	a := x.account("mail", "a", "kim")
	state, err := x.Load(x.ctx(), a.ID)
	x.ok(err)
	x.same("state of a new account", state, map[string][]byte{})
	x.record("mail", notify.Batch{Account: a.ID, State: map[string][]byte{"a": {1}, "b": {2}, "c": {}}})
	x.record("mail", notify.Batch{Account: a.ID, State: map[string][]byte{"b": nil, "d": {0, 255}}})
	x.reopen()
	state, err = x.Load(x.ctx(), a.ID)
	x.ok(err)
	x.same("state", state, map[string][]byte{"a": {1}, "c": {}, "d": {0, 255}})
}

func batchWhole(x *storeTest) {
	x.user("kim")
	a := x.account("mail", "a", "kim")
	_, err := x.Record(x.ctx(), "mail", notify.Batch{Account: a.ID, Epoch: x.own("source/mail") + 1, Events: mails("1"),
		State: map[string][]byte{"uid": {1}}})
	x.fails(err, notify.CodeStaleEpoch)
	x.unplanned()
	state, err := x.Load(x.ctx(), a.ID)
	x.ok(err)
	x.same("state", len(state), 0)
}

func recordRefused(x *storeTest) {
	x.user("kim")
	a := x.account("mail", "a", "kim")
	_, err := x.Record(x.ctx(), "mail", notify.Batch{Account: a.ID, Epoch: 0})
	x.fails(err, notify.CodeStaleEpoch) // nobody has the lease
	epoch := x.own("source/mail")
	_, err = x.Record(x.ctx(), "mail", notify.Batch{Account: notify.NewID(), Epoch: epoch})
	x.fails(err, notify.CodeUnknownAccount)
	_, err = x.Record(x.ctx(), "other", notify.Batch{Account: a.ID, Epoch: x.own("source/other")})
	x.fails(err, notify.CodeUnknownAccount) // it is not that source's
	x.ok(x.Release(x.ctx(), "source/mail", "hub"))
	_, err = x.Record(x.ctx(), "mail", notify.Batch{Account: a.ID, Epoch: epoch})
	x.fails(err, notify.CodeStaleEpoch)
	_, err = x.Lease(x.ctx(), "source/mail", "another", time.Hour, x.clock.Now())
	x.ok(err)
	_, err = x.Record(x.ctx(), "mail", notify.Batch{Account: a.ID, Epoch: epoch})
	x.fails(err, notify.CodeStaleEpoch)
}

func unplannedOrder(x *storeTest) {
	x.user("kim")
	a, b := x.account("mail", "a", "kim"), x.account("mail", "b", "kim")
	var fresh []notify.Event
	for i, key := range []string{"5", "4", "3", "2"} {
		account := []notify.Account{a, b}[i%2]
		fresh = append(fresh, x.record("mail", notify.Batch{Account: account.ID, Events: mails(key)})...)
	}
	x.unplanned("5", "4", "3", "2")
	x.plan(fresh[1].ID)
	x.reopen()
	x.unplanned("5", "3", "2")
	list, err := x.Unplanned(x.ctx(), 2)
	x.ok(err)
	x.same("limited", keysOf(list), []string{"5", "3"})
}

func planSuite() []storeCase {
	return []storeCase{
		{"plan: the account's users, once", planOnce},
		{"plan: told once per told key", planToldOnce},
		{"plan: nothing to tell", planNothing},
		{"plan: an account without users", planNobody},
		{"plan: whoever is unknown is skipped", planSkips},
		{"plan: a panic is the caller's error, and nothing is planned", planPanics},
		{"plan: unknown event", func(x *storeTest) {
			_, err := x.Plan(x.ctx(), notify.NewID(), lanes(), nil)
			x.fails(err, notify.CodeNotFound)
		}},
	}
}

func planOnce(x *storeTest) {
	x.user("kim", "lee", "park")
	d := x.device("lee", phones)
	a := x.account("mail", "team", "kim", "lee")
	e := x.record("mail", notify.Batch{Account: a.ID, Events: mails("1")})[0]
	told, n := x.plan(e.ID)
	x.same("told", told, []string{"kim", "lee"})
	x.same("accepted", []any{n.Event, n.State, n.Counts.Targeted, n.To.Users}, []any{e.ID, notify.StateSending, int64(1), []string{"kim", "lee"}})
	x.same("reached", x.reached(x.walk(*n, phones)), []string{d.ID})
	told, n = x.plan(e.ID)
	if told != nil || n != nil {
		x.t.Fatalf("planned twice: %v, %v", told, n)
	}
	x.unplanned()
	x.same("kim's inbox", x.inbox("kim", notify.Cursor{}), []string{"1"})
	x.same("park's inbox", x.inbox("park", notify.Cursor{}), []string{})
}

func planToldOnce(x *storeTest) {
	x.user("kim", "lee")
	a, b := x.account("mail", "kim", "kim"), x.account("mail", "team", "kim", "lee")
	event := func(key, told string) []notify.Event {
		return []notify.Event{{Key: key, Type: notify.MailReceived, Told: told}}
	}
	first := x.record("mail", notify.Batch{Account: a.ID, Events: event("1", "message")})[0]
	second := x.record("mail", notify.Batch{Account: b.ID, Events: event("9", "message")})[0]
	third := x.record("mail", notify.Batch{Account: a.ID, Events: event("2", "message")})[0]
	told, _ := x.plan(first.ID)
	x.same("first", told, []string{"kim"})
	told, _ = x.plan(second.ID)
	x.same("the same thing in a shared mailbox", told, []string{"lee"})
	told, n := x.plan(third.ID)
	if told != nil || n != nil {
		x.t.Fatalf("told again: %v", told)
	}
	// Without a told key, the event's own key is what is told: nothing is merged with another account's.
	x.reopen()
	for _, account := range []notify.Account{a, b} {
		e := x.record("mail", notify.Batch{Account: account.ID, Events: event("same", "")})[0]
		told, _ := x.plan(e.ID)
		x.same("told", told, account.Users)
	}
}

func planNothing(x *storeTest) {
	x.user("kim")
	a := x.account("mail", "kim", "kim")
	fresh := x.record("mail", notify.Batch{Account: a.ID, Events: []notify.Event{{Key: "1", Told: "m"}, {Key: "2", Told: "m"}}})
	n, err := x.Plan(x.ctx(), fresh[0].ID, lanes(), func(notify.Event, []string) *notify.Notification { return nil })
	x.ok(err)
	if n != nil {
		x.t.Fatal("nothing was built, but something accepted")
	}
	x.unplanned("2")
	if told, _ := x.plan(fresh[1].ID); told != nil {
		x.t.Errorf("told after it was decided not to tell: %v", told)
	}
}

func planNobody(x *storeTest) {
	x.user("kim")
	x.members("staff", "kim")
	d := x.device("kim", phones)
	a := x.account("notices", "feed")
	e := x.record("notices", notify.Batch{Account: a.ID, Events: mails("1")})[0]
	n, err := x.Plan(x.ctx(), e.ID, lanes(), func(e notify.Event, users []string) *notify.Notification {
		x.same("users", users, []string{})
		n := x.notice(toTopics("staff"))
		return &n
	})
	x.ok(err)
	x.same("event", n.Event, e.ID)
	x.same("reached", x.reached(x.walk(*n, phones)), []string{d.ID})
}

func planSkips(x *storeTest) {
	a := x.account("notices", "feed")
	fresh := x.record("notices", notify.Batch{Account: a.ID, Events: mails("1", "2")})
	n, err := x.Plan(x.ctx(), fresh[0].ID, lanes(), func(notify.Event, []string) *notify.Notification {
		n := x.notice(toTopics("empty"))
		return &n
	})
	x.ok(err)
	if n != nil {
		x.t.Fatalf("accepted for nobody: %+v", n)
	}
	x.unplanned("2")
	x.user("kim")
	x.members("staff", "kim")
	n, err = x.Plan(x.ctx(), fresh[1].ID, lanes(), func(notify.Event, []string) *notify.Notification {
		n := x.notice(toTopics("empty", "staff"))
		return &n
	})
	x.ok(err)
	x.same("audience", n.To.Topics, []string{"staff"})
	x.same("skipped", pathsOf(n.Skipped), []string{"to.topics[0]"})
}

func planPanics(x *storeTest) {
	x.user("kim")
	a := x.account("mail", "kim", "kim")
	e := x.record("mail", notify.Batch{Account: a.ID, Events: mails("1")})[0]
	_, err := x.Plan(x.ctx(), e.ID, lanes(), func(notify.Event, []string) *notify.Notification { panic("oops") })
	x.fails(err, notify.CodeInternal)
	x.unplanned("1")
	told, _ := x.plan(e.ID)
	x.same("told", told, []string{"kim"})
}
