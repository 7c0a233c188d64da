package sim

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// WNSToken is the key under which faults of the login are scripted.
const WNSToken = "token"

// wnsChannelLife is how long a channel lives: Microsoft, "WNS overview".
const wnsChannelLife = 30 * 24 * time.Hour

// wnsHost is the host of channels with WNSOptions.VendorHosts.
const wnsHost = "wns2-by3p.notify.windows.com"

// WNSOptions is what a WNS simulator is made of; the zero value is on a free port and checks everything.
type WNSOptions struct {
	Addr    string       // host:port to listen on; empty: a free port on loopback
	CA      *CA          // whose certificate it shows; nil: a new one
	Clock   notify.Clock // nil: the machine's
	Latency time.Duration
	// LogLimit: see NewLog; negative also keeps no messages, for load tests.
	LogLimit int
	// VendorHosts gives channels a host name of Microsoft's, with the simulator's port: for tests of what must not be
	// reached.
	VendorHosts bool
	// TokenLife is how long a token is valid; 0: a day.
	TokenLife time.Duration
	// TextExpiry writes expires_in as a string, as Entra ID's documentation does; NoExpiry leaves it out, as
	// login.live.com may.
	TextExpiry, NoExpiry bool
	// PerMinute is how many pushes an app may send in a minute before it hears 406; 0: any number.
	PerMinute int
}

// WNSApp is a registration: an application of Entra ID (Tenant, Client), or a UWP app (PackageSID).
type WNSApp struct {
	Tenant, Client, PackageSID string
	Secret                     string
	Expired                    bool // the secret has expired
}

// id names the app in tokens and channels.
func (a WNSApp) id() string { return a.Tenant + "/" + a.Client + a.PackageSID }

// WNSMessage is what reached a channel.
type WNSMessage struct {
	Type  string    `json:"type"` // wns/toast, wns/badge, wns/tile or wns/raw
	At    time.Time `json:"at"`
	Tag   string    `json:"tag,omitempty"`
	Group string    `json:"group,omitempty"`
	TTL   string    `json:"ttl,omitempty"` // as it was sent; empty: none
	Toast *Toast    `json:"toast,omitempty"`
	Badge string    `json:"badge,omitempty"`
	Raw   Bytes     `json:"raw,omitempty"`
	// Dropped is why Windows would drop it, although WNS took it.
	Dropped string `json:"dropped,omitempty"`
}

// WNS is a simulator of the Windows Push Notification Services: both logins, channels that are known byte for byte, the
// checks and words of Microsoft's tables, and what Windows itself does with what arrives.
type WNS struct {
	stage
	opts WNSOptions

	state    sync.Mutex
	apps     []WNSApp
	tokens   map[string]wnsToken
	channels map[string]*wnsChannel // by the request's target, byte for byte
	sent     map[string]*wnsMinute  // by app
	counts   map[string]int         // accepted, by type
	problems []string
	blocked  bool
}

type wnsToken struct {
	app     string
	expires time.Time
}

type wnsChannel struct {
	uri      string
	app      string
	expires  time.Time
	device   string          // X-WNS-DeviceConnectionStatus
	refuses  map[string]bool // types that the device does not want
	limited  bool            // channelthrottled
	messages []WNSMessage
}

type wnsMinute struct {
	began time.Time
	n     int
}

