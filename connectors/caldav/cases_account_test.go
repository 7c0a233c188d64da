package caldav

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/connectors/caldav/caldavtest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// inState waits until kim's account is in a state, and the connector rests.
func (r *rig) inState(s notify.HealthState) {
	r.t.Helper()
	notifytest.Until(r.t, fmt.Sprintf("state %s; health %+v", s, r.health()), func() bool { return r.health().State == s })
	r.idle()
}

// TestCalendarsComeAndGo: new collections are watched silently; one that is gone is dropped after it was missing twice and
// said so itself, with its reminders; one that is only not listed stays (case 38).
func TestCalendarsComeAndGo(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.set = func(s *Settings) { s.Reminders.Default = 10 * time.Minute }
	r.many(2)
	r.well()
	r.srv.AddCollection(kim, caldavtest.Collection{Name: "tasks", Components: []string{"VTODO"}})
	r.srv.AddCollection(kim, caldavtest.Collection{Name: "inbox", Inbox: true})
	r.srv.AddCollection(kim, caldavtest.Collection{Name: "journal", Components: []string{"VJOURNAL"}})
	r.srv.Put(kim, "tasks", "old.ics", meeting("t", "T", tomorrow(1)))
	r.srv.Put(kim, "inbox", "copy.ics", meeting("i", "I", tomorrow(1)))
	r.poll()
	r.expect()
	if r.names() != "0.ics 1.ics old.ics" {
		t.Errorf("stored: %s", r.names())
	}
	r.srv.Put(kim, "tasks", "new.ics", meeting("n", "N", tomorrow(1)))
	r.poll()
	r.expect("calendar.created N")

	// Not listed, but there.
	remove := r.srv.Inject(caldavtest.Fault{Method: "PROPFIND", Path: "/" + kim + "/", Edit: caldavtest.Replace("<C:calendar/>", "")})
	r.poll()
	r.poll()
	r.poll()
	remove()
	if r.names() != "0.ics 1.ics new.ics old.ics" {
		t.Errorf("stored: %s", r.names())
	}
	r.poll()

	if len(r.watch.Reminders("id-"+kim)) == 0 {
		t.Fatal("no reminders to lose")
	}
	r.srv.RemoveCollection(kim, "work")
	r.poll()
	if r.names() != "0.ics 1.ics new.ics old.ics" {
		t.Errorf("believed at once: %s", r.names())
	}
	r.poll()
	if r.names() != "new.ics old.ics" {
		t.Errorf("stored: %s", r.names())
	}
	r.srv.RemoveCollection(kim, "tasks")
	r.poll()
	r.poll()
	if n := len(r.watch.Reminders("id-" + kim)); n != 0 || len(r.state()) != 2 {
		t.Errorf("%d reminders and a state of %d entries are left", n, len(r.state()))
	}
	r.expect("calendar.created N")
}

// TestWrongPassword is the auth lane: few tries, a plain word to IT, and all is well with a new password.
func TestWrongPassword(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.put("a.ics", meeting("a", "A", tomorrow(1)))
	r.well()
	r.srv.SetPassword(kim, "changed")
	r.poll()
	r.inState(notify.HealthAuthFailed)
	if h := r.health(); !strings.Contains(h.LastError, "login was refused") || strings.Contains(h.LastError, "secret") {
		t.Errorf("last error %q", h.LastError)
	}
	tries := r.srv.Count("401")
	for range 24 * 4 {
		r.clock.Advance(15 * time.Minute)
		r.idle()
	}
	if n := r.srv.Count("401") - tries; n > 4 {
		t.Errorf("%d tries in a day with a wrong password", n)
	}
	if r.names() != "a.ics" {
		t.Errorf("stored: %s", r.names())
	}
	acct := home(kim)
	acct.Secret = "changed"
	r.watch.SetAccounts(acct)
	r.inState(notify.HealthPolling)
	r.put("b.ics", meeting("b", "B", tomorrow(100)))
	r.poll()
	r.expect("calendar.created B")
}

// TestServerAway: 503 with Retry-After is waited for, and an outage is over soon after it is.
func TestServerAway(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.well()
	r.srv.Inject(caldavtest.Fault{Status: 503, Times: 1, Header: map[string]string{"Retry-After": "1800"}})
	r.poll()
	r.inState(notify.HealthBackoff)
	asked := r.srv.Count("PROPFIND")
	r.clock.Advance(29 * time.Minute)
	r.idle()
	if r.srv.Count("PROPFIND") != asked {
		t.Error("it was asked before the time that it named")
	}
	if next := r.health().NextTryAt.Sub(start); next < 30*time.Minute {
		t.Errorf("next try after %s", next)
	}
	r.tick(2 * time.Minute)
	r.inState(notify.HealthPolling)

	r.srv.Stop()
	notifytest.Until(t, "it to be unreachable", func() bool {
		r.clock.Advance(10 * time.Second)
		return r.health().State == notify.HealthUnreachable
	})
	for range 60 {
		r.clock.Advance(time.Minute)
		r.idle()
	}
	r.put("a.ics", meeting("a", "A", tomorrow(1)))
	if err := r.srv.Start(); err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(75 * time.Second)
	r.inState(notify.HealthPolling)
	r.expect("calendar.created A")
}

