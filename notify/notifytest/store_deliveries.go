package notifytest

import (
	"time"

	"allim.dev/allim/notify"
)

func deliveriesSuite() []storeCase {
	return []storeCase{
		{"deliveries: listed by state, in pages", deliveriesListed},
		{"deliveries: one by id", deliveryByID},
		{"dead: given up, newest notification first", deadListed},
		{"dead: replayed", deadReplayed},
		{"dead: what cannot be replayed", notReplayed},
	}
}

func deliveriesListed(x *storeTest) {
	x.user("kim")
	var devices []notify.Device
	for range 5 {
		devices = append(devices, x.device("kim", phones))
	}
	n := x.send(toUsers("kim"))
	w := x.walk(n, phones)
	p := x.progress(w)
	p.Position, p.Done = w.Last, true
	states := []notify.DeliveryState{notify.DeliveryAccepted, notify.DeliveryFailed, notify.DeliveryAccepted, notify.DeliveryPending, notify.DeliveryGone}
	var ids []string
	for i, s := range states {
		r := x.row(w, devices[i], s)
		r.Reason = "reason"
		p.Rows = append(p.Rows, r)
		p.Counts = p.Counts.Add(one(s))
		ids = append(ids, r.ID)
	}
	x.advance(p)
	names := paged(x, func(p notify.Page) ([]notify.DeliveryRow, error) { return x.Deliveries(x.ctx(), n.ID, "", p) },
		func(r notify.DeliveryRow) string { return r.ID })
	x.same("all", names, ids)
	for state, want := range map[notify.DeliveryState]int{notify.DeliveryAccepted: 2, notify.DeliveryFailed: 1, notify.DeliveryPending: 1,
		notify.DeliveryGone: 1, notify.DeliveryExpired: 0, notify.DeliverySuppressed: 0, notify.DeliveryConfirmed: 0} {
		rows := x.rows(n, state)
		x.same("rows "+string(state), len(rows), want)
		for _, r := range rows {
			x.same("state", r.State, state)
		}
	}
	_, err := x.Confirm(x.ctx(), "kim", []notify.Receipt{{Delivery: ids[0], At: x.clock.Now()}})
	x.ok(err)
	x.same("accepted", len(x.rows(n, notify.DeliveryAccepted)), 1)
	x.same("confirmed", x.rows(n, notify.DeliveryConfirmed)[0].ID, ids[0])
	_, err = x.Deliveries(x.ctx(), notify.NewID(), "", notify.Page{})
	x.fails(err, notify.CodeUnknownNotification)
	_, err = x.Deliveries(x.ctx(), n.ID, "x", notify.Page{})
	x.fails(err, notify.CodeInvalid)
	_, err = x.Deliveries(x.ctx(), n.ID, "", notify.Page{After: "x"})
	x.fails(err, notify.CodeInvalid)
}

func deliveryByID(x *storeTest) {
	x.user("kim")
	d := x.device("kim", phones)
	n := x.send(toUsers("kim"))
	w := x.walk(n, phones)
	p := x.progress(w)
	r := x.row(w, d, notify.DeliveryPending)
	r.Attempt, r.ExpiresAt = 3, x.clock.Now().Add(time.Hour)
	p.Rows, p.Position, p.Done = []notify.DeliveryRow{r}, w.Last, true
	x.clock.Advance(time.Second)
	x.advance(p)
	got, err := x.Delivery(x.ctx(), r.ID)
	x.ok(err)
	x.same("row", got, r)
	for _, id := range []string{"x", notify.NewID(), notify.DeliveryID(n.Seq, d.Key+1)} {
		_, err = x.Delivery(x.ctx(), id)
		x.fails(err, notify.CodeUnknownDelivery)
	}
}

func deadListed(x *storeTest) {
	x.user("kim")
	x.device("kim", phones)
	x.device("kim", browsers)
	var want []string
	for _, state := range []notify.DeliveryState{notify.DeliveryFailed, notify.DeliveryExpired, notify.DeliveryGone, notify.DeliveryFailed} {
		n := x.send(toUsers("kim"))
		x.settle(x.walk(n, browsers), 10, notify.DeliveryAccepted)
		x.settle(x.walk(n, phones), 10, state)
		for _, r := range x.rows(n, state) {
			if state != notify.DeliveryGone {
				want = append([]string{r.ID}, want...)
			}
		}
	}
	names := paged(x, func(p notify.Page) ([]notify.DeliveryRow, error) { return x.Dead(x.ctx(), p) },
		func(r notify.DeliveryRow) string { return r.ID })
	x.same("dead", names, want)
	_, err := x.Dead(x.ctx(), notify.Page{After: "x"})
	x.fails(err, notify.CodeInvalid)
}

