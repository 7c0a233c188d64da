package notifytest

import (
	"fmt"
	"time"

	"allim.dev/allim/notify"
)

func acceptSuite() []storeCase {
	return []storeCase{
		{"accept: read as accepted", acceptRoundTrip},
		{"accept: one walk for each lane with devices", acceptLanes},
		{"accept: a device counts once", acceptOnce},
		{"accept: nobody has a device", acceptNobody},
		{"accept: everything unknown is named at once", acceptUnknown},
		{"accept: partial skips and reports", acceptPartial},
		{"accept: a small audience has a row per delivery", acceptSmall},
		{"accept: a big one has none", acceptBig},
	}
}

func acceptRoundTrip(x *storeTest) {
	x.person("kim", "email:kim@example.com")
	x.members("staff", "kim")
	d := x.device("kim", phones)
	badge := 3
	n := x.notice(notify.Audience{Users: []string{"kim"}, Identities: []notify.Identity{{Kind: "email", Value: "kim@example.com"}},
		Devices: []string{d.ID}, Topics: []string{"staff"}, All: true, Platforms: []notify.Platform{notify.APNs}, Apps: []string{"corp"}})
	n.Content = notify.Content{Title: "점심 <1>", Subtitle: "s", Body: "b", URL: "https://e/", Image: "https://i/", Data: map[string]string{"k": "v"},
		Badge: &badge, Sound: "default", Thread: "t", Category: "c"}
	n.CollapseKey, n.Priority, n.Urgent, n.Silent, n.TTL, n.Rate = "ck", notify.PriorityHigh, true, true, 90*time.Minute, 2000
	n.Template, n.Params, n.Privacy, n.Event = "mail.received", map[string]string{"from": "a"}, notify.PrivacySender, notify.NewID()
	got := x.sendAs(n)
	want := n
	want.Seq, want.Counts = got.Seq, notify.Counts{Targeted: 1, Pending: 1}
	if got.Seq < 1 {
		x.t.Errorf("the number is %d", got.Seq)
	}
	x.same("accepted", got, want)
	x.reopen()
	x.same("read", x.read(n), want)
	_, err := x.Notification(x.ctx(), notify.NewID())
	x.fails(err, notify.CodeUnknownNotification)
}

func acceptLanes(x *storeTest) {
	x.user("kim", "lee")
	x.device("kim", phones)
	x.device("lee", phones)
	x.device("kim", browsers)
	x.device("kim", notify.Lane{App: "other", Platform: notify.APNs}) // not one of the hub's lanes
	count := func(to notify.Audience, phone, browser int64) {
		x.t.Helper()
		n := x.send(to)
		x.same("targeted", n.Counts.Targeted, phone+browser)
		for l, want := range map[notify.Lane]int64{phones: phone, browsers: browser} {
			var got []int64
			for _, w := range x.ready(l) {
				if w.Notification == n.ID {
					got = append(got, w.Counts.Targeted)
					x.same("walk", []any{w.Seq, w.Lane, w.Position, w.Small, w.Counts.Pending, w.ExpiresAt},
						[]any{n.Seq, l, int64(0), true, want, n.ExpiresAt})
				}
			}
			if want == 0 {
				x.same("walks on "+l.String(), len(got), 0)
			} else {
				x.same("walks on "+l.String(), got, []int64{want})
			}
		}
	}
	count(toUsers("kim", "lee"), 2, 1)
	count(toUsers("lee"), 1, 0)
	count(notify.Audience{All: true}, 2, 1)
	count(notify.Audience{All: true, Platforms: []notify.Platform{notify.WebPush}}, 0, 1)
	count(notify.Audience{Users: []string{"kim"}, Apps: []string{"other"}}, 0, 0)
	count(notify.Audience{Users: []string{"kim"}, Apps: []string{"corp"}, Platforms: []notify.Platform{notify.APNs}}, 1, 0)
}

func acceptOnce(x *storeTest) {
	x.person("kim", "email:kim@example.com", "login:kim")
	x.person("lee")
	x.members("a", "kim", "lee")
	x.members("b", "kim")
	d, e := x.device("kim", phones), x.device("lee", phones)
	to := notify.Audience{Users: []string{"kim", "lee", "kim"}, Devices: []string{d.ID, d.ID}, Topics: []string{"a", "b"},
		Identities: []notify.Identity{{Kind: "email", Value: "kim@example.com"}, {Kind: "login", Value: "kim"}}}
	for _, all := range []bool{false, true} {
		to.All = all
		n := x.send(to)
		x.same("targeted", n.Counts.Targeted, int64(2))
		x.same("reached", x.reached(x.walk(n, phones)), []string{d.ID, e.ID})
		x.same("users", n.To.Users, []string{"kim", "lee"})
	}
	x.same("kim's inbox", x.inbox("kim", notify.Cursor{}), []string{"Lunch", "Lunch"})
	x.same("a device alone", x.reached(x.walk(x.send(notify.Audience{Devices: []string{d.ID}}), phones)), []string{d.ID})
}

