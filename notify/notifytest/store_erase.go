package notifytest

import (
	"time"

	"allim.dev/allim/notify"
)

func eraseSuite() []storeCase {
	return []storeCase{
		{"erase: everything of the person", eraseAll},
		{"erase: what went to others stays, without the person", eraseOthers},
		{"erase: accounts that nobody else has", eraseAccounts},
	}
}

func eraseAll(x *storeTest) {
	x.person("kim", "email:kim@example.com")
	x.user("lee")
	x.members("staff", "kim", "lee")
	x.members("only", "kim")
	d := x.device("kim", phones)
	x.ok(x.PutKey(x.ctx(), notify.Key{ID: "t", User: "kim", CreatedAt: x.clock.Now()}, notify.HashSecret("s")))
	idem := notify.Idempotency{KeyID: "k", Key: "kim-1", BodyHash: []byte("h")}
	mine, _, err := x.Accept(x.ctx(), x.notice(notify.Audience{Identities: []notify.Identity{{Kind: "email", Value: "kim@example.com"}}}), lanes(), idem)
	x.ok(err)
	done := x.send(toUsers("kim"))
	x.settle(x.walk(done, phones), 10, notify.DeliveryFailed)
	x.ok(x.DeleteUser(x.ctx(), "kim"))
	x.reopen()
	x.fails(x.DeleteUser(x.ctx(), "kim"), notify.CodeUnknownUser)
	_, err = x.UserByIdentity(x.ctx(), notify.Identity{Kind: "email", Value: "kim@example.com"})
	x.fails(err, notify.CodeUnknownIdentity)
	_, err = x.Device(x.ctx(), d.ID)
	x.fails(err, notify.CodeUnknownDevice)
	_, err = x.KeyByHash(x.ctx(), notify.HashSecret("s"))
	x.fails(err, notify.CodeUnknownKey)
	members, err := x.Members(x.ctx(), "staff", notify.Page{})
	x.ok(err)
	x.same("members", members, []string{"lee"})
	_, err = x.Members(x.ctx(), "only", notify.Page{})
	x.fails(err, notify.CodeUnknownTopic)
	for _, n := range []notify.Notification{mine, done} {
		_, err = x.Notification(x.ctx(), n.ID)
		x.fails(err, notify.CodeUnknownNotification)
		_, err = x.Delivery(x.ctx(), notify.DeliveryID(n.Seq, d.Key))
		x.fails(err, notify.CodeUnknownDelivery)
	}
	x.depth(phones, 0)
	// Who comes again under the same name is somebody else.
	x.person("kim", "email:kim@example.com")
	x.same("inbox of a new kim", x.inbox("kim", notify.Cursor{}), []string{})
	again, replayed, err := x.Accept(x.ctx(), x.notice(toUsers("kim")), lanes(), idem)
	x.ok(err)
	if replayed || again.ID == mine.ID {
		x.t.Error("the erased answer came again")
	}
}

func eraseOthers(x *storeTest) {
	x.user("kim", "lee")
	x.members("staff", "kim", "lee")
	x.device("kim", phones)
	d := x.device("lee", phones)
	both, topic := x.send(toUsers("kim", "lee")), x.send(toTopics("staff"))
	tried := x.send(toUsers("kim", "lee"))
	x.settle(x.walk(tried, phones), 10, notify.DeliveryPending)
	x.ok(x.DeleteUser(x.ctx(), "kim"))
	x.same("audience", x.read(both).To, toUsers("lee"))
	x.same("topic", x.read(topic).To, toTopics("staff"))
	for _, n := range []notify.Notification{both, topic} {
		x.same("reached", x.reached(x.walk(n, phones)), []string{d.ID})
		x.same("rows", len(x.rows(n, "")), 1)
		x.settle(x.walk(n, phones), 10, notify.DeliveryAccepted)
		got := x.read(n)
		x.same("state", []any{got.State, got.Counts.Accepted, got.Counts.Pending}, []any{notify.StateDone, int64(1), int64(0)})
	}
	due, _, err := x.DueRetries(x.ctx(), phones, x.clock.Now().Add(time.Hour), 10)
	x.ok(err)
	x.same("retries", len(due), 1)
	x.same("retry for", due[0].Target.Device.ID, d.ID)
}

func eraseAccounts(x *storeTest) {
	x.person("kim", "email:kim@example.com")
	x.user("lee")
	own, team, feed := x.account("mail", "kim", "kim"), x.account("mail", "team", "kim", "lee"), x.account("mail", "feed")
	buried := x.account("mail", "old", "kim")
	var events []notify.Event
	for _, a := range []notify.Account{own, team, feed, buried} {
		e := x.record("mail", notify.Batch{Account: a.ID, Events: mails("1"), State: map[string][]byte{"uid": {1}}})[0]
		x.plan(e.ID)
		events = append(events, e)
	}
	x.ok(x.DeleteAccount(x.ctx(), buried.ID))
	x.ok(x.DeleteUser(x.ctx(), "kim"))
	_, err := x.Account(x.ctx(), own.ID)
	x.fails(err, notify.CodeUnknownAccount)
	got, err := x.Account(x.ctx(), team.ID)
	x.ok(err)
	x.same("users", got.Users, []string{"lee"})
	_, err = x.Account(x.ctx(), feed.ID)
	x.ok(err)
	for i, erased := range []bool{true, false, false, true} {
		_, err := x.Event(x.ctx(), events[i].ID)
		if erased {
			x.fails(err, notify.CodeNotFound)
			continue
		}
		x.ok(err)
	}
	state, err := x.Load(x.ctx(), own.ID)
	x.ok(err)
	x.same("state", len(state), 0)
}