func deadReplayed(x *storeTest) {
	x.user("kim")
	d := x.device("kim", phones)
	n := x.send(toUsers("kim"))
	w := x.walk(n, phones)
	x.settle(w, 10, notify.DeliveryFailed)
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 1, Failed: 1})
	x.clock.Advance(48 * time.Hour)
	id, expires := notify.DeliveryID(n.Seq, d.Key), x.clock.Now().Add(time.Hour)
	r, err := x.Replay(x.ctx(), id, expires)
	x.ok(err)
	x.same("row", []any{r.ID, r.State, r.NextAt, r.ExpiresAt}, []any{id, notify.DeliveryPending, x.clock.Now(), expires})
	x.counts(n, notify.StateSending, notify.Counts{Targeted: 1, Pending: 1})
	x.same("done at", x.read(n).DoneAt, time.Time{})
	due, _, err := x.DueRetries(x.ctx(), phones, x.clock.Now(), 10)
	x.ok(err)
	x.same("due", []any{len(due), due[0].Row.ID, due[0].Row.ExpiresAt}, []any{1, id, expires})
	dead, err := x.Dead(x.ctx(), notify.Page{})
	x.ok(err)
	x.same("dead", len(dead), 0)
	x.depth(phones, 1)
	x.retried(w, d, notify.DeliveryAccepted)
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 1, Accepted: 1})
}

func notReplayed(x *storeTest) {
	x.user("kim")
	d := x.device("kim", phones)
	n := x.send(toUsers("kim"))
	id := notify.DeliveryID(n.Seq, d.Key)
	replay := func(id string, code notify.Code) {
		x.t.Helper()
		_, err := x.Replay(x.ctx(), id, x.clock.Now().Add(time.Hour))
		x.fails(err, code)
	}
	replay("x", notify.CodeUnknownDelivery)
	replay(notify.DeliveryID(n.Seq, d.Key+1), notify.CodeUnknownDelivery)
	replay(id, notify.CodeWrongState) // pending
	x.settle(x.walk(n, phones), 10, notify.DeliveryAccepted)
	replay(id, notify.CodeWrongState)
	failed, gone := x.send(toUsers("kim")), x.send(toUsers("kim"))
	x.settle(x.walk(failed, phones), 10, notify.DeliveryFailed)
	x.settle(x.walk(gone, phones), 10, notify.DeliveryGone)
	replay(notify.DeliveryID(gone.Seq, d.Key), notify.CodeWrongState)
	x.ok(x.DeleteDevice(x.ctx(), d.ID))
	replay(notify.DeliveryID(failed.Seq, d.Key), notify.CodeWrongState) // nobody to send it to
	x.counts(failed, notify.StateDone, notify.Counts{Targeted: 1, Failed: 1})
}

func receiptsSuite() []storeCase {
	return []storeCase{
		{"receipts: of a stored delivery", receiptStored},
		{"receipts: of a delivery without a row", receiptBig},
		{"receipts: before the outcome is stored", receiptEarly},
		{"receipts: end the retries", receiptRetry},
		{"receipts: refused one by one", receiptsRefused},
	}
}

func (x *storeTest) confirm(user string, receipts ...notify.Receipt) {
	x.t.Helper()
	errs, err := x.Confirm(x.ctx(), user, receipts)
	x.ok(err)
	for _, err := range errs {
		x.ok(err)
	}
	x.same("results", len(errs), len(receipts))
}

func receiptStored(x *storeTest) {
	x.user("kim")
	d := x.device("kim", phones)
	n := x.send(toUsers("kim"))
	x.settle(x.walk(n, phones), 10, notify.DeliveryAccepted)
	id, first := notify.DeliveryID(n.Seq, d.Key), x.clock.Now().Add(time.Second)
	x.confirm("kim", notify.Receipt{Delivery: id, At: first}, notify.Receipt{Delivery: id, At: first.Add(time.Minute)})
	x.confirm("", notify.Receipt{Delivery: id, At: first.Add(time.Hour), Opened: true})
	x.confirm("kim", notify.Receipt{Delivery: id, At: first.Add(2 * time.Hour), Opened: true})
	x.reopen()
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 1, Accepted: 1, Confirmed: 1})
	r, err := x.Delivery(x.ctx(), id)
	x.ok(err)
	x.same("row", []any{r.State, r.ConfirmedAt, r.OpenedAt}, []any{notify.DeliveryConfirmed, first, first.Add(time.Hour)})
}

