package h2

import "sync"

// Clients are clients of many servers, a bounded number of them: of those that nobody uses the one used longest ago goes
// when there is no room for another one. Safe for use from any goroutine.
type Clients struct {
	most int

	mu     sync.Mutex
	byName map[string]*held
	uses   int64
	closed bool
}

// held is a client with what is known of its use.
type held struct {
	client *Client
	users  int
	used   int64 // the number of its last use
}

// NewClients makes a set of at most so many clients. Close it.
func NewClients(most int) *Clients { return &Clients{most: most, byName: map[string]*held{}} }

// Take gives the client of a name, made by open when there is none. Give it back with give. nil: all clients there may be
// are in use, or the set was closed.
func (s *Clients) Take(name string, open func() *Client) (c *Client, give func()) {
	s.mu.Lock()
	h := s.byName[name]
	var old *Client
	if h == nil && !s.closed {
		var room bool
		if old, room = s.makeRoom(); room {
			h = &held{client: open()}
			s.byName[name] = h
		}
	}
	if h != nil {
		s.uses++
		h.users++
		h.used = s.uses
	}
	s.mu.Unlock()
	if old != nil {
		old.Close()
	}
	if h == nil {
		return nil, nil
	}
	return h.client, func() { s.give(h) }
}

// makeRoom takes one out when there is no room for another; that is to be closed. mu is held.
func (s *Clients) makeRoom() (old *Client, room bool) {
	if len(s.byName) < s.most {
		return nil, true
	}
	var name string
	var oldest *held
	for n, h := range s.byName {
		if h.users == 0 && (oldest == nil || h.used < oldest.used) {
			name, oldest = n, h
		}
	}
	if oldest == nil {
		return nil, false
	}
	delete(s.byName, name)
	return oldest.client, true
}

func (s *Clients) give(h *held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.users--
}

// Close closes all clients; nobody uses one then.
func (s *Clients) Close() {
	s.mu.Lock()
	s.closed = true
	all := s.byName
	s.byName = map[string]*held{}
	s.mu.Unlock()
	for _, h := range all {
		h.client.Close()
	}
}
