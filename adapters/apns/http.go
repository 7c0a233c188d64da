package apns

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/sideshow/apns2"
	"golang.org/x/net/http2"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Timeouts of a connection. Apple: "check the health of your connection with a PING frame"; half of the attempt's
// default deadline, so that a dead network is known before the attempts on it give up twice.
const (
	dialTimeout = 15 * time.Second
	pingAfter   = 15 * time.Second // of silence
	pingTimeout = 10 * time.Second
)

// maxTries is how often one request is sent at most, because its connection was lost: under the same id, so that a
// repeat replaces the first on the device.
const maxTries = 3

// What went wrong, in words that may be shown.
const (
	errNotHTTP2 = push.Plain("the server does not speak HTTP/2")
	errLost     = push.Plain("the connection was lost")
)

// httpSender is the sender on net/http's HTTP/2. apns2's own client is not used: it cannot say "apns-expiration: 0",
// loses the status of an answer that is no JSON and the milliseconds of a 410, and leaves the number of connections,
// their warm-up and what is retried to chance.
type httpSender struct {
	links   *push.Links
	pace    *push.Pace
	host    string
	timeout time.Duration
	clock   notify.Clock
	sign    func() (string, error) // nil: the certificate signs on
}

// senderConfig is what a sender is made of.
type senderConfig struct {
	pace        *push.Pace // of the lane; nil: none
	address     string     // host:port
	connections int
	inFlight    int
	timeout     time.Duration
	clock       notify.Clock
	proxy       func(*http.Request) (*url.URL, error)
	roots       *x509.CertPool
	certificate *tls.Certificate
	sign        func() (string, error)
	pingAfter   time.Duration // of silence; 0: the package's own
}

func newHTTPSender(c senderConfig) *httpSender {
	conf := &tls.Config{RootCAs: c.roots, MinVersion: tls.VersionTLS12}
	if c.certificate != nil {
		conf.Certificates = []tls.Certificate{*c.certificate}
	}
	if c.pingAfter == 0 {
		c.pingAfter = pingAfter
	}
	var only2 http.Protocols
	only2.SetHTTP2(true)
	transport := &http.Transport{
		Proxy:               c.proxy,
		DialContext:         (&net.Dialer{Timeout: dialTimeout, KeepAlive: pingAfter}).DialContext,
		TLSClientConfig:     conf,
		TLSHandshakeTimeout: dialTimeout,
		DisableCompression:  true,
		Protocols:           &only2,
		HTTP2: &http.HTTP2Config{StrictMaxConcurrentRequests: true, SendPingTimeout: c.pingAfter,
			PingTimeout: min(pingTimeout, c.pingAfter), WriteByteTimeout: dialTimeout},
	}
	s := &httpSender{pace: c.pace, host: c.address, timeout: c.timeout, clock: c.clock, sign: c.sign}
	s.links = push.NewLinks(push.LinksOptions{Size: c.connections, Each: c.inFlight, Clock: c.clock,
		Dial: func(ctx context.Context) (*http.ClientConn, error) {
			ctx, cancel := context.WithTimeout(ctx, c.timeout)
			defer cancel()
			return transport.NewClientConn(ctx, "https", c.address)
		}})
	return s
}

// send implements sender with a pool of goroutines no greater than what the connections take.
func (s *httpSender) send(ctx context.Context, requests []request, done func(i int, a answer) bool) {
	// begin ends when no more are to be begun; what is under way goes on.
	begin, stop := context.WithCancel(ctx)
	defer stop()
	begun := push.Each(len(requests), s.links.Room(), func(i int) bool {
		if s.pace.Wait(begin) != nil {
			return done(i, answer{unsent: true, err: context.Canceled})
		}
		a, ride := s.one(ctx, begin, requests[i])
		goOn := done(i, a)
		if !goOn {
			stop()
		}
		ride.end() // after the word on it is known: nobody follows where it was a refusal
		return goOn
	})
	for i := begun; i < len(requests); i++ {
		done(i, answer{unsent: true, err: context.Canceled})
	}
}

func (s *httpSender) close() { s.links.Close() }

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

// one sends one request, again when its connection was lost under it or the server refused the stream. The ride is to
// be ended by the caller.
func (s *httpSender) one(ctx, begin context.Context, r request) (answer, ride) {
	for try := 1; ; try++ {
		a, again, ride := s.attempt(ctx, begin, r)
		// A new connection that is lost at once is not worth a third one.
		if !again || try == maxTries || a.fresh && try > 1 {
			return a, ride
		}
		ride.end()
	}
}

// attempt sends a request once. again: it is worth another try at once.
func (s *httpSender) attempt(ctx, begin context.Context, r request) (a answer, again bool, on ride) {
	if s.sign != nil {
		if a.bearer, a.err = s.sign(); a.err != nil {
			return answer{unsent: true, reason: reasonNoToken, err: a.err}, false, on
		}
	}
	c, fresh, err := s.links.Take(begin)
	if err != nil {
		return answer{err: err, unsent: true}, false, on
	}
	on = ride{links: s.links, link: c}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err = s.roundTrip(ctx, c, r, &a); err == nil {
		on.answered, on.retire = true, farewell(a.reason) || a.reason == reasonUnrelatedKey
		return a, false, on
	}
	a = answer{err: errLost, bearer: a.bearer, fresh: fresh}
	var reset http2.StreamError
	switch {
	case ctx.Err() != nil:
		a.err, a.local = ctx.Err(), true
	case errors.As(err, &reset): // RFC 9113 section 8.7: a refused stream was not processed
		a.local, again = true, reset.Code == http2.ErrCodeRefusedStream
	case errors.Is(err, errNotHTTP2):
		a.err = err
	default:
		a.reason = goodbye(err)
		again = a.reason == "" || farewell(a.reason)
	}
	on.retire = reset.StreamID == 0
	return a, again, on
}

// farewell tells whether a reason ends a connection and says nothing against who sent.
func farewell(reason string) bool {
	return reason == apns2.ReasonShutdown || reason == apns2.ReasonIdleTimeout
}
