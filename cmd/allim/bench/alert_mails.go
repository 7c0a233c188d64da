package bench

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/client"
)

// mailDomain is that of the people who have a mailbox.
const mailDomain = "mail.example.com"

// mailbox is the address and login of a person's mailbox.
func mailbox(i int) string { return person(i) + "@" + mailDomain }

// mailboxes is an IMAP server in memory that tells of a mail at once, with a mailbox for each of the first people. It runs in
// this process: what it costs is not the hub's.
type mailboxes struct {
	server *imaptest.Server
	boxes  []*box
	next   int
}

// box is one mailbox. One mail at a time is under way to it, so that it is known which notice tells of it.
type box struct {
	owner int
	busy  sync.Mutex
	sent  int
	last  string // the id of the newest notice that was seen
}

func newMailboxes(count int) (*mailboxes, error) {
	s, err := imaptest.New(imaptest.Options{Master: imaptest.Master{User: "watcher", Password: "watcher's password"}})
	if err != nil {
		return nil, fmt.Errorf("start the mail server: %w", err)
	}
	m := &mailboxes{server: s}
	for i := range count {
		s.AddUser(mailbox(i), "own")
		m.boxes = append(m.boxes, &box{owner: i})
	}
	return m, nil
}

// settings is the source that watches them.
func (m *mailboxes) settings() string {
	return fmt.Sprintf(`sources:
  - id: mail
    kind: imap
    address: %s
    security: none
    auth: {method: master, user: watcher, password: "watcher's password"}
    accounts: {from: identities, kind: email, domain: %s}
    login_rate: 100
`, m.server.Addr(), mailDomain)
}

// connectPatience is how long the hub may take to watch all mailboxes.
const connectPatience = time.Minute

// watched waits until the hub watches every mailbox.
func (m *mailboxes) watched(ctx context.Context) error {
	for began := time.Now(); slices.ContainsFunc(m.boxes, func(b *box) bool { return m.server.Idling(mailbox(b.owner)) == 0 }); {
		if time.Since(began) > connectPatience {
			return fmt.Errorf("not every mailbox is watched after %s", connectPatience)
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// idle gives a mailbox that no mail is under way to, in turn, with its lock held; nil: there is none.
func (m *mailboxes) idle() *box {
	for range m.boxes {
		b := m.boxes[m.next]
		m.next = (m.next + 1) % len(m.boxes)
		if b.busy.TryLock() {
			return b
		}
	}
	return nil
}

// mail delivers a mail and gives how long it takes until the platform has taken its push and that is stored. It gives the
// mailbox back.
func (m *mailboxes) mail(ctx context.Context, c *client.Client, b *box) (time.Duration, error) {
	defer b.busy.Unlock()
	b.sent++
	began := time.Now()
	if _, err := m.server.Deliver(mailbox(b.owner), letter(b.owner, b.sent, began), imaptest.Delivery{}); err != nil {
		return 0, err
	}
	for time.Since(began) < time.Minute {
		told, err := b.told(ctx, c)
		if err != nil {
			return 0, err
		}
		if told {
			return time.Since(began), nil
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("nobody was told of a mail to %s within a minute", mailbox(b.owner))
}

// told tells whether there is a notice of a new mail whose push was taken.
func (b *box) told(ctx context.Context, c *client.Client) (bool, error) {
	list, err := c.Notifications(ctx, client.NotificationFilter{User: person(b.owner)}, client.Page{Limit: 5})
	if err != nil {
		return false, err
	}
	for _, n := range list.Notifications {
		if n.Template != string(notify.MailReceived) {
			continue
		}
		if n.ID == b.last || n.Counts.Pending > 0 {
			return false, nil
		}
		b.last = n.ID
		return true, nil
	}
	return false, nil
}

// letter is a mail.
func letter(owner, n int, at time.Time) []byte {
	return []byte("From: Lee Seo-yeon <lee@example.com>\r\nTo: <" + mailbox(owner) + ">\r\nSubject: Minutes of meeting " + strconv.Itoa(n) +
		"\r\nDate: " + at.Format("Mon, 02 Jan 2006 15:04:05 -0700") + "\r\nMessage-ID: <" + strconv.Itoa(owner) + "." + strconv.Itoa(n) + "@example.com>\r\n\r\nSee you.\r\n")
}
