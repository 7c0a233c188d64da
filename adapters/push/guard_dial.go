package push

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
)

// What follows is for clients that open connections by themselves (push/h2): they keep to the same rules as Do.

// Check tells whether a request may go to an address, as Do does at first. Errors: ErrRefused.
func (g *Guard) Check(u *url.URL) error { return g.checkParsed(u) }

// DialStranger opens TCP to an address that a stranger named. What is really dialled, after the name was resolved, is
// checked. Errors: ErrRefused, else those of the network.
func (g *Guard) DialStranger(ctx context.Context, network, address string) (net.Conn, error) {
	return g.dialer.DialContext(ctx, network, address)
}

// DialProxy opens TCP to the proxy, which the configuration names and nobody else: it may lead anywhere.
func (g *Guard) DialProxy(ctx context.Context, network, address string) (net.Conn, error) {
	free := *g.dialer
	free.Control = nil
	return free.DialContext(ctx, network, address)
}

// Proxy gives the proxy for a request; nil: none.
func (g *Guard) Proxy(req *http.Request) (*url.URL, error) {
	if g.opts.Outgoing.Proxy == nil {
		return nil, nil
	}
	return g.opts.Outgoing.Proxy(req)
}

// CheckTunnel tells whether a proxy may be asked for a tunnel to host:port. Errors: ErrRefused.
func (g *Guard) CheckTunnel(ctx context.Context, target string) error {
	_, err := g.checkConnect(ctx, nil, target)
	return err
}

// TLS is how servers are known; a new one every time, as net/http changes that of its transport at first use.
func (g *Guard) TLS() *tls.Config { return tlsConfig(g.opts) }

func tlsConfig(o GuardOptions) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs}
}
