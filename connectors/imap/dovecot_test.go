package imap

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
	"allim.dev/allim/notify/notifytest/dovecot"
)

// real is a connector against a Dovecot.
type real struct {
	t     *testing.T
	srv   *dovecot.Server
	watch *notifytest.Watch
	run   *notifytest.Running
}

func newReal(t *testing.T, srv *dovecot.Server, logins ...string) *real {
	t.Helper()
	var accounts []notify.Account
	for _, l := range logins {
		a := mailbox(l)
		a.Secret = dovecot.Password
		accounts = append(accounts, a)
	}
	return &real{t: t, srv: srv, watch: notifytest.NewWatch(accounts...)}
}

func (r *real) start(set func(*Settings)) notify.Connector {
	r.t.Helper()
	c, err := New(notifytest.ConnectorEnv("imap", notify.SystemClock{}, func(s *Settings) {
		s.Address, s.Security, s.CAFile = r.srv.IMAPS, securityTLS, r.srv.CAFile
		set(s)
	}))
	if err != nil {
		r.t.Fatal(err)
	}
	r.run = notifytest.StartConnector(c, r.watch)
	r.t.Cleanup(r.stop)
	return c
}

func (r *real) stop() {
	if r.run != nil {
		if err := r.run.Stop(); err != nil {
			r.t.Error(err)
		}
		r.run = nil
	}
}

func (r *real) state(login string, want notify.HealthState) {
	r.t.Helper()
	notifytest.Until(r.t, fmt.Sprintf("%s to be %s", login, want), func() bool { return r.watch.Health("id-"+login).State == want })
}

func (r *real) deliver(login, subject string) {
	r.t.Helper()
	if err := r.srv.Deliver(r.t.Context(), login, letter(subject)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *real) subjects(want ...string) {
	r.t.Helper()
	var have []string
	notifytest.Until(r.t, fmt.Sprintf("events %q", want), func() bool {
		have = have[:0]
		for _, e := range r.watch.Events() {
			have = append(have, e.Params["subject"])
		}
		return len(have) >= len(want)
	})
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		r.t.Errorf("told of %q, want %q", have, want)
	}
}

// TestDovecot_EveryWayIn: TLS, STARTTLS and plain; own password, master user, authorization identity.
// Each begins silently and tells of the next mail.
func TestDovecot_EveryWayIn(t *testing.T) {
	t.Parallel()
	srv := dovecot.Start(t, dovecot.Options{})
	master := Auth{Method: "master", User: dovecot.MasterUser, Password: dovecot.MasterPassword, Separator: dovecot.Separator}
	proxy := Auth{Method: "proxy", User: dovecot.MasterUser, Password: dovecot.MasterPassword}
	own := Auth{Method: "password"}
	n := 0
	for _, way := range []string{securityTLS, securityStartTLS, securityNone} {
		for name, auth := range map[string]Auth{"own password": own, "master": master, "proxy": proxy} {
			n++
			login := fmt.Sprintf("user%d@example.com", n)
			t.Run(way+" "+name, func(t *testing.T) {
				r := newReal(t, srv, login)
				r.deliver(login, "old")
				conn := r.start(func(s *Settings) {
					s.Security, s.Auth = way, auth
					if way != securityTLS {
						s.Address = srv.IMAP
					}
				})
				r.state(login, notify.HealthWatching)
				r.deliver(login, "new")
				r.subjects("new")
				a := mailbox(login)
				a.Secret = dovecot.Password
				check, ok := conn.(notify.AccountChecker)
				if !ok {
					t.Fatal("no AccountChecker")
				}
				if err := check.CheckAccount(t.Context(), a); err != nil {
					t.Errorf("check: %v", err)
				}
			})
		}
	}
}

// TestDovecot_Login: the LOGIN command, which is used where a server does not offer PLAIN.
func TestDovecot_Login(t *testing.T) {
	t.Parallel()
	srv := dovecot.Start(t, dovecot.Options{})
	r := newReal(t, srv)
	c, ok := r.start(func(s *Settings) { s.Address, s.Security = srv.IMAP, securityNone }).(*connector)
	if !ok {
		t.Fatal("not a connector")
	}
	for user, password := range map[string]string{"kim@example.com": dovecot.Password,
		"lee@example.com*" + dovecot.MasterUser: dovecot.MasterPassword} {
		l, err := c.dialer.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l.caps = &capabilities{}
		st, err := c.dialer.password(l, user, password)
		if err != nil || st.kind != "OK" {
			t.Errorf("LOGIN %s: %+v, %v", user, st, err)
		}
		l.logout()
	}
}

