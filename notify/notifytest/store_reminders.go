package notifytest

import (
	"fmt"
	"time"

	"allim.dev/allim/notify"
)

func remindersSuite() []storeCase {
	return []storeCase{
		{"reminders: fired once at their moment, the earliest first", remindersFire},
		{"reminders: replaced and removed with their object", remindersReplaced},
		{"reminders: the same firing again changes nothing", remindersAgain},
		{"reminders: a chunk at a time", remindersChunked},
		{"reminders: what is dropped is gone and no event", remindersDropped},
		{"reminders: a later one of the same sort is told of", remindersSuperseded},
		{"reminders: go with their account and person", remindersErased},
		{"reminders: of one zone are for its people", remindersLocal},
		{"reminders: what a clock skipped is for one person, and goes with them", remindersSkipped},
	}
}

// calls gives an object's reminders, one for each moment.
func calls(moments ...time.Time) (list []notify.Reminder) {
	for i, m := range moments {
		list = append(list, notify.Reminder{RecurrenceID: "20261123T100000Z", Alarm: fmt.Sprint(i), FireAt: m, Until: m.Add(time.Hour),
			Event: notify.Event{Type: notify.CalendarReminder, Told: fmt.Sprint("told ", i), URL: "https://example.com/e",
				Params: map[string]string{"title": "점심"}}})
	}
	return list
}

// remind stores reminders of objects of an account at the source "cal".
func (x *storeTest) remind(account string, objects map[notify.Object][]notify.Reminder) {
	x.t.Helper()
	x.record("cal", notify.Batch{Account: account, Reminders: objects})
}

// fire fires all that is due and gives the events' alarms; each due reminder becomes an event.
func (x *storeTest) fire(limit int) (notify.Fired, []notify.DueReminder) {
	x.t.Helper()
	now := x.clock.Now()
	var asked []notify.DueReminder
	f, err := x.FireReminders(x.ctx(), now, limit, func(d notify.DueReminder) (notify.Event, notify.Firing) {
		asked = append(asked, d)
		e := d.Event
		e.Key, e.At, e.SeenAt = d.Key(), d.FireAt, now
		return e, notify.FiredOnTime
	})
	x.ok(err)
	return f, asked
}

// firesAt checks which moments are due, as seconds from start.
func (x *storeTest) firesAt(start time.Time, want ...int) notify.Fired {
	x.t.Helper()
	f, asked := x.fire(100)
	var got []int
	for _, d := range asked {
		got = append(got, int(d.FireAt.Sub(start)/time.Second))
	}
	x.same("due", got, want)
	x.same("count", f.Count, len(want))
	return f
}

func remindersFire(x *storeTest) {
	x.user("kim")
	a, start := x.account("cal", "kim", "kim"), x.clock.Now()
	s := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
	x.remind(a.ID, map[notify.Object][]notify.Reminder{"b.ics": calls(s(30), s(10)), "a.ics": calls(s(20))})
	x.reopen()
	x.same("next", x.firesAt(start).Next, s(10))
	x.clock.Advance(10*time.Second - time.Millisecond)
	x.firesAt(start)
	x.clock.Advance(time.Millisecond)
	f := x.firesAt(start, 10)
	x.same("next", f.Next, s(20))
	want := notify.Event{ID: f.Events[0].ID, Source: "cal", Account: a.ID, Key: f.Events[0].Key, Type: notify.CalendarReminder, At: s(10),
		SeenAt: s(10), Told: "told 1", URL: "https://example.com/e", Params: map[string]string{"title": "점심"}}
	x.same("events", f.Events, []notify.Event{want})
	x.same("outcomes", f.Outcomes, map[notify.Firing]int{notify.FiredOnTime: 1})
	got, err := x.Event(x.ctx(), want.ID)
	x.ok(err)
	x.same("event as stored", got, want)
	x.unplanned(want.Key)
	x.clock.Advance(time.Hour)
	x.same("next", x.firesAt(start, 20, 30).Next, time.Time{})
	x.firesAt(start)
}

func remindersReplaced(x *storeTest) {
	x.user("kim")
	a, start := x.account("cal", "kim", "kim"), x.clock.Now()
	s := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
	x.remind(a.ID, map[notify.Object][]notify.Reminder{"moved": calls(s(10), s(11)), "cancelled": calls(s(10)), "kept": calls(s(12))})
	x.remind(a.ID, map[notify.Object][]notify.Reminder{"moved": calls(s(20)), "cancelled": nil})
	b := x.account("cal", "lee", "kim")
	x.remind(b.ID, map[notify.Object][]notify.Reminder{"kept": nil}) // another account's
	_, err := x.Record(x.ctx(), "cal", notify.Batch{Account: a.ID, Epoch: x.own("source/cal") + 1,
		Reminders: map[notify.Object][]notify.Reminder{"kept": nil}})
	x.fails(err, notify.CodeStaleEpoch) // nothing of it
	x.clock.Advance(time.Minute)
	x.firesAt(start, 12, 20)
}

