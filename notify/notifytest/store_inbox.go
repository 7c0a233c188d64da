package notifytest

import (
	"time"

	"allim.dev/allim/notify"
)

func inboxSuite() []storeCase {
	return []storeCase{
		{"inbox: personal, topic and broadcast items in one log", inboxMerged},
		{"inbox: each notification once", inboxOnce},
		{"inbox: members see what came after they joined", inboxMembers},
		{"inbox: silent and expired ones are left out", inboxLeftOut},
		{"inbox: pages and cursors", inboxPages},
		{"inbox: a cursor of another log", inboxResync},
		{"inbox: an item as it is read", inboxItem},
		{"inbox: the log as a whole", inboxLog},
		{"inbox: the log a page at a time", inboxLogPages},
		{"inbox: unknown user", func(x *storeTest) {
			_, err := x.Inbox(x.ctx(), "nobody", notify.Cursor{}, 10)
			x.fails(err, notify.CodeUnknownUser)
			_, err = x.InboxEnd(x.ctx(), "nobody")
			x.fails(err, notify.CodeUnknownUser)
		}},
	}
}

// tell sends a notice with a title.
func (x *storeTest) tell(title string, to notify.Audience) notify.Notification {
	x.t.Helper()
	n := x.notice(to)
	n.Content.Title = title
	return x.sendAs(n)
}

func inboxMerged(x *storeTest) {
	x.person("kim", "email:kim@example.com")
	x.user("lee")
	x.members("staff", "kim")
	x.members("other", "lee")
	d := x.device("kim", phones)
	x.tell("1", toUsers("kim"))
	x.tell("2", toTopics("staff"))
	x.tell("3", notify.Audience{All: true})
	x.tell("4", toTopics("other"))
	x.tell("5", notify.Audience{Identities: []notify.Identity{{Kind: "email", Value: "kim@example.com"}}})
	x.tell("6", notify.Audience{Devices: []string{d.ID}})
	x.tell("7", toUsers("lee"))
	x.reopen()
	x.same("kim's", x.inbox("kim", notify.Cursor{}), []string{"1", "2", "3", "5", "6"})
	x.same("lee's", x.inbox("lee", notify.Cursor{}), []string{"3", "4", "7"})
}

func inboxOnce(x *storeTest) {
	x.person("kim", "email:kim@example.com", "login:kim")
	x.user("lee", "park")
	x.members("a", "kim", "lee")
	x.members("b", "kim", "lee", "park")
	x.tell("0", toUsers("lee"))
	to := notify.Audience{Users: []string{"park", "kim"}, Topics: []string{"a", "b"}, All: true,
		Identities: []notify.Identity{{Kind: "email", Value: "kim@example.com"}, {Kind: "login", Value: "kim"}}}
	x.tell("1", to)
	x.tell("2", notify.Audience{Topics: []string{"b"}, All: true})
	for user, want := range map[string][]string{"kim": {"1", "2"}, "lee": {"0", "1", "2"}, "park": {"1", "2"}} {
		x.same(user+"'s", x.inbox(user, notify.Cursor{}), want)
		// One by one as well: the second row of a notification must not show up behind the cursor of the first.
		var got []string
		for c := (notify.Cursor{}); ; {
			page, err := x.Inbox(x.ctx(), user, c, 1)
			x.ok(err)
			if len(page.Items) == 0 {
				break
			}
			got = append(got, page.Items[0].Notification.Content.Title)
			c = page.Next
		}
		x.same(user+"'s, one by one", got, want)
	}
}

func inboxMembers(x *storeTest) {
	x.user("kim", "lee")
	x.members("staff", "lee")
	x.tell("1", toTopics("staff"))
	x.members("staff", "kim")
	x.tell("2", toTopics("staff"))
	x.same("kim's", x.inbox("kim", notify.Cursor{}), []string{"2"})
	x.same("lee's", x.inbox("lee", notify.Cursor{}), []string{"1", "2"})
	x.ok(x.RemoveMember(x.ctx(), "staff", "lee"))
	x.same("lee's, having left", x.inbox("lee", notify.Cursor{}), []string{})
	x.tell("3", notify.Audience{All: true})
	x.user("park")
	x.tell("4", notify.Audience{All: true})
	x.same("park's, who came later", x.inbox("park", notify.Cursor{}), []string{"4"})
}

