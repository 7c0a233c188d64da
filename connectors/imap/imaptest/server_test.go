package imaptest_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	"go.uber.org/goleak"

	"allim.dev/allim/connectors/imap/imaptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newServer(t *testing.T, o imaptest.Options) *imaptest.Server {
	t.Helper()
	s, err := imaptest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // it always succeeds
	s.AddUser("kim", "secret")
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// login is a client of another make, which proves the server.
func login(t *testing.T, s *imaptest.Server, exists chan<- uint32) *imapclient.Client {
	t.Helper()
	o := &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil && exists != nil {
				exists <- *d.NumMessages
			}
		}}}
	c, err := imapclient.DialInsecure(s.Addr(), o)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() }) // the server may have gone
	must(t, c.Login("kim", "secret").Wait())
	return c
}

const mail = "From: =?utf-8?B?6rmA?= <a@b.kr>\r\nSubject: one\r\n two\r\nX-Other: 1\r\n\r\nbody\r\n"

// TestWithAnotherClient: what a mail client does, done by go-imap.
func TestWithAnotherClient(t *testing.T) {
	s := newServer(t, imaptest.Options{})
	s.AddFolder("kim", "휴지통", `\Trash`)
	date := time.Date(2026, 11, 23, 9, 0, 0, 0, time.FixedZone("KST", 9*3600))
	_, err := s.Deliver("kim", []byte(mail), imaptest.Delivery{Flags: []string{`\Seen`}, Date: date})
	must(t, err)
	_, err = s.Deliver("kim", []byte(mail), imaptest.Delivery{UID: 40})
	must(t, err)
	c := login(t, s, nil)
	list, err := c.List("", "*", nil).Collect()
	must(t, err)
	if len(list) != 2 || list[1].Mailbox != "휴지통" || list[1].Attrs[1] != imap.MailboxAttrTrash {
		t.Errorf("list %+v %+v", list[0], list[1])
	}
	st, err := c.Status("INBOX", &imap.StatusOptions{NumMessages: true, UIDNext: true, UIDValidity: true}).Wait()
	must(t, err)
	if *st.NumMessages != 2 || st.UIDNext != 41 || st.UIDValidity != 1 {
		t.Errorf("status %+v", st)
	}
	box, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	must(t, err)
	if box.NumMessages != 2 || box.UIDNext != 41 {
		t.Errorf("selected %+v", box)
	}
	section := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Subject", "From"}, Peek: true,
		Partial: &imap.SectionPartial{Size: 1000}}
	msgs, err := c.Fetch(imap.UIDSetNum(1, 7), &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true,
		BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	must(t, err)
	if len(msgs) != 1 || msgs[0].RFC822Size != int64(len(mail)) || !msgs[0].InternalDate.Equal(date) || msgs[0].Flags[0] != imap.FlagSeen ||
		string(msgs[0].FindBodySection(section)) != "From: =?utf-8?B?6rmA?= <a@b.kr>\r\nSubject: one\r\n two\r\n\r\n" {
		t.Errorf("fetched %+v", msgs)
	}
	var from imap.UIDSet
	from.AddRange(2, 0)
	found, err := c.UIDSearch(&imap.SearchCriteria{UID: []imap.UIDSet{from}, Since: date, NotFlag: []imap.Flag{imap.FlagDeleted}}, nil).Wait()
	must(t, err)
	if uids := found.AllUIDs(); len(uids) != 1 || uids[0] != 40 {
		t.Errorf("found %v", uids)
	}
	must(t, c.Logout().Wait())
}

