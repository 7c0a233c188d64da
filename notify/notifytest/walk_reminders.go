package notifytest

import (
	"fmt"
	"time"

	"allim.dev/allim/notify"
)

// reminded is the walk of reminders, from a connector's batch to the push at its moment.
func reminded() map[string]func(*house) {
	return map[string]func(*house){
		"a reminder is pushed at its second":                  remindedOnTime,
		"a reminder waits for its time over restarts":         remindedAfterRestart,
		"after a downtime what still helps is told late":      remindedLate,
		"a moved or cancelled meeting takes its reminders":    remindersMoved,
		"a reminder whose moment has passed when it is put":   remindedAtOnce,
		"reminders follow a clock that is set":                remindedByNewClock,
		"many reminders of one second hold up nobody":         remindedTogether,
		"a reminder goes with its account":                    remindedNobody,
		"a person is told once of one reminder in two places": remindedOnce,
	}
}

// meeting has the connector put an object with one reminder, over at an hour after it.
func (h *house) meeting(w notify.Watch, account string, object notify.Object, at time.Time) {
	h.t.Helper()
	h.put(w, account, object, notify.Reminder{RecurrenceID: "r", Alarm: "a", FireAt: at, Until: at.Add(time.Hour), Event: reminderOf(object)})
}

func reminderOf(object notify.Object) notify.Event {
	return notify.Event{Type: notify.CalendarReminder, Told: "reminder of " + string(object), Params: map[string]string{"title": string(object)}}
}

// put replaces an object's reminders.
func (h *house) put(w notify.Watch, account string, object notify.Object, list ...notify.Reminder) {
	h.t.Helper()
	if err := w.Put(h.ctx(), notify.Batch{Account: account, Reminders: map[notify.Object][]notify.Reminder{object: list}}); err != nil {
		h.t.Fatal(err)
	}
}

// reminders waits for n pushes and gives the events behind them, by the title of their object.
func (h *house) reminders(n int) map[string]notify.Event {
	h.t.Helper()
	Until(h.t, fmt.Sprintf("%d reminders", n), func() bool { return len(h.phones().Sent()) >= n })
	h.wantAccepted(phones, n, 1)
	events := map[string]notify.Event{}
	for _, s := range must[[]notify.Notification](h.t)(h.store.Notifications(h.ctx(), notify.NotificationFilter{}, notify.Page{Limit: 1000})) {
		e := must[notify.Event](h.t)(h.store.Event(h.ctx(), s.Event))
		events[e.Params["title"]] = e
	}
	return events
}

func remindedOnTime(h *house) {
	h.person("kim", 1)
	a, due := h.account("kim", "kim"), h.clock.Now().Add(47*time.Minute+13*time.Second)
	w := h.watch()
	h.meeting(w, a.ID, "later", due.Add(time.Second))
	h.meeting(w, a.ID, "lunch", due)
	h.clock.Set(due.Add(-time.Millisecond))
	h.clock.Set(due)
	e := h.reminders(1)["lunch"]
	if !e.SeenAt.Equal(due) || !e.At.Equal(due) || e.Params[notify.ParamLate] != "" {
		h.t.Errorf("fired at %s, of %s, late %q; want at %s", e.SeenAt, e.At, e.Params[notify.ParamLate], due)
	}
	h.clock.Advance(time.Second)
	if e := h.reminders(2)["later"]; !e.SeenAt.Equal(due.Add(time.Second)) {
		h.t.Errorf("the second fired at %s, want %s", e.SeenAt, due.Add(time.Second))
	}
}

func remindedAfterRestart(h *house) {
	h.person("kim", 1)
	a, due := h.account("kim", "kim"), h.clock.Now().Add(time.Hour)
	h.meeting(h.watch(), a.ID, "lunch", due)
	h.restart()
	h.watch()
	h.clock.Set(due.Add(-time.Second))
	h.restart()
	h.watch()
	h.clock.Set(due)
	if e := h.reminders(1)["lunch"]; !e.SeenAt.Equal(due) {
		h.t.Errorf("fired at %s, want %s", e.SeenAt, due)
	}
	h.restart()
	w := h.watch()
	h.meeting(w, a.ID, "lunch", due) // the connector was not sure
	h.meeting(w, a.ID, "tea", due.Add(time.Second))
	h.clock.Advance(time.Second)
	h.reminders(2)
}

