package notifytest

import (
	"time"

	"allim.dev/allim/notify"
)

func walksSuite() []storeCase {
	return []storeCase{
		{"walks: small ones first, then by age", readyOrder},
		{"walks: pages in the order of keys, each device once", nextPages},
		{"walks: who has left is not told", nextLeft},
		{"walks: who came later is not told", nextLate},
		{"walks: a device named by its id follows no new owner", nextDeviceOwner},
		{"walks: the user's locale comes along", nextLocale},
		{"walks: every way to read an audience gives the same", nextWays},
		{"lanes: states outlive a restart", laneStates},
		{"lanes: depth of the queue", queueDepth},
	}
}

func readyOrder(x *storeTest) {
	x.crowd("staff", notify.SmallAudience+1)
	big1, big2 := x.send(toTopics("staff")), x.send(notify.Audience{All: true})
	small1, small2 := x.send(toUsers("staff-000")), x.send(toUsers("staff-001"))
	names := func(limit int) (ids []string) {
		walks, err := x.Ready(x.ctx(), phones, x.clock.Now(), limit)
		x.ok(err)
		for _, w := range walks {
			ids = append(ids, w.Notification)
		}
		return ids
	}
	x.same("ready", names(10), []string{small1.ID, small2.ID, big1.ID, big2.ID})
	x.same("limited", names(3), []string{small1.ID, small2.ID, big1.ID})
	x.same("another lane", len(x.ready(browsers)), 0)
	x.settle(x.walk(small1, phones), 10, notify.DeliveryAccepted)
	x.steer(big1, notify.StatePaused)
	x.steer(small2, notify.StateCancelled)
	x.same("ready", names(10), []string{big2.ID})
	w := x.walk(big2, phones)
	x.settle(w, 40, notify.DeliveryAccepted)
	got := x.walk(big2, phones)
	x.same("position", got.Position > w.Position && got.Position < got.Last, true)
	x.same("counts", got.Counts, notify.Counts{Targeted: 101, Pending: 61, Accepted: 40})
}

func nextPages(x *storeTest) {
	ids := x.crowd("staff", notify.SmallAudience+5)
	for _, to := range []notify.Audience{toTopics("staff"), {All: true}} {
		n := x.send(to)
		var got []string
		for range 100 {
			w := x.walk(n, phones)
			targets := x.next(w, 30)
			for i, t := range targets {
				got = append(got, t.Device.ID)
				if t.Device.Key <= w.Position || t.Device.Key > w.Last || (i > 0 && t.Device.Key <= targets[i-1].Device.Key) {
					x.t.Fatalf("the key %d is out of order", t.Device.Key)
				}
			}
			x.settle(w, 30, notify.DeliveryAccepted)
			if len(targets) < 30 {
				break
			}
		}
		x.same("all devices", got, ids)
		x.counts(n, notify.StateDone, notify.Counts{Targeted: 105, Accepted: 105})
	}
}

func nextLeft(x *storeTest) {
	x.user("kim", "lee", "park")
	x.members("staff", "kim", "lee", "park")
	a, b, c := x.device("kim", phones), x.device("lee", phones), x.device("park", phones)
	n := x.send(toTopics("staff"))
	w := x.walk(n, phones)
	x.same("reached", x.reached(w), []string{a.ID, b.ID, c.ID})
	x.ok(x.RemoveMember(x.ctx(), "staff", "lee"))
	x.ok(x.DeleteDevice(x.ctx(), c.ID))
	x.same("reached", x.reached(w), []string{a.ID})
	x.settle(w, 10, notify.DeliveryAccepted)
	x.counts(n, notify.StateDone, notify.Counts{Targeted: 3, Accepted: 1, Suppressed: 2})
	big := x.crowd("all", notify.SmallAudience+1)
	n = x.send(toTopics("all"))
	x.ok(x.RemoveMember(x.ctx(), "all", "all-050"))
	x.settle(x.walk(n, phones), 1000, notify.DeliveryAccepted)
	x.counts(n, notify.StateDone, notify.Counts{Targeted: int64(len(big)) - 1, Accepted: int64(len(big)) - 1})
}

func nextLate(x *storeTest) {
	x.user("kim", "lee")
	x.members("staff", "kim")
	a, late := x.device("kim", phones), x.device("lee", phones)
	topic, user, all := x.send(toTopics("staff")), x.send(toUsers("kim")), x.send(notify.Audience{All: true})
	x.members("staff", "lee")
	newer := x.device("kim", phones)
	x.same("topic", x.reached(x.walk(topic, phones)), []string{a.ID})
	x.same("user", x.reached(x.walk(user, phones)), []string{a.ID})
	x.same("all", x.reached(x.walk(all, phones)), []string{a.ID, late.ID})
	x.same("topic now", x.reached(x.walk(x.send(toTopics("staff")), phones)), []string{a.ID, late.ID, newer.ID})
}

