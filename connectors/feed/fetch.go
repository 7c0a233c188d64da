package feed

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"allim.dev/allim/notify"
)

const (
	maxHops       = 5 // redirects
	maxRetryAfter = 24 * time.Hour
	maxHeader     = 64 << 10
	accept        = "application/rss+xml, application/atom+xml, application/feed+json, text/calendar, application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.5"
)

// fetcher asks one address.
type fetcher struct {
	settings  *Settings
	base      *url.URL
	out       notify.Outgoing
	clock     notify.Clock
	transport *http.Transport
}

// validators are what makes a request conditional (RFC 9110 section 13): as the server gave them, or empty.
type validators struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
}

// answer is a good answer.
type answer struct {
	notModified bool
	body        []byte // unpacked
	contentType string
	validators  validators
	moved       string // where a permanent redirect leads; empty: nowhere
	at          *url.URL
}

func newFetcher(s *Settings, out notify.Outgoing, roots *x509.CertPool, clock notify.Clock) *fetcher {
	base, _ := url.Parse(s.URL) // checked
	f := &fetcher{settings: s, base: base, out: out, clock: clock}
	f.transport = &http.Transport{
		Proxy:                  out.Proxy,
		DialContext:            f.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  s.Timeout,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    1,
		MaxResponseHeaderBytes: maxHeader,
		ForceAttemptHTTP2:      true,
	}
	return f
}

func (f *fetcher) close() { f.transport.CloseIdleConnections() }

// dial keeps redirects out of private networks. The address that is really dialled is looked at, after the name was
// resolved. Where the configuration leads is free: the feed's own host, and the proxy.
func (f *fetcher) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	if !f.free(ctx, addr) {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil || !f.out.Allows(ap.Addr()) {
				return errInner
			}
			return nil
		}
	}
	return d.DialContext(ctx, network, addr)
}

// proxyKey carries the proxy's address to dial.
type proxyKey struct{}

// free tells where the configuration itself leads: the feed's own address, the same one with https, and the proxy.
func (f *fetcher) free(ctx context.Context, addr string) bool {
	via, _ := ctx.Value(proxyKey{}).(string)
	addr = strings.ToLower(addr)
	return addr == hostPort(f.base) || addr == net.JoinHostPort(strings.ToLower(f.base.Hostname()), "443") || via != "" && addr == via
}

// literal looks at an address that a redirect names outright: behind a proxy, dial does not see it.
func (f *fetcher) literal(u *url.URL) error {
	host := u.Hostname()
	if f.free(context.Background(), hostPort(u)) {
		return nil
	}
	a, err := netip.ParseAddr(host)
	if strings.EqualFold(host, "localhost") {
		a, err = netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	}
	if err == nil && !f.out.Allows(a) {
		return errInner
	}
	return nil
}

// fetch asks for the feed, unless it is as it was. Errors are troubles.
func (f *fetcher) fetch(ctx context.Context, known validators) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, f.settings.Timeout)
	defer cancel()
	at, moved, permanent := f.base, "", true
	for range maxHops + 1 {
		res, err := f.send(ctx, at, known)
		if err != nil {
			return nil, transportTrouble(err)
		}
		next, err := f.redirected(res, at)
		if err != nil {
			drop(res)
			return nil, err
		}
		if next == nil {
			defer drop(res)
			a, err := f.read(res)
			if err != nil {
				return nil, err
			}
			a.moved, a.at = moved, at
			return a, nil
		}
		permanent = permanent && (res.StatusCode == http.StatusMovedPermanently || res.StatusCode == http.StatusPermanentRedirect)
		if drop(res); permanent {
			moved = next.Redacted()
		}
		at = next
	}
	return nil, unreadable("the server redirects in a circle")
}

// send sends one request; the login goes to the configured origin only.
func (f *fetcher) send(ctx context.Context, at *url.URL, known validators) (*http.Response, error) {
	if err := f.literal(at); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	if f.out.Proxy != nil {
		via, err := f.out.Proxy(req)
		if err != nil {
			return nil, unreadable("the proxy cannot be chosen: its setting is not an address")
		}
		if via != nil {
			req = req.WithContext(context.WithValue(ctx, proxyKey{}, hostPort(via)))
		}
	}
	req.Header.Set("User-Agent", "allim")
	req.Header.Set("Accept", accept)
	if known.ETag != "" {
		req.Header.Set("If-None-Match", known.ETag)
	}
	if known.LastModified != "" {
		req.Header.Set("If-Modified-Since", known.LastModified)
	}
	if f.settings.User != "" && origin(at) == origin(f.base) {
		req.SetBasicAuth(f.settings.User, f.settings.Password)
	}
	return f.transport.RoundTrip(req)
}

