package imap

import (
	"errors"
	"slices"
	"strings"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"allim.dev/allim/notify"
)

const (
	fetchTime  = 4     // how many times the time of one command a FETCH may take
	maxAnswers = 10000 // messages or folders that are kept of one answer
)

// opened is what EXAMINE says of a mailbox.
type opened struct {
	exists      uint32
	uidNext     uint32 // 0: not said
	uidValidity uint32
}

// examine opens a mailbox for reading (RFC 3501 section 6.3.2): nothing in it changes by that.
func (l *link) examine(name string) (opened, error) {
	l.selected, l.exists, l.known, l.dirty = name, 0, 0, false
	var o opened
	err := l.with(l.timeout, func(c *imapclient.Client) error {
		data, err := c.Select(name, &goimap.SelectOptions{ReadOnly: true}).Wait()
		if err == nil {
			o = opened{exists: data.NumMessages, uidNext: uint32(data.UIDNext), uidValidity: data.UIDValidity}
		}
		return err
	})
	if err != nil {
		l.selected = ""
		return o, l.refused("to open the folder", err)
	}
	l.selected, l.known, l.validity = name, o.exists, o.uidValidity
	l.dirty = l.exists > o.exists
	return o, nil
}

// refused gives NO and BAD their words; other errors are troubles already.
func (l *link) refused(what string, err error) error {
	var no *goimap.Error
	if errors.As(err, &no) {
		return refusedCommand(what, l.last)
	}
	return err
}

// uidsFrom finds the UIDs from first on (UID SEARCH), in order.
func (l *link) uidsFrom(first uint32) ([]uint32, error) {
	var set goimap.UIDSet
	set.AddRange(goimap.UID(first), 0)
	uids, err := l.search(&goimap.SearchCriteria{UID: []goimap.UIDSet{set}})
	// "n:*" is never empty: with nothing new it finds the last old one (RFC 3501 section 6.4.8).
	return slices.DeleteFunc(uids, func(u uint32) bool { return u < first }), err
}

// uidsSince finds the messages that arrived on a day or later.
func (l *link) uidsSince(day time.Time) ([]uint32, error) {
	return l.search(&goimap.SearchCriteria{Since: day})
}

func (l *link) search(criteria *goimap.SearchCriteria) ([]uint32, error) {
	var uids []uint32
	err := l.with(2*l.timeout, func(c *imapclient.Client) error {
		data, err := c.UIDSearch(criteria, nil).Wait()
		if err != nil {
			return err
		}
		for _, u := range data.AllUIDs() {
			uids = append(uids, uint32(u))
		}
		return nil
	})
	if err != nil {
		return nil, l.refused("to search", err)
	}
	slices.Sort(uids)
	return slices.Compact(uids), nil
}

// lastUID is the UID of the last message, for servers that do not say UIDNEXT; 0: the mailbox is empty.
func (l *link) lastUID() (uint32, error) {
	var set goimap.UIDSet
	set.AddNum(0) // "*"
	msgs, err := l.fetch(set, false)
	last := uint32(0)
	for _, m := range msgs {
		last = max(last, m.uid)
	}
	return last, err
}

// The header fields that are fetched: the subject apart, because it may be long and the rest must not be cut off by it.
func sections() []*goimap.FetchItemBodySection {
	return []*goimap.FetchItemBodySection{
		{Specifier: goimap.PartSpecifierHeader, HeaderFields: []string{"FROM", "DATE", "MESSAGE-ID", "X-SPAM-FLAG"},
			Partial: &goimap.SectionPartial{Size: 8192}, Peek: true},
		{Specifier: goimap.PartSpecifierHeader, HeaderFields: []string{"SUBJECT"},
			Partial: &goimap.SectionPartial{Size: 4096}, Peek: true},
	}
}

// fetch reads messages, with their headers or only UID, FLAGS and INTERNALDATE, in the order of UIDs. ENVELOPE and
// BODYSTRUCTURE are never asked for: servers get them wrong for odd mails.
func (l *link) fetch(set goimap.UIDSet, headers bool) ([]message, error) {
	o := &goimap.FetchOptions{UID: true, Flags: true, InternalDate: true}
	if headers {
		o.RFC822Size, o.BodySection = true, sections()
	}
	byUID := map[uint32]message{}
	err := l.with(fetchTime*l.timeout, func(c *imapclient.Client) error {
		cmd := c.Fetch(set, o)
		for data := cmd.Next(); data != nil; data = cmd.Next() {
			buf, err := data.Collect()
			if err != nil {
				break
			}
			if m := readMessage(buf); m.uid != 0 && len(byUID) < maxAnswers {
				byUID[m.uid] = m
			}
		}
		return cmd.Close()
	})
	if err != nil {
		return nil, l.refused("to fetch", err)
	}
	msgs := make([]message, 0, len(byUID))
	for _, m := range byUID {
		msgs = append(msgs, m)
	}
	slices.SortFunc(msgs, func(a, b message) int { return int(int64(a.uid) - int64(b.uid)) })
	return msgs, nil
}

func readMessage(buf *imapclient.FetchMessageBuffer) message {
	m := message{uid: uint32(buf.UID), date: buf.InternalDate, size: buf.RFC822Size}
	for _, f := range buf.Flags {
		m.flags = append(m.flags, string(f))
	}
	var raw []byte
	for _, s := range buf.BodySection {
		raw = append(append(raw, s.Bytes...), '\n')
	}
	m.head = parseHeader(raw)
	m.head.found = m.head.found || len(buf.BodySection) > 0
	return m
}

func setOfUIDs(uids []uint32) goimap.UIDSet {
	var set goimap.UIDSet
	for _, u := range uids {
		set.AddNum(goimap.UID(u))
	}
	return set
}

// status asks for a folder that is not opened (RFC 3501 section 6.3.10).
func (l *link) status(name string) (opened, error) {
	var o opened
	err := l.with(l.timeout, func(c *imapclient.Client) error {
		data, err := c.Status(name, &goimap.StatusOptions{NumMessages: true, UIDNext: true, UIDValidity: true}).Wait()
		if err != nil {
			return err
		}
		o = opened{uidNext: uint32(data.UIDNext), uidValidity: data.UIDValidity}
		if data.NumMessages != nil {
			o.exists = *data.NumMessages
		}
		return nil
	})
	if err != nil {
		return o, l.refused("to look at the folder "+quote(notify.Clip(notify.CleanText(name), 60)), err)
	}
	return o, nil
}

// list finds folders by name or pattern, with their special uses where the server tells them (RFC 6154).
func (l *link) list(pattern string) ([]listed, error) {
	var o *goimap.ListOptions
	if l.caps.specialUse && l.caps.listExtended {
		o = &goimap.ListOptions{ReturnSpecialUse: true}
	}
	var out []listed
	err := l.with(2*l.timeout, func(c *imapclient.Client) error {
		all, err := c.List("", pattern, o).Collect()
		for _, d := range all[:min(len(all), maxAnswers)] {
			f := listed{name: d.Mailbox, delim: d.Delim}
			for _, a := range d.Attrs {
				f.attrs = append(f.attrs, string(a))
			}
			out = append(out, f)
		}
		return err
	})
	if err != nil {
		return nil, l.refused("to list folders", err)
	}
	slices.SortFunc(out, func(a, b listed) int { return strings.Compare(a.name, b.name) })
	return out, nil
}
