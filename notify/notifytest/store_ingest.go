package notifytest

import (
	"allim.dev/allim/notify"
)

func ingestSuite() []storeCase {
	return []storeCase{
		{"accept all: in order, in one go", ingestAll},
		{"accept all: one that cannot be accepted takes all with it", ingestNone},
		{"accept all: idempotency within and across postings", ingestIdempotent},
		{"accept all: once, until it is forgotten", ingestOnce},
		{"accept all: an old epoch posts nothing", ingestStale},
		{"accept all: a trial leaves nothing", ingestDry},
	}
}

func (x *storeTest) item(where, title string, users ...string) notify.Submission {
	n := x.notice(toUsers(users...))
	n.Content.Title = title
	return notify.Submission{Notification: n, Where: where}
}

func (x *storeTest) postAll(p notify.Posting) []notify.Acceptance {
	x.t.Helper()
	got, known, err := x.AcceptAll(x.ctx(), p, []notify.Lane{phones, browsers})
	x.ok(err)
	if known || len(got) != len(p.Items) {
		x.t.Fatalf("known %v, %d accepted of %d", known, len(got), len(p.Items))
	}
	return got
}

// stored counts all notifications.
func (x *storeTest) stored() int {
	x.t.Helper()
	list, err := x.Notifications(x.ctx(), notify.NotificationFilter{}, notify.Page{Limit: 1000})
	x.ok(err)
	return len(list)
}

func ingestAll(x *storeTest) {
	x.user("kim", "lee")
	x.device("kim", phones)
	got := x.postAll(notify.Posting{Items: []notify.Submission{x.item("a", "one", "kim"), x.item("b", "two", "kim", "lee")}})
	x.same("inbox", x.inbox("kim", notify.Cursor{}), []string{"one", "two"})
	x.same("inbox", x.inbox("lee", notify.Cursor{}), []string{"two"})
	for _, a := range got {
		x.same("targeted", a.Notification.Counts.Targeted, int64(1))
		x.same("read", x.read(a.Notification), a.Notification)
	}
	x.same("an empty posting", len(x.postAll(notify.Posting{})), 0)
}

func ingestNone(x *storeTest) {
	x.user("kim")
	p := notify.Posting{Items: []notify.Submission{x.item("a", "one", "kim"), x.item("b", "two", "park"), x.item("c", "three", "kim", "choi")}}
	_, _, err := x.AcceptAll(x.ctx(), p, []notify.Lane{phones})
	x.failsAt(err, notify.CodeUnknownUser, "b.to.users[0]", "c.to.users[1]")
	x.same("stored", x.stored(), 0)
	x.same("inbox", x.inbox("kim", notify.Cursor{}), []string{})
}

func ingestIdempotent(x *storeTest) {
	x.user("kim")
	first, second := x.item("a", "one", "kim"), x.item("b", "two", "kim")
	first.Idempotency = notify.Idempotency{KeyID: "k", Key: "order-1", BodyHash: []byte("1")}
	second.Idempotency = notify.Idempotency{KeyID: "k", Key: "order-1", BodyHash: []byte("1")}
	got := x.postAll(notify.Posting{Items: []notify.Submission{first, second}})
	x.same("the second is the first", []any{got[1].Notification.ID, got[1].Replayed}, []any{got[0].Notification.ID, true})
	again := x.postAll(notify.Posting{Items: []notify.Submission{second}})
	x.same("again", []any{again[0].Notification.ID, again[0].Replayed}, []any{got[0].Notification.ID, true})
	other := second
	other.Idempotency.BodyHash = []byte("2")
	_, _, err := x.AcceptAll(x.ctx(), notify.Posting{Items: []notify.Submission{x.item("a", "three", "kim"), other}}, nil)
	x.failsAt(err, notify.CodeIdempotencyConflict, "b")
	x.same("stored", x.stored(), 1)
}

func ingestOnce(x *storeTest) {
	x.user("kim")
	epoch := x.own("source/drop")
	p := notify.Posting{Items: []notify.Submission{x.item("a", "one", "kim")}, Once: notify.Once{Source: "drop", Epoch: epoch, Key: "x.xml"}}
	x.postAll(p)
	x.reopen()
	p.Once.Epoch = x.own("source/drop")
	got, known, err := x.AcceptAll(x.ctx(), p, nil)
	x.ok(err)
	x.same("known", []any{known, len(got), x.stored()}, []any{true, 0, 1})
	// What is refused is not taken.
	bad := p
	bad.Once.Key, bad.Items = "y.xml", []notify.Submission{x.item("a", "one", "park")}
	_, _, err = x.AcceptAll(x.ctx(), bad, nil)
	x.failsAt(err, notify.CodeUnknownUser, "a.to.users[0]")
	taken, err := x.Taken(x.ctx(), "drop")
	x.ok(err)
	x.same("taken", taken, []string{"x.xml"})
	x.ok(x.Forget(x.ctx(), "drop", []string{"x.xml", "never"}))
	x.ok(x.Forget(x.ctx(), "other", []string{"x.xml"}))
	p.Items = []notify.Submission{x.item("a", "one", "kim")}
	x.postAll(p)
	x.same("stored", x.stored(), 2)
}

func ingestStale(x *storeTest) {
	x.user("kim")
	epoch := x.own("source/drop")
	_, _, err := x.AcceptAll(x.ctx(), notify.Posting{Items: []notify.Submission{x.item("a", "one", "kim")},
		Once: notify.Once{Source: "drop", Epoch: epoch - 1, Key: "x"}}, nil)
	x.fails(err, notify.CodeStaleEpoch)
	x.same("stored", x.stored(), 0)
}

func ingestDry(x *storeTest) {
	x.person("kim", "email:kim@example.com")
	x.device("kim", phones)
	one := x.item("a", "one")
	one.Notification.To = notify.Audience{Identities: []notify.Identity{{Kind: "email", Value: "kim@example.com"}}}
	one.Idempotency = notify.Idempotency{KeyID: "k", Key: "1", BodyHash: []byte("1")}
	for range 2 {
		got := x.postAll(notify.Posting{Items: []notify.Submission{one}, Dry: true})
		x.same("who", got[0].People, []string{"kim"})
		x.same("targeted", []any{got[0].Notification.Counts.Targeted, got[0].Replayed}, []any{int64(1), false})
	}
	x.same("stored", x.stored(), 0)
	x.same("inbox", x.inbox("kim", notify.Cursor{}), []string{})
}