// TestIdle: a delivery and an expunge are told at once; many at once lose none.
func TestIdle(t *testing.T) {
	s := newServer(t, imaptest.Options{})
	exists := make(chan uint32, 1000)
	c := login(t, s, exists)
	_, err := c.Select("INBOX", nil).Wait()
	must(t, err)
	idle, err := c.Idle()
	must(t, err)
	for i := range 200 {
		go func() {
			if _, err := s.Deliver("kim", fmt.Appendf(nil, "Subject: %d\r\n\r\n", i), imaptest.Delivery{}); err != nil {
				t.Error(err)
			}
		}()
	}
	for last := uint32(0); last < 200; {
		select {
		case last = <-exists:
		case <-time.After(10 * time.Second):
			t.Fatalf("told of %d mails", last)
		}
	}
	must(t, idle.Close())
	must(t, idle.Wait())
}

// TestStopAndStart: connections end, the address and the mail stay.
func TestStopAndStart(t *testing.T) {
	s := newServer(t, imaptest.Options{})
	addr := s.Addr()
	c := login(t, s, nil)
	s.Stop()
	if err := c.Noop().Wait(); err == nil {
		t.Error("a connection survived Stop")
	}
	_, err := s.Deliver("kim", []byte(mail), imaptest.Delivery{})
	must(t, err)
	must(t, s.Start())
	if s.Addr() != addr {
		t.Errorf("the address moved from %s to %s", addr, s.Addr())
	}
	box, err := login(t, s, nil).Select("INBOX", nil).Wait()
	must(t, err)
	if st := s.Stats(); box.NumMessages != 1 || st.Logins != 2 || st.Connections != 2 || st.Open != 1 {
		t.Errorf("%d mails, %+v", box.NumMessages, st)
	}
}

// TestLogins: TLS, STARTTLS, the master's two ways, and refusals.
func TestLogins(t *testing.T) {
	for _, o := range []imaptest.Options{{TLS: true}, {StartTLS: true, LoginDisabled: true}} {
		o.Master = imaptest.Master{User: "boss", Password: "pw"}
		s := newServer(t, o)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(s.CA())
		options := &imapclient.Options{TLSConfig: &tls.Config{RootCAs: pool, ServerName: "localhost"}}
		for _, try := range []struct {
			user, password string
			sasl           sasl.Client
			want           string
		}{
			{user: "kim", password: "secret"},
			{user: "kim", password: "wrong", want: "AUTHENTICATIONFAILED"},
			{user: "kim*boss", password: "pw"},
			{user: "lee*boss", password: "pw", want: "AUTHENTICATIONFAILED"},
			{sasl: sasl.NewPlainClient("kim", "boss", "pw")},
			{sasl: sasl.NewPlainClient("lee", "boss", "pw"), want: "AUTHORIZATIONFAILED"},
			{sasl: sasl.NewPlainClient("kim", "boss", "wrong"), want: "AUTHENTICATIONFAILED"},
		} {
			dial := imapclient.DialTLS
			if o.StartTLS {
				dial = imapclient.DialStartTLS
			}
			c, err := dial(s.Addr(), options)
			must(t, err)
			if try.sasl != nil {
				err = c.Authenticate(try.sasl)
			} else {
				err = c.Login(try.user, try.password).Wait()
			}
			if (err == nil) != (try.want == "") || err != nil && !strings.Contains(err.Error(), try.want) {
				t.Errorf("%+v: %v", try, err)
			}
			_ = c.Close() // it was refused or is of no more use
		}
	}
}

// TestFaults: counted, limited in number, and taken away.
func TestFaults(t *testing.T) {
	s := newServer(t, imaptest.Options{})
	c := login(t, s, nil)
	remove := s.Inject(imaptest.NO("NOOP", "[LIMIT] no"))
	s.Inject(imaptest.Fault{Name: "NOOP", Times: 1, Before: []string{"* 7 EXISTS"}})
	must(t, c.Noop().Wait())
	if err := c.Noop().Wait(); err == nil || !strings.Contains(err.Error(), "LIMIT") {
		t.Errorf("refused: %v", err)
	}
	remove()
	must(t, c.Noop().Wait())
	if n := s.Stats().Commands["NOOP"]; n != 3 {
		t.Errorf("%d commands counted", n)
	}
}