// NewWNS starts a simulator; Close ends it.
func NewWNS(o WNSOptions) (*WNS, error) {
	if o.TokenLife == 0 {
		o.TokenLife = 24 * time.Hour
	}
	s := &WNS{opts: o, tokens: map[string]wnsToken{}, channels: map[string]*wnsChannel{}, sent: map[string]*wnsMinute{},
		counts: map[string]int{}}
	s.stage.key, s.stage.sender, s.stage.judge = s.keyOf, s.senderOf, s.judgeAny
	err := s.open(stageOptions{addr: o.Addr, ca: o.CA, clock: o.Clock, latency: o.Latency, limit: o.LogLimit, hosts: []string{wnsHost}})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// AddApp registers an app.
func (s *WNS) AddApp(a WNSApp) {
	s.state.Lock()
	defer s.state.Unlock()
	s.apps = append(s.apps, a)
}

// SetApps replaces all registrations: secrets that changed or expired.
func (s *WNS) SetApps(apps ...WNSApp) {
	s.state.Lock()
	defer s.state.Unlock()
	s.apps = apps
}

// TokenURL is where an app signs on.
func (s *WNS) TokenURL(a WNSApp) string {
	if a.PackageSID != "" {
		return s.URL() + wnsLivePath
	}
	return s.URL() + "/" + a.Tenant + wnsEntraPath
}

// RevokeTokens makes all tokens invalid.
func (s *WNS) RevokeTokens() {
	s.state.Lock()
	defer s.state.Unlock()
	clear(s.tokens)
}

// NewChannel gives the URI of a new channel of an app, percent-encoded as Microsoft's are: it must come back so.
func (s *WNS) NewChannel(a WNSApp) (string, error) {
	var b [30]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("make a channel: %w", err)
	}
	// Microsoft's tokens hold %2f, %2b and %3d, in lower case.
	target := "/?token=" + strings.ToLower(url.QueryEscape("A/+")) + base64.RawURLEncoding.EncodeToString(b[:]) + "%3d%3D"
	origin := s.URL()
	if s.opts.VendorHosts {
		_, port, _ := net.SplitHostPort(s.lis.Addr().String()) // an address of our own making
		origin = "https://" + net.JoinHostPort(wnsHost, port)
	}
	c := &wnsChannel{uri: origin + target, app: a.id(), expires: s.clock.Now().Add(wnsChannelLife), device: "connected"}
	s.state.Lock()
	defer s.state.Unlock()
	s.channels[target] = c
	return c.uri, nil
}

// SetDevice changes how a channel's device is: connected, disconnected or tempconnected, and the types that it does not
// want.
func (s *WNS) SetDevice(uri, connection string, refuses ...string) {
	s.change(uri, func(c *wnsChannel) {
		c.device, c.refuses = connection, map[string]bool{}
		for _, t := range refuses {
			c.refuses[t] = true
		}
	})
}

// Expire ends a channel, as after 30 days.
func (s *WNS) Expire(uri string) { s.change(uri, func(c *wnsChannel) { c.expires = s.clock.Now() }) }

// Limit has a channel answer channelthrottled, or ends that.
func (s *WNS) Limit(uri string, on bool) { s.change(uri, func(c *wnsChannel) { c.limited = on }) }

// Block has every channel answer 410 "Domain Blocked", as for a sender who abused the service.
func (s *WNS) Block(on bool) {
	s.state.Lock()
	defer s.state.Unlock()
	s.blocked = on
}

func (s *WNS) change(uri string, f func(*wnsChannel)) {
	s.state.Lock()
	defer s.state.Unlock()
	for _, c := range s.channels {
		if c.uri == uri {
			f(c)
		}
	}
}

// Accepted counts what was taken of a type, such as wns/toast, repeats too.
func (s *WNS) Accepted(kind string) int {
	s.state.Lock()
	defer s.state.Unlock()
	return s.counts[kind]
}

// Messages are what reached a channel, oldest first.
func (s *WNS) Messages(uri string) []WNSMessage {
	var list []WNSMessage
	s.change(uri, func(c *wnsChannel) { list = append(list, c.messages...) })
	return list
}

// Problems tells what was taken, as the real service would, although Windows would drop it.
func (s *WNS) Problems() []string {
	s.state.Lock()
	defer s.state.Unlock()
	return append([]string(nil), s.problems...)
}

// Handler shows the simulator over plain HTTP: GET /log (see Log.ServeHTTP), GET /messages?channel=…, what a device got,
// and GET /problems.
func (s *WNS) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /log", s.log)
	mux.HandleFunc("GET /messages", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, s.Messages(r.URL.Query().Get("channel")))
	})
	mux.HandleFunc("GET /problems", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Problems()) })
	return mux
}
