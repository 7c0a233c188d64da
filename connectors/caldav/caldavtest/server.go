// Package caldavtest is a CalDAV server in memory for tests, the demo and load measurements. It speaks as much of RFC 4791
// and RFC 6578 as a reader of calendars needs, over real HTTP on loopback, and misbehaves on demand: see Fault. It depends on
// no testing package; all methods may be called from any goroutine.
package caldavtest

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options is what a server is made of. The zero value is a server on a free loopback port that has everything: ctags, sync
// tokens, Basic login.
type Options struct {
	Addr string // host:port to listen on; empty: 127.0.0.1 and a free port
	// TLS has the server speak https with this certificate; nil: http.
	TLS *tls.Config
	// Root is the path below which everything is; empty: /dav/.
	Root string
	// WellKnown is the status of the redirect from /.well-known/caldav to Root; 0: 307. -1: there is none.
	WellKnown int
	// Auth is basic, digest, bearer or none; empty: basic.
	Auth string
	// Bearer tells whose a token is; for bearer.
	Bearer func(token string) (login string, ok bool)
	// Reader is a login that may read everybody's calendars.
	Reader, ReaderPassword string
	// NoSync and NoCTag leave sync-collection and getctag out.
	NoSync, NoCTag bool
	// Page cuts sync-collection answers after so many objects, with a 507; 0: never.
	Page int
}

// Server is a running CalDAV server.
type Server struct {
	opts Options

	mu       sync.Mutex
	addr     string
	http     *http.Server
	listener net.Listener
	users    map[string]*user
	faults   []*fault
	stats    map[string]int
	nonces   int
	closed   bool
	done     chan struct{} // the listener's goroutine has ended
}

// user is a principal with its calendar home.
type user struct {
	login, password string
	addresses       []string
	collections     map[string]*collection
}

// New starts a server.
func New(o Options) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Root == "" {
		o.Root = "/dav/"
	}
	if o.WellKnown == 0 {
		o.WellKnown = http.StatusTemporaryRedirect
	}
	if o.Auth == "" {
		o.Auth = "basic"
	}
	s := &Server{opts: o, addr: o.Addr, users: map[string]*user{}, stats: map[string]int{}}
	return s, s.Start()
}

// Start listens again after Stop, on the same address.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("caldavtest: the server is closed")
	}
	if s.http != nil {
		return nil
	}
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	s.addr = l.Addr().String()
	if s.opts.TLS != nil {
		l = tls.NewListener(l, s.opts.TLS)
	}
	srv := &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 30 * time.Second}
	done := make(chan struct{})
	s.http, s.listener, s.done = srv, l, done
	go func() {
		defer close(done)
		_ = srv.Serve(l) // it ends by Stop
	}()
	return nil
}

// Stop ends the listener and all connections; what is stored stays.
func (s *Server) Stop() {
	s.mu.Lock()
	srv, done := s.http, s.done
	s.http = nil
	s.mu.Unlock()
	if srv != nil {
		_ = srv.Close() // nothing is lost: it is all in memory
		<-done
	}
}

// Close ends the server for good.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.Heal()
	s.Stop()
}

// Addr is where the server listens, host:port; it stays the same over Stop and Start.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// URL is the address to configure: the server's root, without the path.
func (s *Server) URL() string {
	scheme := "http"
	if s.opts.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + s.Addr() + "/"
}

// Count tells how many requests of a sort there were, such as "PROPFIND", "REPORT sync-collection", "GET", or
// "401" for those whose login was refused.
func (s *Server) Count(sort string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats[sort]
}
