package h2

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http2"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/adapters/push/gather"
)

// noProtocol is how crypto/tls names the alert of a server that knows none of our protocols (RFC 7301 section 3.2); the
// alert itself has no type that is exported.
const noProtocol = "no application protocol"

// maxTunnelReply bounds a proxy's answer to CONNECT.
const maxTunnelReply = 64 << 10

// Dialer opens connections to one server: TCP, through a proxy when there is one, then TLS for HTTP/2.
type Dialer struct {
	Address string      // host:port
	TLS     *tls.Config // ServerName may be empty: Address's host
	// Proxy gives the proxy for a request, http or https with an optional user and password; nil: none. It is asked for
	// every connection.
	Proxy func(*http.Request) (*url.URL, error)
	// Net dials, and Direct instead of it where no proxy stands between; nil: a net.Dialer. Check is asked before a proxy
	// is to connect to Address; nil: it may.
	Net, Direct func(ctx context.Context, network, address string) (net.Conn, error)
	Check       func(ctx context.Context, address string) error
	KeepAlive   time.Duration // of TCP
}

// Dial opens a connection. Errors: ErrNotHTTP2, a push.Plain for a proxy's refusal, else those of the network.
func (d *Dialer) Dial(ctx context.Context) (*Wire, error) {
	raw, err := d.reach(ctx)
	if err != nil {
		return nil, err
	}
	conf := d.TLS.Clone()
	conf.NextProtos = []string{http2.NextProtoTLS}
	if conf.ServerName == "" {
		conf.ServerName, _, _ = net.SplitHostPort(d.Address) // hostPort made it
	}
	below := gather.New(raw)
	secure := tls.Client(below, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		if strings.Contains(err.Error(), noProtocol) {
			return nil, ErrNotHTTP2
		}
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	if secure.ConnectionState().NegotiatedProtocol != http2.NextProtoTLS {
		_ = secure.Close()
		return nil, ErrNotHTTP2
	}
	return &Wire{Conn: secure, gather: below}, nil
}

// reach opens TCP to the server, or a tunnel.
func (d *Dialer) reach(ctx context.Context) (net.Conn, error) {
	dial := d.Net
	if dial == nil {
		dial = (&net.Dialer{KeepAlive: d.KeepAlive}).DialContext
	}
	var via *url.URL
	if d.Proxy != nil {
		var err error
		req := &http.Request{Method: http.MethodPost, URL: &url.URL{Scheme: "https", Host: d.Address}, Host: d.Address}
		if via, err = d.Proxy(req.WithContext(ctx)); err != nil {
			return nil, fmt.Errorf("choose the proxy: %w", err)
		}
	}
	if via == nil {
		if d.Direct != nil {
			dial = d.Direct
		}
		return dial(ctx, "tcp", d.Address)
	}
	if d.Check != nil {
		if err := d.Check(ctx, d.Address); err != nil {
			return nil, err
		}
	}
	c, err := d.toProxy(ctx, dial, via)
	if err != nil {
		return nil, err
	}
	if err := d.tunnel(ctx, c, via); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// toProxy opens the connection to the proxy itself.
func (d *Dialer) toProxy(ctx context.Context, dial func(context.Context, string, string) (net.Conn, error), via *url.URL) (net.Conn, error) {
	port := via.Port()
	switch {
	case via.Scheme != "http" && via.Scheme != "https":
		return nil, ErrProxyScheme
	case port == "" && via.Scheme == "https":
		port = "443"
	case port == "":
		port = "80"
	}
	c, err := dial(ctx, "tcp", net.JoinHostPort(via.Hostname(), port))
	if err != nil || via.Scheme == "http" {
		return c, err
	}
	conf := d.TLS.Clone()
	conf.ServerName, conf.NextProtos, conf.Certificates = via.Hostname(), nil, nil
	secure := tls.Client(c, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("TLS handshake with the proxy: %w", err)
	}
	return secure, nil
}

// tunnel asks the proxy for one (RFC 9110 section 9.3.6).
func (d *Dialer) tunnel(ctx context.Context, c net.Conn, via *url.URL) error {
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: d.Address}, Host: d.Address, Header: http.Header{}}
	if via.User != nil {
		password, _ := via.User.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+
			base64.StdEncoding.EncodeToString([]byte(via.User.Username()+":"+password)))
	}
	if err := req.Write(c); err != nil {
		return lateOr(ctx, fmt.Errorf("ask the proxy: %w", err))
	}
	in := bufio.NewReader(io.LimitReader(c, maxTunnelReply))
	resp, err := http.ReadResponse(in, req)
	switch {
	case err != nil:
		return lateOr(ctx, fmt.Errorf("read the proxy's answer: %w", err))
	case resp.StatusCode == http.StatusProxyAuthRequired:
		return push.Plain("the proxy wants other credentials (407)")
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return push.Plain(fmt.Sprintf("the proxy refuses the connection (%d)", resp.StatusCode))
	case in.Buffered() > 0: // TLS's client speaks first
		return push.Plain("the proxy does not speak as it should")
	}
	if !stop() {
		return ctx.Err()
	}
	return nil
}

// lateOr gives the context's error when it has ended, else err.
func lateOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
