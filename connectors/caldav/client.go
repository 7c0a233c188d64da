package caldav

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// client is the way to one server, shared by all accounts of a source.
type client struct {
	settings  *Settings
	clock     notify.Clock
	guard     *guard
	transport *http.Transport
	tokens    *tokens

	mu      sync.Mutex
	origins map[string]bool // scheme://host:port that get the login
}

// Bounds of one answer, decompressed. A calendar of 100,000 objects is a listing of about 30 MB.
const (
	maxListing = 64 << 20
	maxObject  = 4 << 20
	maxError   = 64 << 10
	maxHops    = 5 // redirects
	maxHeader  = 64 << 10
)

func newClient(s *Settings, base *url.URL, roots *x509.CertPool, clock notify.Clock) *client {
	c := &client{settings: s, clock: clock, guard: newGuard(s.AllowPrivate), origins: map[string]bool{}}
	c.trust(base)
	c.transport = &http.Transport{
		Proxy:                  c.guard.proxy,
		DialContext:            c.guard.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  s.Timeout,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           s.Connections,
		MaxIdleConnsPerHost:    s.Connections,
		MaxResponseHeaderBytes: maxHeader,
		ForceAttemptHTTP2:      true,
	}
	if s.Auth.Method == methodOAuth2 {
		c.tokens = newTokens(s, roots)
	}
	return c
}

func (c *client) close() {
	c.transport.CloseIdleConnections()
	if c.tokens != nil {
		c.tokens.close()
	}
}

// trust lets an address have the login: the configured one, and where the domain's DNS records lead (RFC 6764).
func (c *client) trust(u *url.URL) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.origins[origin(u)] = true
	c.guard.free(u.Hostname())
}

// trusted tells whether an address may have the login: the same origin, the same host when it moves on to https, and
// the hosts of the settings over https.
func (c *client) trusted(u *url.URL) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.origins[origin(u)] {
		return true
	}
	if u.Scheme != "https" {
		return false
	}
	if u.Port() == "" && (c.origins["http://"+strings.ToLower(u.Hostname())+":80"]) {
		return true
	}
	host := strings.ToLower(u.Hostname())
	return slices.ContainsFunc(c.settings.Hosts, func(h string) bool {
		h = strings.ToLower(h)
		below, wild := strings.CutPrefix(h, "*")
		return host == h || wild && strings.HasSuffix(host, below)
	})
}

// origin is scheme, host and port (RFC 6454).
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// call is one request.
type call struct {
	method string
	url    *url.URL
	depth  string // "0", "1" or ""
	body   string // XML
	limit  int64  // bytes of the answer; 0: maxListing
}

// reply is a good answer; close it.
type reply struct {
	url    *url.URL // after redirects
	status int
	header http.Header
	body   io.Reader
	close  func()
}

// do sends a request as an account: it follows redirects with method and body kept, logs in where the address may have
// the login, and bounds time and size. The error is a trouble; an answer of 2xx is none.
func (a *access) do(ctx context.Context, r call) (*reply, error) {
	ctx, cancel := context.WithTimeout(ctx, a.c.settings.Timeout)
	res, at, err := a.follow(ctx, r)
	if err != nil {
		cancel()
		return nil, err
	}
	done := func() {
		// A short rest is read, so that the connection can be used again; a long one ends it.
		_, _ = io.CopyN(io.Discard, res.Body, 64<<10)
		_ = res.Body.Close()
		cancel()
	}
	if res.StatusCode/100 != 2 {
		defer done()
		return nil, a.c.refusal(r, res)
	}
	limit := r.limit
	if limit == 0 {
		limit = maxListing
	}
	return &reply{url: at, status: res.StatusCode, header: res.Header, body: &bounded{r: res.Body, left: limit}, close: done}, nil
}

// follow goes where redirects lead. 301 and 302 keep the method here: what RFC 9110 15.4.2 allows for POST makes no sense
// for PROPFIND.
func (a *access) follow(ctx context.Context, r call) (*http.Response, *url.URL, error) {
	at := r.url
	for range maxHops + 1 {
		if err := a.c.guard.literal(at.Hostname()); err != nil {
			return nil, nil, transportTrouble(err)
		}
		res, err := a.send(ctx, r, at)
		if err != nil {
			return nil, nil, err
		}
		location := res.Header.Get("Location")
		switch res.StatusCode {
		case 301, 302, 307, 308:
		default:
			return res, at, nil
		}
		_ = res.Body.Close()
		next, err := at.Parse(location)
		switch {
		case err != nil || location == "" || next.Host == "":
			return nil, nil, troublef(kindRefused, "the server redirects to no usable address")
		case next.Scheme != "https" && (next.Scheme != "http" || at.Scheme == "https"):
			return nil, nil, troublef(kindForeign, "the server redirects from https to http; that is not followed")
		}
		at = next
	}
	return nil, nil, troublef(kindRefused, "the server redirects in a circle")
}

// send sends one request, with a login where the address may have it, and a second time when the server says how it
// wants to have it.
func (a *access) send(ctx context.Context, r call, at *url.URL) (*http.Response, error) {
	for try := 0; ; try++ {
		req, err := http.NewRequestWithContext(ctx, r.method, at.String(), bytes.NewReader([]byte(r.body)))
		if err != nil {
			return nil, troublef(kindRefused, "an address of the server is not usable")
		}
		req.Header.Set("User-Agent", "allim")
		// All that is asked only reads. Without a value this is not sent, but has net/http try again on a new connection when the
		// server has closed the one that it kept.
		req.Header["X-Idempotency-Key"] = []string{}
		if r.body != "" {
			req.Header.Set("Content-Type", "application/xml; charset=utf-8")
		}
		if r.depth != "" {
			req.Header.Set("Depth", r.depth)
		}
		trusted := a.c.trusted(at)
		if trusted {
			if err := a.authorize(ctx, req); err != nil {
				return nil, err
			}
		}
		res, err := a.c.transport.RoundTrip(req)
		if err != nil {
			if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
				return nil, ctx.Err()
			}
			return nil, transportTrouble(err)
		}
		if res.StatusCode != http.StatusUnauthorized {
			if trusted {
				a.accepted()
			}
			return res, nil
		}
		if !trusted {
			_ = res.Body.Close()
			return nil, troublef(kindForeign, "the server leads to %s, which wants the login; if that is right, list it in hosts", at.Host)
		}
		if try > 1 || !a.learn(res.Header, req) {
			return res, nil
		}
		_, _ = io.CopyN(io.Discard, res.Body, maxError)
		_ = res.Body.Close()
	}
}

// reach asks whether anybody answers at an address, without a login; any answer will do.
func (c *client) reach(ctx context.Context, at *url.URL) error {
	ctx, cancel := context.WithTimeout(ctx, c.settings.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodOptions, at.String(), nil)
	if err != nil {
		return troublef(kindSetup, "the address %s is not usable", at)
	}
	res, err := c.transport.RoundTrip(req)
	if err != nil {
		return transportTrouble(err)
	}
	_ = res.Body.Close()
	if res.StatusCode >= 500 {
		return troublef(kindBusy, "the server answers with %d", res.StatusCode)
	}
	return nil
}

// bounded is a reader that says when there is too much.
type bounded struct {
	r    io.Reader
	left int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, troublef(kindRefused, "the server's answer is too large")
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	return n, err
}
