package notifytest

import (
	"time"

	"allim.dev/allim/notify"
)

func listSuite() []storeCase {
	return []storeCase{
		{"list: newest first, in pages", listNewest},
		{"list: by state, user and event", listFilters},
	}
}

func listNewest(x *storeTest) {
	x.user("kim")
	var ids []string
	for range 5 {
		ids = append([]string{x.send(toUsers("kim")).ID}, ids...)
	}
	names := paged(x, func(p notify.Page) ([]notify.Notification, error) {
		return x.Notifications(x.ctx(), notify.NotificationFilter{}, p)
	}, func(n notify.Notification) string { return n.ID })
	x.same("notifications", names, ids)
	_, err := x.Notifications(x.ctx(), notify.NotificationFilter{}, notify.Page{After: notify.NewID()})
	x.fails(err, notify.CodeInvalid)
}

func listFilters(x *storeTest) {
	x.user("kim", "lee")
	x.device("kim", phones)
	sending, other := x.send(toUsers("kim")), x.send(toUsers("lee"))
	paused := x.send(toUsers("kim"))
	_, err := x.SetState(x.ctx(), paused.ID, notify.StatePaused)
	x.ok(err)
	n := x.notice(toUsers("kim"))
	n.Event = notify.NewID()
	of := x.sendAs(n)
	x.members("staff", "kim")
	topic := x.send(toTopics("staff"))
	list := func(f notify.NotificationFilter, want ...notify.Notification) {
		x.t.Helper()
		got, err := x.Notifications(x.ctx(), f, notify.Page{})
		x.ok(err)
		var names, wanted []string
		for _, n := range got {
			names = append(names, n.ID)
		}
		for _, n := range want {
			wanted = append(wanted, n.ID)
			x.same("like the single one", got[len(wanted)-1], x.read(n))
		}
		x.same("listed", names, wanted)
	}
	list(notify.NotificationFilter{}, topic, of, paused, other, sending)
	list(notify.NotificationFilter{State: notify.StateSending}, topic, of, sending)
	list(notify.NotificationFilter{State: notify.StatePaused}, paused)
	list(notify.NotificationFilter{State: notify.StateDone}, other)
	list(notify.NotificationFilter{State: notify.StateCancelled})
	list(notify.NotificationFilter{User: "lee"}, other)
	list(notify.NotificationFilter{User: "kim"}, topic, of, paused, sending)
	list(notify.NotificationFilter{User: "kim", State: notify.StatePaused}, paused)
	list(notify.NotificationFilter{Event: n.Event}, of)
	list(notify.NotificationFilter{Event: n.Event, User: "kim", State: notify.StateSending}, of)
	list(notify.NotificationFilter{Event: n.Event, State: notify.StateDone})
	_, err = x.Notifications(x.ctx(), notify.NotificationFilter{State: "x"}, notify.Page{})
	x.fails(err, notify.CodeInvalid)
	_, err = x.Notifications(x.ctx(), notify.NotificationFilter{User: "nobody"}, notify.Page{})
	x.fails(err, notify.CodeUnknownUser)
}

func steerSuite() []storeCase {
	return []storeCase{
		{"steer: pause and resume", pauseResume},
		{"steer: cancel settles everything", cancelSettles},
		{"steer: what was under way at the cancellation", cancelUnderWay},
		{"steer: from where there is no way", wrongState},
		{"schedule: waits for its time, then starts", scheduled},
		{"schedule: the audience of the start", scheduledAudience},
		{"schedule: cancelled", scheduledCancelled},
	}
}

// steer sets a state and checks the answer.
func (x *storeTest) steer(n notify.Notification, to notify.State) {
	x.t.Helper()
	got, err := x.SetState(x.ctx(), n.ID, to)
	x.ok(err)
	x.same("answer", got, x.read(n))
	x.same("state", got.State, to)
}

func pauseResume(x *storeTest) {
	x.user("kim")
	x.device("kim", phones)
	x.device("kim", phones)
	tried, n := x.send(toUsers("kim")), x.send(toUsers("kim"))
	x.settle(x.walk(tried, phones), 10, notify.DeliveryPending)
	now := x.clock.Now().Add(time.Hour)
	for _, p := range []notify.Notification{n, tried} {
		x.steer(p, notify.StatePaused)
		x.steer(p, notify.StatePaused)
	}
	x.same("ready", len(x.ready(phones)), 0)
	due, next, err := x.DueRetries(x.ctx(), phones, now, 10)
	x.ok(err)
	if len(due) != 0 || !next.IsZero() {
		x.t.Errorf("retries of a paused notification: %v, %v", due, next)
	}
	x.reopen()
	x.steer(n, notify.StateSending)
	x.same("ready", len(x.ready(phones)), 1)
	x.settle(x.walk(n, phones), 10, notify.DeliveryAccepted)
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 2, Accepted: 2})
	x.steer(tried, notify.StateSending)
	due, _, err = x.DueRetries(x.ctx(), phones, now, 10)
	x.ok(err)
	x.same("retries after resuming", len(due), 2)
}