func remindersAgain(x *storeTest) {
	x.user("kim")
	a, start := x.account("cal", "kim", "kim"), x.clock.Now()
	objects := map[notify.Object][]notify.Reminder{"a": calls(start.Add(time.Second))}
	x.remind(a.ID, objects)
	x.clock.Advance(time.Minute)
	x.same("events", len(x.firesAt(start, 1).Events), 1)
	x.remind(a.ID, objects) // the object was edited, its reminder is the same
	x.same("events of the same", len(x.firesAt(start, 1).Events), 0)
	x.remind(a.ID, map[notify.Object][]notify.Reminder{"a": calls(start.Add(2 * time.Second))})
	x.same("events of the moved", len(x.firesAt(start, 2).Events), 1)
	x.remind(a.ID, map[notify.Object][]notify.Reminder{"b": calls(start.Add(time.Second))})
	x.same("events of another object", len(x.firesAt(start, 1).Events), 1)
}

func remindersChunked(x *storeTest) {
	x.user("kim")
	a, start := x.account("cal", "kim", "kim"), x.clock.Now()
	objects := map[notify.Object][]notify.Reminder{}
	for i := range 5 {
		objects[notify.Object(fmt.Sprint(i))] = calls(start.Add(time.Second))
	}
	x.remind(a.ID, objects)
	x.clock.Advance(time.Second)
	for _, want := range []int{2, 2, 1, 0} {
		f, _ := x.fire(2)
		x.same("taken", []int{f.Count, len(f.Events)}, []int{want, want})
	}
}

func remindersDropped(x *storeTest) {
	x.user("kim")
	a, start := x.account("cal", "kim", "kim"), x.clock.Now()
	x.remind(a.ID, map[notify.Object][]notify.Reminder{"a": calls(start)})
	f, err := x.FireReminders(x.ctx(), start, 10, func(d notify.DueReminder) (notify.Event, notify.Firing) {
		x.same("asked of", []any{d.Source, d.Account, d.Object, d.Until}, []any{"cal", a.ID, notify.Object("a"), start.Add(time.Hour)})
		return notify.Event{}, notify.FiredNot
	})
	x.ok(err)
	x.same("fired", f, notify.Fired{Outcomes: map[notify.Firing]int{notify.FiredNot: 1}, Count: 1})
	x.unplanned()
	x.firesAt(start)
}

func remindersSuperseded(x *storeTest) {
	x.user("kim")
	a, start := x.account("cal", "kim", "kim"), x.clock.Now()
	list := calls(start, start.Add(time.Second), start.Add(2*time.Second), start.Add(time.Hour))
	list[0].RecurrenceID = "another" // of its own
	list = append(list, notify.Reminder{RecurrenceID: list[1].RecurrenceID, Alarm: "due", FireAt: start.Add(3 * time.Second),
		Event: notify.Event{Type: notify.TaskDue}})
	x.remind(a.ID, map[notify.Object][]notify.Reminder{"a": list, "b": calls(start.Add(time.Second))})
	x.clock.Advance(time.Minute)
	_, asked := x.fire(10)
	got := map[string]bool{}
	for _, d := range asked {
		got[string(d.Object)+d.Alarm] = d.Superseded
	}
	x.same("superseded", got, map[string]bool{"a0": false, "a1": true, "a2": false, "adue": false, "b0": false})
}

func remindersErased(x *storeTest) {
	x.user("kim", "lee", "choi")
	start := x.clock.Now()
	due := map[notify.Object][]notify.Reminder{"a": calls(start)}
	deleted, own := x.account("cal", "deleted", "kim"), x.account("cal", "own", "lee")
	shared := x.account("cal", "shared", "lee", "kim")
	for _, a := range []notify.Account{deleted, own, shared} {
		x.remind(a.ID, due)
	}
	x.record("cal", notify.Batch{Account: deleted.ID, Events: mails("1")}) // planned: a bare row stays
	list, err := x.Unplanned(x.ctx(), 1)
	x.ok(err)
	x.plan(list[0].ID)
	x.ok(x.DeleteAccount(x.ctx(), deleted.ID))
	x.ok(x.DeleteUser(x.ctx(), "lee"))
	rule := notify.AccountsFrom{Kind: "email"}
	x.person("choi", "email:choi@example.com")
	_, err = x.SyncAccounts(x.ctx(), "cal", rule)
	x.ok(err)
	accounts, err := x.WatchedAccounts(x.ctx(), "cal")
	x.ok(err)
	for _, a := range accounts {
		if a.Login == "choi@example.com" {
			x.remind(a.ID, due)
		}
	}
	x.person("choi") // the account goes with the identity, for now
	_, err = x.SyncAccounts(x.ctx(), "cal", rule)
	x.ok(err)
	f, asked := x.fire(10)
	x.same("taken", f.Count, 2)
	x.same("asked of", len(asked), 1)
	x.same("account", asked[0].Account, shared.ID)
	x.same("outcomes", f.Outcomes, map[notify.Firing]int{notify.FiredOnTime: 1, notify.FiredNot: 1})
}

