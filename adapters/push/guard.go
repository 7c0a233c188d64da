package push

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"allim.dev/allim/notify"
)

// Limits of a guarded client. They are generous for a push service and short for a worker that waits.
const (
	guardDialTimeout   = 5 * time.Second
	guardTLSTimeout    = 10 * time.Second
	guardHeaderTimeout = 15 * time.Second
	guardIdle          = 5 * time.Minute
	guardIdlePerHost   = 16
	guardIdleTotal     = 512
	guardPingAfter     = 30 * time.Second // a silent HTTP/2 connection is asked whether it lives
	guardPingTimeout   = 10 * time.Second
	guardHeaderBytes   = 32 << 10
	// MaxReply is how much of an answer is read, in bytes; push services answer with less than 1 KiB.
	MaxReply = 64 << 10
)

// GuardOptions says where a guarded client may go and how.
type GuardOptions struct {
	Outgoing  notify.Outgoing
	HTTPHosts []string       // the only hosts for which plain http is allowed
	RootCAs   *x509.CertPool // nil: the system's
	Resolver  *net.Resolver  // nil: the system's
}

// Guard sends requests to addresses that strangers supplied (Web Push endpoints, webhooks, feed redirects) without
// letting them reach into the house: see CheckURL and Do. It may be used from any goroutine.
type Guard struct {
	opts      GuardOptions
	dialer    *net.Dialer
	resolver  *net.Resolver
	transport *http.Transport
}

// ErrRefused is the cause of every refusal by a Guard: the address must not be reached, now or later.
var ErrRefused = errors.New("the address is refused")

// NewGuard makes a guard; it dials nothing yet. Close it.
func NewGuard(o GuardOptions) *Guard {
	g := &Guard{opts: o, resolver: o.Resolver}
	if g.resolver == nil {
		g.resolver = net.DefaultResolver
	}
	g.dialer = &net.Dialer{Timeout: guardDialTimeout, KeepAlive: 30 * time.Second, Resolver: o.Resolver, Control: g.control}
	g.transport = &http.Transport{
		// The environment's proxy is not asked: only the one of the configuration, see Do.
		Proxy:                  func(r *http.Request) (*url.URL, error) { return proxyOf(r.Context()), nil },
		DialContext:            g.dial,
		GetProxyConnectHeader:  g.checkConnect,
		TLSClientConfig:        tlsConfig(o),
		TLSHandshakeTimeout:    guardTLSTimeout,
		ResponseHeaderTimeout:  guardHeaderTimeout,
		IdleConnTimeout:        guardIdle,
		MaxIdleConns:           guardIdleTotal,
		MaxIdleConnsPerHost:    guardIdlePerHost,
		MaxResponseHeaderBytes: guardHeaderBytes,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: guardPingAfter, PingTimeout: guardPingTimeout},
	}
	return g
}

// Close ends the idle connections.
func (g *Guard) Close() { g.transport.CloseIdleConnections() }

// Reply is what came back.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte // at most MaxReply bytes
}

// Do sends one request and reads its answer; redirects are answers like any other. The request's context must have a
// deadline. Errors: ErrRefused for an address out of bounds, else the transport's. They never hold the URL, which may
// be a secret.
func (g *Guard) Do(req *http.Request) (Reply, error) {
	if err := g.checkParsed(req.URL); err != nil {
		return Reply{}, err
	}
	via, err := g.Proxy(req)
	if err != nil {
		return Reply{}, fmt.Errorf("choose the proxy: %w", err)
	}
	if via != nil {
		req = req.WithContext(context.WithValue(req.Context(), proxyKey{}, via))
	}
	resp, err := g.transport.RoundTrip(req)
	if err != nil {
		return Reply{}, hidden{err}
	}
	defer func() { _ = resp.Body.Close() }()
	// A longer body is cut: closing early ends its stream (HTTP/2) or its connection (HTTP/1.1).
	// One that breaks off is no error either: the status said what became of the request.
	body, _ := io.ReadAll(io.LimitReader(resp.Body, MaxReply))
	return Reply{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// proxyKey carries the proxy that Do chose to the transport: dial must know whether it dials a proxy, which the
// configuration names, or an address that a stranger named.
type proxyKey struct{}

func proxyOf(ctx context.Context) *url.URL {
	u, _ := ctx.Value(proxyKey{}).(*url.URL)
	return u
}

func (g *Guard) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if proxyOf(ctx) == nil {
		return g.DialStranger(ctx, network, addr)
	}
	return g.DialProxy(ctx, network, addr)
}

// control sees the address that is really dialled, after the name was resolved, so that a name which resolves to a
// public address once and to a private one later (DNS rebinding) gains nothing.
func (g *Guard) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: not an IP address", ErrRefused)
	}
	return g.checkAddr(ap.Addr())
}

// checkConnect looks at the target of a CONNECT. The proxy resolves the name by itself, so this is the best that can be
// done here: literal addresses are checked, and names that resolve here to something private are refused.
func (g *Guard) checkConnect(ctx context.Context, _ *url.URL, target string) (http.Header, error) {
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		return nil, fmt.Errorf("%w: no host and port", ErrRefused)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return nil, g.checkAddr(a)
	}
	ctx, cancel := context.WithTimeout(ctx, guardDialTimeout)
	defer cancel()
	addrs, err := g.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, nil //nolint:nilerr // many houses resolve no outside names inside: the proxy does
	}
	for _, a := range addrs {
		if err := g.checkAddr(a); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// hidden is an error that tells nothing of the request: the transport's own words hold addresses. The cause is there
// for errors.Is and errors.As.
type hidden struct{ cause error }

func (h hidden) Unwrap() error { return h.cause }

func (h hidden) Error() string {
	if errors.Is(h.cause, ErrRefused) {
		return ErrRefused.Error()
	}
	return Reason(h.cause)
}

// Broke tells whether an established connection broke under a request, by an error of Do: another one may well get
// through at once. The request may have been taken.
func Broke(err error) bool {
	var dns *net.DNSError
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	var network net.Error
	switch {
	case err == nil, errors.Is(err, ErrRefused), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &dns), errors.As(err, &cert), errors.As(err, &op) && op.Op == "dial":
		return false
	}
	return !errors.As(err, &network) || !network.Timeout()
}
