package notifytest

import (
	"time"

	"allim.dev/allim/notify"
)

func usersSuite() []storeCase {
	return []storeCase{
		{"users: made, read, replaced", userRoundTrip},
		{"users: every taken identity is named", identitiesTaken},
		{"users: identities are free again", identitiesFreed},
		{"users: found by identity", userByIdentity},
		{"users: listed in pages", usersListed},
		{"users: unknown", usersUnknown},
	}
}

func userRoundTrip(x *storeTest) {
	now := x.clock.Now()
	u := notify.User{ID: "kim", Name: "김민준", Locale: "ko-KR", TimeZone: "Asia/Seoul", UpdatedAt: now,
		Identities: []notify.Identity{{Kind: "phone", Value: "+8210"}, {Kind: "email", Value: "kim@example.com"}}}
	created, err := x.PutUser(x.ctx(), u)
	x.ok(err)
	if !created {
		x.t.Error("a new user was not created")
	}
	want := u
	want.CreatedAt = now
	got, err := x.User(x.ctx(), "kim")
	x.ok(err)
	x.same("user", got, want)

	x.clock.Advance(time.Hour)
	u = notify.User{ID: "kim", Name: "Kim", Locale: "en", UpdatedAt: x.clock.Now(), Identities: u.Identities[1:]}
	created, err = x.PutUser(x.ctx(), u)
	x.ok(err)
	if created {
		x.t.Error("a known user was created again")
	}
	x.reopen()
	u.CreatedAt = now
	got, err = x.User(x.ctx(), "kim")
	x.ok(err)
	x.same("replaced user", got, u)
}

func identitiesTaken(x *storeTest) {
	x.person("kim", "email:kim@example.com", "phone:+8210")
	_, err := x.PutUser(x.ctx(), notify.User{ID: "lee", Identities: []notify.Identity{
		{Kind: "email", Value: "lee@example.com"}, {Kind: "phone", Value: "+8210"}, {Kind: "email", Value: "kim@example.com"}}})
	x.failsAt(err, notify.CodeIdentityTaken, "identities[1]", "identities[2]")
	_, err = x.User(x.ctx(), "lee")
	x.fails(err, notify.CodeUnknownUser)
	_, err = x.UserByIdentity(x.ctx(), notify.Identity{Kind: "email", Value: "lee@example.com"})
	x.fails(err, notify.CodeUnknownIdentity)
}

func identitiesFreed(x *storeTest) {
	x.person("kim", "email:team@example.com")
	x.person("kim")
	x.person("lee", "email:team@example.com")
	got, err := x.UserByIdentity(x.ctx(), notify.Identity{Kind: "email", Value: "team@example.com"})
	x.ok(err)
	x.same("owner", got.ID, "lee")
}

func userByIdentity(x *storeTest) {
	x.person("kim", "email:kim@example.com", "login:kim")
	x.person("lee", "login:lee")
	got, err := x.UserByIdentity(x.ctx(), notify.Identity{Kind: "login", Value: "kim"})
	x.ok(err)
	x.same("user", []any{got.ID, len(got.Identities)}, []any{"kim", 2})
	_, err = x.UserByIdentity(x.ctx(), notify.Identity{Kind: "email", Value: "kim"})
	x.fails(err, notify.CodeUnknownIdentity)
}

func usersListed(x *storeTest) {
	x.user("b", "c", "a", "e")
	x.person("d", "login:d")
	names := paged(x, func(p notify.Page) ([]notify.User, error) { return x.Users(x.ctx(), p) }, func(u notify.User) string { return u.ID })
	x.same("users", names, []string{"a", "b", "c", "d", "e"})
	part, err := x.Users(x.ctx(), notify.Page{After: "c", Limit: 1})
	x.ok(err)
	x.same("identities in the list", part[0].Identities, []notify.Identity{{Kind: "login", Value: "d"}})
}

func usersUnknown(x *storeTest) {
	_, err := x.User(x.ctx(), "nobody")
	x.fails(err, notify.CodeUnknownUser)
	x.fails(x.DeleteUser(x.ctx(), "nobody"), notify.CodeUnknownUser)
	x.user("kim")
	x.fails(x.MergeUser(x.ctx(), "nobody", "kim"), notify.CodeUnknownUser)
	x.fails(x.MergeUser(x.ctx(), "kim", "nobody"), notify.CodeUnknownUser)
	_, err = x.User(x.ctx(), "kim")
	x.ok(err)
}

