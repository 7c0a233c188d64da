package notifytest

import (
	"time"

	"allim.dev/allim/notify"
)

func advanceSuite() []storeCase {
	return []storeCase{
		{"advance: position, counts and rows in one", advanceTogether},
		{"advance: done when all walks are", advanceDone},
		{"advance: a retry keeps it open", advanceRetry},
		{"advance: only the lease's holder", advanceStale},
		{"advance: the same progress again", advanceAgain},
		{"advance: each has its own result", advanceEach},
		{"advance: more or fewer targets than counted", advanceTargets},
		{"advance: one device, whatever happened meanwhile", advanceOne},
	}
}

// advanceOne: most walks are of one device that the platform has taken.
func advanceOne(x *storeTest) {
	x.user("kim", "lee")
	taken := notify.Counts{Targeted: 1, Accepted: 1}
	for what, c := range map[string]struct {
		meanwhile func(n notify.Notification, d notify.Device, p notify.Progress)
		state     notify.State
		counts    notify.Counts
	}{
		"nothing":   {nil, notify.StateDone, taken},
		"paused":    {func(n notify.Notification, _ notify.Device, _ notify.Progress) { x.steer(n, notify.StatePaused) }, notify.StateDone, taken},
		"cancelled": {func(n notify.Notification, _ notify.Device, _ notify.Progress) { x.steer(n, notify.StateCancelled) }, notify.StateCancelled, taken},
		"stored":    {func(_ notify.Notification, _ notify.Device, p notify.Progress) { x.advance(p) }, notify.StateDone, taken},
		"removed": {func(_ notify.Notification, d notify.Device, _ notify.Progress) { x.ok(x.DeleteDevice(x.ctx(), d.ID)) },
			notify.StateDone, taken},
		"confirmed, then stored": {func(n notify.Notification, d notify.Device, p notify.Progress) {
			x.confirm("kim", notify.Receipt{Delivery: notify.DeliveryID(n.Seq, d.Key), At: x.clock.Now()})
			x.advance(p)
		}, notify.StateDone, notify.Counts{Targeted: 1, Accepted: 1, Confirmed: 1}},
	} {
		d := x.device("kim", phones)
		n := x.send(notify.Audience{Devices: []string{d.ID}})
		w := x.walk(n, phones)
		p := x.progress(w)
		p.Position, p.Done, p.Counts, p.Rows = w.Last, true, one(notify.DeliveryAccepted), []notify.DeliveryRow{x.row(w, d, notify.DeliveryAccepted)}
		if c.meanwhile != nil {
			c.meanwhile(n, d, p)
		}
		x.advance(p)
		x.reopen()
		x.counts(n, c.state, c.counts)
		rows := x.rows(n, "")
		x.same(what+": rows", len(rows), 1)
		x.same(what+": attempt", rows[0].Attempt, 1)
		x.same(what+": ready", len(x.ready(phones)), 0)
		x.depth(phones, 0)
	}
}

func advanceTogether(x *storeTest) {
	x.crowd("staff", notify.SmallAudience+1)
	n := x.send(toTopics("staff"))
	w := x.walk(n, phones)
	chunk := x.next(w, 10)
	p := x.progress(w)
	p.Position, p.Counts = chunk[9].Device.Key, notify.Counts{Accepted: 6, Failed: 1, Expired: 1, Suppressed: 1}
	for i, s := range []notify.DeliveryState{notify.DeliveryPending, notify.DeliveryFailed, notify.DeliveryExpired, notify.DeliverySuppressed} {
		p.Rows = append(p.Rows, x.row(w, chunk[i].Device, s))
	}
	p.Devices = []notify.DeviceChange{{Key: chunk[0].Device.Key, Verdict: notify.Suspect, Reason: "odd", At: x.clock.Now()}}
	x.advance(p)
	x.reopen()
	x.counts(n, notify.StateSending, notify.Counts{Targeted: 101, Pending: 92, Accepted: 6, Failed: 1, Expired: 1, Suppressed: 1})
	x.same("position", x.walk(n, phones).Position, chunk[9].Device.Key)
	rows := x.rows(n, "")
	x.same("rows", rows, p.Rows)
	x.deviceState(chunk[0].Device, notify.DeviceSuspect, "odd", x.clock.Now())
	x.same("next", x.next(x.walk(n, phones), 1)[0].Device.Key > chunk[9].Device.Key, true)
	// From the beginning again, as after a restart that lost a step: who has a row is not told again.
	w.Position = 0
	x.same("not again", len(x.next(w, 1000)), 97)
}

