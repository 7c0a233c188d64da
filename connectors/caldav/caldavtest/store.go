package caldavtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// collection is a calendar or task list.
type collection struct {
	Collection
	objects map[string]*object
	seq     int            // counts changes
	log     map[string]int // name to the change that touched it last, also when that removed it
	oldest  int            // tokens before this change are not good any more
	epoch   int            // counts Forget
}

type object struct {
	etag string
	data string
}

// Collection says what a collection is.
type Collection struct {
	Name       string   // the last part of its path
	Title      string   // displayname; empty: Name
	Components []string // VEVENT, VTODO; none: both
	Owner      string   // login; empty: whose home it is in
	Inbox      bool     // a schedule-inbox instead of a calendar
	Zone       string   // calendar-timezone
}

// AddUser makes a principal with an empty home; its address is the login where that is one.
func (s *Server) AddUser(login, password string, addresses ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[login] = &user{login: login, password: password, addresses: addresses, collections: map[string]*collection{}}
}

// SetPassword changes a password.
func (s *Server) SetPassword(login, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[login].password = password
}

// AddCollection makes a collection in a user's home.
func (s *Server) AddCollection(login string, c Collection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[login].collections[c.Name] = &collection{Collection: c, objects: map[string]*object{}, log: map[string]int{}}
}

// RemoveCollection takes it away with all that is in it.
func (s *Server) RemoveCollection(login, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users[login].collections, name)
}

// Put stores an object; the name is the last part of its path, such as "1.ics".
func (s *Server) Put(login, collection, name, data string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[login].collections[collection].put(name, data)
}

func (c *collection) put(name, data string) {
	c.seq++
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", c.seq, data))
	c.objects[name] = &object{etag: hex.EncodeToString(sum[:8]), data: data}
	c.log[name] = c.seq
}

// Delete removes an object.
func (s *Server) Delete(login, collection, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[login].collections[collection].remove(name)
}

func (c *collection) remove(name string) {
	c.seq++
	delete(c.objects, name)
	c.log[name] = c.seq
}

// Touch gives an object another etag with the same content.
func (s *Server) Touch(login, collection, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.users[login].collections[collection]
	c.put(name, c.objects[name].data)
}

// Forget loses a collection's log of changes: all tokens are refused from now on, as after a restore.
func (s *Server) Forget(login, collection string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.users[login].collections[collection]
	c.epoch++
	c.oldest = c.seq
}

// names gives the objects in order.
func (c *collection) names() []string { return slices.Sorted(maps.Keys(c.objects)) }

func (c *collection) token() string {
	return fmt.Sprintf("http://caldavtest/sync/%d/%d", c.epoch, c.seq)
}

func (c *collection) ctag() string { return fmt.Sprintf("%d-%d", c.epoch, c.seq) }