func receiptBig(x *storeTest) {
	x.user("zoe")
	stranger := x.device("zoe", phones)
	x.crowd("staff", notify.SmallAudience+1)
	n := x.send(toTopics("staff"))
	w := x.walk(n, phones)
	target := x.next(w, 10)[7].Device
	x.settle(w, 1000, notify.DeliveryAccepted)
	id := notify.DeliveryID(n.Seq, target.Key)
	x.confirm(target.User, notify.Receipt{Delivery: id, Opened: true, At: x.clock.Now()})
	x.confirm(target.User, notify.Receipt{Delivery: id, At: x.clock.Now()})
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 101, Accepted: 101, Confirmed: 1})
	// Nobody confirms what was never sent: a stranger's device, or one that came later.
	for user, d := range map[string]notify.Device{"zoe": stranger, target.User: x.device(target.User, phones)} {
		errs, err := x.Confirm(x.ctx(), user, []notify.Receipt{{Delivery: notify.DeliveryID(n.Seq, d.Key)}})
		x.ok(err)
		x.fails(errs[0], notify.CodeUnknownDelivery)
	}
	x.same("confirmed", x.read(n).Counts.Confirmed, int64(1))
}

func receiptEarly(x *storeTest) {
	x.user("kim")
	d := x.device("kim", phones)
	n := x.send(toUsers("kim"))
	w := x.walk(n, phones)
	x.confirm("kim", notify.Receipt{Delivery: notify.DeliveryID(n.Seq, d.Key), At: x.clock.Now()})
	x.counts(n, notify.StateSending, notify.Counts{Targeted: 1, Accepted: 1, Confirmed: 1})
	x.same("sent again", len(x.next(w, 10)), 0)
	p := x.progress(w)
	p.Position, p.Done, p.Counts, p.Rows = w.Last, true, one(notify.DeliveryAccepted), []notify.DeliveryRow{x.row(w, d, notify.DeliveryAccepted)}
	x.advance(p)
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 1, Accepted: 1, Confirmed: 1})
	x.same("state", x.rows(n, "")[0].State, notify.DeliveryConfirmed)
}

// receiptRetry: the platform's answer was lost, but the app has it: no second push.
func receiptRetry(x *storeTest) {
	x.user("kim")
	d := x.device("kim", phones)
	n, other := x.send(toUsers("kim")), x.send(toUsers("kim"))
	x.settle(x.walk(n, phones), 10, notify.DeliveryPending)
	x.confirm("kim", notify.Receipt{Delivery: notify.DeliveryID(n.Seq, d.Key), At: x.clock.Now()})
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 1, Accepted: 1, Confirmed: 1})
	// The receipt comes before the word that it is to be tried again.
	w := x.walk(other, phones)
	p := x.progress(w)
	p.Position, p.Done, p.Rows = w.Last, true, []notify.DeliveryRow{x.row(w, d, notify.DeliveryPending)}
	x.confirm("kim", notify.Receipt{Delivery: notify.DeliveryID(other.Seq, d.Key), At: x.clock.Now()})
	x.advance(p)
	x.counts(other, notify.StateDone, notify.Counts{Targeted: 1, Accepted: 1, Confirmed: 1})
	due, _, err := x.DueRetries(x.ctx(), phones, x.clock.Now().Add(time.Hour), 10)
	x.ok(err)
	x.same("retries", len(due), 0)
}

func receiptsRefused(x *storeTest) {
	x.user("kim", "lee")
	d, e := x.device("kim", phones), x.device("lee", phones)
	n := x.send(toUsers("kim"))
	x.settle(x.walk(n, phones), 10, notify.DeliveryAccepted)
	good := notify.DeliveryID(n.Seq, d.Key)
	errs, err := x.Confirm(x.ctx(), "kim", []notify.Receipt{{Delivery: "x"}, {Delivery: good}, {Delivery: notify.DeliveryID(n.Seq, e.Key)},
		{Delivery: notify.DeliveryID(n.Seq+1, d.Key)}, {Delivery: notify.DeliveryID(n.Seq, 999)}})
	x.ok(err)
	x.same("results", len(errs), 5)
	for i, err := range errs {
		if i == 1 {
			x.ok(err)
			continue
		}
		x.fails(err, notify.CodeUnknownDelivery)
	}
	errs, err = x.Confirm(x.ctx(), "lee", []notify.Receipt{{Delivery: good}})
	x.ok(err)
	x.fails(errs[0], notify.CodeUnknownDelivery)
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 1, Accepted: 1, Confirmed: 1})
}