// redirected gives where an answer redirects to; nil: nowhere.
func (f *fetcher) redirected(res *http.Response, at *url.URL) (*url.URL, error) {
	switch res.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	location := res.Header.Get("Location")
	next, err := at.Parse(location)
	switch {
	case err != nil || location == "" || next.Host == "" || next.Scheme != "http" && next.Scheme != "https":
		return nil, unreadable("the server redirects to no usable address")
	case at.Scheme == "https" && next.Scheme == "http":
		return nil, unreadable("the server redirects from https to http; that is not followed: set url to that address if it is right")
	}
	return next, nil
}

// read takes an answer in, or says what is wrong with it.
func (f *fetcher) read(res *http.Response) (*answer, error) {
	now := f.clock.Now()
	a := &answer{contentType: res.Header.Get("Content-Type"), validators: validators{ETag: res.Header.Get("ETag")}}
	// A time in the future would make the server say "not modified" until then.
	if modified, err := http.ParseTime(res.Header.Get("Last-Modified")); err == nil && !modified.After(now.Add(time.Minute)) {
		a.validators.LastModified = res.Header.Get("Last-Modified")
	}
	switch {
	case res.StatusCode == http.StatusNotModified:
		a.notModified = true
		return a, nil
	case res.StatusCode != http.StatusOK:
		return nil, refusal(res, now)
	}
	body, err := capped(res.Body, f.settings.MaxSize)
	if err != nil {
		return nil, err
	}
	if len(body) > 2 && body[0] == 0x1f && body[1] == 0x8b { // a packed file, such as feed.xml.gz
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, unreadable("the answer is packed in a way that cannot be read")
		}
		if body, err = capped(r, f.settings.MaxSize); err != nil {
			return nil, err
		}
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, unreadable("the answer is empty")
	}
	a.body = body
	return a, nil
}

// capped reads all, up to a size.
func capped(r io.Reader, size int) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, int64(size)+1))
	switch {
	case len(body) > size:
		return nil, unreadable("the answer has more than %d bytes, unpacked: see max_size", size)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return nil, unreadable("the answer is packed in a way that cannot be read")
	case err != nil:
		return nil, transportTrouble(err)
	}
	return body, nil
}

// refusal says what an answer without a feed means.
func refusal(res *http.Response, now time.Time) *trouble {
	t := &trouble{state: notify.HealthBackoff}
	switch code := res.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		t.state, t.text, t.refused = notify.HealthAuthFailed, "the server refuses access (HTTP "+strconv.Itoa(code)+"): check user and password", true
	case code == http.StatusNotFound || code == http.StatusGone:
		t.text, t.refused = "there is nothing at this address any more (HTTP "+strconv.Itoa(code)+"): check url", true
	case code == http.StatusTooManyRequests:
		t.text = "the server is asked too often (HTTP 429): set poll to a longer time"
	case code >= 500:
		t.text = "the server has trouble (HTTP " + strconv.Itoa(code) + ")"
	default:
		t.text = "the server answers with HTTP " + strconv.Itoa(code) + ", which is no feed"
	}
	t.after = retryAfter(res.Header.Get("Retry-After"), now)
	return t
}

// retryAfter reads seconds or a date (RFC 9110 section 10.2.3), at most a day ahead; zero when there is none.
func retryAfter(value string, now time.Time) time.Time {
	value = strings.TrimSpace(value)
	at, err := http.ParseTime(value)
	if err != nil {
		sec, err := strconv.ParseUint(value, 10, 63)
		if err != nil {
			return time.Time{}
		}
		at = now.Add(time.Duration(min(sec, uint64(maxRetryAfter/time.Second))) * time.Second)
	}
	if limit := now.Add(maxRetryAfter); at.After(limit) {
		return limit
	}
	return at
}

// drop gives a connection back; a short rest is read, so that it can be used again.
func drop(res *http.Response) {
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10)
	_ = res.Body.Close()
}
