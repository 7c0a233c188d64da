package imap

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// message is what was fetched of one mail.
type message struct {
	uid   uint32
	flags []string
	date  time.Time // INTERNALDATE; zero: not said
	size  int64
	head  header
}

func (m *message) has(flag string) bool {
	return slices.ContainsFunc(m.flags, func(f string) bool { return strings.EqualFold(f, flag) })
}

// digest is a short hash for keys.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// told names the mail itself, so that its copies in other folders and mailboxes are not told again. The date belongs to
// it, because some senders give every mail the same Message-ID. A mail without one is known by its content.
func (m *message) told() string {
	switch {
	case m.head.messageID != "":
		return "mail:" + digest(m.head.messageID, m.head.date)
	case m.head.from != "" || m.head.subject != "":
		return "mail:" + digest("", m.head.from, m.head.fromName, m.head.subject, m.head.date, strconv.FormatInt(m.size, 10))
	}
	return "" // nothing is known of it: the event stands for itself
}

func (m *message) stamp() (stamp, bool) {
	told := m.told()
	if told == "" {
		return stamp{}, false
	}
	sum := sha256.Sum256([]byte(told))
	return stamp(sum[:stampSize]), true
}

// quiet tells why a mail is not told; empty: it is.
func (m *message) quiet() string {
	switch {
	case m.has(`\Seen`):
		return "seen"
	case m.has(`\Draft`):
		return "draft"
	case m.has(`\Deleted`):
		return "deleted"
	case m.has("$Junk"), m.has("Junk"), m.head.spam:
		return "junk"
	}
	return ""
}

// Ages by which mail counts as old: it was copied or imported, not received.
const (
	clockSlack  = 24 * time.Hour     // servers with a wrong clock or zone
	importBatch = 20                 // so many old ones at once are an import
	importAge   = 7 * 24 * time.Hour // by their own Date
)

// stale tells whether a mail arrived, by the server's word, before the folder was last looked at, or too long ago.
func (m *message) stale(now, checked time.Time, maxAge time.Duration) bool {
	if m.date.IsZero() {
		return false
	}
	return m.date.Before(now.Add(-maxAge)) || (!checked.IsZero() && m.date.Before(checked.Add(-clockSlack)))
}

// imported gives the UIDs of a batch that look imported with a new INTERNALDATE: many at once with old Date headers. One
// old mail alone was only long on its way.
func imported(msgs []message, now time.Time) map[uint32]bool {
	old := map[uint32]bool{}
	for _, m := range msgs {
		if !m.head.sent.IsZero() && m.head.sent.Before(now.Add(-importAge)) {
			old[m.uid] = true
		}
	}
	if len(old) < importBatch {
		return nil
	}
	return old
}

// event tells of a mail. One that could not be read is told without words.
func (m *message) event(f *folder, login string, now time.Time) notify.Event {
	e := notify.Event{
		Key: f.eventKey(m.uid), Type: notify.MailReceived, At: m.date, SeenAt: now, Told: m.told(),
		Params: map[string]string{"folder": notify.Clip(notify.CleanText(f.name), maxName), "account": notify.Clip(notify.CleanText(login), maxAddress)},
	}
	if e.At.IsZero() {
		e.At = now
	}
	for name, value := range map[string]string{"from": m.head.from, "fromName": m.head.fromName, "subject": m.head.subject} {
		if value != "" {
			e.Params[name] = value
		}
	}
	return e
}
