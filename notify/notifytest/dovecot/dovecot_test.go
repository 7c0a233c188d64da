package dovecot_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	"go.uber.org/goleak"

	"allim.dev/allim/notify/notifytest"
	"allim.dev/allim/notify/notifytest/dovecot"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const mail = "From: Kim <kim@example.org>\r\nTo: lee@example.com\r\nSubject: Hello\r\nMessage-ID: <1@example.org>\r\n\r\nHi\r\n"

// open logs in over one of the three ways, with f doing the login.
func open(t *testing.T, s *dovecot.Server, way string, f func(*imapclient.Client) error) *imapclient.Client {
	t.Helper()
	o := &imapclient.Options{TLSConfig: &tls.Config{RootCAs: s.CA, ServerName: "localhost"}}
	var c *imapclient.Client
	var err error
	switch way {
	case "tls":
		c, err = imapclient.DialTLS(s.IMAPS, o)
	case "starttls":
		c, err = imapclient.DialStartTLS(s.IMAP, o)
	default:
		c, err = imapclient.DialInsecure(s.IMAP, nil)
	}
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
		err = f(c)
	}
	if err != nil {
		t.Fatalf("%s: %v", way, err)
	}
	return c
}

func login(user, password string) func(*imapclient.Client) error {
	return func(c *imapclient.Client) error { return c.Login(user, password).Wait() }
}

func count(t *testing.T, c *imapclient.Client) uint32 {
	t.Helper()
	data, err := c.Select("INBOX", nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	return data.NumMessages
}

func TestEveryWayIn(t *testing.T) {
	s := dovecot.Start(t, dovecot.Options{})
	if err := s.Deliver(t.Context(), "lee@example.com", []byte(mail)); err != nil {
		t.Fatal(err)
	}
	ways := map[string]func(*imapclient.Client) error{
		"own password": login("lee@example.com", dovecot.Password),
		"master user":  login("lee@example.com"+dovecot.Separator+dovecot.MasterUser, dovecot.MasterPassword),
		"authzid": func(c *imapclient.Client) error {
			return c.Authenticate(sasl.NewPlainClient("lee@example.com", dovecot.MasterUser, dovecot.MasterPassword))
		},
	}
	for name, f := range ways {
		for _, way := range []string{"plain", "starttls", "tls"} {
			t.Run(name+" "+way, func(t *testing.T) {
				if n := count(t, open(t, s, way, f)); n != 1 {
					t.Errorf("the mailbox has %d mails, want 1", n)
				}
			})
		}
	}
}

func TestWrongPasswordIsRefusedAndLogged(t *testing.T) {
	s := dovecot.Start(t, dovecot.Options{})
	var refused error
	c := open(t, s, "plain", func(c *imapclient.Client) error {
		refused = c.Login("lee", "wrong").Wait()
		return nil
	})
	_ = c.Close()
	if refused == nil {
		t.Error("a wrong password was taken")
	}
	open(t, s, "plain", login("lee", dovecot.Password)) // and does not delay the next
	notifytest.Until(t, "both logins in the log", func() bool { return len(s.Logins()) == 2 })
	l := s.Logins()
	if l[0].OK || !l[1].OK || l[0].User != "lee" || time.Since(l[1].At).Abs() > time.Minute {
		t.Errorf("logged: %+v", l)
	}
}

func TestIdleTellsOfAMail(t *testing.T) {
	s := dovecot.Start(t, dovecot.Options{})
	more := make(chan uint32, 8)
	c, err := imapclient.DialInsecure(s.IMAP, &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				more <- *d.NumMessages
			}
		}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := login("lee", dovecot.Password)(c); err != nil {
		t.Fatal(err)
	}
	count(t, c)
	idle, err := c.Idle()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Deliver(t.Context(), "lee", []byte(mail)); err != nil {
		t.Fatal(err)
	}
	if n := notifytest.Receive(t, "EXISTS", more); n != 1 {
		t.Errorf("EXISTS %d, want 1", n)
	}
	if err := idle.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestManyDeliveriesAtOnce(t *testing.T) {
	s := dovecot.Start(t, dovecot.Options{})
	const users, each = 20, 10
	var wg sync.WaitGroup
	for i := range users * each {
		wg.Go(func() {
			if err := s.Deliver(t.Context(), fmt.Sprintf("user%d", i%users), []byte(mail)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range users {
		c := open(t, s, "plain", login(fmt.Sprintf("user%d", i), dovecot.Password))
		if n := count(t, c); n != each {
			t.Errorf("user%d has %d mails, want %d", i, n, each)
		}
		_ = c.Close()
	}
}

func TestStopAndStartKeepPortsAndMail(t *testing.T) {
	s := dovecot.Start(t, dovecot.Options{})
	if err := s.Deliver(t.Context(), "lee", []byte(mail)); err != nil {
		t.Fatal(err)
	}
	before := *imapAddrs(s)
	s.Stop()
	s.Stop() // twice is fine
	if err := s.Deliver(t.Context(), "lee", []byte(mail)); err == nil {
		t.Error("a stopped server took a mail")
	}
	if err := s.Drop("lee", []byte(mail)); err != nil {
		t.Fatal(err)
	}
	s.Start()
	if *imapAddrs(s) != before {
		t.Error("the ports changed")
	}
	if err := s.Deliver(t.Context(), "lee", []byte(mail)); err != nil {
		t.Fatal(err)
	}
	c := open(t, s, "tls", login("lee", dovecot.Password))
	if n := count(t, c); n != 3 {
		t.Fatalf("the mailbox has %d mails, want 3", n)
	}
	section := &imap.FetchItemBodySection{Part: nil, Peek: true}
	got, err := c.Fetch(imap.SeqSetNum(2), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || !strings.Contains(string(got[0].FindBodySection(section)), "Subject: Hello") {
		t.Error("the mail that was dropped in is not whole")
	}
}

func imapAddrs(s *dovecot.Server) *[3]string { return &[3]string{s.IMAP, s.IMAPS, s.LMTP} }

func TestExtraChangesTheServer(t *testing.T) {
	s := dovecot.Start(t, dovecot.Options{Extra: "protocol imap {\n  imap_capability = IMAP4rev1\n}"})
	c := open(t, s, "plain", login("lee", dovecot.Password))
	caps, err := c.Capability().Wait()
	if err != nil {
		t.Fatal(err)
	}
	if caps.Has(imap.CapIdle) {
		t.Error("IDLE is still there")
	}
}

func TestDeliverGivesUpWithItsContext(t *testing.T) {
	s := dovecot.Start(t, dovecot.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Deliver(ctx, "lee", []byte(mail)); err == nil {
		t.Error("delivered with a cancelled context")
	}
	if err := s.Deliver(t.Context(), "lee>\r\nQUIT", []byte(mail)); err == nil {
		t.Error("took a user name that breaks the protocol")
	}
}