func cancelSettles(x *storeTest) {
	x.user("kim")
	a := x.device("kim", phones)
	x.device("kim", phones)
	x.device("kim", browsers)
	n := x.send(toUsers("kim"))
	w := x.walk(n, phones)
	p := x.progress(w)
	p.Position, p.Counts, p.Rows = a.Key, one(notify.DeliveryAccepted), []notify.DeliveryRow{x.row(w, a, notify.DeliveryAccepted)}
	x.advance(p)
	x.steer(n, notify.StateCancelled)
	x.counts(n, notify.StateCancelled, notify.Counts{Targeted: 3, Accepted: 1, Suppressed: 2})
	x.same("done at", x.read(n).DoneAt, x.clock.Now())
	x.same("rows", len(x.rows(n, notify.DeliverySuppressed)), 2)
	x.same("ready", len(x.ready(phones))+len(x.ready(browsers)), 0)
	x.depth(phones, 0)
	x.crowd("staff", notify.SmallAudience+1)
	big := x.send(toTopics("staff"))
	x.settle(x.walk(big, phones), 30, notify.DeliveryAccepted)
	x.steer(big, notify.StatePaused)
	x.steer(big, notify.StateCancelled)
	x.counts(big, notify.StateCancelled, notify.Counts{Targeted: 101, Accepted: 30, Suppressed: 71})
	x.depth(phones, 0)
}

// depth checks the lane's queue.
func (x *storeTest) depth(l notify.Lane, want int64) {
	x.t.Helper()
	got, err := x.QueueDepth(x.ctx(), l)
	x.ok(err)
	x.same("queue of "+l.String(), got, want)
}

// cancelUnderWay: outcomes that arrive after the cancellation are the truth, and what is to be retried is not.
func cancelUnderWay(x *storeTest) {
	x.crowd("staff", notify.SmallAudience+1)
	x.user("kim")
	a, b := x.device("kim", phones), x.device("kim", phones)
	small, big := x.send(toUsers("kim")), x.send(toTopics("staff"))
	sw, bw := x.walk(small, phones), x.walk(big, phones)
	chunk := x.next(bw, 50)
	x.steer(small, notify.StateCancelled)
	x.steer(big, notify.StateCancelled)
	p := x.progress(sw)
	p.Position, p.Done, p.Counts = sw.Last, true, one(notify.DeliveryAccepted)
	p.Rows = []notify.DeliveryRow{x.row(sw, a, notify.DeliveryAccepted), x.row(sw, b, notify.DeliveryPending)}
	q := x.progress(bw)
	q.Position, q.Counts = chunk[49].Device.Key, notify.Counts{Accepted: 48, Failed: 1}
	q.Rows = []notify.DeliveryRow{x.row(bw, chunk[0].Device, notify.DeliveryFailed), x.row(bw, chunk[1].Device, notify.DeliveryPending)}
	x.advance(p, q)
	x.counts(small, notify.StateCancelled, notify.Counts{Targeted: 2, Accepted: 1, Suppressed: 1})
	x.counts(big, notify.StateCancelled, notify.Counts{Targeted: 101, Accepted: 48, Failed: 1, Suppressed: 52})
	due, _, err := x.DueRetries(x.ctx(), phones, x.clock.Now().Add(time.Hour), 10)
	x.ok(err)
	x.same("retries", len(due), 0)
	x.depth(phones, 0)
	x.same("ready", len(x.ready(phones)), 0)
}

func wrongState(x *storeTest) {
	x.user("kim")
	done := x.send(toUsers("kim"))
	x.device("kim", phones)
	cancelled, sending := x.send(toUsers("kim")), x.send(toUsers("kim"))
	x.steer(cancelled, notify.StateCancelled)
	x.steer(cancelled, notify.StateCancelled)
	x.steer(sending, notify.StateSending)
	n := x.notice(toUsers("kim"))
	n.State, n.SendAt = notify.StateScheduled, x.clock.Now().Add(time.Hour)
	later := x.sendAs(n)
	for _, c := range []struct {
		n  notify.Notification
		to []notify.State
	}{
		{done, []notify.State{notify.StatePaused, notify.StateSending, notify.StateCancelled, notify.StateScheduled}},
		{cancelled, []notify.State{notify.StatePaused, notify.StateSending, notify.StateDone}},
		{sending, []notify.State{notify.StateDone, notify.StateScheduled, "x"}},
		{later, []notify.State{notify.StatePaused, notify.StateSending, notify.StateDone}},
	} {
		for _, to := range c.to {
			_, err := x.SetState(x.ctx(), c.n.ID, to)
			x.fails(err, notify.CodeWrongState)
		}
	}
	_, err := x.SetState(x.ctx(), notify.NewID(), notify.StatePaused)
	x.fails(err, notify.CodeUnknownNotification)
}