func acceptNobody(x *storeTest) {
	x.user("kim")
	n := x.send(toUsers("kim"))
	x.same("answer", []any{n.State, n.Counts, n.DoneAt}, []any{notify.StateDone, notify.Counts{}, x.clock.Now()})
	x.counts(n, notify.StateDone, notify.Counts{})
	x.same("inbox", x.inbox("kim", notify.Cursor{}), []string{"Lunch"})
	x.same("walks", len(x.ready(phones)), 0)
}

func acceptUnknown(x *storeTest) {
	x.person("kim", "email:kim@example.com")
	d := x.device("kim", phones)
	to := notify.Audience{Users: []string{"kim", "u1", "u2"}, Devices: []string{notify.NewID(), d.ID}, Topics: []string{"none"},
		Identities: []notify.Identity{{Kind: "email", Value: "x@example.com"}, {Kind: "email", Value: "kim@example.com"}}}
	refused := func(to notify.Audience, code notify.Code, paths ...string) {
		x.t.Helper()
		n := x.notice(to)
		_, _, err := x.Accept(x.ctx(), n, lanes(), notify.Idempotency{KeyID: "k", Key: "once"})
		x.failsAt(err, code, paths...)
		_, err = x.Notification(x.ctx(), n.ID)
		x.fails(err, notify.CodeUnknownNotification)
	}
	refused(to, notify.CodeUnknownUser, "to.users[1]", "to.users[2]", "to.identities[0]", "to.devices[0]", "to.topics[0]")
	to.Users = nil
	refused(to, notify.CodeUnknownIdentity, "to.identities[0]", "to.devices[0]", "to.topics[0]")
	to.Identities = nil
	refused(to, notify.CodeUnknownDevice, "to.devices[0]", "to.topics[0]")
	to.Devices = nil
	refused(to, notify.CodeUnknownTopic, "to.topics[0]")
	x.same("inbox", len(x.inbox("kim", notify.Cursor{})), 0)
}

func acceptPartial(x *storeTest) {
	x.person("kim", "email:kim@example.com")
	d := x.device("kim", phones)
	n := x.notice(notify.Audience{Users: []string{"u1", "kim"}, Devices: []string{"x", d.ID}, Topics: []string{"none"},
		Identities: []notify.Identity{{Kind: "email", Value: "x@example.com"}}})
	n.Partial = true
	got := x.sendAs(n)
	x.same("targeted", got.Counts.Targeted, int64(1))
	x.same("audience", got.To, notify.Audience{Users: []string{"kim"}, Devices: []string{d.ID}})
	x.same("skipped", pathsOf(got.Skipped), []string{"to.users[0]", "to.identities[0]", "to.devices[0]", "to.topics[0]"})
	x.same("read", x.read(n), got)
	n = x.notice(toUsers("u1"))
	n.Partial = true
	got = x.sendAs(n)
	x.same("nobody left", []any{got.State, got.Counts, pathsOf(got.Skipped)}, []any{notify.StateDone, notify.Counts{}, []string{"to.users[0]"}})
}

func acceptSmall(x *storeTest) {
	x.user("kim", "lee")
	a, b, c := x.device("kim", phones), x.device("lee", browsers), x.device("kim", phones)
	n := x.send(toUsers("kim", "lee"))
	rows := x.rows(n, notify.DeliveryPending)
	x.same("rows", len(rows), 3)
	for i, d := range []notify.Device{a, b, c} {
		w := x.walk(n, d.Lane())
		x.same("row", rows[i], notify.DeliveryRow{ID: notify.DeliveryID(n.Seq, d.Key), Walk: w.ID, Notification: n.ID, Device: d.ID, DeviceKey: d.Key,
			User: d.User, Lane: d.Lane(), State: notify.DeliveryPending, CreatedAt: x.clock.Now(), UpdatedAt: x.clock.Now()})
		if w.Last < c.Key {
			x.t.Errorf("the walk ends at %d, before the device %d", w.Last, c.Key)
		}
	}
	due, next, err := x.DueRetries(x.ctx(), phones, x.clock.Now().Add(time.Hour), 10)
	x.ok(err)
	if len(due) != 0 || !next.IsZero() {
		x.t.Errorf("what was never tried is a retry: %v, %v", due, next)
	}
}

// crowd makes users with one phone each, all members of a topic, and gives the devices' ids.
func (x *storeTest) crowd(topic string, n int) (ids []string) {
	x.t.Helper()
	for i := range n {
		u := fmt.Sprintf("%s-%03d", topic, i)
		x.user(u)
		x.members(topic, u)
		ids = append(ids, x.device(u, phones).ID)
	}
	return ids
}

