package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"allim.dev/allim/notify"
)

// PushMode is whose push service a subscription is at: they answer in different words, and each has rules of its own.
type PushMode string

// The modes. ModeRFC does what RFC 8030 and 8292 say; ModeUnifiedPush is an ntfy server.
const (
	ModeRFC         PushMode = "rfc"
	ModeMozilla     PushMode = "mozilla"
	ModeGoogle      PushMode = "google"
	ModeEdge        PushMode = "edge"
	ModeApple       PushMode = "apple"
	ModeUnifiedPush PushMode = "unifiedpush"
)

// pushHosts are the hosts of the real services, for WebPushOptions.VendorHosts.
var pushHosts = map[PushMode]string{
	ModeRFC: "push.example.net", ModeMozilla: "updates.push.services.mozilla.com", ModeGoogle: "fcm.googleapis.com",
	ModeEdge: "wns2-par02p.notify.windows.com", ModeApple: "web.push.apple.com", ModeUnifiedPush: "ntfy.example.org",
}

// WebPushOptions is what a Web Push simulator is made of; the zero value is on a free port and checks everything.
type WebPushOptions struct {
	Addr    string       // host:port to listen on; empty: a free port on loopback
	CA      *CA          // whose certificate it shows; nil: a new one
	Clock   notify.Clock // nil: the machine's
	Latency time.Duration
	// LogLimit: see NewLog; negative also keeps no messages, for load tests.
	LogLimit int
	// Blind neither verifies tokens nor decrypts, for load tests that measure the sender.
	Blind bool
	// VendorHosts gives endpoints the host names of the real services, with the simulator's port: for tests whose
	// resolver leads those names here.
	VendorHosts bool
	// PlainHTTP serves http instead of https: for tests of a hub that allows it.
	PlainHTTP bool
	// HTTP1 serves HTTP/1.1 only, as many a small server does.
	HTTP1 bool
	// HourlyToken refuses a token that was changed within an hour at ModeApple, as Apple threatens.
	HourlyToken bool
	// OnMessage is told of every message that reaches a browser; it must not block. May be nil.
	OnMessage func(WebMessage)
}

// WebPush is a simulator of the push services of browsers, and of the browsers: it refuses what RFC 8030, 8188, 8291 and
// 8292 and the services refuse, decrypts what it takes with the browser's own keys, and misbehaves on demand.
type WebPush struct {
	opts   WebPushOptions
	ca     *CA
	clock  notify.Clock
	lis    *listener
	srv    *http.Server
	log    *Log
	faults faults
	tokens vapidCache
	done   chan struct{} // closed when the simulator ends: nothing waits any longer
	wg     sync.WaitGroup
	nextID atomic.Int64
	busy   atomic.Int64

	mu       sync.RWMutex
	byPath   map[string]*browser // by the request's target, byte for byte
	problems []string
	shut     bool
}

// NewWebPush starts a simulator; Close ends it.
func NewWebPush(o WebPushOptions) (*WebPush, error) {
	if o.Clock == nil {
		o.Clock = notify.SystemClock{}
	}
	if o.CA == nil {
		ca, err := NewCA()
		if err != nil {
			return nil, err
		}
		o.CA = ca
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	for _, h := range pushHosts {
		hosts = append(hosts, h)
	}
	cert, err := o.CA.Server(hosts...)
	if err != nil {
		return nil, err
	}
	lis, err := listen(o.Addr)
	if err != nil {
		return nil, err
	}
	s := &WebPush{opts: o, ca: o.CA, clock: o.Clock, lis: lis, log: NewLog(o.LogLimit), done: make(chan struct{}),
		byPath: map[string]*browser{}}
	s.srv = &http.Server{
		Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: time.Minute,
		TLSConfig:   &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		ConnContext: s.number,
		ErrorLog:    log.New(io.Discard, "", 0), // clients that hang up are part of the play
	}
	if o.HTTP1 {
		s.srv.Protocols = new(http.Protocols)
		s.srv.Protocols.SetHTTP1(true)
	}
	s.wg.Go(func() {
		if o.PlainHTTP {
			_ = s.srv.Serve(lis) // ends with Close
			return
		}
		_ = s.srv.ServeTLS(lis, "", "")
	})
	return s, nil
}

// connKey carries a connection and its number to the requests on it.
type connKey struct{}

type numbered struct {
	net.Conn
	n int64
}

func (s *WebPush) number(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, numbered{c, s.nextID.Add(1)})
}

