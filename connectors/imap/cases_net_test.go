package imap

import (
	"strings"
	"sync"
	"testing"
	"time"

	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// impatient makes commands time out quickly in real time; waits of the connector follow the turned clock.
func (r *rig) impatient() *notifytest.Clock {
	clock := notifytest.NewClock(time.Now())
	r.clock = clock
	r.set = func(s *Settings) { s.Timeout = 150 * time.Millisecond }
	return clock
}

// times notes when, by the turned clock, a command came.
type times struct {
	mu sync.Mutex
	l  []time.Time
}

func (n *times) now(clock notify.Clock) func() {
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.l = append(n.l, clock.Now())
	}
}

func (n *times) all() []time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]time.Time(nil), n.l...)
}

// TestCase12_HalfOpenDuringIdle: the server is a black hole; the renewal finds out, and nothing is lost.
func TestCase12_HalfOpenDuringIdle(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	clock := r.impatient()
	r.start()
	r.watching()
	r.srv.Freeze(kim)
	r.deliver("in the hole", imaptest.Delivery{})
	start := clock.Now()
	r.turn(clock, 5*time.Second, "the mail", func() bool { return len(r.have()) == 1 })
	r.subjects("in the hole")
	// 9 minutes and a tenth, and what passes on the turned clock while real timeouts run.
	if d := clock.Now().Sub(start); d < 8*time.Minute {
		t.Errorf("found out after %s: before the renewal?", d)
	}
	if n := r.srv.Stats().Connections; n != 2 {
		t.Errorf("%d connections", n)
	}
	if e := r.health().LastError; !strings.Contains(e, "no answer in time") {
		t.Errorf("last error %q", e)
	}
}

// TestCase12_EarlierRenewal: where connections die silently again and again, IDLE is renewed earlier.
func TestCase12_EarlierRenewal(t *testing.T) {
	n := newRenewal(9 * time.Minute)
	for range deathsToCut {
		n.saw(troublef(kindNetwork, "no answer in time"), true)
	}
	if d := n.length(); d > 5*time.Minute {
		t.Errorf("after %d deaths still %s", deathsToCut, d)
	}
	for range 10 * deathsToCut {
		n.saw(troublef(kindNetwork, "no answer in time"), true)
	}
	if d := n.length(); d < 45*time.Second || d > 61*time.Second {
		t.Errorf("at the end %s", d)
	}
	n.saw(troublef(kindNetwork, "closed"), false) // not at a renewal: says nothing
}

