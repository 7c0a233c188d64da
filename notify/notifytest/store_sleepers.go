package notifytest

import (
	"time"

	"allim.dev/allim/notify"
)

func sleepersSuite() []storeCase {
	return []storeCase{
		{"sleepers: come back at their time, once", sleepersWake},
		{"sleepers: who joins while others wake sleeps on", sleepersJoin},
		{"sleepers: of paused, cancelled and removed notifications", sleepersSteered},
		{"sleepers: a walk that ends waits for them", sleepersEnd},
	}
}

// asleep sends to a crowd, all of which the walk passes by until an hour later.
func (x *storeTest) asleep(n int) (notify.Notification, notify.Walk) {
	x.crowd("staff", n)
	sent := x.send(toTopics("staff"))
	w := x.walk(sent, phones)
	p := x.progress(w)
	for _, t := range x.next(w, n+1) {
		p.Held = append(p.Held, notify.Held{Key: t.Device.Key, At: x.clock.Now().Add(time.Hour)})
	}
	p.Position, p.Done = w.Last, true
	x.advance(p)
	return sent, w
}

// dueSleepers gives those whose time has come, and when the next ones are.
func (x *storeTest) dueSleepers() ([]notify.Walk, time.Time) {
	x.t.Helper()
	due, next, err := x.DueSleepers(x.ctx(), phones, x.clock.Now(), 100)
	x.ok(err)
	return due, next
}

func (x *storeTest) sleeping() (n int) {
	x.t.Helper()
	due, _ := x.dueSleepers()
	for _, w := range due {
		n += len(w.Sleepers.Keys)
	}
	return n
}

// wake is the progress of a chunk of which all were told.
func (x *storeTest) wake(w notify.Walk) notify.Progress {
	p := x.progress(w)
	p.Woken, p.Counts.Accepted = w.Sleepers, int64(len(w.Sleepers.Keys))
	return p
}

func sleepersWake(x *storeTest) {
	n, w := x.asleep(600)
	x.counts(n, notify.StateSending, notify.Counts{Targeted: 600, Pending: 600})
	x.same("no rows", len(x.rows(n, "")), 0)
	due, next := x.dueSleepers()
	x.same("not yet", len(due), 0)
	x.same("next", next, x.clock.Now().Add(time.Hour))
	x.clock.Advance(time.Hour)
	x.reopen()
	due, next = x.dueSleepers()
	if len(due) != 3 {
		x.t.Fatalf("600 sleepers are %d rows", len(due))
	}
	x.same("next", next, time.Time{})
	x.same("the walk", due[0].ID, w.ID)
	first := x.next(due[0], 1000)
	x.same("all of them", len(first), len(due[0].Sleepers.Keys))
	x.ok(x.DeleteDevice(x.ctx(), first[0].Device.ID))
	x.ok(x.RemoveMember(x.ctx(), "staff", first[1].Device.User))
	x.same("those who are left", len(x.next(due[0], 1000)), len(first)-2)
	p := x.wake(due[0])
	p.Counts = notify.Counts{Accepted: int64(len(first) - 3), Suppressed: 2}
	p.Rows = []notify.DeliveryRow{x.row(w, first[2].Device, notify.DeliveryPending)}
	want := notify.Counts{Targeted: 600, Pending: 601 - int64(len(first)), Accepted: int64(len(first) - 3), Suppressed: 2}
	for range 2 { // the second time changes nothing
		x.advance(p)
		x.counts(n, notify.StateSending, want)
	}
	x.same("the others", x.sleeping(), 600-len(first))
}

func sleepersJoin(x *storeTest) {
	n, _ := x.asleep(300)
	x.clock.Advance(time.Hour)
	due, _ := x.dueSleepers()
	late := due[1]
	again := x.wake(due[0])
	again.Counts.Accepted--
	again.Held = []notify.Held{{Key: due[0].Sleepers.Keys[0], At: x.clock.Now()}}
	x.advance(again) // one of them sleeps on, among those that were read
	few := late
	few.Sleepers = &notify.Sleepers{ID: late.Sleepers.ID, Keys: late.Sleepers.Keys[:10]}
	for range 2 { // the second time changes nothing
		x.advance(x.wake(few))
		x.counts(n, notify.StateSending, notify.Counts{Targeted: 300, Pending: 35, Accepted: 265})
	}
	late.Sleepers = &notify.Sleepers{ID: late.Sleepers.ID, Keys: late.Sleepers.Keys[10:]}
	x.advance(x.wake(late))
	due, _ = x.dueSleepers()
	if len(due) != 1 || len(due[0].Sleepers.Keys) != 1 || due[0].Sleepers.Keys[0] != again.Held[0].Key {
		x.t.Fatalf("asleep are %+v", due)
	}
	x.counts(n, notify.StateSending, notify.Counts{Targeted: 300, Pending: 1, Accepted: 299})
	x.advance(x.wake(due[0]))
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 300, Accepted: 300})
	x.same("asleep", x.sleeping(), 0)
}

func sleepersSteered(x *storeTest) {
	n, _ := x.asleep(notify.SmallAudience + 1)
	x.clock.Advance(time.Hour)
	x.steer(n, notify.StatePaused)
	x.same("paused", x.sleeping(), 0)
	x.steer(n, notify.StateSending)
	due, _ := x.dueSleepers()
	x.same("resumed", x.sleeping(), notify.SmallAudience+1)
	x.steer(n, notify.StateCancelled)
	all := int64(notify.SmallAudience + 1)
	x.counts(n, notify.StateCancelled, notify.Counts{Targeted: all, Suppressed: all})
	x.same("cancelled", x.sleeping(), 0)
	x.advance(x.wake(due[0])) // was under way
	x.counts(n, notify.StateCancelled, notify.Counts{Targeted: all, Accepted: all})
	x.sweepAfter(1000 * time.Hour)
	_, err := x.Notification(x.ctx(), n.ID)
	x.fails(err, notify.CodeUnknownNotification)
}

func sleepersEnd(x *storeTest) {
	n, _ := x.asleep(notify.SmallAudience + 1)
	x.same("not ready any more", len(x.ready(phones)), 0)
	x.depth(phones, notify.SmallAudience+1)
	x.clock.Advance(time.Hour)
	due, _ := x.dueSleepers()
	p := x.wake(due[0])
	p.Counts = notify.Counts{Expired: notify.SmallAudience + 1}
	x.advance(p)
	x.counts(n, notify.StateDone, notify.Counts{Targeted: notify.SmallAudience + 1, Expired: notify.SmallAudience + 1})
	x.same("dead", len(must[[]notify.DeliveryRow](x.t)(x.Dead(x.ctx(), notify.Page{}))), 0)
}