func advanceDone(x *storeTest) {
	x.user("kim")
	x.device("kim", phones)
	x.device("kim", browsers)
	n := x.send(toUsers("kim"))
	x.settle(x.walk(n, phones), 10, notify.DeliveryAccepted)
	x.counts(n, notify.StateSending, notify.Counts{Targeted: 2, Pending: 1, Accepted: 1})
	x.same("not ready any more", len(x.ready(phones)), 0)
	x.clock.Advance(time.Minute)
	x.settle(x.walk(n, browsers), 10, notify.DeliveryFailed)
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 2, Accepted: 1, Failed: 1})
	x.same("done at", x.read(n).DoneAt, x.clock.Now())
	rows := x.rows(n, "")
	x.same("states", []notify.DeliveryState{rows[0].State, rows[1].State}, []notify.DeliveryState{notify.DeliveryAccepted, notify.DeliveryFailed})
}

func advanceRetry(x *storeTest) {
	x.user("kim")
	d := x.device("kim", phones)
	n := x.send(toUsers("kim"))
	w := x.walk(n, phones)
	x.settle(w, 10, notify.DeliveryPending)
	x.counts(n, notify.StateSending, notify.Counts{Targeted: 1, Pending: 1})
	x.same("ready", len(x.ready(phones)), 0)
	x.retried(w, d, notify.DeliveryPending)
	x.counts(n, notify.StateSending, notify.Counts{Targeted: 1, Pending: 1})
	x.retried(w, d, notify.DeliveryAccepted)
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 1, Accepted: 1})
	// The answer to the same outcome was not heard: it changes nothing.
	x.retried(w, d, notify.DeliveryAccepted)
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 1, Accepted: 1})
	r := x.rows(n, "")[0]
	x.same("row", []any{r.State, r.Attempt}, []any{notify.DeliveryAccepted, 2})
}

func advanceStale(x *storeTest) {
	x.user("kim")
	d := x.device("kim", phones)
	n := x.send(toUsers("kim"))
	w := x.walk(n, phones)
	p := x.progress(w)
	p.Position, p.Done, p.Counts = w.Last, true, one(notify.DeliveryAccepted)
	p.Rows = []notify.DeliveryRow{x.row(w, d, notify.DeliveryAccepted)}
	p.Devices = []notify.DeviceChange{{Key: d.Key, Verdict: notify.Gone, At: x.clock.Now().Add(time.Second)}}
	old := p.Epoch
	x.ok(x.Release(x.ctx(), "lane/"+phones.String(), "hub"))
	for _, epoch := range []notify.Epoch{old, 0, old + 1} {
		p.Epoch = epoch
		x.fails(x.Advance(x.ctx(), []notify.Progress{p})[0], notify.CodeStaleEpoch)
	}
	fresh, err := x.Lease(x.ctx(), "lane/"+phones.String(), "another", time.Hour, x.clock.Now())
	x.ok(err)
	p.Epoch = old
	x.fails(x.Advance(x.ctx(), []notify.Progress{p})[0], notify.CodeStaleEpoch)
	x.counts(n, notify.StateSending, notify.Counts{Targeted: 1, Pending: 1})
	x.deviceState(d, notify.DeviceActive, "", x.clock.Now())
	p.Epoch = fresh
	x.advance(p)
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 1, Accepted: 1})
}

