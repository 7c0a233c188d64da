package sim

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"allim.dev/allim/notify"
)

// APNsOptions is what an APNs simulator is made of; the zero value is the production host on a free port, accepting any
// device token.
type APNsOptions struct {
	Addr           string       // host:port to listen on; empty: a free port on loopback
	CA             *CA          // whose certificate it shows; nil: a new one
	Clock          notify.Clock // nil: the machine's
	Environment    string       // notify.Production or notify.Development; empty: production
	OnlyRegistered bool         // refuse device tokens that Register does not know (BadDeviceToken)
	Streams        int          // SETTINGS_MAX_CONCURRENT_STREAMS; 0: 1000
	OneStream      bool         // until the first valid token only one stream is allowed, as Apple says
	Latency        time.Duration
	LogLimit       int // see NewLog; negative also turns the model of the devices off, for load tests
	// OnAccepted is told of every accepted push, duplicates too; it must not block. May be nil.
	OnAccepted func(Entry)
}

// APNs is a simulator of Apple's push service (HTTP/2 provider API): strict about what a request must be, scripted in
// what goes wrong. Sources: Apple, "Sending notification requests to APNs", "Handling notification responses from APNs".
type APNs struct {
	opts    APNsOptions
	ca      *CA
	clock   notify.Clock
	tls     *tls.Config
	lis     *listener
	log     *Log
	faults  faults
	auth    *apnsAuth
	devices *apnsDevices
	muted   atomic.Bool
	refused atomic.Int64
	wg      sync.WaitGroup

	mu    sync.Mutex
	conns map[int64]*apnsConn
	next  int64
	shut  bool
}

// apnsConn is what APNs remembers of one connection.
type apnsConn struct {
	*h2conn
	client *x509.Certificate // nil: token authentication
	ready  bool              // the TLS handshake's result was looked at

	// What its first valid token bound it to; the read loop's own.
	team, kid        string
	bearer, previous string
	issuedAt         time.Time
}

// NewAPNs starts a simulator; Close ends it.
func NewAPNs(o APNsOptions) (*APNs, error) {
	if o.Clock == nil {
		o.Clock = notify.SystemClock{}
	}
	if o.Environment == "" {
		o.Environment = notify.Production
	}
	if o.Streams == 0 {
		o.Streams = 1000
	}
	if o.CA == nil {
		ca, err := NewCA()
		if err != nil {
			return nil, err
		}
		o.CA = ca
	}
	cert, err := o.CA.Server()
	if err != nil {
		return nil, err
	}
	lis, err := listen(o.Addr)
	if err != nil {
		return nil, err
	}
	s := &APNs{opts: o, ca: o.CA, clock: o.Clock, lis: lis, log: NewLog(o.LogLimit), conns: map[int64]*apnsConn{},
		auth: newAPNsAuth(o.Environment), devices: newAPNsDevices(o.LogLimit >= 0)}
	// Client certificates are judged per request, so that the answer is Apple's and not a TLS alert.
	s.tls = &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"},
		MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert}
	s.wg.Add(1)
	go s.accept()
	return s, nil
}

func (s *APNs) accept() {
	defer s.wg.Done()
	for {
		nc, err := s.lis.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // one connection that failed while it was being opened
		}
		s.mu.Lock()
		if s.shut {
			s.mu.Unlock()
			nc.Close()
			return
		}
		s.next++
		c := s.newConn(s.next, nc)
		s.conns[c.id] = c
		s.wg.Add(1)
		s.mu.Unlock()
		go func() {
			defer s.wg.Done()
			c.run()
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.conns, c.id)
		}()
	}
}

func (s *APNs) newConn(id int64, nc net.Conn) *apnsConn {
	limit := s.opts.Streams
	if s.opts.OneStream {
		limit = 1
	}
	c := &apnsConn{h2conn: newH2conn(id, tls.Server(nc, s.tls), limit)}
	c.muted = s.muted.Load
	c.refused = func(int) { s.refused.Add(1) }
	c.serve = func(_ *h2conn, r *h2request) { s.serve(c, r) }
	return c
}

// URL is the simulator's address: the configuration's endpoint.
func (s *APNs) URL() string { return "https://" + s.lis.Addr().String() }

// CAPEM is the certificate of the authority that the simulator's own certificate comes from.
func (s *APNs) CAPEM() []byte { return s.ca.PEM() }

// CAFile writes CAPEM to a file in dir, for the configuration's ca_file.
func (s *APNs) CAFile(dir string) (string, error) { return s.ca.File(dir) }

// CA is the simulator's authority.
func (s *APNs) CA() *CA { return s.ca }

// AddKey makes a token signing key known.
func (s *APNs) AddKey(k APNsKey) { s.auth.addKey(k) }

// RevokeKey makes a key unknown again.
func (s *APNs) RevokeKey(id string) { s.auth.revoke(id) }

// AddCertificate makes a client certificate known.
func (s *APNs) AddCertificate(c APNsCertificate) { s.auth.addCertificate(c) }

// Script makes requests go wrong: for a device token, from a credential (a key's id, or a certificate's common name), or
// for Everyone.
func (s *APNs) Script(token string, list ...Fault) { s.faults.script(token, list...) }

// ClearScript removes the faults of a token, or those for Everyone.
func (s *APNs) ClearScript(token string) { s.faults.clear(token) }

// Log is the log of requests.
func (s *APNs) Log() *Log { return s.log }

// Opened counts the connections opened so far.
func (s *APNs) Opened() int64 { return s.lis.opened.Load() }

// Open counts the connections that are open now.
func (s *APNs) Open() int { return len(s.open()) }

// RefusedStreams counts streams that came while the connection's limit was reached.
func (s *APNs) RefusedStreams() int64 { return s.refused.Load() }

// UnderWay counts the requests that came and have no answer yet.
func (s *APNs) UnderWay() int {
	n := 0
	for _, c := range s.open() {
		c.locked(func() { n += len(c.active) })
	}
	return n
}

// Mute makes the simulator take everything and answer nothing, pings neither, like a dead network; false ends it.
func (s *APNs) Mute(on bool) { s.muted.Store(on) }

// GoAway says goodbye on every open connection; all their streams under way count as taken.
func (s *APNs) GoAway(g GoAway) {
	for _, c := range s.open() {
		c.goAway(1<<31-1, g, g.Close)
	}
}

// Disconnect cuts every open connection.
func (s *APNs) Disconnect() {
	for _, c := range s.open() {
		c.nc.NetConn().Close()
	}
}

func (s *APNs) open() []*apnsConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*apnsConn, 0, len(s.conns))
	for _, c := range s.conns {
		list = append(list, c)
	}
	return list
}

// Close ends the simulator and all its goroutines.
func (s *APNs) Close() error {
	s.mu.Lock()
	s.shut = true
	s.mu.Unlock()
	err := s.lis.Close()
	s.Disconnect()
	s.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Handler shows the simulator over plain HTTP: GET /log (see Log.ServeHTTP) and GET /device/TOKEN, what it shows.
func (s *APNs) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /log", s.log)
	mux.HandleFunc("GET /device/{token}", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, s.Shown(r.PathValue("token")))
	})
	return mux
}