func remindedLate(h *house) {
	h.person("kim", 1)
	a, start := h.account("kim", "kim"), h.clock.Now()
	w := h.watch()
	for i := range 30 {
		h.meeting(w, a.ID, notify.Object(fmt.Sprint("call ", i)), start.Add(time.Duration(i+1)*time.Minute))
	}
	long := func(object notify.Object, alarm string, fire, until time.Duration) notify.Reminder {
		return notify.Reminder{Alarm: alarm, FireAt: start.Add(fire), Until: start.Add(until), Event: reminderOf(object)}
	}
	h.put(w, a.ID, "stale", long("stale", "a", time.Second, 24*time.Hour))
	h.put(w, a.ID, "whole day", long("whole day", "first", time.Hour, 24*time.Hour), long("whole day", "last", 90*time.Minute, 24*time.Hour))
	h.stop()
	h.clock.Set(start.Add(2*time.Hour + 2*time.Second)) // calls 0 to 29 are over; two alarms of the whole day were missed
	h.meetingWhileDown(a.ID, "standing", start.Add(110*time.Minute))
	h.start()
	got := h.reminders(2)
	if len(got) != 2 || got["whole day"].Params[notify.ParamLate] != "true" || got["standing"].Params[notify.ParamLate] != "true" {
		h.t.Errorf("told of %v, want the whole day and the standing one, marked late", got)
	}
	if e := got["whole day"]; !e.At.Equal(start.Add(90 * time.Minute)) {
		h.t.Errorf("the whole day is told of its alarm at %s, want the last one", e.At)
	}
}

// meetingWhileDown puts a reminder into the store of a hub that does not run, as one that was put before.
func (h *house) meetingWhileDown(account string, object notify.Object, at time.Time) {
	h.t.Helper()
	h.store = h.open(h.t, h.dir, h.clock)
	epoch := must[notify.Epoch](h.t)(h.store.Lease(h.ctx(), "source/mail", "another", 0, h.clock.Now()))
	must[[]notify.Event](h.t)(h.store.Record(h.ctx(), "mail", notify.Batch{Account: account, Epoch: epoch,
		Reminders: map[notify.Object][]notify.Reminder{object: {{FireAt: at, Until: at.Add(time.Hour), Event: reminderOf(object)}}}}))
	if err := h.store.Close(); err != nil {
		h.t.Fatal(err)
	}
}

func remindersMoved(h *house) {
	h.person("kim", 1)
	a, start := h.account("kim", "kim"), h.clock.Now()
	w := h.watch()
	h.meeting(w, a.ID, "moved", start.Add(time.Minute))
	h.meeting(w, a.ID, "cancelled", start.Add(time.Minute))
	h.meeting(w, a.ID, "kept", start.Add(2*time.Minute))
	h.meeting(w, a.ID, "moved", start.Add(3*time.Minute))
	h.put(w, a.ID, "cancelled")
	h.clock.Set(start.Add(2 * time.Minute))
	h.reminders(1)
	h.clock.Set(start.Add(3 * time.Minute))
	if e := h.reminders(2)["moved"]; !e.At.Equal(start.Add(3 * time.Minute)) {
		h.t.Errorf("the moved meeting is told of at %s", e.At)
	}
	h.put(w, a.ID, "moved", notify.Reminder{RecurrenceID: "r", Alarm: "a", FireAt: start.Add(4 * time.Minute),
		Event: notify.Event{Type: notify.CalendarReminder, Params: map[string]string{"title": "moved again"}}}) // after it fired
	h.clock.Set(start.Add(4 * time.Minute))
	h.reminders(3)
}