func nextDeviceOwner(x *storeTest) {
	x.user("kim", "lee")
	d, other := x.device("kim", phones), x.device("kim", phones)
	n := x.send(notify.Audience{Devices: []string{d.ID, other.ID}})
	x.register("lee", phones, d.Token)
	x.same("reached", x.reached(x.walk(n, phones)), []string{other.ID})
	x.same("lee's inbox", len(x.inbox("lee", notify.Cursor{})), 0)
}

func nextLocale(x *storeTest) {
	_, err := x.PutUser(x.ctx(), notify.User{ID: "kim", Locale: "ko-KR", TimeZone: "Asia/Seoul"})
	x.ok(err)
	d := x.device("kim", phones)
	got := x.next(x.walk(x.send(toUsers("kim")), phones), 10)
	x.same("target", got, []notify.Target{{Device: d, UserLocale: "ko-KR", UserTimeZone: "Asia/Seoul"}})
}

// nextWays asks for the same people as users, as a topic, as devices and as a mixture, in a small and in a big house.
func nextWays(x *storeTest) {
	for _, size := range []int{10, notify.SmallAudience + 40} {
		topic := "t" + string(rune('a'+size%7))
		ids := x.crowd(topic, size)
		x.crowd("other"+topic, 30)
		users, err := x.Members(x.ctx(), topic, notify.Page{Limit: 1000})
		x.ok(err)
		for _, to := range []notify.Audience{toTopics(topic), toUsers(users...), {Devices: ids},
			{Users: users[:size/2], Devices: ids[size/3:]}, {Users: users[:1], Topics: []string{topic}, Devices: ids[:2]}} {
			n := x.send(to)
			x.same("targeted", n.Counts.Targeted, int64(size))
			w := x.walk(n, phones)
			for _, limit := range []int{1, 7, 1000} {
				var got []string
				for w.Position = 0; ; {
					targets := x.next(w, limit)
					for _, t := range targets {
						got = append(got, t.Device.ID)
						w.Position = t.Device.Key
					}
					if len(targets) < limit {
						break
					}
				}
				x.same("reached", got, ids)
			}
		}
	}
}

func laneStates(x *storeTest) {
	now := x.clock.Now()
	a := notify.LaneState{Lane: phones, State: notify.LaneThrottled, Reason: "429", Since: now, NotBefore: now.Add(time.Minute)}
	b := notify.LaneState{Lane: browsers, State: notify.LaneOK, Since: now}
	x.ok(x.SetLaneState(x.ctx(), a))
	x.ok(x.SetLaneState(x.ctx(), b))
	x.reopen()
	got, err := x.LaneStates(x.ctx())
	x.ok(err)
	x.same("lanes", got, []notify.LaneState{a, b})
	a.State, a.Reason, a.NotBefore = notify.LaneOK, "", time.Time{}
	x.ok(x.SetLaneState(x.ctx(), a))
	got, err = x.LaneStates(x.ctx())
	x.ok(err)
	x.same("lanes", got, []notify.LaneState{a, b})
}

func queueDepth(x *storeTest) {
	x.depth(phones, 0)
	x.crowd("staff", notify.SmallAudience+1)
	x.user("kim")
	d := x.device("kim", phones)
	big, small := x.send(toTopics("staff")), x.send(toUsers("kim"))
	x.depth(phones, 102)
	x.settle(x.walk(big, phones), 50, notify.DeliveryAccepted)
	x.depth(phones, 52)
	w := x.walk(small, phones)
	x.settle(w, 10, notify.DeliveryPending)
	x.depth(phones, 52)
	x.retried(w, d, notify.DeliveryFailed)
	x.depth(phones, 51)
	x.depth(browsers, 0)
	x.steer(big, notify.StatePaused)
	x.depth(phones, 51)
	x.steer(big, notify.StateCancelled)
	x.depth(phones, 0)
}

// retried settles a retry as the dispatcher does.
func (x *storeTest) retried(w notify.Walk, d notify.Device, state notify.DeliveryState) {
	x.t.Helper()
	p := x.progress(w)
	r := x.row(w, d, state)
	r.Attempt = 2
	p.Rows, p.Counts = []notify.DeliveryRow{r}, one(state)
	x.advance(p)
}