// resident makes a user in a zone.
func (x *storeTest) resident(id, zone string) {
	x.t.Helper()
	_, err := x.PutUser(x.ctx(), notify.User{ID: id, TimeZone: zone, UpdatedAt: x.clock.Now()})
	x.ok(err)
}

// in makes reminders those of a zone, which is so many hours ahead of UTC.
func in(zone string, ahead int, list []notify.Reminder) []notify.Reminder {
	for i := range list {
		list[i].Local = &notify.Local{Zone: zone, Wall: list[i].FireAt.Add(time.Duration(ahead) * time.Hour)}
	}
	return list
}

// tells fires all that is due, and gives whom it is for, as "title: user user".
func (x *storeTest) tells() (told []string) {
	x.t.Helper()
	x.fire(100)
	list, err := x.Unplanned(x.ctx(), 100)
	x.ok(err)
	for _, e := range list {
		_, err := x.Plan(x.ctx(), e.ID, lanes(), func(_ notify.Event, users []string) *notify.Notification {
			told = append(told, fmt.Sprint(e.Told, " ", users))
			return nil
		})
		x.ok(err)
	}
	return told
}

func remindersLocal(x *storeTest) {
	x.resident("kim", "Asia/Seoul")
	x.resident("lee", "Asia/Tokyo")
	x.resident("choi", "")
	a, start := x.account("cal", "shared", "kim", "lee", "choi"), x.clock.Now()
	accounts, err := x.WatchedAccounts(x.ctx(), "cal")
	x.ok(err)
	x.same("zones", accounts[0].Zones, []string{"", "Asia/Seoul", "Asia/Tokyo"})
	x.remind(a.ID, map[notify.Object][]notify.Reminder{"a": append(append(in("Asia/Seoul", 9, calls(start, start.Add(time.Hour))),
		in("Asia/Tokyo", 9, calls(start))...), in("", 0, calls(start.Add(2*time.Hour)))...)})
	x.reopen()
	var asked []notify.DueReminder
	_, err = x.FireReminders(x.ctx(), start.Add(time.Hour), 10, func(d notify.DueReminder) (notify.Event, notify.Firing) {
		asked = append(asked, d)
		e := d.Event
		e.Key, e.Local = d.Key(), d.Local
		return e, notify.FiredOnTime
	})
	x.ok(err)
	var got []string
	for _, d := range asked {
		got = append(got, fmt.Sprint(d.Local.Zone, " ", d.Local.Wall.Sub(d.FireAt), " ", d.Superseded))
	}
	x.same("due", got, []string{"Asia/Seoul 9h0m0s true", "Asia/Tokyo 9h0m0s false", "Asia/Seoul 9h0m0s false"})
	x.same("told", x.tells(), []string{"told 0 [kim]", "told 0 [lee]", "told 1 [kim]"})
	x.clock.Advance(2 * time.Hour)
	x.same("told of those without a zone", x.tells(), []string{"told 0 [choi]"})
}

func remindersSkipped(x *storeTest) {
	x.resident("kim", "America/New_York")
	x.resident("lee", "America/New_York")
	x.resident("park", "")
	x.members("staff", "kim", "lee")
	shared, start := x.account("cal", "shared", "kim", "lee"), x.clock.Now()
	feed, _, err := x.PutAccount(x.ctx(), notify.Account{Source: "cal", Login: "feed", Topic: "staff", Explicit: true})
	x.ok(err)
	x.same("topic", feed.Topic, "staff")
	accounts, err := x.WatchedAccounts(x.ctx(), "cal")
	x.ok(err)
	x.same("zones of all users", accounts[0].Zones, []string{"", "America/New_York"})
	lunch := in("America/New_York", -5, calls(start.Add(10*time.Hour))) // in Seoul it was four hours ago
	lunch[0].Until = time.Time{}
	for _, a := range []notify.Account{shared, feed} {
		x.remind(a.ID, map[notify.Object][]notify.Reminder{"a": lunch})
	}
	x.resident("kim", "Asia/Seoul")
	x.resident("lee", "Asia/Seoul")
	x.ok(x.RemoveMember(x.ctx(), "staff", "lee"))
	x.ok(x.MergeUser(x.ctx(), "lee", "park"))
	list, err := x.Unplanned(x.ctx(), 10)
	x.ok(err)
	x.same("one for each and account", len(list), 4)
	for _, e := range list {
		x.same("event", []any{e.Params[notify.ParamLate], e.Local, e.At}, []any{"true", &notify.Local{Zone: "Asia/Seoul", Wall: lunch[0].Local.Wall}, start.Add(-4 * time.Hour)})
	}
	x.reopen()
	x.ok(x.DeleteUser(x.ctx(), "kim"))
	x.same("told", x.tells(), []string{"told 0 [park]"}) // who is no member of the topic, and kim is no more
	x.clock.Advance(10 * time.Hour)
	x.same("told in New York", x.tells(), []string{"told 0 []"})                                       // the feed asks for its members in any case
	feed, _, err = x.PutAccount(x.ctx(), notify.Account{Source: "cal", Login: "feed", Explicit: true}) // the source has none any more
	x.ok(err)
	x.same("topic", feed.Topic, "")
}