// TestOneLoginForAll: a login that is refused for everybody is tried by one account at a time, and rarely.
func TestOneLoginForAll(t *testing.T) {
	const people = 40
	r := newRig(t, caldavtest.Options{Reader: "watcher", ReaderPassword: "right"})
	var accounts []notify.Account
	for i := range people {
		login := fmt.Sprintf("user%d@example.com", i)
		r.srv.AddUser(login, "x")
		r.srv.AddCollection(login, caldavtest.Collection{Name: "work"})
		accounts = append(accounts, notify.Account{ID: login, Login: login})
	}
	r.watch.SetAccounts(accounts...)
	r.set = func(s *Settings) {
		s.Auth = Auth{Method: methodProxy, User: "watcher", Password: "wrong"}
		s.Connections = 2
	}
	r.start()
	failed := func() (n int) {
		for _, a := range accounts {
			if r.watch.Health(a.ID).State == notify.HealthAuthFailed {
				n++
			}
		}
		return n
	}
	notifytest.Until(t, "all to know", func() bool { return failed() == people })
	r.idle()
	if n := r.srv.Count("401"); n > closeRefused+2 {
		t.Errorf("%d tries with a wrong login for all", n)
	}
	for range 60 {
		r.clock.Advance(time.Minute)
		r.idle()
	}
	if n := r.srv.Count("401"); n > closeRefused+2+3 {
		t.Errorf("%d tries in an hour", n)
	}
}

// TestAccountsComeAndGo: one that is removed in the middle of a look is left alone, one with a new login starts anew.
func TestAccountsComeAndGo(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.well()
	hang := make(chan struct{})
	reached := make(chan struct{}, 1)
	r.srv.Inject(caldavtest.Fault{Method: "PROPFIND", Times: 1, Hang: hang, Do: func() { reached <- struct{}{} }})
	r.clock.Advance(time.Minute)
	notifytest.Receive(t, "the look", reached)
	acct := home(kim)
	acct.TimeZone = "Europe/Berlin"
	r.watch.SetAccounts(acct)
	r.watch.SetAccounts()
	r.watch.SetAccounts(acct)
	close(hang)
	r.put("a.ics", meeting("a", "A", tomorrow(1)))
	notifytest.Until(t, "the event", func() bool {
		r.clock.Advance(10 * time.Second)
		return len(r.watch.Events()) == 1
	})
}

// TestLostState: when all state is lost, what is there is not told again.
func TestLostState(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.many(5)
	r.well()
	r.stop()
	r.watch.Forget("id-" + kim)
	r.well()
	r.expect()
	r.put("a.ics", meeting("a", "A", tomorrow(1)))
	r.poll()
	r.expect("calendar.created A")
}

// TestCrashAtEveryPut: the hub dies before, or after, each of its transactions, and is told each thing once.
func TestCrashAtEveryPut(t *testing.T) {
	for dies := range 12 {
		r := newRig(t, caldavtest.Options{})
		r.many(3)
		n, crashed := 0, false
		r.watch.Refuse(func(notify.Batch) error {
			if n++; n >= dies && !crashed {
				return notify.Errorf(notify.CodeUnavailable, "dead")
			}
			return nil
		})
		r.start()
		r.idle()
		for i := range 3 {
			r.put(fmt.Sprint("new", i, ".ics"), meeting(fmt.Sprint("new", i), fmt.Sprint("N", i), tomorrow(50)))
			r.clock.Advance(time.Minute)
			r.idle()
		}
		r.stop()
		baseline := slices.ContainsFunc(slices.Collect(maps.Keys(r.state())), func(k string) bool { return strings.HasPrefix(k, "c/") })
		crashed = true
		r.well()
		r.put("last.ics", meeting("last", "Last", tomorrow(60)))
		r.poll()
		seen := map[string]int{}
		for _, e := range r.told() {
			seen[e]++
		}
		for e, n := range seen {
			if n != 1 {
				t.Errorf("dying at %d: %q told %d times", dies, e, n)
			}
		}
		if want := map[bool]int{true: 4, false: 1}[baseline]; seen["calendar.created Last"] != 1 || len(seen) != want {
			t.Errorf("dying at %d: told of %v, want %d", dies, seen, want)
		}
		for _, old := range []string{"M0", "M1", "M2"} {
			if seen["calendar.created "+old] != 0 {
				t.Errorf("dying at %d: told of what was there: %v", dies, seen)
			}
		}
		r.stop()
	}
}
