package imaptest

import (
	"fmt"
	"sort"
	"sync"
	"time"
)

// user is one login with its mailboxes.
type user struct {
	login    string
	password string

	mu      sync.Mutex
	folders map[string]*mbox
}

// mbox is one mailbox.
type mbox struct {
	name        string
	attrs       []string // special-use and others, such as \Junk
	uidValidity uint32
	uidNext     uint32
	messages    []*message // by UID
	expunged    int        // how many messages were removed so far
	watchers    map[*conn]struct{}
}

type message struct {
	uid    uint32
	flags  []string
	date   time.Time
	raw    []byte
	hidden bool
	poison Poison
	deadly bool
}

// AddUser makes a login with an empty INBOX; an existing one gets the new password.
func (s *Server) AddUser(login, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[login]; u != nil {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.password = password
		return
	}
	u := &user{login: login, password: password, folders: map[string]*mbox{}}
	u.folders["INBOX"] = newFolder("INBOX", nil)
	s.users[login] = u
}

func newFolder(name string, attrs []string) *mbox {
	return &mbox{name: name, attrs: attrs, uidValidity: 1, uidNext: 1, watchers: map[*conn]struct{}{}}
}

// AddFolder makes a folder; attrs are LIST attributes such as \Junk (RFC 6154). The name is UTF-8.
func (s *Server) AddFolder(login, name string, attrs ...string) {
	u := s.mustUser(login)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.folders[name] == nil {
		u.folders[name] = newFolder(name, attrs)
	}
}

// Deliver puts a message into a mailbox and tells all connections that have it selected, at once. It gives the UID.
func (s *Server) Deliver(login string, raw []byte, d Delivery) (uint32, error) {
	u := s.user(login)
	if u == nil {
		return 0, fmt.Errorf("imaptest: no user %q", login)
	}
	if d.Folder == "" {
		d.Folder = "INBOX"
	}
	if d.Date.IsZero() {
		d.Date = s.opts.Now()
	}
	u.mu.Lock()
	f := u.folders[d.Folder]
	if f == nil {
		u.mu.Unlock()
		return 0, fmt.Errorf("imaptest: %q has no folder %q", login, d.Folder)
	}
	if d.UID == 0 {
		d.UID = f.uidNext
	}
	if d.UID < f.uidNext {
		u.mu.Unlock()
		return 0, fmt.Errorf("imaptest: UID %d was given before", d.UID)
	}
	f.uidNext = d.UID + 1
	f.messages = append(f.messages, &message{uid: d.UID, flags: d.Flags, date: d.Date, raw: raw, hidden: d.Hidden,
		poison: d.Poison, deadly: d.Deadly})
	told := f.tell(!d.Quiet)
	u.mu.Unlock()
	for _, c := range told {
		c.push()
	}
	return d.UID, nil
}

// tell gives the connections that are to be told of a change; the lock is held.
func (f *mbox) tell(yes bool) []*conn {
	if !yes {
		return nil
	}
	l := make([]*conn, 0, len(f.watchers))
	for c := range f.watchers {
		l = append(l, c)
	}
	return l
}

// change runs f on a folder and tells those who have it selected.
func (s *Server) change(login, name string, tell bool, change func(*mbox)) {
	u := s.mustUser(login)
	u.mu.Lock()
	f := u.folders[name]
	if f == nil {
		u.mu.Unlock()
		panic(fmt.Sprintf("imaptest: %q has no folder %q", login, name))
	}
	change(f)
	told := f.tell(tell)
	u.mu.Unlock()
	for _, c := range told {
		c.push()
	}
}

// Reveal makes hidden messages of a folder visible, and tells nobody.
func (s *Server) Reveal(login, folder string) {
	s.change(login, folder, false, func(f *mbox) {
		for _, m := range f.messages {
			m.hidden = false
		}
	})
}

// Expunge removes a message and tells those who have the folder selected.
func (s *Server) Expunge(login, folder string, uid uint32) {
	s.change(login, folder, true, func(f *mbox) {
		for i, m := range f.messages {
			if m.uid == uid {
				f.messages = append(append([]*message(nil), f.messages[:i]...), f.messages[i+1:]...)
				f.expunged++
				return
			}
		}
	})
}

// SetFlags replaces the flags of a message; nobody is told.
func (s *Server) SetFlags(login, folder string, uid uint32, flags ...string) {
	s.change(login, folder, false, func(f *mbox) {
		for _, m := range f.messages {
			if m.uid == uid {
				m.flags = flags
			}
		}
	})
}

// Renumber gives the folder a new UIDVALIDITY and its messages UIDs from 1 on, as after an index was lost. Present
// connections are dropped, as servers do.
func (s *Server) Renumber(login, folder string, uidValidity uint32) {
	s.change(login, folder, false, func(f *mbox) {
		f.uidValidity = uidValidity
		renumbered := make([]*message, 0, len(f.messages))
		for i, m := range f.messages {
			c := *m
			c.uid = uint32(i + 1)
			renumbered = append(renumbered, &c)
		}
		f.messages = renumbered
		f.uidNext = uint32(len(renumbered) + 1)
	})
	s.Drop(login)
}

// Restore puts a folder back to its first n messages, as from a backup: UIDVALIDITY stays, UIDs are given a second time.
// Present connections are dropped.
func (s *Server) Restore(login, folder string, n int) {
	s.change(login, folder, false, func(f *mbox) {
		f.messages = append([]*message(nil), f.messages[:n]...)
		f.expunged++
		f.uidNext = 1
		if n > 0 {
			f.uidNext = f.messages[n-1].uid + 1
		}
	})
	s.Drop(login)
}

// Fill puts n messages into a folder at once, telling nobody; make gives each.
func (s *Server) Fill(login, folder string, n int, date time.Time, make func(i int) []byte) {
	s.change(login, folder, false, func(f *mbox) {
		for i := range n {
			f.messages = append(f.messages, &message{uid: f.uidNext, date: date, raw: make(i)})
			f.uidNext++
		}
	})
}

func (s *Server) user(login string) *user {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users[login]
}

func (s *Server) mustUser(login string) *user {
	u := s.user(login)
	if u == nil {
		panic(fmt.Sprintf("imaptest: no user %q", login))
	}
	return u
}

// sorted gives the folders by name.
func (u *user) sorted() []*mbox {
	u.mu.Lock()
	defer u.mu.Unlock()
	l := make([]*mbox, 0, len(u.folders))
	for _, f := range u.folders {
		l = append(l, f)
	}
	sort.Slice(l, func(i, j int) bool { return l[i].name < l[j].name })
	return l
}