func inboxLeftOut(x *storeTest) {
	x.user("kim")
	x.members("staff", "kim")
	for _, to := range []notify.Audience{toUsers("kim"), toTopics("staff"), {All: true}} {
		n := x.notice(to)
		n.Silent = true
		x.sendAs(n)
		n = x.notice(to)
		n.ExpiresAt = x.clock.Now().Add(time.Minute)
		x.sendAs(n)
	}
	x.same("before", len(x.inbox("kim", notify.Cursor{})), 3)
	x.clock.Advance(time.Minute)
	x.same("after", len(x.inbox("kim", notify.Cursor{})), 0)
}

func inboxPages(x *storeTest) {
	x.user("kim", "lee")
	x.members("staff", "kim")
	empty, err := x.Inbox(x.ctx(), "kim", notify.Cursor{}, 10)
	x.ok(err)
	if len(empty.Items) != 0 || empty.Resync || empty.Next.Epoch == "" {
		x.t.Fatalf("an empty inbox is %+v", empty)
	}
	for _, title := range []string{"1", "2", "3", "4", "5"} {
		x.tell(title, []notify.Audience{toUsers("kim"), toTopics("staff"), {All: true}}[len(title)%3])
		x.tell("not kim's", toUsers("lee"))
	}
	page, err := x.Inbox(x.ctx(), "kim", empty.Next, 3)
	x.ok(err)
	x.same("first page", []any{len(page.Items), page.Resync, page.Next.Seq}, []any{3, false, page.Items[2].Seq})
	x.same("second page", x.inbox("kim", page.Next), []string{"4", "5"})
	end, err := x.InboxEnd(x.ctx(), "kim")
	x.ok(err)
	page, err = x.Inbox(x.ctx(), "kim", end, 10)
	x.ok(err)
	x.same("at the end", []any{len(page.Items), page.Resync, page.Next}, []any{0, false, end})
	x.reopen()
	x.tell("6", toUsers("kim"))
	x.same("behind the end", x.inbox("kim", end), []string{"6"})
}

func inboxResync(x *storeTest) {
	x.user("kim")
	x.tell("1", toUsers("kim"))
	end, err := x.InboxEnd(x.ctx(), "kim")
	x.ok(err)
	foreign, ahead := notify.Cursor{Epoch: end.Epoch + "x", Seq: end.Seq}, notify.Cursor{Epoch: end.Epoch, Seq: end.Seq + 5}
	for _, c := range []notify.Cursor{foreign, ahead} {
		page, err := x.Inbox(x.ctx(), "kim", c, 10)
		x.ok(err)
		x.same("resync", []any{page.Resync, len(page.Items), page.Next}, []any{true, 1, end})
	}
	first := notify.Cursor{Epoch: end.Epoch, Seq: 0}
	page, err := x.Inbox(x.ctx(), "kim", first, 10)
	x.ok(err)
	x.same("from 0", []any{page.Resync, len(page.Items)}, []any{false, 1})
	// What is older than what is kept was lost to that reader, too.
	x.clock.Advance(2 * retention)
	x.tell("2", toUsers("kim"))
	x.sweepAfter(time.Second)
	page, err = x.Inbox(x.ctx(), "kim", first, 10)
	x.ok(err)
	x.same("after sweeping", []any{page.Resync, len(page.Items)}, []any{true, 1})
	page, err = x.Inbox(x.ctx(), "kim", end, 10)
	x.ok(err)
	x.same("having read what was swept", []any{page.Resync, len(page.Items)}, []any{false, 1})
}

func inboxItem(x *storeTest) {
	x.user("kim")
	x.device("kim", phones)
	n := x.notice(toUsers("kim"))
	n.Template, n.Params, n.Event = "mail.received", map[string]string{"from": "a@b"}, notify.NewID()
	n = x.sendAs(n)
	page, err := x.Inbox(x.ctx(), "kim", notify.Cursor{}, 10)
	x.ok(err)
	want := n
	want.To, want.Counts = notify.Audience{}, notify.Counts{}
	x.same("item", page.Items, []notify.InboxItem{{Seq: page.Items[0].Seq, Notification: want, CreatedAt: n.CreatedAt}})
}

