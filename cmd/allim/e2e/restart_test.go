package e2e

import (
	"testing"
	"time"

	"allim.dev/allim/notify/notifytest/dovecot"
)

// TestDovecotRestart: Dovecot stops, mails queue up, Dovecot starts again: all are told once, and the hub comes back at a
// measured pace instead of all at once.
func TestDovecotRestart(t *testing.T) {
	const (
		before  = people     // told before it stops
		queued  = 2 * people // written to the mailboxes while it is down
		after   = 2 * people // delivered at once when it is up, before the hub is back
		all     = before + queued + after
		perTick = 100 // logins in one second, at most: max_login_rate
	)
	s := dovecot.Start(t, dovecot.Options{})
	w := newWorld(t, worldOptions{binary: checked(t), people: people, mails: all, source: dovecotSource(s)})
	w.openPages()
	w.send(0, before, 100, s.Deliver)
	until(t, time.Minute, "the first mails told", func() bool { pushed, _ := w.ledger.told(); return pushed == before })

	first := len(s.Logins())
	s.Stop()
	until(t, time.Minute, "the hub to notice", func() bool { return w.watched() == 0 })
	for n := before; n < before+queued; n++ {
		w.ledger.sending(n)
		if err := s.Drop(w.people[n%people].email, letter(n)); err != nil {
			t.Fatal(err)
		}
	}
	s.Start()
	w.send(before+queued, all, 200, s.Deliver)
	w.ledger.await(t, 2*time.Minute)
	until(t, 2*time.Minute, "every mailbox to be watched again", func() bool { return w.watched() == people })
	w.hub.stop()
	w.ledger.check(t, false)
	checkLogins(t, s.Logins()[first:], perTick)
}

// checkLogins fails when the hub logged in much more often than it had to, or too often within a second.
func checkLogins(t *testing.T, logins []dovecot.Login, perSecond int) {
	t.Helper()
	count := map[time.Time]int{}
	most := 0
	for _, l := range logins {
		if !l.OK {
			t.Errorf("a login of %s was refused", l.User)
		}
		count[l.At]++
		most = max(most, count[l.At])
	}
	t.Logf("%d logins for %d mailboxes after the restart, at most %d in a second", len(logins), people, most)
	if len(logins) > people*3/2 {
		t.Errorf("%d logins for %d mailboxes", len(logins), people)
	}
	if most > perSecond {
		t.Errorf("%d logins in one second, at most %d are allowed", most, perSecond)
	}
}