// TestDovecot_WrongPassword is told as that.
func TestDovecot_WrongPassword(t *testing.T) {
	t.Parallel()
	r := newReal(t, dovecot.Start(t, dovecot.Options{}), "kim@example.com")
	r.start(func(s *Settings) {
		s.Auth = Auth{Method: "master", User: dovecot.MasterUser, Password: "wrong", Separator: "*"}
	})
	r.state("kim@example.com", notify.HealthAuthFailed)
	if e := r.watch.Health("id-kim@example.com").LastError; !strings.Contains(e, "refused") {
		t.Errorf("last error %q", e)
	}
}

// TestDovecot_Restart: the server stops, mail comes meanwhile, the server starts: all is told once, with one login each.
func TestDovecot_Restart(t *testing.T) {
	t.Parallel()
	logins := []string{"a@example.com", "b@example.com", "c@example.com"}
	srv := dovecot.Start(t, dovecot.Options{})
	r := newReal(t, srv, logins...)
	r.start(func(*Settings) {})
	var want []string
	for _, l := range logins {
		r.state(l, notify.HealthWatching)
		r.deliver(l, "before "+l)
		want = append(want, "before "+l)
	}
	r.subjects(want...)
	srv.Stop()
	for _, l := range logins {
		notifytest.Until(t, "the loss to be noticed", func() bool { return r.watch.Health("id-"+l).State != notify.HealthWatching })
		if err := srv.Drop(l, letter("meanwhile "+l)); err != nil {
			t.Fatal(err)
		}
		want = append(want, "meanwhile "+l)
	}
	before := len(srv.Logins())
	srv.Start()
	r.subjects(want...)
	for _, l := range logins {
		r.state(l, notify.HealthWatching)
		if h := r.watch.Health("id-" + l); h.LastError == "" || h.LastOKAt.Before(h.LastErrorAt) {
			t.Errorf("health %+v", h)
		}
	}
	if again := len(srv.Logins()) - before; again != len(logins) {
		t.Errorf("%d logins after the restart for %d accounts", again, len(logins))
	}
}

// TestDovecot_Folders: folders by pattern and special use, with a Korean name, filled by moving a mail.
func TestDovecot_Folders(t *testing.T) {
	t.Parallel()
	const kim = "kim@example.com"
	srv := dovecot.Start(t, dovecot.Options{})
	r := newReal(t, srv, kim)
	c := client(t, srv, kim)
	for _, name := range []string{"프로젝트", "휴지통", "Junk/old"} {
		if err := c.Create(name, nil).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	r.start(func(s *Settings) { s.Folders, s.Poll = []string{"INBOX", "*"}, time.Second })
	r.state(kim, notify.HealthWatching)
	for _, name := range []string{"프로젝트", "휴지통", "Junk", "Junk/old", "Sent", "Drafts", "Trash"} {
		raw := letter("in " + name)
		cmd := c.Append(name, int64(len(raw)), nil)
		if _, err := cmd.Write(raw); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := cmd.Wait(); err != nil {
			t.Fatalf("append to %s: %v", name, err)
		}
	}
	r.deliver(kim, "in INBOX")
	r.subjects("in INBOX", "in 프로젝트")
}

// TestDovecot_Poll: a Dovecot without IDLE is polled.
func TestDovecot_Poll(t *testing.T) {
	t.Parallel()
	const kim = "kim@example.com"
	r := newReal(t, dovecot.Start(t, dovecot.Options{Extra: "imap_capability = IMAP4rev1 LITERAL+"}), kim)
	r.start(func(s *Settings) { s.Poll = time.Second })
	r.state(kim, notify.HealthPolling)
	r.deliver(kim, "polled")
	r.subjects("polled")
}

// client is an ordinary go-imap client of the server.
func client(t *testing.T, srv *dovecot.Server, login string) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialInsecure(srv.IMAP, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // Dovecot may have gone before
	if err := c.Login(login, dovecot.Password).Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}
