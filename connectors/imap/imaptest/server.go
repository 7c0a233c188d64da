// Package imaptest is an IMAP server in memory for tests, the demo and load measurements. It speaks real IMAP4rev1
// (RFC 3501, with IDLE, SASL-IR, SPECIAL-USE, ID and STARTTLS) on loopback TCP or TLS, tells of a delivery at once, and
// misbehaves on demand: see Fault and Poison. It depends on no testing package; all methods may be called from any
// goroutine.
package imaptest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Options is what a server is made of. The zero value is a plain server on a free loopback port.
type Options struct {
	Addr     string // host:port to listen on; empty: 127.0.0.1 and a free port
	TLS      bool   // TLS from the first byte
	StartTLS bool   // offer STARTTLS
	// LoginDisabled refuses logins before TLS (RFC 3501 section 6.2.3).
	LoginDisabled bool
	Master        Master
	// Token tells whether an OAuth bearer token is good for a login; nil: XOAUTH2 and OAUTHBEARER are not offered.
	Token func(login, token string) bool
	// Without names capabilities that are not offered, such as "IDLE".
	Without []string
	// Extra names capabilities that are advertised besides.
	Extra []string
	// Now is the server's clock for INTERNALDATE; nil: time.Now.
	Now func() time.Time
}

// Master is a login that may read every mailbox: as LOGIN user*master, or by SASL PLAIN with an authorization identity
// (RFC 4616). Empty: there is none.
type Master struct {
	User, Password string
	Separator      string // empty: "*"
}

// Stats counts what happened since the start.
type Stats struct {
	Connections    int // accepted
	Open           int // now
	MaxOpen        int // at most at one time
	Idling         int // in IDLE now
	Logins         int // successful
	LoginFailures  int
	Commands       map[string]int // by upper-case name, such as "UID FETCH"
	BytesReceived  int64
	FetchResponses int
}

// Server is a running IMAP server.
type Server struct {
	opts  Options
	certs *certs

	mu       sync.Mutex
	addr     string
	listener net.Listener
	users    map[string]*user
	conns    map[*conn]struct{}
	faults   []*fault
	stats    Stats
	closed   bool
	wg       sync.WaitGroup
}

// New starts a server.
func New(o Options) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Master.Separator == "" {
		o.Master.Separator = "*"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{opts: o, addr: o.Addr, users: map[string]*user{}, conns: map[*conn]struct{}{},
		stats: Stats{Commands: map[string]int{}}}
	if o.TLS || o.StartTLS {
		c, err := newCerts()
		if err != nil {
			return nil, err
		}
		s.certs = c
	}
	if err := s.Start(); err != nil {
		return nil, err
	}
	return s, nil
}

// Addr is where the server listens, host:port; it stays the same over Stop and Start.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// CA is the certificate that signed the server's own, in PEM; nil without TLS.
func (s *Server) CA() []byte {
	if s.certs == nil {
		return nil
	}
	return s.certs.caPEM
}

// Start listens again after Stop, on the same address.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("imaptest: the server is closed")
	}
	if s.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("imaptest: %w", err)
	}
	s.addr = l.Addr().String()
	s.listener = l
	s.wg.Add(1)
	go s.accept(l)
	return nil
}

// Stop stops listening and drops all connections, as a server that is shut down; mailboxes stay.
func (s *Server) Stop() {
	s.mu.Lock()
	l := s.listener
	s.listener = nil
	s.mu.Unlock()
	if l != nil {
		_ = l.Close() // the accept loop ends either way
	}
	s.DropAll()
	s.wg.Wait()
}

// Close ends the server for good.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.Stop()
	return nil
}

// DropAll closes all connections at once, without a word.
func (s *Server) DropAll() { s.Drop("") }

// Drop closes all connections of a login without a word; of everybody when it is empty.
func (s *Server) Drop(login string) {
	for _, c := range s.connsOf(login) {
		_ = c.raw.Close() // its goroutine cleans up
	}
}

// Freeze makes all present connections of a login black holes: open, but silent and deaf; of everybody when it is empty.
func (s *Server) Freeze(login string) {
	for _, c := range s.connsOf(login) {
		c.freeze()
	}
}

// Send writes a raw line (CRLF is added) to all connections of a login; to everybody when it is empty.
func (s *Server) Send(login, line string) {
	for _, c := range s.connsOf(login) {
		c.writeNow(line + "\r\n")
	}
}

// Stats gives the counters as they are now.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Open = len(s.conns)
	st.Commands = make(map[string]int, len(s.stats.Commands))
	for k, v := range s.stats.Commands {
		st.Commands[k] = v
	}
	for c := range s.conns {
		if c.idling.Load() {
			st.Idling++
		}
	}
	return st
}

// Idling tells how many connections of a login are in IDLE.
func (s *Server) Idling(login string) int {
	n := 0
	for _, c := range s.connsOf(login) {
		if c.idling.Load() {
			n++
		}
	}
	return n
}

func (s *Server) connsOf(login string) []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	var l []*conn
	for c := range s.conns {
		if login == "" || c.loginName() == login {
			l = append(l, c)
		}
	}
	return l
}

func (s *Server) accept(l net.Listener) {
	defer s.wg.Done()
	for {
		raw, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.listener != l {
			s.mu.Unlock()
			_ = raw.Close() // it came while the server stopped
			return
		}
		c := newConn(s, raw)
		s.conns[c] = struct{}{}
		s.stats.Connections++
		s.stats.MaxOpen = max(s.stats.MaxOpen, len(s.conns))
		s.wg.Add(1)
		s.mu.Unlock()
		go c.serve()
	}
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *Server) count(f func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.stats)
}

func (s *Server) tlsConfig() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{s.certs.leaf}, MinVersion: tls.VersionTLS12}
}