func topicsSuite() []storeCase {
	return []storeCase{
		{"topics: exist while they have members", topicLife},
		{"topics: listed in pages", topicsListed},
	}
}

func topicLife(x *storeTest) {
	x.fails(x.AddMember(x.ctx(), "staff", "nobody"), notify.CodeUnknownUser)
	_, err := x.Members(x.ctx(), "staff", notify.Page{})
	x.fails(err, notify.CodeUnknownTopic)
	x.user("kim", "lee")
	x.members("staff", "kim", "lee", "kim")
	got, err := x.Members(x.ctx(), "staff", notify.Page{})
	x.ok(err)
	x.same("members", got, []string{"kim", "lee"})
	x.ok(x.RemoveMember(x.ctx(), "staff", "kim"))
	x.fails(x.RemoveMember(x.ctx(), "staff", "kim"), notify.CodeUnknownTopic)
	x.fails(x.RemoveMember(x.ctx(), "none", "lee"), notify.CodeUnknownTopic)
	x.fails(x.RemoveMember(x.ctx(), "staff", "nobody"), notify.CodeUnknownTopic)
	x.ok(x.RemoveMember(x.ctx(), "staff", "lee"))
	_, err = x.Members(x.ctx(), "staff", notify.Page{})
	x.fails(err, notify.CodeUnknownTopic)
	list, err := x.Topics(x.ctx(), notify.Page{})
	x.ok(err)
	x.same("topics", list, []notify.Topic{})
	x.members("staff", "lee")
	list, err = x.Topics(x.ctx(), notify.Page{})
	x.ok(err)
	x.same("topics", list, []notify.Topic{{Name: "staff", Members: 1}})
}

func topicsListed(x *storeTest) {
	x.user("u1", "u2", "u3", "u4", "u5")
	for _, topic := range []string{"c", "a", "b"} {
		x.members(topic, "u3", "u1", "u2", "u5", "u4")
	}
	names := paged(x, func(p notify.Page) ([]notify.Topic, error) { return x.Topics(x.ctx(), p) }, func(t notify.Topic) string { return t.Name })
	x.same("topics", names, []string{"a", "b", "c"})
	names = paged(x, func(p notify.Page) ([]string, error) { return x.Members(x.ctx(), "b", p) }, func(u string) string { return u })
	x.same("members", names, []string{"u1", "u2", "u3", "u4", "u5"})
}

func keysSuite() []storeCase {
	return []storeCase{
		{"keys: made, found, revoked", keyLife},
		{"keys: a person's tokens", tokenLife},
		{"keys: when they were used", keysTouched},
	}
}

func keyLife(x *storeTest) {
	now := x.clock.Now()
	k := notify.Key{ID: "k1", Name: "erp", Scopes: []notify.Scope{notify.ScopeSend, notify.ScopeUrgent}, CreatedAt: now}
	x.ok(x.PutKey(x.ctx(), k, notify.HashSecret("s1")))
	x.reopen()
	got, err := x.KeyByHash(x.ctx(), notify.HashSecret("s1"))
	x.ok(err)
	x.same("key", got, k)
	_, err = x.KeyByHash(x.ctx(), notify.HashSecret("s2"))
	x.fails(err, notify.CodeUnknownKey)
	x.fails(x.RevokeKey(x.ctx(), "k2", ""), notify.CodeUnknownKey)
	x.clock.Advance(time.Minute)
	x.ok(x.RevokeKey(x.ctx(), "k1", ""))
	_, err = x.KeyByHash(x.ctx(), notify.HashSecret("s1"))
	x.fails(err, notify.CodeUnknownKey)
	list, err := x.Keys(x.ctx(), "")
	x.ok(err)
	k.RevokedAt = x.clock.Now()
	x.same("keys", list, []notify.Key{k})
}

