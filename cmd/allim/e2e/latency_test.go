package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify/notifytest/dovecot"
)

// The size of the proofs.
const (
	people = 200
	mails  = 2000
)

// quickStart connects all mailboxes in two seconds instead of ten, where that is not what is looked at.
const quickStart = "login_rate: 100\n"

// TestDovecotLatency: 2,000 mails over 200 mailboxes of a real Dovecot are 2,000 pushes and 2,000 items on open pages,
// each within a second (p99) of being handed to Dovecot, which itself holds every notice back for half a second. The rate
// is one that two cores keep up with while Dovecot, the platform's simulator and 200 open pages run on them, too.
func TestDovecotLatency(t *testing.T) {
	attempts(t, func(t *testing.T) bool {
		s := dovecot.Start(t, dovecot.Options{})
		w := newWorld(t, worldOptions{binary: fast(t), people: people, mails: mails, source: dovecotSource(s) + quickStart})
		return measure(t, w, measurement{deliver: s.Deliver, rate: 45, p99: time.Second})
	})
}

// TestPromptServerLatency: the same with a server that tells of a mail at once shows the hub's own share: under 100 ms.
func TestPromptServerLatency(t *testing.T) {
	attempts(t, func(t *testing.T) bool {
		s, source := promptServer(t, people)
		w := newWorld(t, worldOptions{binary: fast(t), people: people, mails: mails, source: source + quickStart})
		deliver := func(_ context.Context, login string, raw []byte) error {
			_, err := s.Deliver(login, raw, imaptest.Delivery{})
			return err
		}
		return measure(t, w, measurement{deliver: deliver, rate: 100, p99: 100 * time.Millisecond})
	})
}

// attempts measures until one measurement is as it should be, three times at most: whatever else a shared machine does
// at the time (other packages' tests) can only make it slower. What is counted must be right every time.
func attempts(t *testing.T, measure func(*testing.T) bool) {
	good := false
	for n := 1; n <= 3 && !good && !t.Failed(); n++ {
		t.Run(fmt.Sprintf("attempt %d", n), func(t *testing.T) { good = measure(t) })
	}
	if !good {
		t.Error("too slow")
	}
}

// promptServer is an IMAP server in memory that does not wait, and the source that watches it.
func promptServer(t testing.TB, users int) (*imaptest.Server, string) {
	t.Helper()
	s, err := imaptest.New(imaptest.Options{Master: imaptest.Master{User: "watcher", Password: "masterpw"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for i := range users {
		s.AddUser(fmt.Sprintf("user%03d@%s", i, domain), "own")
	}
	return s, fmt.Sprintf("kind: imap\naddress: %s\nsecurity: none\nauth: {method: master, user: watcher, password: masterpw}\n"+
		"accounts: {from: identities, kind: email, domain: %s}\n", s.Addr(), domain)
}

type measurement struct {
	deliver deliverer
	rate    int           // mails a second
	p99     time.Duration // what it may be
}

// measure fails the test when anything is not told once, and tells whether it was told in time.
func measure(t *testing.T, w *world, m measurement) bool {
	t.Helper()
	w.openPages()
	w.send(0, mails, m.rate, m.deliver)
	w.ledger.await(t, time.Minute)
	w.hub.stop() // so that nothing more can come
	w.ledger.check(t, false)
	if c := w.apns.Log().Counts(); c.Requests != mails || c.Accepted != mails {
		t.Errorf("the platform saw %d requests and took %d, want %d", c.Requests, c.Accepted, mails)
	}
	push, item := w.ledger.latency()
	t.Logf("delivery to push, %d mails a second: %s", m.rate, push)
	t.Logf("delivery to page, %d mails a second: %s", m.rate, item)
	limit := m.p99
	if os.Getenv(strict) == "" {
		limit *= 10
	}
	return push.p99 < limit && item.p99 < limit
}

// strict is the environment variable that makes the latencies' limits those that are promised. Without it they are ten
// times as long: a test says that the hub works, on whatever machine and beside whatever else; only a measurement by
// itself says how fast.
const strict = "ALLIM_MEASURE"