func sweepSuite() []storeCase {
	return []storeCase{
		{"sweep: what is older than the retention", sweepOld},
		{"sweep: told marks last as long", sweepTold},
		{"sweep: a bounded piece at a time", sweepBounded},
		{"sweep: idempotency keys", sweepKeys},
	}
}

func sweepOld(x *storeTest) {
	x.user("kim")
	d := x.device("kim", phones)
	a := x.account("mail", "kim", "kim")
	e := x.record("mail", notify.Batch{Account: a.ID, Events: mails("1"), State: map[string][]byte{"uid": {1}}})[0]
	_, planned := x.plan(e.ID)
	open, done, cancelled := *planned, x.send(toUsers("kim")), x.send(toUsers("kim"))
	x.settle(x.walk(done, phones), 10, notify.DeliveryAccepted)
	x.confirm("kim", notify.Receipt{Delivery: notify.DeliveryID(done.Seq, d.Key), At: x.clock.Now()})
	x.steer(cancelled, notify.StateCancelled)
	late := x.record("mail", notify.Batch{Account: a.ID, Events: mails("2")})[0]
	x.sweepAfter(retention - time.Minute)
	for _, n := range []notify.Notification{open, done, cancelled} {
		x.read(n)
	}
	x.sweepAfter(2 * time.Minute)
	for _, n := range []notify.Notification{done, cancelled} {
		_, err := x.Notification(x.ctx(), n.ID)
		x.fails(err, notify.CodeUnknownNotification)
		_, err = x.Delivery(x.ctx(), notify.DeliveryID(n.Seq, d.Key))
		x.fails(err, notify.CodeUnknownDelivery)
	}
	_, err := x.Event(x.ctx(), e.ID)
	x.fails(err, notify.CodeNotFound)
	_, err = x.Event(x.ctx(), late.ID) // not planned yet
	x.ok(err)
	x.counts(open, notify.StateSending, notify.Counts{Targeted: 1, Pending: 1})
	state, err := x.Load(x.ctx(), a.ID)
	x.ok(err)
	x.same("state", len(state), 1)
	list, err := x.Notifications(x.ctx(), notify.NotificationFilter{User: "kim"}, notify.Page{})
	x.ok(err)
	x.same("kept", len(list), 1)
	if n := x.send(toUsers("kim")); n.Seq <= cancelled.Seq {
		x.t.Errorf("the number %d was used again after %d", n.Seq, cancelled.Seq)
	}
}

func sweepTold(x *storeTest) {
	x.user("kim")
	a := x.account("mail", "kim", "kim")
	event := func(key string) string {
		return x.record("mail", notify.Batch{Account: a.ID, Events: []notify.Event{{Key: key, Told: "message"}}})[0].ID
	}
	told, _ := x.plan(event("1"))
	x.same("told", told, []string{"kim"})
	x.sweepAfter(retention - time.Minute)
	if told, _ = x.plan(event("2")); told != nil {
		x.t.Error("told again within the retention")
	}
}

func sweepBounded(x *storeTest) {
	x.user("kim")
	for range 7 {
		x.send(toUsers("kim"))
	}
	x.clock.Advance(2 * retention)
	left := func() int { return x.inboxLength("kim") }
	more, err := x.Sweep(x.ctx(), x.clock.Now(), retention, 3)
	x.ok(err)
	x.same("more", more, true)
	if n := left(); n < 4 || n == 7 {
		x.t.Errorf("%d of 7 are left after one piece of 3", n)
	}
	x.sweepAfter(0)
	x.same("left", left(), 0)
	more, err = x.Sweep(x.ctx(), x.clock.Now(), retention, 3)
	x.ok(err)
	x.same("more", more, false)
}

func sweepKeys(x *storeTest) {
	x.user("kim")
	idem := notify.Idempotency{KeyID: "k", Key: "1", BodyHash: []byte("h")}
	_, _, err := x.Accept(x.ctx(), x.notice(toUsers("kim")), lanes(), idem)
	x.ok(err)
	x.sweepAfter(23 * time.Hour)
	_, replayed, err := x.Accept(x.ctx(), x.notice(toUsers("kim")), lanes(), idem)
	x.ok(err)
	x.same("replayed", replayed, true)
	x.sweepAfter(2 * time.Hour)
	_, replayed, err = x.Accept(x.ctx(), x.notice(toUsers("kim")), lanes(), idem)
	x.ok(err)
	x.same("replayed a day later", replayed, false)
}
