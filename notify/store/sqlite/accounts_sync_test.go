package sqlite

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// TestSyncComparesEnough: after a comparison of what has changed, a comparison of everything finds nothing to do.
func TestSyncComparesEnough(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	s := opened(t, func(o *Options) { o.Synchronous, o.Clock = Normal, clock })
	rule := notify.AccountsFrom{Kind: "email", Domain: "a.com"}
	users, logins := []string{"u1", "u2", "u3"}, []string{"x@a.com", "y@a.com", "z@a.com", "x@b.com"}
	rapid.Check(t, func(t *rapid.T) {
		pick := func(list []string) string { return rapid.SampledFrom(list).Draw(t, "pick") }
		ok := func(err error, allowed ...notify.Code) {
			for _, c := range allowed {
				if notify.CodeOf(err) == c {
					return
				}
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				u := notify.User{ID: pick(users)}
				for _, login := range rapid.SliceOfNDistinct(rapid.SampledFrom(logins), 0, 2, rapid.ID).Draw(t, "logins") {
					u.Identities = append(u.Identities, notify.Identity{Kind: rapid.SampledFrom([]string{"email", "email", "login"}).Draw(t, "kind"), Value: login})
				}
				_, err := s.PutUser(t.Context(), u)
				ok(err, notify.CodeIdentityTaken)
			},
			"delete": func(t *rapid.T) { ok(s.DeleteUser(t.Context(), pick(users)), notify.CodeUnknownUser) },
			"merge":  func(t *rapid.T) { ok(s.MergeUser(t.Context(), pick(users), pick(users)), notify.CodeUnknownUser) },
			"explicit": func(t *rapid.T) {
				_, _, err := s.PutAccount(t.Context(), notify.Account{Source: "mail", Login: pick(logins), Users: []string{pick(users)}, Explicit: rapid.Bool().Draw(t, "explicit")})
				ok(err, notify.CodeUnknownUser)
			},
			"drop": func(t *rapid.T) {
				list, err := s.Accounts(t.Context(), "mail", notify.Page{})
				ok(err)
				if len(list) > 0 {
					ok(s.DeleteAccount(t.Context(), rapid.SampledFrom(list).Draw(t, "account").ID))
				}
			},
			"sync": func(t *rapid.T) {
				_, err := s.SyncAccounts(t.Context(), "mail", rule)
				ok(err)
				left, err := snapshot(t.Context(), s, "compare", func(q querier) (syncPlan, error) { return compareAll(q, "mail", rule) })
				ok(err)
				if !left.empty() {
					t.Fatalf("left to do: %+v", left)
				}
			},
		})
	})
}

// TestSyncAfterAnExplicitAccountWentWithItsUser: the one who has the identity gets an account of their own.
func TestSyncAfterAnExplicitAccountWentWithItsUser(t *testing.T) {
	s := opened(t, func(o *Options) { o.Synchronous = Normal })
	rule := notify.AccountsFrom{Kind: "email"}
	kim := notify.User{ID: "kim", Identities: []notify.Identity{{Kind: "email", Value: "kim@example.com"}}}
	for _, u := range []notify.User{kim, {ID: "lee"}} {
		if _, err := s.PutUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	a := notify.Account{Source: "mail", Login: "kim@example.com", Users: []string{"lee"}, Explicit: true}
	if _, _, err := s.PutAccount(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SyncAccounts(t.Context(), "mail", rule); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteUser(t.Context(), "lee"); err != nil {
		t.Fatal(err)
	}
	changed, err := s.SyncAccounts(t.Context(), "mail", rule)
	if err != nil || !changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	list, err := s.Accounts(t.Context(), "mail", notify.Page{})
	if err != nil || len(list) != 1 || list[0].Users[0] != "kim" {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestWatchedAccountsWhileAccountsComeAndGo: the accounts and their people's addresses are of one moment.
func TestWatchedAccountsWhileAccountsComeAndGo(t *testing.T) {
	s := opened(t, func(o *Options) { o.Synchronous = Normal })
	if _, err := s.PutUser(t.Context(), notify.User{ID: "kim", Identities: []notify.Identity{{Kind: "email", Value: "kim@example.com"}}}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		for range 200 {
			a, _, err := s.PutAccount(t.Context(), notify.Account{Source: "mail", Login: "kim", Users: []string{"kim"}})
			if err == nil {
				err = s.DeleteAccount(t.Context(), a.ID)
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		list, err := s.WatchedAccounts(t.Context(), "mail")
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			if len(a.Addresses) != 1 {
				t.Errorf("%+v", a)
			}
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
	}
}

// TestSyncComparesLittle: what did not change is not read again, but now and then.
func TestSyncComparesLittle(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	s := opened(t, func(o *Options) { o.Clock = clock })
	rule := notify.AccountsFrom{Kind: "email"}
	expect := func(wantUsers int, wantFull bool) {
		t.Helper()
		users, full := s.follow.take("mail", rule, clock.Now())
		if len(users) != wantUsers || full != wantFull {
			t.Errorf("%d users, everything %v; want %d, %v", len(users), full, wantUsers, wantFull)
		}
	}
	put := func(id string, values ...string) {
		t.Helper()
		u := notify.User{ID: id}
		for _, v := range values {
			u.Identities = append(u.Identities, notify.Identity{Kind: "email", Value: v})
		}
		if _, err := s.PutUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	expect(0, true)
	expect(0, false)
	put("kim", "a")
	put("lee", "b")
	put("park")
	expect(2, false)
	put("kim", "a")
	expect(0, false)
	put("kim", "c")
	expect(1, false)
	rule.Domain = "example.com"
	expect(0, true)
	clock.Advance(fullEvery)
	expect(0, true)
	for i := range manyChanged + 1 {
		s.follow.changed(int64(i))
	}
	expect(manyChanged+1, true)
	clock.Advance(-time.Hour)
	expect(0, true)
}
