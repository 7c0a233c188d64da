package fcm

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/http2"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Timeouts of a connection: a dead network is known in half of an attempt's default deadline.
const (
	dialTimeout = 15 * time.Second
	pingAfter   = 15 * time.Second // of silence
	pingTimeout = 10 * time.Second
)

// maxTries is how often one request is sent at most because its connection was lost. FCM knows no ids, so a message that
// was taken before the connection broke goes out twice; its tag makes the second replace the first on the device.
const maxTries = 3

// maxAnswer bounds an answer's body, which is some hundred bytes of JSON.
const maxAnswer = 64 << 10

// errLost is what went wrong, in words that may be shown.
const errLost = push.Plain("the connection was lost")

// newTransport makes what connections come from: HTTP/2, or HTTP/1.1 where something on the way knows no better.
func newTransport(proxy func(*http.Request) (*url.URL, error), roots *x509.CertPool) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &http.Transport{
		Proxy:               proxy,
		DialContext:         (&net.Dialer{Timeout: dialTimeout, KeepAlive: pingAfter}).DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialTimeout,
		DisableCompression:  true,
		Protocols:           &protocols,
		HTTP2: &http.HTTP2Config{StrictMaxConcurrentRequests: true, SendPingTimeout: pingAfter,
			PingTimeout: pingTimeout, WriteByteTimeout: dialTimeout},
	}
}

// newTokenTransport makes what access tokens are asked for with: once an hour, so that nothing is kept open.
func newTokenTransport(like *http.Transport) *http.Transport {
	t := like.Clone()
	t.DisableKeepAlives = true
	return t
}

// sender carries requests to FCM over net/http.
type sender struct {
	links   *push.Links
	url     *url.URL
	timeout time.Duration
	clock   notify.Clock
}

// senderConfig is what a sender is made of.
type senderConfig struct {
	url         *url.URL
	connections int
	inFlight    int
	timeout     time.Duration
	clock       notify.Clock
	transport   *http.Transport
}

func newSender(c senderConfig) *sender {
	s := &sender{url: c.url, timeout: c.timeout, clock: c.clock}
	s.links = push.NewLinks(push.LinksOptions{Size: c.connections, Each: c.inFlight, Clock: c.clock,
		Dial: func(ctx context.Context) (*http.ClientConn, error) {
			ctx, cancel := context.WithTimeout(ctx, c.timeout)
			defer cancel()
			return c.transport.NewClientConn(ctx, "https", address(c.url))
		}})
	return s
}

func (s *sender) close() { s.links.Close() }

// ride is a request's time on a connection.
type ride struct {
	links            *push.Links
	link             *push.Link // nil: there was none
	answered, retire bool
}

func (r ride) end() {
	if r.link != nil {
		r.links.Give(r.link, r.answered, r.retire)
	}
}

// send sends one request, again when its connection was lost under it or the server refused the stream. Every attempt
// has its own deadline; none is begun when begin has ended. The ride is to be ended by the caller, after the word on the
// answer is known: so nobody follows where it was a refusal.
func (s *sender) send(ctx, begin context.Context, token string, body []byte) (answer, ride) {
	for try := 1; ; try++ {
		a, again, on := s.attempt(ctx, begin, token, body)
		// A new connection that is lost at once is not worth a third one.
		if !again || try == maxTries || a.fresh && try > 1 {
			return a, on
		}
		on.end()
	}
}

// attempt sends a request once. again: it is worth another try at once.
func (s *sender) attempt(ctx, begin context.Context, token string, body []byte) (a answer, again bool, on ride) {
	link, fresh, err := s.links.Take(begin)
	if err != nil {
		return answer{err: err, unsent: true}, false, on
	}
	on = ride{links: s.links, link: link}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if a, err = s.roundTrip(ctx, link, token, body); err == nil {
		on.answered = true
		return a, false, on
	}
	a = answer{err: errLost, fresh: fresh}
	var reset http2.StreamError
	switch {
	case ctx.Err() != nil:
		a.err, a.local = ctx.Err(), true
	case errors.As(err, &reset): // RFC 9113 section 8.7: a refused stream was not processed
		a.local, again = true, reset.Code == http2.ErrCodeRefusedStream
	default:
		again = true
	}
	on.retire = reset.StreamID == 0
	return a, again, on
}

// roundTrip sends a body on a connection and reads the answer.
func (s *sender) roundTrip(ctx context.Context, link *push.Link, token string, body []byte) (answer, error) {
	req := &http.Request{Method: http.MethodPost, URL: s.url, Host: s.url.Host, Proto: "HTTP/2.0", ProtoMajor: 2,
		Header: http.Header{
			"Authorization":             {"Bearer " + token},
			"Content-Type":              {"application/json"},
			"X-Goog-Api-Format-Version": {"2"}, // errors as google.rpc.Status, with their details
			"User-Agent":                {""},  // none
		},
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}
	resp, err := link.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	a := answer{status: resp.StatusCode, retryAfter: push.RetryAfter(resp.Header.Get("Retry-After"), s.clock.Now())}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case resp.StatusCode == http.StatusOK: // it was accepted, whatever follows
	case err != nil:
		return answer{}, err // half of an error must cost no device and stop no lane
	default:
		a.said = parseStatus(text)
	}
	return a, nil
}