func advanceAgain(x *storeTest) {
	x.crowd("staff", notify.SmallAudience+1)
	n := x.send(toTopics("staff"))
	w := x.walk(n, phones)
	chunk := x.next(w, 50)
	p := x.progress(w)
	p.Position, p.Counts = chunk[49].Device.Key, notify.Counts{Accepted: 49}
	p.Rows = []notify.DeliveryRow{x.row(w, chunk[3].Device, notify.DeliveryPending)}
	x.advance(p, p)
	x.advance(p)
	x.counts(n, notify.StateSending, notify.Counts{Targeted: 101, Pending: 52, Accepted: 49})
	q := x.progress(w)
	q.Position, q.Done, q.Counts = w.Last, true, notify.Counts{Accepted: 51}
	x.advance(q)
	x.advance(q)
	x.counts(n, notify.StateSending, notify.Counts{Targeted: 101, Pending: 1, Accepted: 100})
	x.retried(w, chunk[3].Device, notify.DeliveryAccepted)
	x.advance(q, p)
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 101, Accepted: 101})
}

func advanceEach(x *storeTest) {
	x.user("kim")
	a, b := x.device("kim", phones), x.device("kim", browsers)
	n := x.send(toUsers("kim"))
	var all []notify.Progress
	for _, d := range []notify.Device{a, b} {
		w := x.walk(n, d.Lane())
		p := x.progress(w)
		p.Position, p.Done, p.Counts, p.Rows = w.Last, true, one(notify.DeliveryAccepted), []notify.DeliveryRow{x.row(w, d, notify.DeliveryAccepted)}
		all = append(all, p)
	}
	all[0].Epoch++
	wrong := all[1]
	wrong.Rows = []notify.DeliveryRow{{ID: "no id", State: notify.DeliveryAccepted}}
	errs := x.Advance(x.ctx(), []notify.Progress{all[0], wrong, all[1]})
	x.fails(errs[0], notify.CodeStaleEpoch)
	x.fails(errs[1], notify.CodeInvalid)
	x.ok(errs[2])
	x.counts(n, notify.StateSending, notify.Counts{Targeted: 2, Pending: 1, Accepted: 1})
	x.same("none", len(x.Advance(x.ctx(), nil)), 0)
}

func advanceTargets(x *storeTest) {
	x.crowd("staff", notify.SmallAudience+1)
	for _, c := range []struct{ accepted, targeted int64 }{{100, -1}, {103, 2}, {100, 0}, {103, 0}} {
		n := x.send(toTopics("staff"))
		w := x.walk(n, phones)
		p := x.progress(w)
		p.Position, p.Done, p.Counts = w.Last, true, notify.Counts{Accepted: c.accepted, Targeted: c.targeted}
		x.advance(p)
		x.counts(n, notify.StateDone, notify.Counts{Targeted: c.accepted, Accepted: c.accepted})
	}
}

func settleSuite() []storeCase {
	return []storeCase{
		{"settle: handed over while under way", handedOverUnderWay},
		{"settle: erased while under way", erasedUnderWay},
		{"settle: retries by lane and time", dueRetries},
	}
}

func handedOverUnderWay(x *storeTest) {
	x.user("kim", "lee")
	d := x.device("kim", phones)
	n := x.send(toUsers("kim"))
	w := x.walk(n, phones)
	p := x.progress(w)
	p.Position, p.Done, p.Counts, p.Rows = w.Last, true, one(notify.DeliveryAccepted), []notify.DeliveryRow{x.row(w, d, notify.DeliveryAccepted)}
	x.register("lee", phones, d.Token)
	x.counts(n, notify.StateSending, notify.Counts{Targeted: 1, Suppressed: 1})
	x.advance(p) // it was sent all the same
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 1, Accepted: 1})
	x.same("row's user", x.rows(n, notify.DeliveryAccepted)[0].User, "kim")
}

