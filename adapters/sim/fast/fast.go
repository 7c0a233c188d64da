// Package fast is a simulator of APNs, FCM and a Web Push service for measurements: it costs about a microsecond a push, where a net/http server
// costs 40 and would be what is measured. It judges nothing but what it is told to refuse; adapters/sim are the strict
// ones. It is meant to run in a process of its own: see Run.
//
// Reading order: fast.go (what it is told and what it counts), answer.go (who gets which answer), conn.go (frames), run.go.
package fast

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"allim.dev/allim/adapters/sim"
)

// Options is what a simulator is made of; the zero value takes everything at once.
type Options struct {
	Addr string  `json:"addr"` // host:port; empty: a free port on loopback
	CA   *sim.CA `json:"-"`    // whose certificate it shows; nil: a new one

	// How many of a million device tokens are retired (410 or UNREGISTERED), are answered 429 the first time, and 503 the
	// first time. Which ones is a matter of the token alone: see Classify.
	Gone        int           `json:"gone"`
	Throttled   int           `json:"throttled"`
	Unavailable int           `json:"unavailable"`
	RetryAfter  time.Duration `json:"retry_after"` // with 429 and 503, in whole seconds; 0: none is said

	// Latency holds answers back, as a network would.
	Latency time.Duration `json:"latency"`
	// Streams is SETTINGS_MAX_CONCURRENT_STREAMS; 0: 1000.
	Streams int `json:"streams"`
	// OneStream allows one stream until the first answer went out, as Apple does with token authentication.
	OneStream bool `json:"one_stream"`
	// GoAwayAfter says goodbye on a connection after so many requests; 0: never.
	GoAwayAfter int `json:"goaway_after"`
	// Track remembers the ids of all that was accepted, so that repeats are told from first deliveries (some 20 bytes each).
	Track bool `json:"track"`
}

// ProxiedHost is another name of the simulator's, which leads nowhere but through its proxy: addresses of this machine are
// never reached through one.
const ProxiedHost = "simulator.example.com"

// Stats is what was counted since the start or the last Reset.
type Stats struct {
	APNs        int64 `json:"apns"`       // requests to APNs' path
	FCM         int64 `json:"fcm"`        // requests to FCM's path
	WebPush     int64 `json:"webpush"`    // requests to the paths of browsers
	Accepted    int64 `json:"accepted"`   // answered 200, repeats too
	Duplicates  int64 `json:"duplicates"` // of those: with an id that had been accepted before (Track)
	Distinct    int64 `json:"distinct"`   // different ids that were accepted (Track)
	Gone        int64 `json:"gone"`
	Throttled   int64 `json:"throttled"`   // 429
	Unavailable int64 `json:"unavailable"` // 503
	Other       int64 `json:"other"`       // paths that it does not know
	Refused     int64 `json:"refused"`     // streams over the limit
	Untaken     int64 `json:"untaken"`     // requests that came after a goodbye and were not looked at
	Connections int64 `json:"connections"`
	Tunnels     int64 `json:"tunnels"` // connections through the proxy
	// When the first and the last 200 went out, in nanoseconds since 1970; 0: none did.
	FirstNanos int64 `json:"first_nanos"`
	LastNanos  int64 `json:"last_nanos"`
}

// Server is a running simulator of all of them on one port.
type Server struct {
	opts Options
	ca   *sim.CA
	tls  *tls.Config
	lis  net.Listener
	wg   sync.WaitGroup

	counts struct {
		apns, fcm, webPush, accepted, duplicates, gone, throttled, unavailable, other, refused, untaken, connections, tunnels atomic.Int64
		first, last                                                                                                           atomic.Int64
	}
	seen   shards // ids that were accepted
	asked  shards // tokens that were sent away once
	mu     sync.Mutex
	conns  map[*conn]struct{}
	closed bool
}

// New starts a simulator; Close ends it.
func New(o Options) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Streams == 0 {
		o.Streams = 1000
	}
	if o.CA == nil {
		ca, err := sim.NewCA()
		if err != nil {
			return nil, err
		}
		o.CA = ca
	}
	cert, err := o.CA.Server("localhost", "127.0.0.1", "::1", ProxiedHost)
	if err != nil {
		return nil, err
	}
	lis, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, ca: o.CA, lis: lis, conns: map[*conn]struct{}{},
		tls: &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}}
	s.seen.reset()
	s.asked.reset()
	s.wg.Add(1)
	go s.accept()
	return s, nil
}

func (s *Server) accept() {
	defer s.wg.Done()
	for {
		nc, err := s.lis.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // one connection that failed while it was being opened
		}
		c := newConn(s, nc)
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = nc.Close()
			return
		}
		s.conns[c] = struct{}{}
		s.wg.Add(1)
		s.mu.Unlock()
		s.counts.connections.Add(1)
		go func() {
			defer s.wg.Done()
			c.run()
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.conns, c)
		}()
	}
}

// URL is the address of APNs and FCM: the configuration's endpoint.
func (s *Server) URL() string { return "https://" + s.lis.Addr().String() }

// Endpoint is the push endpoint of a browser's subscription.
func (s *Server) Endpoint(subscription string) string { return s.URL() + pushPath + subscription }

// TokenURL is where an FCM account gets its access tokens: anybody gets one.
func (s *Server) TokenURL() string { return s.URL() + tokenPath }

// CA is the authority of its certificate.
func (s *Server) CA() *sim.CA { return s.ca }

// Stats gives what was counted.
func (s *Server) Stats() Stats {
	c := &s.counts
	st := Stats{APNs: c.apns.Load(), FCM: c.fcm.Load(), WebPush: c.webPush.Load(), Accepted: c.accepted.Load(), Duplicates: c.duplicates.Load(),
		Gone: c.gone.Load(), Throttled: c.throttled.Load(), Unavailable: c.unavailable.Load(), Other: c.other.Load(),
		Refused: c.refused.Load(), Untaken: c.untaken.Load(), Connections: c.connections.Load(), Tunnels: c.tunnels.Load(),
		FirstNanos: c.first.Load(), LastNanos: c.last.Load()}
	if s.opts.Track {
		st.Distinct = st.Accepted - st.Duplicates
	}
	return st
}

// Reset forgets what was counted, the ids, and who was sent away once. Connections go on.
func (s *Server) Reset() {
	c := &s.counts
	for _, n := range []*atomic.Int64{&c.apns, &c.fcm, &c.webPush, &c.accepted, &c.duplicates, &c.gone, &c.throttled, &c.unavailable,
		&c.other, &c.refused, &c.untaken, &c.connections, &c.tunnels, &c.first, &c.last} {
		n.Store(0)
	}
	s.seen.reset()
	s.asked.reset()
}

// Disconnect cuts every open connection.
func (s *Server) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.raw.Close()
	}
}

// Close ends the simulator and all its goroutines.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	err := s.lis.Close()
	s.Disconnect()
	s.wg.Wait()
	return err
}
