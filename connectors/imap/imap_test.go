package imap

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestMain(m *testing.M) {
	if os.Getenv(serverEnv) != "" {
		if err := serveUsers(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// rig is a connector against a fault server.
type rig struct {
	t     *testing.T
	srv   *imaptest.Server
	watch *notifytest.Watch
	clock notify.Clock
	set   func(*Settings)
	run   *notifytest.Running
}

const kim = "kim@example.com"

func mailbox(login string) notify.Account {
	return notify.Account{ID: "id-" + login, Login: login, Secret: "secret", Users: []string{login}}
}

// newRig starts a server with kim's mailbox; the connector is started by start.
func newRig(t *testing.T, o imaptest.Options) *rig {
	t.Helper()
	srv, err := imaptest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv.AddUser(kim, "secret")
	r := &rig{t: t, srv: srv, watch: notifytest.NewWatch(mailbox(kim)), clock: notify.SystemClock{}, set: func(*Settings) {}}
	t.Cleanup(func() {
		r.stop()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		for _, b := range r.watch.Broken() {
			t.Errorf("a rule of notify.Event is broken: %s", b)
		}
	})
	return r
}

func (r *rig) connector() notify.Connector {
	r.t.Helper()
	c, err := New(notifytest.ConnectorEnv("imap", r.clock, func(s *Settings) {
		s.Address, s.Security = r.srv.Addr(), securityNone
		s.Timeout = 5 * time.Second
		s.LoginRate, s.MaxLoginRate = 1000, 1000
		r.set(s)
	}))
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (r *rig) start() {
	r.t.Helper()
	r.run = notifytest.StartConnector(r.connector(), r.watch)
}

func (r *rig) stop() {
	r.t.Helper()
	if r.run != nil {
		if err := r.run.Stop(); err != nil {
			r.t.Errorf("Run returned %v", err)
		}
		r.run = nil
		notifytest.Until(r.t, "the connections to end", func() bool { return r.srv.Stats().Open == 0 })
	}
}

// watching waits until kim's account is in IDLE.
func (r *rig) watching() {
	r.t.Helper()
	notifytest.Until(r.t, "IDLE", func() bool { return r.srv.Idling(kim) > 0 && r.health().State == notify.HealthWatching })
}

func (r *rig) health() notify.Health { return r.watch.Health("id-" + kim) }

func (r *rig) deliver(subject string, d imaptest.Delivery) uint32 {
	r.t.Helper()
	uid, err := r.srv.Deliver(kim, letter(subject), d)
	if err != nil {
		r.t.Fatal(err)
	}
	return uid
}

// subjects waits for events with exactly these subjects, in any order, and nothing more.
func (r *rig) subjects(want ...string) {
	r.t.Helper()
	notifytest.Until(r.t, fmt.Sprintf("events %q, have %q", want, r.have()), func() bool { return len(r.have()) >= len(want) })
	have := r.have()
	if len(have) != len(want) {
		r.t.Fatalf("told of %q, want %q", have, want)
	}
	for _, w := range want {
		if !strings.Contains("\n"+strings.Join(have, "\n")+"\n", "\n"+w+"\n") {
			r.t.Fatalf("told of %q, want %q", have, want)
		}
	}
}

func (r *rig) have() []string {
	var l []string
	for _, e := range r.watch.Events() {
		l = append(l, e.Params["subject"])
	}
	return l
}

func letter(subject string) []byte {
	return fmt.Appendf(nil, "From: Lee <lee@example.com>\r\nTo: kim@example.com\r\nSubject: %s\r\nDate: %s\r\n"+
		"Message-ID: <%x@example.com>\r\n\r\nHello.\r\n", subject, time.Now().Format(time.RFC1123Z), subject)
}

// TestNewMail is the ordinary case: silent about what is there, told at once of what comes, over a lost connection.
func TestNewMail(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	r.deliver("old", imaptest.Delivery{})
	r.start()
	r.watching()
	r.deliver("first", imaptest.Delivery{})
	r.subjects("first")
	r.srv.DropAll()
	r.deliver("second", imaptest.Delivery{})
	r.subjects("first", "second")
	r.watching()
	if h := r.health(); h.LastEventAt.IsZero() || h.LastOKAt.IsZero() {
		t.Errorf("health %+v", h)
	}
	e := r.watch.Events()[0]
	if e.Type != notify.MailReceived || e.Params["from"] != "lee@example.com" || e.Params["fromName"] != "Lee" ||
		e.Params["folder"] != "INBOX" || e.Params["account"] != kim || e.Key != "INBOX/1/2" || e.Told == "" {
		t.Errorf("event %+v", e)
	}
}

// turn turns the clock step by step until cond holds. What happens between is real: a step takes some milliseconds.
func (r *rig) turn(clock *notifytest.Clock, step time.Duration, what string, cond func() bool) {
	r.t.Helper()
	notifytest.Until(r.t, what, func() bool {
		if cond() {
			return true
		}
		clock.Advance(step)
		return false
	})
}

// jump turns the clock to kim's next try, and from there on in small steps until the next one is planned.
func (r *rig) jump(clock *notifytest.Clock, what string, cond func() bool) {
	r.t.Helper()
	notifytest.Until(r.t, what, func() bool {
		if cond() {
			return true
		}
		if next := r.health().NextTryAt; next.After(clock.Now()) {
			clock.Set(next)
		} else {
			clock.Advance(100 * time.Millisecond)
		}
		return false
	})
}