func remindedAtOnce(h *house) {
	h.person("kim", 1)
	a, now := h.account("kim", "kim"), h.clock.Now()
	w := h.watch()
	h.meeting(w, a.ID, "over", now.Add(-61*time.Minute))
	h.meeting(w, a.ID, "soon", now.Add(-5*time.Minute))
	if e := h.reminders(1)["soon"]; e.Params[notify.ParamLate] != "true" {
		h.t.Errorf("told of %v", e)
	}
	h.meeting(w, a.ID, "soon", now.Add(-5*time.Minute)) // edited, but not moved
	h.meeting(w, a.ID, "sooner", now.Add(-time.Second))
	if e := h.reminders(2)["sooner"]; e.Params[notify.ParamLate] != "" {
		h.t.Error("a second is not late")
	}
}

func remindedByNewClock(h *house) {
	h.person("kim", 1)
	a, start := h.account("kim", "kim"), h.clock.Now()
	w := h.watch()
	h.meeting(w, a.ID, "lunch", start.Add(3*time.Hour))
	h.clock.Set(start.Add(-24 * time.Hour)) // it was wrong by a day
	h.meeting(w, a.ID, "yesterday's", start.Add(-24*time.Hour+time.Minute))
	h.clock.Advance(time.Minute)
	h.reminders(1)
	h.clock.Set(start.Add(3*time.Hour + 30*time.Second))
	h.reminders(2)
}

func remindedTogether(h *house) {
	const n = 1200 // several chunks
	h.person("kim", 1)
	a, due := h.account("kim", "kim"), h.clock.Now().Add(time.Hour)
	w := h.watch()
	objects := map[notify.Object][]notify.Reminder{}
	for i := range n {
		object := notify.Object(fmt.Sprint("call ", i))
		objects[object] = []notify.Reminder{{FireAt: due, Event: reminderOf(object)}}
	}
	if err := w.Put(h.ctx(), notify.Batch{Account: a.ID, Reminders: objects}); err != nil {
		h.t.Fatal(err)
	}
	h.clock.Set(due)
	h.person("lee", 1) // while they fire
	sent := h.send(notify.Notification{To: notify.Audience{Users: []string{"lee"}}})
	h.wantCounts(sent.ID, notify.Counts{Targeted: 1, Accepted: 1})
	Until(h.t, "all reminders", func() bool { return len(h.phones().Sent()) >= n+1 })
	h.wantAccepted(phones, n+1, 1)
}

func remindedNobody(h *house) {
	h.person("kim", 1)
	h.person("lee", 1)
	a, b, due := h.account("a", "kim"), h.account("b", "lee"), h.clock.Now().Add(time.Hour)
	w := h.watch()
	h.meeting(w, a.ID, "of the account", due)
	h.meeting(w, b.ID, "of the person", due)
	if err := h.hub.RemoveAccount(h.ctx(), a.ID); err != nil {
		h.t.Fatal(err)
	}
	if err := h.hub.DeleteUser(h.ctx(), "lee"); err != nil {
		h.t.Fatal(err)
	}
	c := h.account("c", "kim")
	h.meeting(w, c.ID, "control", due)
	h.clock.Set(due)
	if got := h.reminders(1); len(got) != 1 || got["control"].ID == "" {
		h.t.Errorf("told of %v", got)
	}
}

func remindedOnce(h *house) {
	h.person("kim", 1)
	a, b, due := h.account("own", "kim"), h.account("shared", "kim"), h.clock.Now().Add(time.Hour)
	w := h.watch()
	h.meeting(w, a.ID, "lunch", due)
	h.meeting(w, b.ID, "lunch", due)
	h.meeting(w, b.ID, "tea", due)
	h.clock.Set(due)
	Until(h.t, "both to be planned", func() bool {
		left, err := h.store.Unplanned(h.ctx(), 10)
		return err == nil && len(left) == 0 && len(h.phones().Sent()) >= 2
	})
	h.reminders(2)
}