func connOf(r *http.Request) numbered {
	c, _ := r.Context().Value(connKey{}).(numbered)
	return c
}

// URL is the simulator's own origin; with VendorHosts its endpoints have others.
func (s *WebPush) URL() string { return s.origin("") }

func (s *WebPush) origin(mode PushMode) string {
	scheme := "https://"
	if s.opts.PlainHTTP {
		scheme = "http://"
	}
	if host := pushHosts[mode]; s.opts.VendorHosts && host != "" {
		_, port, _ := net.SplitHostPort(s.lis.Addr().String()) // an address of our own making
		return scheme + net.JoinHostPort(host, port)
	}
	return scheme + s.lis.Addr().String()
}

// CAPEM is the certificate of the authority that the simulator's own certificate comes from.
func (s *WebPush) CAPEM() []byte { return s.ca.PEM() }

// CAFile writes CAPEM to a file in dir, for the configuration's ca_file.
func (s *WebPush) CAFile(dir string) (string, error) { return s.ca.File(dir) }

// CA is the simulator's authority.
func (s *WebPush) CA() *CA { return s.ca }

// Script makes requests go wrong: for an endpoint, from a sender's public VAPID key (base64url), or for Everyone. Reset
// and GoAway are not played by this simulator; Drop is, on the level of connections.
func (s *WebPush) Script(endpoint string, list ...Fault) { s.faults.script(endpoint, list...) }

// ClearScript removes the faults of an endpoint, or those for Everyone.
func (s *WebPush) ClearScript(endpoint string) { s.faults.clear(endpoint) }

// Log is the log of requests, with their bodies as they came.
func (s *WebPush) Log() *Log { return s.log }

// Opened counts the connections opened so far.
func (s *WebPush) Opened() int64 { return s.lis.opened.Load() }

// UnderWay counts the requests that came and have no answer yet.
func (s *WebPush) UnderWay() int { return int(s.busy.Load()) }

// Problems tells what was taken, as a real service would, although no browser could use it: bodies that cannot be
// decrypted, declarative messages that are not valid.
func (s *WebPush) Problems() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return append([]string(nil), s.problems...)
}

// maxProblems bounds Problems.
const maxProblems = 1000

func (s *WebPush) problem(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.problems) < maxProblems {
		s.problems = append(s.problems, text)
	}
}

// Close ends the simulator and all its goroutines.
func (s *WebPush) Close() error {
	s.mu.Lock()
	if s.shut {
		s.mu.Unlock()
		return nil
	}
	s.shut = true
	close(s.done)
	s.mu.Unlock()
	err := s.srv.Close()
	s.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Handler shows the simulator over plain HTTP: GET /log (see Log.ServeHTTP), GET /messages?endpoint=…, what a browser
// got, GET /problems, and POST /subscriptions?mode=…&key=…, which makes a browser that is subscribed with that public
// key and gives its subscription.
func (s *WebPush) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /log", s.log)
	mux.HandleFunc("GET /messages", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, s.Messages(r.URL.Query().Get("endpoint")))
	})
	mux.HandleFunc("POST /subscriptions", func(w http.ResponseWriter, r *http.Request) {
		sub, err := s.NewSubscription(PushMode(r.FormValue("mode")), r.FormValue("key"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		writeJSON(w, sub)
	})
	mux.HandleFunc("GET /problems", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Problems()) })
	return mux
}