func mergeSuite() []storeCase {
	return []storeCase{
		{"merge: everything moves", mergeMoves},
		{"merge: told of one thing by either", mergeTold},
		{"merge: an item that both had", mergeInbox},
		{"merge: what was delivered to either", mergeDelivered},
	}
}

func mergeMoves(x *storeTest) {
	x.person("kim1", "email:kim@old.example.com", "login:kim1")
	x.person("kim2", "email:kim@example.com")
	x.user("lee")
	x.members("staff", "kim1")
	x.members("all", "kim1", "kim2")
	d, e := x.device("kim1", phones), x.device("kim2", phones)
	a := x.account("mail", "kim", "kim1", "kim2")
	b := x.account("mail", "old", "kim1")
	x.ok(x.PutKey(x.ctx(), notify.Key{ID: "t", User: "kim1", CreatedAt: x.clock.Now()}, notify.HashSecret("s")))
	n, tried := x.tell("1", toUsers("kim1", "lee")), x.tell("2", toUsers("kim1"))
	x.settle(x.walk(tried, phones), 10, notify.DeliveryPending)
	x.ok(x.MergeUser(x.ctx(), "kim1", "kim2"))
	x.reopen()
	_, err := x.User(x.ctx(), "kim1")
	x.fails(err, notify.CodeUnknownUser)
	u, err := x.User(x.ctx(), "kim2")
	x.ok(err)
	x.same("identities", len(u.Identities), 3)
	x.same("devices", x.deviceIDs("kim2"), []string{d.ID, e.ID})
	for _, topic := range []string{"staff", "all"} {
		members, err := x.Members(x.ctx(), topic, notify.Page{})
		x.ok(err)
		x.same("members", members, []string{"kim2"})
	}
	topics, err := x.Topics(x.ctx(), notify.Page{})
	x.ok(err)
	x.same("topics", topics, []notify.Topic{{Name: "all", Members: 1}, {Name: "staff", Members: 1}})
	for _, account := range []notify.Account{a, b} {
		got, err := x.Account(x.ctx(), account.ID)
		x.ok(err)
		x.same("users", got.Users, []string{"kim2"})
	}
	k, err := x.KeyByHash(x.ctx(), notify.HashSecret("s"))
	x.ok(err)
	x.same("token's user", k.User, "kim2")
	x.same("inbox", x.inbox("kim2", notify.Cursor{}), []string{"1", "2"})
	x.same("audience", x.read(n).To, toUsers("kim2", "lee"))
	x.same("reached", x.reached(x.walk(n, phones)), []string{d.ID})
	due, _, err := x.DueRetries(x.ctx(), phones, x.clock.Now().Add(time.Hour), 10)
	x.ok(err)
	x.same("retry", []string{due[0].Row.User, due[0].Target.Device.ID}, []string{"kim2", d.ID})
	x.retried(notify.Walk{ID: due[0].Row.Walk, Seq: due[0].Seq, Notification: tried.ID, Lane: phones}, d, notify.DeliveryAccepted)
	x.counts(tried, notify.StateDone, notify.Counts{Targeted: 1, Accepted: 1})
}

func mergeTold(x *storeTest) {
	x.user("kim1", "kim2")
	a, b := x.account("mail", "a", "kim1"), x.account("mail", "b", "kim2")
	event := func(a notify.Account, key, told string) string {
		return x.record("mail", notify.Batch{Account: a.ID, Events: []notify.Event{{Key: key, Told: told}}})[0].ID
	}
	x.plan(event(a, "1", "m1"))
	x.plan(event(b, "1", "m1"))
	x.plan(event(a, "2", "m2"))
	x.ok(x.MergeUser(x.ctx(), "kim1", "kim2"))
	for _, e := range []string{event(b, "2", "m1"), event(b, "3", "m2")} {
		if told, _ := x.plan(e); told != nil {
			x.t.Errorf("told again after the merge: %v", told)
		}
	}
}

func mergeInbox(x *storeTest) {
	x.user("kim1", "kim2")
	n := x.tell("both", toUsers("kim1", "kim2"))
	x.tell("one", toUsers("kim1"))
	x.ok(x.MergeUser(x.ctx(), "kim1", "kim2"))
	x.same("inbox", x.inbox("kim2", notify.Cursor{}), []string{"both", "one"})
	x.same("audience", x.read(n).To, toUsers("kim2"))
	list, err := x.Notifications(x.ctx(), notify.NotificationFilter{User: "kim2"}, notify.Page{})
	x.ok(err)
	x.same("notifications", len(list), 2)
}

// mergeDelivered: what was delivered is the person's who is left, however the audience was named, and goes with that one.
func mergeDelivered(x *storeTest) {
	x.user("kim1", "kim2")
	x.members("staff", "kim1")
	x.device("kim1", phones)
	audiences := []notify.Audience{toUsers("kim1"), toTopics("staff"), {All: true}}
	for i, state := range []notify.DeliveryState{notify.DeliveryAccepted, notify.DeliveryFailed} {
		for _, to := range audiences {
			x.settle(x.walk(x.send(to), phones), 10, state)
		}
		into := []string{"kim2", "kim3"}[i]
		x.user(into)
		x.ok(x.MergeUser(x.ctx(), []string{"kim1", "kim2"}[i], into))
		list, err := x.Notifications(x.ctx(), notify.NotificationFilter{User: into}, notify.Page{})
		x.ok(err)
		x.same("notifications", len(list), len(audiences)*(i+1))
		for _, n := range list {
			rows := append(x.rows(n, notify.DeliveryAccepted), x.rows(n, notify.DeliveryFailed)...)
			x.same("deliveries", []any{len(rows), rows[0].User}, []any{1, into})
		}
		audiences[0] = toUsers(into)
	}
}