func tokenLife(x *storeTest) {
	token := notify.Key{ID: "t1", Name: "phone", Scopes: []notify.Scope{notify.ScopeUser}, User: "kim", CreatedAt: x.clock.Now()}
	x.fails(x.PutKey(x.ctx(), token, notify.HashSecret("s1")), notify.CodeUnknownUser)
	x.user("kim", "lee")
	x.ok(x.PutKey(x.ctx(), token, notify.HashSecret("s1")))
	x.ok(x.PutKey(x.ctx(), notify.Key{ID: "k1", Name: "erp", CreatedAt: x.clock.Now()}, notify.HashSecret("s2")))
	for user, want := range map[string]string{"kim": "t1", "": "k1"} {
		list, err := x.Keys(x.ctx(), user)
		x.ok(err)
		if len(list) != 1 || list[0].ID != want {
			x.t.Fatalf("the keys of %q are %v, want %s", user, list, want)
		}
	}
	x.fails(x.RevokeKey(x.ctx(), "t1", "lee"), notify.CodeUnknownKey)
	x.fails(x.RevokeKey(x.ctx(), "t1", ""), notify.CodeUnknownKey)
	x.fails(x.RevokeKey(x.ctx(), "t1", "nobody"), notify.CodeUnknownKey)
	x.fails(x.RevokeKey(x.ctx(), "k1", "kim"), notify.CodeUnknownKey)
	x.ok(x.RevokeKey(x.ctx(), "t1", "kim"))
	_, err := x.KeyByHash(x.ctx(), notify.HashSecret("s1"))
	x.fails(err, notify.CodeUnknownKey)
}

func keysTouched(x *storeTest) {
	x.ok(x.PutKey(x.ctx(), notify.Key{ID: "k1", CreatedAt: x.clock.Now()}, notify.HashSecret("s1")))
	used := x.clock.Now().Add(time.Hour)
	x.ok(x.TouchKeys(x.ctx(), map[string]time.Time{"k1": used, "gone": used}))
	got, err := x.KeyByHash(x.ctx(), notify.HashSecret("s1"))
	x.ok(err)
	x.same("last use", got.LastUsedAt, used)
}

func opsSuite() []storeCase {
	return []storeCase{
		{"leases: one holder, epochs that grow", leases},
		{"leases: what was given back", leaseReleased},
		{"ping", func(x *storeTest) { x.ok(x.Ping(x.ctx())) }},
		{"closed: unavailable", closedStore},
	}
}

func leases(x *storeTest) {
	now := x.clock.Now()
	lease := func(holder string, at time.Time) (notify.Epoch, error) {
		return x.Lease(x.ctx(), "lane/a", holder, 10*time.Second, at)
	}
	first, err := lease("a", now)
	x.ok(err)
	again, err := lease("a", now.Add(9*time.Second))
	x.ok(err)
	x.same("epoch after renewal", again, first)
	_, err = lease("b", now.Add(18*time.Second)) // renewed until 19 s
	x.fails(err, notify.CodeStaleEpoch)
	late, err := lease("a", now.Add(30*time.Second)) // expired, but nobody came
	x.ok(err)
	x.same("epoch of a late holder", late, first)
	x.reopen()
	second, err := lease("b", now.Add(41*time.Second))
	x.ok(err)
	if second <= first {
		x.t.Errorf("the new holder's epoch is %d after %d", second, first)
	}
	_, err = lease("a", now.Add(42*time.Second))
	x.fails(err, notify.CodeStaleEpoch)
	other, err := x.Lease(x.ctx(), "lane/b", "a", time.Second, now)
	x.ok(err)
	if other < 1 {
		x.t.Errorf("the first epoch is %d", other)
	}
}

func leaseReleased(x *storeTest) {
	now := x.clock.Now()
	first, err := x.Lease(x.ctx(), "lane/a", "a", time.Hour, now)
	x.ok(err)
	x.ok(x.Release(x.ctx(), "lane/a", "b")) // not b's to give
	_, err = x.Lease(x.ctx(), "lane/a", "b", time.Hour, now)
	x.fails(err, notify.CodeStaleEpoch)
	x.ok(x.Release(x.ctx(), "lane/a", "a"))
	second, err := x.Lease(x.ctx(), "lane/a", "b", time.Hour, now)
	x.ok(err)
	if second <= first {
		x.t.Errorf("the epoch after a release is %d after %d", second, first)
	}
}

func closedStore(x *storeTest) {
	x.user("kim")
	x.ok(x.Close())
	x.ok(x.Close())
	_, err := x.PutUser(x.ctx(), notify.User{ID: "lee"})
	x.fails(err, notify.CodeUnavailable)
	_, err = x.User(x.ctx(), "kim")
	x.fails(err, notify.CodeUnavailable)
	x.fails(x.Ping(x.ctx()), notify.CodeUnavailable)
	for _, err := range x.Advance(x.ctx(), make([]notify.Progress, 2)) {
		x.fails(err, notify.CodeUnavailable)
	}
	x.Store = x.open(x.t, x.dir, x.clock)
	_, err = x.User(x.ctx(), "kim")
	x.ok(err)
}