func acceptBig(x *storeTest) {
	ids := x.crowd("staff", notify.SmallAudience+1)
	x.user("kim")
	x.device("kim", browsers)
	for _, to := range []notify.Audience{toTopics("staff"), {All: true, Platforms: []notify.Platform{notify.APNs}}} {
		n := x.send(to)
		x.same("counts", n.Counts, notify.Counts{Targeted: int64(len(ids)), Pending: int64(len(ids))})
		w := x.walk(n, phones)
		x.same("small", w.Small, false)
		x.same("rows", len(x.rows(n, "")), 0)
		x.same("reached", x.reached(w), ids)
	}
	// The limit is on all lanes together.
	x.ok(x.RemoveMember(x.ctx(), "staff", "staff-000"))
	x.same("small at the limit", x.walk(x.send(toTopics("staff")), phones).Small, true)
	n := x.send(notify.Audience{Topics: []string{"staff"}, Users: []string{"kim"}})
	x.same("small over two lanes", x.walk(n, browsers).Small, false)
}

func idempotencySuite() []storeCase {
	return []storeCase{
		{"idempotency: the first answer again", idempotent},
		{"idempotency: another body, another key", idempotencyConflict},
		{"idempotency: for a day", idempotencyAges},
	}
}

func idempotent(x *storeTest) {
	x.user("kim", "lee")
	x.device("kim", phones)
	idem := notify.Idempotency{KeyID: "k1", Key: "order-7", BodyHash: []byte("hash")}
	first, replayed, err := x.Accept(x.ctx(), x.notice(toUsers("kim")), lanes(), idem)
	x.ok(err)
	x.same("replayed", replayed, false)
	x.settle(x.walk(first, phones), 10, notify.DeliveryAccepted)
	x.clock.Advance(23 * time.Hour)
	x.reopen()
	again, replayed, err := x.Accept(x.ctx(), x.notice(toUsers("kim")), lanes(), idem)
	x.ok(err)
	x.same("replayed", replayed, true)
	x.same("answer", again, first)
	x.same("inbox", x.inboxLength("kim"), 1)
	done, _, err := x.Accept(x.ctx(), x.notice(toUsers("lee")), lanes(), notify.Idempotency{KeyID: "k1", Key: "order-8", BodyHash: []byte("hash")})
	x.ok(err)
	x.clock.Advance(time.Minute)
	again, _, err = x.Accept(x.ctx(), x.notice(toUsers("lee")), lanes(), notify.Idempotency{KeyID: "k1", Key: "order-8", BodyHash: []byte("hash")})
	x.ok(err)
	x.same("answer that was done", again, done)
	// Not a second effect, and not an answer to somebody else.
	other, replayed, err := x.Accept(x.ctx(), x.notice(toUsers("kim")), lanes(), notify.Idempotency{KeyID: "k2", Key: "order-7", BodyHash: []byte("hash")})
	x.ok(err)
	if replayed || other.ID == first.ID {
		x.t.Error("another API key got the answer of the first one")
	}
	_, replayed, err = x.Accept(x.ctx(), x.notice(toUsers("kim")), lanes(), notify.Idempotency{KeyID: "k1"})
	x.ok(err)
	x.same("replayed without a key", replayed, false)
}

// inboxLength counts a person's items, expired ones too.
func (x *storeTest) inboxLength(user string) int {
	x.t.Helper()
	list, err := x.Notifications(x.ctx(), notify.NotificationFilter{User: user}, notify.Page{})
	x.ok(err)
	return len(list)
}

func idempotencyConflict(x *storeTest) {
	x.user("kim")
	idem := notify.Idempotency{KeyID: "k1", Key: "order-7", BodyHash: []byte("hash")}
	_, _, err := x.Accept(x.ctx(), x.notice(toUsers("nobody")), lanes(), idem)
	x.fails(err, notify.CodeUnknownUser) // a refused request does not use the key up
	_, replayed, err := x.Accept(x.ctx(), x.notice(toUsers("kim")), lanes(), idem)
	x.ok(err)
	x.same("replayed", replayed, false)
	idem.BodyHash = []byte("other")
	_, _, err = x.Accept(x.ctx(), x.notice(toUsers("kim")), lanes(), idem)
	x.fails(err, notify.CodeIdempotencyConflict)
	x.same("accepted", x.inboxLength("kim"), 1)
}

func idempotencyAges(x *storeTest) {
	x.user("kim")
	idem := notify.Idempotency{KeyID: "k1", Key: "order-7", BodyHash: []byte("hash")}
	first, _, err := x.Accept(x.ctx(), x.notice(toUsers("kim")), lanes(), idem)
	x.ok(err)
	x.clock.Advance(24*time.Hour + time.Second)
	idem.BodyHash = []byte("other")
	again, replayed, err := x.Accept(x.ctx(), x.notice(toUsers("kim")), lanes(), idem)
	x.ok(err)
	if replayed || again.ID == first.ID {
		x.t.Error("a day later the key still gives the old answer")
	}
}
