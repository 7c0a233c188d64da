package sim

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"allim.dev/allim/notify"
)

// FCMOptions is what an FCM simulator is made of; the zero value listens on a free port and accepts any well-formed token.
type FCMOptions struct {
	Addr           string       // host:port to listen on; empty: a free port on loopback
	CA             *CA          // whose certificate it shows; nil: a new one
	Clock          notify.Clock // nil: the machine's
	OnlyRegistered bool         // tokens that Register does not know are UNREGISTERED
	Streams        int          // SETTINGS_MAX_CONCURRENT_STREAMS; 0: 100, as Google's servers say
	Quota          int          // messages a minute and project; 0: 600,000; negative: none
	DeviceQuota    int          // messages a minute and device; 0: 240; negative: none
	TokenLife      time.Duration
	Latency        time.Duration
	LogLimit       int // see NewLog; negative also turns the model of the devices and their quota off, for load tests
	// OnAccepted is told of every accepted message, duplicates too; it must not block. May be nil.
	OnAccepted func(Entry)
}

// FCM is a simulator of Firebase Cloud Messaging (HTTP v1 API) and of the OAuth token endpoint before it: strict about what
// a request must be, scripted in what goes wrong. Sources: Firebase, the REST reference of projects.messages and "FCM
// error codes"; Google, "Using OAuth 2.0 for server to server applications".
type FCM struct {
	opts    FCMOptions
	ca      *CA
	clock   notify.Clock
	tls     *tls.Config
	lis     *listener
	log     *Log
	logins  *Log
	faults  faults // by token, or the account's e-mail
	signIns faults // by the account's e-mail: of its logins
	auth    *fcmAuth
	devices *fcmDevices
	muted   atomic.Bool
	refused atomic.Int64
	number  atomic.Int64 // of the messages taken
	wg      sync.WaitGroup

	mu    sync.Mutex
	conns map[int64]*h2conn
	next  int64
	shut  bool
}

// NewFCM starts a simulator; Close ends it.
func NewFCM(o FCMOptions) (*FCM, error) {
	if o.Clock == nil {
		o.Clock = notify.SystemClock{}
	}
	if o.Streams == 0 {
		o.Streams = 100
	}
	if o.TokenLife == 0 {
		o.TokenLife = time.Hour - time.Second // as Google: 3599
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
	s := &FCM{opts: o, ca: o.CA, clock: o.Clock, lis: lis, log: NewLog(o.LogLimit), logins: NewLog(0),
		conns: map[int64]*h2conn{}, auth: newFCMAuth(o.TokenLife), devices: newFCMDevices(o)}
	s.tls = &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}
	s.wg.Add(1)
	go s.accept()
	return s, nil
}

func (s *FCM) accept() {
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
			_ = nc.Close()
			return
		}
		s.next++
		c := newH2conn(s.next, tls.Server(nc, s.tls), s.opts.Streams)
		c.muted = s.muted.Load
		c.refused = func(int) { s.refused.Add(1) }
		c.serve = s.serve
		s.conns[c.id] = c
		s.wg.Go(func() {
			c.run()
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.conns, c.id)
		})
		s.mu.Unlock()
	}
}

// URL is the simulator's address: the configuration's endpoint.
func (s *FCM) URL() string { return "https://" + s.lis.Addr().String() }

// TokenURL is the token endpoint's address: the configuration's token_endpoint, and the key files' token_uri.
func (s *FCM) TokenURL() string { return s.URL() + tokenPath }

// CAPEM is the certificate of the authority that the simulator's own certificate comes from.
func (s *FCM) CAPEM() []byte { return s.ca.PEM() }

// CAFile writes CAPEM to a file in dir, for the configuration's ca_file.
func (s *FCM) CAFile(dir string) (string, error) { return s.ca.File(dir) }

// CA is the simulator's authority.
func (s *FCM) CA() *CA { return s.ca }

// AddAccount makes a service account known.
func (s *FCM) AddAccount(a FCMAccount) { s.auth.add(a) }

// RevokeKey makes an account's key unknown: no more logins. Access tokens that it got stay good until they end.
func (s *FCM) RevokeKey(keyID string) { s.auth.revokeKey(keyID) }

// RevokeTokens makes all access tokens given so far unknown.
func (s *FCM) RevokeTokens() { s.auth.revokeTokens() }

// AccessTokens gives the access tokens that are good now: what nobody may find in a log.
func (s *FCM) AccessTokens() []string { return s.auth.tokens(s.clock.Now()) }

// Script makes messages go wrong: for a token or installation id, from an account (its e-mail), or for Everyone.
// Fault.Reason is an FcmError code, or one of the words of FCMReasons; Fault.Body of one space is an empty body.
func (s *FCM) Script(token string, list ...Fault) { s.faults.script(token, list...) }

// ScriptLogin makes logins of an account, by its e-mail, go wrong. Fault.Reason is an OAuth error such as invalid_grant.
func (s *FCM) ScriptLogin(email string, list ...Fault) { s.signIns.script(email, list...) }

// ClearScript removes the faults of a token or an account, or those for Everyone.
func (s *FCM) ClearScript(key string) {
	s.faults.clear(key)
	s.signIns.clear(key)
}

// Log is the log of messages.
func (s *FCM) Log() *Log { return s.log }

// Logins is the log of requests to the token endpoint; assertions are left out of it.
func (s *FCM) Logins() *Log { return s.logins }

// Opened counts the connections opened so far.
func (s *FCM) Opened() int64 { return s.lis.opened.Load() }

// RefusedStreams counts streams that came while the connection's limit was reached.
func (s *FCM) RefusedStreams() int64 { return s.refused.Load() }

// UnderWay counts the requests that came and have no answer yet.
func (s *FCM) UnderWay() int {
	n := 0
	for _, c := range s.open() {
		c.locked(func() { n += len(c.active) })
	}
	return n
}

// Mute makes the simulator take everything and answer nothing, pings neither, like a dead network; false ends it.
func (s *FCM) Mute(on bool) { s.muted.Store(on) }

// GoAway says goodbye on every open connection; all their streams under way count as taken.
func (s *FCM) GoAway(g GoAway) {
	for _, c := range s.open() {
		c.goAway(1<<31-1, g, g.Close)
	}
}

// Disconnect cuts every open connection.
func (s *FCM) Disconnect() {
	for _, c := range s.open() {
		_ = c.nc.NetConn().Close()
	}
}

func (s *FCM) open() []*h2conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*h2conn, 0, len(s.conns))
	for _, c := range s.conns {
		list = append(list, c)
	}
	return list
}

// Close ends the simulator and all its goroutines.
func (s *FCM) Close() error {
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

// Handler shows the simulator over plain HTTP: GET /log and GET /logins (see Log.ServeHTTP), and GET /device/TOKEN, what
// it shows.
func (s *FCM) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /log", s.log)
	mux.Handle("GET /logins", s.logins)
	mux.HandleFunc("GET /device/{token}", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, s.Shown(r.PathValue("token")))
	})
	return mux
}