func erasedUnderWay(x *storeTest) {
	x.user("kim", "lee")
	d, e := x.device("kim", phones), x.device("lee", phones)
	alone, both := x.send(toUsers("kim")), x.send(toUsers("kim", "lee"))
	var all []notify.Progress
	for _, n := range []notify.Notification{alone, both} {
		w := x.walk(n, phones)
		p := x.progress(w)
		p.Position, p.Done, p.Counts = w.Last, true, one(notify.DeliveryAccepted)
		p.Rows = []notify.DeliveryRow{x.row(w, d, notify.DeliveryAccepted)}
		if n.ID == both.ID {
			p.Counts = notify.Counts{Accepted: 2}
			p.Rows = append(p.Rows, x.row(w, e, notify.DeliveryAccepted))
		}
		all = append(all, p)
	}
	x.ok(x.DeleteUser(x.ctx(), "kim"))
	x.advance(all...)
	got := x.read(both)
	x.same("state", got.State, notify.StateDone)
	x.same("pending", got.Counts.Pending, int64(0))
	rows := x.rows(both, "")
	x.same("rows", len(rows), 1)
	x.same("row's user", rows[0].User, "lee")
}

func dueRetries(x *storeTest) {
	x.user("kim")
	a, b, c := x.device("kim", phones), x.device("kim", phones), x.device("kim", phones)
	web := x.device("kim", browsers)
	_, err := x.PutUser(x.ctx(), notify.User{ID: "kim", Locale: "ko", TimeZone: "Asia/Seoul"})
	x.ok(err)
	n := x.send(toUsers("kim"))
	x.settle(x.walk(n, browsers), 10, notify.DeliveryPending)
	w := x.walk(n, phones)
	p := x.progress(w)
	p.Position, p.Done = w.Last, true
	now := x.clock.Now()
	for i, d := range []notify.Device{a, b, c} {
		r := x.row(w, d, notify.DeliveryPending)
		r.NextAt, r.ExpiresAt = now.Add(time.Duration(3-i)*time.Minute), now.Add(time.Hour)
		p.Rows = append(p.Rows, r)
	}
	x.advance(p)
	look := func(after time.Duration, limit int, next time.Time, want ...notify.Device) {
		x.t.Helper()
		due, at, err := x.DueRetries(x.ctx(), phones, now.Add(after), limit)
		x.ok(err)
		var got, wanted []string
		for _, d := range due {
			got = append(got, d.Target.Device.ID)
			x.same("due", []any{d.Seq, d.Row.Device, d.Row.User, d.Row.Attempt, d.Target.UserLocale, d.Target.UserTimeZone, d.Row.ExpiresAt},
				[]any{n.Seq, d.Target.Device.ID, "kim", 1, "ko", "Asia/Seoul", now.Add(time.Hour)})
		}
		for _, d := range want {
			wanted = append(wanted, d.ID)
		}
		x.same("due devices", got, wanted)
		x.same("next", at, next)
	}
	minute := func(m int) time.Time { return now.Add(time.Duration(m) * time.Minute) }
	look(0, 10, minute(1))
	look(time.Minute, 10, minute(2), c)
	look(2*time.Minute, 10, minute(3), c, b)
	look(time.Hour, 10, time.Time{}, c, b, a)
	look(time.Hour, 2, minute(3), c, b)
	x.retried(w, c, notify.DeliveryAccepted)
	look(time.Hour, 10, time.Time{}, b, a)
	x.ok(x.DeleteDevice(x.ctx(), b.ID))
	x.reopen()
	look(time.Hour, 10, time.Time{}, a)
	due, _, err := x.DueRetries(x.ctx(), browsers, minute(60), 10)
	x.ok(err)
	x.same("the other lane's", due[0].Target.Device.ID, web.ID)
}
