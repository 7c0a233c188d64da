package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" { // the child of TestKilled
		acceptForEver(dir)
	}
	goleak.VerifyTestMain(m)
}

// TestStore is the contract of all stores, and, by the way, how SQLite runs every statement that it needs.
func TestStore(t *testing.T) {
	seen := map[string]bool{}
	notifytest.StoreSuite(t, func(t testing.TB, dir string, clock notify.Clock) notify.Store {
		return spy{openIn(t, dir, func(o *Options) { o.Clock, o.Synchronous = clock, Normal }), seen}
	})
	t.Run("query plans", func(t *testing.T) { checkPlans(t, seen) })
}

// openIn opens a store in the dir; the test closes it.
func openIn(t testing.TB, dir string, set ...func(*Options)) *Store {
	t.Helper()
	o := Options{Dir: dir}
	for _, f := range set {
		f(&o)
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// opened opens a store in a folder of its own, for the length of the test.
func opened(t testing.TB, set ...func(*Options)) *Store {
	t.Helper()
	s := openIn(t, t.TempDir(), set...)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func phone() notify.Lane { return notify.Lane{App: "corp", Platform: notify.APNs} }

// TestTokensOfOneHash: tokens that share their hash are still two devices.
func TestTokensOfOneHash(t *testing.T) {
	s := opened(t)
	if _, err := s.PutUser(t.Context(), notify.User{ID: "kim"}); err != nil {
		t.Fatal(err)
	}
	put := func(token string) notify.Device {
		t.Helper()
		d, _, err := s.PutDevice(t.Context(), notify.Device{User: "kim", App: "corp", Platform: notify.FCM, Token: token})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := put("token-0") // makes the lane, whose key is 1
	seen := map[int64]string{}
	for i := 0; ; i++ {
		token := "token-" + strconv.Itoa(i)
		hash := tokenHash(1, token)
		if other, ok := seen[hash]; ok {
			a, b := put(other), put(token)
			if a.Key == b.Key || a.Token != other || b.Token != token || put(other).Key != a.Key {
				t.Errorf("%+v and %+v share the hash %d", a, b, hash)
			}
			break
		}
		seen[hash] = token
	}
	if put("token-0").Key != first.Key {
		t.Error("a known token got a new device")
	}
}

// TestOddFolders: what means something in a URL is only a name in a folder.
func TestOddFolders(t *testing.T) {
	for _, name := range []string{"with space", "100%", "a?b=c", "a#b", "a&_pragma=x", "한글", "a:b", "+plus", "%41"} {
		dir := filepath.Join(t.TempDir(), name)
		s := openIn(t, dir)
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := s.Users(t.Context(), notify.Page{}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "allim.db-wal")); err != nil {
			t.Errorf("%q: the file is somewhere else: %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	t.Chdir(t.TempDir())
	s := openIn(t, "./data")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestReadsThatAreGivenUp leave their connections as they were.
func TestReadsThatAreGivenUp(t *testing.T) {
	s := opened(t, func(o *Options) { o.Synchronous = Normal })
	err := s.changeAlone(t.Context(), "fill", func(x *tx) error {
		for i := range 2000 {
			if _, err := x.putUser(notify.User{ID: strconv.Itoa(i), Identities: []notify.Identity{{Kind: "login", Value: strconv.Itoa(i)}}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var given, whole atomic.Int64
	for range 8 {
		wg.Go(func() {
			for range 60 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(4000))*time.Microsecond)
				users, err := s.Users(ctx, notify.Page{Limit: 1000})
				switch {
				case err == nil && len(users) == 1000 && len(users[999].Identities) == 1:
					whole.Add(1)
				case notify.CodeOf(err) == notify.CodeUnavailable:
					given.Add(1)
				default:
					t.Errorf("%d users, %v", len(users), err)
				}
				cancel()
				if u, err := s.User(t.Context(), "7"); err != nil || len(u.Identities) != 1 {
					t.Errorf("after a read that was given up: %+v, %v", u, err)
				}
			}
		})
	}
	wg.Wait()
	if given.Load() == 0 {
		t.Errorf("no read was given up, %d were whole", whole.Load())
	}
}

// TestSettingsHoldOnEveryConnection: those of a pragma that is run once would hold on one.
func TestSettingsHoldOnEveryConnection(t *testing.T) {
	s := opened(t)
	want := map[string]string{"foreign_keys": "1", "journal_mode": "wal", "busy_timeout": "10000"}
	look := func(q querier, more map[string]string) error {
		for _, settings := range []map[string]string{want, more} {
			for name, value := range settings {
				var got string
				if err := q.row("PRAGMA " + name).Scan(&got); err != nil || got != value {
					return fmt.Errorf("%s is %q, want %q: %w", name, got, value, err)
				}
			}
		}
		return nil
	}
	if err := s.change(t.Context(), "look", func(x *tx) error {
		return look(x, map[string]string{"synchronous": "2", "secure_delete": "1"})
	}); err != nil {
		t.Error(errors.Unwrap(err))
	}
	conns := make([]*conn, s.r.size)
	for i := range conns {
		c, err := s.r.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = c
		if err := look(c, map[string]string{"query_only": "1"}); err != nil {
			t.Error(err)
		}
		if err := c.row(`INSERT INTO meta (name, value) VALUES ('x', 1) RETURNING value`).Scan(new(int)); err == nil {
			t.Error("a reader has written")
		}
	}
	for _, c := range conns {
		s.r.done(c, false)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestRemindersAreReplacedWithTheirObject: all of the named objects, and only theirs.
func TestRemindersAreReplacedWithTheirObject(t *testing.T) {
	s := opened(t)
	if _, err := s.PutUser(t.Context(), notify.User{ID: "kim"}); err != nil {
		t.Fatal(err)
	}
	a, _, err := s.PutAccount(t.Context(), notify.Account{Source: "cal", Login: "kim", Users: []string{"kim"}})
	if err != nil {
		t.Fatal(err)
	}
	epoch, err := s.Lease(t.Context(), "source/cal", "hub", time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1_700_000_000_000)
	reminder := func(alarm string) notify.Reminder {
		return notify.Reminder{RecurrenceID: "r", Alarm: alarm, FireAt: at, Event: notify.Event{Key: alarm, Type: notify.CalendarReminder}}
	}
	for i, step := range []struct {
		put  map[notify.Object][]notify.Reminder
		want string
	}{
		{map[notify.Object][]notify.Reminder{"a": {reminder("a1"), reminder("a2")}, "b": {reminder("b1")}}, "a.a1 a.a2 b.b1"},
		{map[notify.Object][]notify.Reminder{"a": {reminder("a3")}}, "a.a3 b.b1"},
		{nil, "a.a3 b.b1"},
		{map[notify.Object][]notify.Reminder{"b": nil}, "a.a3"},
	} {
		if _, err := s.Record(t.Context(), "cal", notify.Batch{Account: a.ID, Epoch: epoch, Reminders: step.put}); err != nil {
			t.Fatal(err)
		}
		var got string
		err := s.change(t.Context(), "look", func(x *tx) error {
			return x.row(`SELECT coalesce(group_concat(object || '.' || alarm, ' ' ORDER BY object, alarm), '') FROM reminders
				WHERE fire_at=1700000000000 AND recurrence_id='r' AND json_extract(event, '$.Key')=alarm`).Scan(&got)
		})
		if err != nil || got != step.want {
			t.Errorf("step %d: %q, %v; want %q", i, got, err, step.want)
		}
	}
}
