package notifytest

import (
	"time"

	"allim.dev/allim/notify"
)

func accountsSuite() []storeCase {
	return []storeCase{
		{"accounts: made, read, more users, new secret", accountRoundTrip},
		{"accounts: listed without secrets", accountsListed},
		{"accounts: watched ones tell of their people", accountPeople},
		{"accounts: health", accountHealth},
		{"accounts: deleted with state and unplanned events", accountDeleted},
		{"accounts: unknown", accountsUnknown},
	}
}

// account adds an explicit account of users.
func (x *storeTest) account(source, login string, users ...string) notify.Account {
	x.t.Helper()
	a, _, err := x.PutAccount(x.ctx(), notify.Account{Source: source, Login: login, Users: users, Explicit: true, CreatedAt: x.clock.Now()})
	x.ok(err)
	return a
}

func accountRoundTrip(x *storeTest) {
	x.user("kim", "lee")
	now := x.clock.Now()
	a, created, err := x.PutAccount(x.ctx(), notify.Account{Source: "mail", Login: "kim@example.com", Secret: "pa55", Users: []string{"kim"},
		Explicit: true, CreatedAt: now})
	x.ok(err)
	if !created || a.ID == "" || a.Secret != "" {
		x.t.Fatalf("created %v, id %q, secret %q", created, a.ID, a.Secret)
	}
	want := notify.Account{ID: a.ID, Source: "mail", Login: "kim@example.com", Users: []string{"kim"}, Explicit: true, CreatedAt: now,
		Health: notify.Health{State: notify.HealthStarting}}
	x.same("account", a, want)
	_, created, err = x.PutAccount(x.ctx(), notify.Account{Source: "mail", Login: "kim@example.com", Users: []string{"lee"}})
	x.ok(err)
	x.same("created", created, false)
	want.Users = []string{"kim", "lee"}
	x.reopen()
	got, err := x.Account(x.ctx(), a.ID)
	x.ok(err)
	got.Secret = ""
	x.same("account", got, want)
	x.secretIs("mail", "pa55")
	_, _, err = x.PutAccount(x.ctx(), notify.Account{Source: "mail", Login: "kim@example.com", Secret: "n3w"})
	x.ok(err)
	x.secretIs("mail", "n3w")
	other := x.account("other", "kim@example.com", "kim")
	if other.ID == a.ID {
		x.t.Error("the same login at two sources is one account")
	}
}

func (x *storeTest) secretIs(source, want string) {
	x.t.Helper()
	list, err := x.WatchedAccounts(x.ctx(), source)
	x.ok(err)
	if len(list) != 1 || list[0].Secret != want {
		x.t.Fatalf("watched: %+v, want the secret %q", list, want)
	}
}

func accountsListed(x *storeTest) {
	x.user("kim", "lee")
	for _, login := range []string{"c", "a", "b"} {
		for _, source := range []string{"mail", "calendar"} {
			_, _, err := x.PutAccount(x.ctx(), notify.Account{Source: source, Login: login, Users: []string{"lee", "kim"}, Secret: "s"})
			x.ok(err)
		}
	}
	list, err := x.Accounts(x.ctx(), "", notify.Page{})
	x.ok(err)
	var names []string
	for _, a := range list {
		names = append(names, a.Source+" "+a.Login)
		x.same("secret in a listing", a.Secret, "")
		x.same("users", a.Users, []string{"kim", "lee"})
	}
	x.same("all accounts", names, []string{"calendar a", "calendar b", "calendar c", "mail a", "mail b", "mail c"})
	names = paged(x, func(p notify.Page) ([]notify.Account, error) { return x.Accounts(x.ctx(), "mail", p) },
		func(a notify.Account) string { return a.Login })
	x.same("accounts of a source", names, []string{"a", "b", "c"})
	names = paged(x, func(p notify.Page) ([]notify.Account, error) { return x.Accounts(x.ctx(), "", p) },
		func(a notify.Account) string { return a.Source + "\n" + a.Login })
	x.same("all accounts in pages", len(names), 6)
	watched, err := x.WatchedAccounts(x.ctx(), "mail")
	x.ok(err)
	for i, a := range watched {
		x.same("watched", []any{a.Login, a.Secret, a.Users}, []any{[]string{"a", "b", "c"}[i], "s", []string{"kim", "lee"}})
	}
}