func scheduled(x *storeTest) {
	x.user("kim")
	x.device("kim", phones)
	now := x.clock.Now()
	at := func(d time.Duration) notify.Notification {
		n := x.notice(toUsers("kim"))
		n.State, n.SendAt, n.ExpiresAt, n.Content.Title = notify.StateScheduled, now.Add(d), now.Add(d+time.Hour), d.String()
		return x.sendAs(n)
	}
	later, first := at(2*time.Hour), at(time.Hour)
	x.counts(first, notify.StateScheduled, notify.Counts{})
	x.same("audience", x.read(first).To, toUsers("kim"))
	x.same("inbox before", x.inbox("kim", notify.Cursor{}), []string{})
	x.same("ready before", len(x.ready(phones)), 0)
	x.start(now, nil, first.SendAt)
	// A reader that is ahead of the rows made at acceptance still gets the item.
	other := x.send(toUsers("kim"))
	end, err := x.InboxEnd(x.ctx(), "kim")
	x.ok(err)
	x.reopen()
	x.clock.Advance(time.Hour)
	x.start(x.clock.Now(), []notify.Lane{phones}, later.SendAt)
	x.counts(first, notify.StateSending, notify.Counts{Targeted: 1, Pending: 1})
	x.same("rows", len(x.rows(first, notify.DeliveryPending)), 1)
	x.same("inbox after", x.inbox("kim", end), []string{"1h0m0s"})
	x.settle(x.walk(first, phones), 10, notify.DeliveryAccepted)
	x.settle(x.walk(other, phones), 10, notify.DeliveryAccepted)
	x.clock.Advance(time.Hour)
	x.start(x.clock.Now(), []notify.Lane{phones}, time.Time{})
	x.start(x.clock.Now(), nil, time.Time{})
}

// start starts what is due and checks the answer.
func (x *storeTest) start(now time.Time, want []notify.Lane, next time.Time) {
	x.t.Helper()
	started, at, err := x.StartScheduled(x.ctx(), now, lanes())
	x.ok(err)
	x.same("started lanes", started, want)
	x.same("next start", at, next)
}

func scheduledAudience(x *storeTest) {
	x.user("kim", "lee")
	x.members("staff", "kim")
	n := x.notice(toTopics("staff"))
	n.State, n.SendAt, n.ExpiresAt = notify.StateScheduled, x.clock.Now().Add(time.Hour), x.clock.Now().Add(2*time.Hour)
	n = x.sendAs(n)
	x.members("staff", "lee")
	d := x.device("lee", browsers)
	x.clock.Advance(time.Hour)
	x.start(x.clock.Now(), []notify.Lane{browsers}, time.Time{})
	x.same("reached", x.reached(x.walk(n, browsers)), []string{d.ID})
	x.same("lee's inbox", x.inbox("lee", notify.Cursor{}), []string{"Lunch"})
	// A device that was named and has another owner by then is not meant any more.
	mine := x.device("kim", phones)
	n = x.notice(notify.Audience{Devices: []string{mine.ID}})
	n.State, n.SendAt, n.ExpiresAt = notify.StateScheduled, x.clock.Now().Add(time.Hour), x.clock.Now().Add(2*time.Hour)
	n = x.sendAs(n)
	x.register("lee", phones, mine.Token)
	x.clock.Advance(time.Hour)
	x.start(x.clock.Now(), nil, time.Time{})
	x.counts(n, notify.StateDone, notify.Counts{})
}

func scheduledCancelled(x *storeTest) {
	x.user("kim")
	x.device("kim", phones)
	n := x.notice(toUsers("kim"))
	n.State, n.SendAt = notify.StateScheduled, x.clock.Now().Add(time.Hour)
	n = x.sendAs(n)
	x.steer(n, notify.StateCancelled)
	x.clock.Advance(2 * time.Hour)
	x.start(x.clock.Now(), nil, time.Time{})
	x.counts(n, notify.StateCancelled, notify.Counts{})
	x.same("inbox", x.inbox("kim", notify.Cursor{}), []string{})
}