// TestCase13_NeverAnswered: any command that is not answered ends in a new connection, and mail is told.
func TestCase13_NeverAnswered(t *testing.T) {
	for _, command := range []string{"CONNECT", "AUTHENTICATE", "EXAMINE", "IDLE", "DONE", "UID FETCH"} {
		t.Run(command, func(t *testing.T) {
			r := newRig(t, imaptest.Options{})
			clock := r.impatient()
			r.srv.Inject(imaptest.Fault{Name: command, Times: 1, Hang: true})
			r.start()
			if command == "DONE" || command == "UID FETCH" {
				r.watching()
			} else {
				r.turn(clock, 100*time.Millisecond, "IDLE", func() bool { return r.srv.Idling(kim) > 0 })
			}
			r.deliver("mail", imaptest.Delivery{})
			r.turn(clock, 100*time.Millisecond, "the mail", func() bool { return len(r.have()) == 1 })
			r.subjects("mail")
			if n := r.srv.Stats().Connections; n != 2 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// TestCase14_DropsAfterIdle: growing waits, no loop of logins.
func TestCase14_DropsAfterIdle(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	clock := r.impatient()
	var logins times
	r.srv.Inject(imaptest.Fault{Name: "IDLING", Drop: true, Do: logins.now(clock)})
	r.start()
	start := clock.Now()
	r.jump(clock, "two hours", func() bool { return clock.Now().Sub(start) > 2*time.Hour })
	l := logins.all()
	if len(l) < 8 || len(l) > 40 {
		t.Errorf("%d logins in two hours", len(l))
	}
	if gap := l[len(l)-1].Sub(l[len(l)-2]); gap < 10*time.Second {
		t.Errorf("the last wait was %s", gap)
	}
	for i := 1; i < len(l); i++ {
		if gap := l[i].Sub(l[i-1]); gap > backoffLast+time.Minute {
			t.Errorf("wait %d was %s, more than %s", i, gap, backoffLast)
		}
	}
	if h := r.health(); h.State != notify.HealthBackoff || h.LastError == "" || h.NextTryAt.IsZero() {
		t.Errorf("health %+v", h)
	}
}

// TestCase16_MaximumConnections: the account makes do with short visits, and says so.
func TestCase16_MaximumConnections(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	clock := r.impatient()
	r.srv.Inject(imaptest.Fault{Name: "AUTHENTICATE", Times: 1,
		Reply: []string{"{tag} NO [LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)"}})
	r.start()
	r.turn(clock, time.Second, "polling", func() bool { return r.health().State == notify.HealthPolling })
	r.deliver("polled", imaptest.Delivery{})
	r.turn(clock, time.Second, "the mail", func() bool { return len(r.have()) == 1 })
	r.turn(clock, time.Second, "polling", func() bool { return r.health().State == notify.HealthPolling })
	if n := r.srv.Idling(kim); n != 0 {
		t.Errorf("%d connections in IDLE", n)
	}
	h := r.health()
	if !strings.Contains(strings.Join(h.Notes, "\n"), noteShort) || !strings.Contains(h.LastError, "Maximum number of connections") {
		t.Errorf("health %+v", h)
	}
	if n := r.srv.Stats().LoginFailures; n != 0 {
		t.Errorf("%d login failures", n)
	}
	// After half an hour a lasting connection is tried again.
	r.turn(clock, 10*time.Second, "IDLE", func() bool { return r.srv.Idling(kim) == 1 && r.health().State == notify.HealthWatching })
	if h := r.health(); strings.Contains(strings.Join(h.Notes, "\n"), noteShort) {
		t.Errorf("notes %q", h.Notes)
	}
}

// TestCase16_ManyAccounts: max_connections is kept; those beyond it are polled.
func TestCase16_ManyAccounts(t *testing.T) {
	t.Parallel()
	r := newRig(t, imaptest.Options{})
	var accounts []notify.Account
	for _, n := range []string{"a", "b", "c", "d", "e", "f"} {
		r.srv.AddUser(n, "secret")
		accounts = append(accounts, mailbox(n))
	}
	r.watch.SetAccounts(accounts...)
	r.set = func(s *Settings) { s.MaxConnections, s.Poll = 4, time.Second }
	r.start()
	for round := range 2 {
		for _, a := range accounts {
			notifytest.Until(t, a.Login+" is seen", func() bool { return len(r.watch.State(a.ID)) > 0 })
			if _, err := r.srv.Deliver(a.Login, letter(a.Login), imaptest.Delivery{}); err != nil {
				t.Fatal(err)
			}
		}
		notifytest.Until(t, "all mails", func() bool { return len(r.have()) == (round+1)*len(accounts) })
	}
	// The server may not have seen the end of one that the connector has closed already.
	if n := r.srv.Stats().MaxOpen; n > 4+1 {
		t.Errorf("%d connections at one time, 4 are allowed", n)
	}
}

// TestCase17_BackoffTime: the server says how long, and is left alone so long.
func TestCase17_BackoffTime(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	clock := r.impatient()
	var logins times
	r.srv.Inject(imaptest.Fault{Name: "AUTHENTICATE", Times: 1, Do: logins.now(clock),
		Reply: []string{"{tag} BAD Request is throttled. Suggested Backoff Time: 92415 milliseconds"}})
	r.srv.Inject(imaptest.Fault{Name: "AUTHENTICATE", Match: func(c imaptest.Command) bool { return c.N > 0 }, Do: logins.now(clock)})
	r.start()
	r.turn(clock, 500*time.Millisecond, "IDLE", func() bool { return r.srv.Idling(kim) == 1 })
	l := logins.all()
	if gap := l[1].Sub(l[0]); gap < 92415*time.Millisecond || gap > 110*time.Second {
		t.Errorf("waited %s", gap)
	}
}

// TestCase18_AuthenticatedButNotConnected: Exchange's way to say "later" is no refused login.
func TestCase18_AuthenticatedButNotConnected(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	clock := r.impatient()
	remove := r.srv.Inject(imaptest.NO("AUTHENTICATE", "User is authenticated but not connected."))
	r.start()
	r.turn(clock, time.Second, "trouble", func() bool { return r.health().LastError != "" })
	start := clock.Now()
	r.turn(clock, time.Second, "ten minutes", func() bool { return clock.Now().Sub(start) > 10*time.Minute })
	for _, h := range r.watch.Reports("id-" + kim) {
		if h.State == notify.HealthAuthFailed {
			t.Errorf("reported as a refused login: %+v", h)
		}
	}
	remove()
	r.turn(clock, 5*time.Second, "IDLE", func() bool { return r.srv.Idling(kim) == 1 })
}

// TestCase20_WrongPassword: few tries, told to people, and network trouble does not count as a refusal.
func TestCase20_WrongPassword(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	clock := r.impatient()
	var logins times
	r.srv.AddUser(kim, "changed")
	r.srv.Inject(imaptest.Fault{Name: "AUTHENTICATE", Do: logins.now(clock)})
	r.start()
	start := clock.Now()
	r.jump(clock, "two days", func() bool { return clock.Now().Sub(start) > 48*time.Hour })
	l := logins.all()
	for i := range l {
		within := 0
		for _, other := range l[i:] {
			if other.Sub(l[i]) < time.Hour-time.Minute {
				within++
			}
		}
		if within > authPerHour {
			t.Errorf("%d tries within an hour", within)
		}
	}
	if len(l) < 4 || len(l) > 8 {
		t.Errorf("%d tries in two days", len(l))
	}
	h := r.health()
	if h.State != notify.HealthAuthFailed || !strings.Contains(h.LastError, "AUTHENTICATIONFAILED") ||
		!strings.Contains(h.LastError, "password") || strings.Contains(h.LastError, "secret") {
		t.Errorf("health %+v", h)
	}
	// The right password is taken at once.
	fixed := mailbox(kim)
	fixed.Secret = "changed"
	start = clock.Now()
	r.watch.SetAccounts(fixed)
	r.turn(clock, time.Millisecond, "IDLE", func() bool { return r.srv.Idling(kim) == 1 })
	if d := clock.Now().Sub(start); d > time.Minute {
		t.Errorf("the new password was tried only after %s", d)
	}
}

// TestCase20_WrongMasterPassword: thousands of accounts with one wrong login do not get it locked.
func TestCase20_WrongMasterPassword(t *testing.T) {
	r := newRig(t, imaptest.Options{Master: imaptest.Master{User: "watcher", Password: "right"}})
	clock := r.impatient()
	impatient := r.set
	r.set = func(s *Settings) {
		impatient(s)
		s.Auth = Auth{Method: "master", User: "watcher", Password: "wrong", Separator: "*"}
	}
	var accounts []notify.Account
	for i := range 300 {
		login := "user" + strings.Repeat("x", i)
		r.srv.AddUser(login, "p")
		accounts = append(accounts, mailbox(login))
	}
	r.watch.SetAccounts(accounts...)
	r.start()
	start := clock.Now()
	r.turn(clock, 30*time.Second, "five hours", func() bool { return clock.Now().Sub(start) > 5*time.Hour })
	// Ten to find out, those that were under way then, and a few probes.
	if n := r.srv.Stats().LoginFailures; n > closeAfter+authPerHour*5 {
		t.Errorf("%d refused logins", n)
	}
	if n := r.srv.Stats().LoginFailures; n < closeAfter {
		t.Errorf("only %d refused logins: did it try?", n)
	}
	for _, a := range accounts {
		if h := r.watch.Health(a.ID); h.State != notify.HealthAuthFailed {
			t.Fatalf("%s: health %+v", a.Login, h)
		}
	}
}

// TestCase20_NetworkTroubleIsNoRefusal: logins that break off say nothing of the password, be it one for all.
func TestCase20_NetworkTroubleIsNoRefusal(t *testing.T) {
	r := newRig(t, imaptest.Options{Master: imaptest.Master{User: "watcher", Password: "right"}})
	clock := r.impatient()
	impatient := r.set
	r.set = func(s *Settings) {
		impatient(s)
		s.Auth = Auth{Method: "master", User: "watcher", Password: "right", Separator: "*"}
	}
	var accounts []notify.Account
	for i := range 30 {
		login := "user" + strings.Repeat("x", i)
		r.srv.AddUser(login, "p")
		accounts = append(accounts, mailbox(login))
	}
	r.watch.SetAccounts(accounts...)
	r.srv.Inject(imaptest.Fault{Name: "AUTHENTICATE", Drop: true, Times: 3 * closeAfter})
	r.start()
	r.turn(clock, 200*time.Millisecond, "all in IDLE", func() bool { return r.srv.Stats().Idling == len(accounts) })
	for _, a := range accounts {
		for _, h := range r.watch.Reports(a.ID) {
			if h.State == notify.HealthAuthFailed {
				t.Fatalf("%s: %+v", a.Login, h)
			}
		}
	}
}

// TestCase20_Orphans: mailboxes that do not exist keep nobody else waiting, though one login serves all.
func TestCase20_Orphans(t *testing.T) {
	r := newRig(t, imaptest.Options{Master: imaptest.Master{User: "watcher", Password: "right"}})
	r.set = func(s *Settings) { s.Auth = Auth{Method: "proxy", User: "watcher", Password: "right"} }
	accounts := []notify.Account{mailbox(kim)}
	for i := range 5 * closeAfter {
		accounts = append(accounts, mailbox("nobody"+strings.Repeat("x", i)))
	}
	r.watch.SetAccounts(accounts...)
	r.start()
	r.watching()
	for _, a := range accounts[1:] {
		notifytest.Until(t, a.Login+" to be refused", func() bool { return r.watch.Health(a.ID).State == notify.HealthAuthFailed })
	}
	if n := r.srv.Stats().LoginFailures; n != len(accounts)-1 {
		t.Errorf("%d refused logins", n)
	}
}

// TestCase21_NoIdle: a server without IDLE is polled by opening the mailbox anew, since some show nothing on NOOP.
func TestCase21_NoIdle(t *testing.T) {
	r := newRig(t, imaptest.Options{Without: []string{"IDLE"}})
	clock := r.impatient()
	r.start()
	polling := func() bool { return r.health().State == notify.HealthPolling }
	r.turn(clock, time.Second, "polling", polling)
	r.deliver("polled", imaptest.Delivery{})
	r.turn(clock, time.Second, "the mail", func() bool { return len(r.have()) == 1 })
	r.subjects("polled")
	st := r.srv.Stats()
	if st.Commands["NOOP"] != 0 || st.Commands["EXAMINE"] < 2 || st.Connections != 1 || st.Commands["IDLE"] != 0 {
		t.Errorf("commands %v over %d connections", st.Commands, st.Connections)
	}
	if !strings.Contains(strings.Join(r.health().Notes, "\n"), noteNoIdle) {
		t.Errorf("notes %q", r.health().Notes)
	}
}

// TestCase21_IdleRefused: the same when IDLE is advertised but refused.
func TestCase21_IdleRefused(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	clock := r.impatient()
	r.srv.Inject(imaptest.NO("IDLE", "not today"))
	r.start()
	r.turn(clock, time.Second, "polling", func() bool { return r.health().State == notify.HealthPolling })
	r.deliver("polled", imaptest.Delivery{})
	r.turn(clock, time.Second, "the mail", func() bool { return len(r.have()) == 1 })
	if n := r.srv.Stats().Connections; n != 1 {
		t.Errorf("%d connections", n)
	}
}