func accountPeople(x *storeTest) {
	email := func(values ...string) (list []notify.Identity) {
		for _, v := range values {
			list = append(list, notify.Identity{Kind: notify.KindEmail, Value: v})
		}
		return append(list, notify.Identity{Kind: notify.KindEmployee, Value: "no address of " + values[0]})
	}
	for _, u := range []notify.User{{ID: "a", Identities: email("a@example.com")},
		{ID: "b", TimeZone: "Asia/Seoul", Identities: email("b@example.com", "0@example.com")}, {ID: "c", TimeZone: "Europe/Berlin"}} {
		_, err := x.PutUser(x.ctx(), u)
		x.ok(err)
	}
	x.account("calendar", "shared", "a", "b", "c")
	x.account("calendar", "the c", "c")
	list, err := x.WatchedAccounts(x.ctx(), "calendar")
	x.ok(err)
	x.same("zone of the first who has one, addresses of all", []any{list[0].TimeZone, list[0].Addresses},
		[]any{"Asia/Seoul", []string{"0@example.com", "a@example.com", "b@example.com"}})
	x.same("no address", []any{list[1].TimeZone, list[1].Addresses}, []any{"Europe/Berlin", []string(nil)})
}

func accountHealth(x *storeTest) {
	x.user("kim")
	a := x.account("mail", "kim", "kim")
	now := x.clock.Now()
	h := notify.Health{State: notify.HealthBackoff, Since: now, LastError: "connection refused", LastErrorAt: now, LastOKAt: now.Add(-time.Hour),
		NextTryAt: now.Add(time.Minute), Notes: []string{"mailbox reset"}}
	x.ok(x.SetHealth(x.ctx(), map[string]notify.Health{a.ID: h, "unknown": h}))
	got, err := x.Account(x.ctx(), a.ID)
	x.ok(err)
	x.same("health", got.Health, h)
}

func accountDeleted(x *storeTest) {
	x.user("kim")
	a := x.account("mail", "kim", "kim")
	fresh := x.record("mail", notify.Batch{Account: a.ID, State: map[string][]byte{"uid": {1}}, Events: mails("1", "2")})
	x.plan(fresh[0].ID)
	x.ok(x.DeleteAccount(x.ctx(), a.ID))
	x.fails(x.DeleteAccount(x.ctx(), a.ID), notify.CodeUnknownAccount)
	_, err := x.Account(x.ctx(), a.ID)
	x.fails(err, notify.CodeUnknownAccount)
	x.unplanned()
	_, err = x.Event(x.ctx(), fresh[0].ID)
	x.ok(err)
	_, err = x.Event(x.ctx(), fresh[1].ID)
	x.fails(err, notify.CodeNotFound)
	_, err = x.Record(x.ctx(), "mail", notify.Batch{Account: a.ID, Epoch: x.own("source/mail")})
	x.fails(err, notify.CodeUnknownAccount)
	again := x.account("mail", "kim", "kim")
	state, err := x.Load(x.ctx(), again.ID)
	x.ok(err)
	if again.ID == a.ID || len(state) != 0 {
		x.t.Errorf("the new account %s has the old one's state %v", again.ID, state)
	}
	list, err := x.Accounts(x.ctx(), "", notify.Page{})
	x.ok(err)
	x.same("accounts", len(list), 1)
}

func accountsUnknown(x *storeTest) {
	x.user("kim")
	_, _, err := x.PutAccount(x.ctx(), notify.Account{Source: "mail", Login: "x", Users: []string{"kim", "nobody", "none"}})
	x.failsAt(err, notify.CodeUnknownUser, "users[1]", "users[2]")
	list, err := x.WatchedAccounts(x.ctx(), "mail")
	x.ok(err)
	x.same("accounts", len(list), 0)
	_, err = x.Account(x.ctx(), notify.NewID())
	x.fails(err, notify.CodeUnknownAccount)
	x.fails(x.DeleteAccount(x.ctx(), "x"), notify.CodeUnknownAccount)
}

func syncSuite() []storeCase {
	return []storeCase{
		{"sync: accounts follow identities", syncFollows},
		{"sync: explicit accounts stay", syncExplicit},
		{"sync: state is kept for a day", syncKeepsState},
	}
}

