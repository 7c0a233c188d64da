package notifytest

import (
	"time"

	"allim.dev/allim/notify"
)

// underWaySuite is what becomes of a delivery whose device changes while it is under way and is then to be tried again:
// it never reaches anybody else, and it never waits for a device that is no more.
func underWaySuite() []storeCase {
	return []storeCase{
		{"under way: handed over, small audience", handedOverThenRetried},
		{"under way: handed over, big audience", handedOverInACrowd},
		{"under way: handed over, and its owner erased", handedOverAndErased},
		{"under way: device removed", removedThenRetried},
		{"under way: merged", mergedThenRetried},
		{"under way: a dead letter is not replayed to another owner", deadAfterHandOver},
	}
}

// taken is a walk with the progress of one attempt at d that is to be tried again.
func (x *storeTest) taken(n notify.Notification, d notify.Device) notify.Progress {
	x.t.Helper()
	w := x.walk(n, phones)
	p := x.progress(w)
	r := x.row(w, d, notify.DeliveryPending)
	r.NextAt = x.clock.Now()
	p.Position, p.Rows = d.Key, []notify.DeliveryRow{r}
	return p
}

// due gives the devices that are tried again in an hour.
func (x *storeTest) due() (ids []string) {
	x.t.Helper()
	list, _, err := x.DueRetries(x.ctx(), phones, x.clock.Now().Add(time.Hour), 10)
	x.ok(err)
	for _, d := range list {
		ids = append(ids, d.Target.Device.ID)
	}
	return ids
}

func handedOverThenRetried(x *storeTest) {
	x.user("kim", "lee")
	d := x.device("kim", phones)
	n := x.send(toUsers("kim"))
	p := x.taken(n, d)
	p.Done = true
	x.register("lee", phones, d.Token)
	x.advance(p)
	x.same("retries", x.due(), []string{})
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 1, Suppressed: 1})
}

func handedOverInACrowd(x *storeTest) {
	x.user("kim", "zoe")
	ids := x.crowd("staff", notify.SmallAudience+1)
	x.members("staff", "kim")
	d := x.device("kim", phones)
	n := x.send(toTopics("staff"))
	p := x.taken(n, d)
	p.Done, p.Counts = true, notify.Counts{Accepted: int64(len(ids))}
	x.register("zoe", phones, d.Token)
	x.advance(p)
	x.same("retries", x.due(), []string{})
	x.counts(n, notify.StateDone, notify.Counts{Targeted: int64(len(ids)) + 1, Accepted: int64(len(ids)), Suppressed: 1})
}

func handedOverAndErased(x *storeTest) {
	x.user("kim", "lee", "zoe")
	d := x.device("kim", phones)
	x.device("zoe", phones)
	n := x.send(toUsers("kim", "zoe"))
	p := x.taken(n, d)
	x.register("lee", phones, d.Token)
	x.ok(x.DeleteUser(x.ctx(), "kim"))
	x.advance(p)
	x.same("retries", x.due(), []string{})
	for _, r := range x.rows(n, "") {
		x.same("the row's user", r.User, "zoe")
	}
}

func removedThenRetried(x *storeTest) {
	x.user("kim")
	d := x.device("kim", phones)
	n := x.send(toUsers("kim"))
	p := x.taken(n, d)
	p.Done = true
	x.ok(x.DeleteDevice(x.ctx(), d.ID))
	x.advance(p)
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 1, Suppressed: 1})
}

func mergedThenRetried(x *storeTest) {
	x.user("kim", "lee")
	d := x.device("kim", phones)
	n := x.send(toUsers("kim"))
	p := x.taken(n, d)
	p.Done = true
	x.ok(x.MergeUser(x.ctx(), "kim", "lee"))
	x.advance(p)
	x.same("retries", x.due(), []string{d.ID})
	x.counts(n, notify.StateSending, notify.Counts{Targeted: 1, Pending: 1})
}

func deadAfterHandOver(x *storeTest) {
	x.user("kim", "lee")
	d := x.device("kim", phones)
	n := x.send(toUsers("kim"))
	x.settle(x.walk(n, phones), 10, notify.DeliveryFailed)
	x.register("lee", phones, d.Token)
	_, err := x.Replay(x.ctx(), notify.DeliveryID(n.Seq, d.Key), x.clock.Now().Add(time.Hour))
	x.fails(err, notify.CodeWrongState)
	x.same("retries", x.due(), []string{})
}