// sync makes the mail source follow a rule and gives its logins with their users.
func (x *storeTest) sync(rule notify.AccountsFrom, changed bool) map[string]string {
	x.t.Helper()
	got, err := x.SyncAccounts(x.ctx(), "mail", rule)
	x.ok(err)
	x.same("changed", got, changed)
	list, err := x.WatchedAccounts(x.ctx(), "mail")
	x.ok(err)
	logins := map[string]string{}
	for _, a := range list {
		for _, u := range a.Users {
			logins[a.Login] += u + " "
		}
	}
	return logins
}

func syncFollows(x *storeTest) {
	rule := notify.AccountsFrom{Kind: "email", Domain: "example.com"}
	x.same("nothing to follow", x.sync(rule, false), map[string]string{})
	x.person("kim", "email:kim@example.com", "email:kim@sub.example.com", "login:kim@example.com", "email:k@example.com")
	x.person("lee", "email:lee@notexample.com")
	want := map[string]string{"kim@example.com": "kim ", "k@example.com": "kim "}
	x.same("accounts", x.sync(rule, true), want)
	x.same("accounts", x.sync(rule, false), want)
	x.person("kim", "email:kim@example.com")
	x.person("lee", "email:k@example.com")
	x.same("another owner", x.sync(rule, true), map[string]string{"kim@example.com": "kim ", "k@example.com": "lee "})
	x.same("every domain", len(x.sync(notify.AccountsFrom{Kind: "email"}, false)), 2)
	x.same("no rule", x.sync(notify.AccountsFrom{}, true), map[string]string{})
	x.same("no rule", x.sync(notify.AccountsFrom{}, false), map[string]string{})
}

func syncExplicit(x *storeTest) {
	x.person("kim", "email:kim@example.com")
	x.user("lee")
	x.account("mail", "shared", "kim", "lee")
	x.account("mail", "kim@example.com", "lee")
	rule := notify.AccountsFrom{Kind: "email"}
	want := map[string]string{"shared": "kim lee ", "kim@example.com": "lee "}
	x.same("accounts", x.sync(rule, false), want)
	x.same("accounts", x.sync(notify.AccountsFrom{}, false), want)
}

func syncKeepsState(x *storeTest) {
	rule := notify.AccountsFrom{Kind: "email"}
	x.person("kim", "email:kim@example.com")
	x.sync(rule, true)
	list, err := x.WatchedAccounts(x.ctx(), "mail")
	x.ok(err)
	id := list[0].ID
	x.record("mail", notify.Batch{Account: id, State: map[string][]byte{"uid": {7}}})
	x.person("kim")
	x.sync(rule, true)
	_, err = x.Account(x.ctx(), id)
	x.fails(err, notify.CodeUnknownAccount)
	// What is seen meanwhile must be seen again when it comes back: the state stays where it was.
	_, err = x.Record(x.ctx(), "mail", notify.Batch{Account: id, Epoch: x.own("source/mail"), State: map[string][]byte{"uid": {8}}})
	x.fails(err, notify.CodeUnknownAccount)
	x.sweepAfter(23 * time.Hour)
	x.person("kim", "email:kim@example.com")
	x.same("accounts", x.sync(rule, true), map[string]string{"kim@example.com": "kim "})
	list, err = x.WatchedAccounts(x.ctx(), "mail")
	x.ok(err)
	state, err := x.Load(x.ctx(), id)
	x.ok(err)
	x.same("account and state", []any{list[0].ID, state}, []any{id, map[string][]byte{"uid": {7}}})
	x.person("kim")
	x.sync(rule, true)
	x.sweepAfter(25 * time.Hour)
	state, err = x.Load(x.ctx(), id)
	x.ok(err)
	x.same("state after a day", state, map[string][]byte{})
}

// sweepAfter lets time pass and sweeps until there is no more to do.
func (x *storeTest) sweepAfter(d time.Duration) {
	x.t.Helper()
	x.clock.Advance(d)
	for range 1000 {
		more, err := x.Sweep(x.ctx(), x.clock.Now(), retention, 2)
		x.ok(err)
		if !more {
			return
		}
	}
	x.t.Fatal("sweeping does not come to an end")
}

const retention = 30 * 24 * time.Hour
