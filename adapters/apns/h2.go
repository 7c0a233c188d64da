package apns

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/adapters/push/h2"
	"allim.dev/allim/notify"
)

// h2Sender is the sender on push/h2, which writes its own frames.
type h2Sender struct {
	pace   *push.Pace
	client *h2.Client
	clock  notify.Clock
	sign   func() (string, error) // nil: the certificate signs on
}

func newH2Sender(c senderConfig) *h2Sender {
	conf := &tls.Config{RootCAs: c.roots, MinVersion: tls.VersionTLS12}
	if c.certificate != nil {
		conf.Certificates = []tls.Certificate{*c.certificate}
	}
	if c.pingAfter == 0 {
		c.pingAfter = pingAfter
	}
	d := &h2.Dialer{Address: c.address, TLS: conf, Proxy: c.proxy, KeepAlive: pingAfter}
	return &h2Sender{pace: c.pace, clock: c.clock, sign: c.sign, client: h2.New(h2.Options{Authority: c.address,
		Connections: c.connections, InFlight: c.inFlight, Timeout: c.timeout, MaxBody: maxAnswer,
		Keep: []string{"retry-after"}, Clock: c.clock, Dial: d.Dial, PingAfter: c.pingAfter,
		PingTimeout: min(pingTimeout, c.pingAfter),
		Again: func(debug []byte) bool {
			reason := said(debug).Reason
			return reason == "" || farewell(reason)
		}})}
}

// authorizations keeps a provider token in the form of its header, so that it is made once.
type authorization struct{ bearer, value string }

// send implements sender.
func (s *h2Sender) send(ctx context.Context, requests []request, done func(i int, a answer) bool) {
	var auth authorization
	b := h2.Batch{N: len(requests)}
	if s.sign != nil {
		b.Before = func(context.Context) error {
			bearer, err := s.sign()
			if err == nil && bearer != auth.bearer {
				auth = authorization{bearer, "bearer " + bearer}
			}
			return noToken(err)
		}
	}
	b.Fill = func(i int, r *h2.Request) error {
		fillRequest(r, &requests[i])
		r.Authorization, r.Tag = auth.value, auth.bearer
		return nil
	}
	b.Done = func(i int, r *h2.Reply) h2.Next {
		a := s.answer(r)
		next := h2.GoOn
		if !done(i, a) {
			next |= h2.Stop
		}
		if a.err == nil && (farewell(a.reason) || a.reason == reasonUnrelatedKey) {
			next |= h2.Retire
		}
		return next
	}
	if s.pace != nil {
		b.Permit = s.pace.Permit
	}
	s.client.Do(ctx, b)
}

func (s *h2Sender) close() { s.client.Close() }

// errNoToken is of a provider token that cannot be signed.
type errNoToken struct{ error }

func noToken(err error) error {
	if err == nil {
		return nil
	}
	return errNoToken{err}
}

// fillRequest makes a request's frame-ready form: what all pushes of a notification have in common is shared, all else
// is its own.
func fillRequest(to *h2.Request, r *request) {
	to.Path, to.Body = "/3/device/"+r.token, r.body
	shared := 0
	for shared < len(r.header) && r.header[shared].Name != headerCollapse {
		shared++
	}
	to.Shared = r.header[:shared:shared]
	to.Own = append(append(to.Own, r.header[shared:]...), notify.Header{Name: "apns-id", Value: r.id})
	if r.expiration != "" {
		to.Own = append(to.Own, notify.Header{Name: "apns-expiration", Value: r.expiration})
	}
}

// answer reads a reply.
func (s *h2Sender) answer(r *h2.Reply) answer {
	a := answer{status: r.Status, bearer: r.Tag, err: r.Err, unsent: r.Unsent, fresh: r.Fresh}
	if r.Err != nil && r.Status != http.StatusOK { // a 200 was accepted, whatever follows
		return failed(a)
	}
	a.err = nil
	if r.Status == http.StatusOK {
		return a
	}
	for _, f := range r.Header {
		a.retryAfter = push.RetryAfter(f.Value, s.clock.Now())
	}
	word := said(r.Body)
	if a.reason = push.Word(word.Reason); a.reason != "" && word.Timestamp > 0 {
		a.since = time.UnixMilli(word.Timestamp)
	}
	return a
}

// failed is an answer that did not come, or not whole: a 410 without its timestamp must not cost a device.
func failed(a answer) answer {
	var bye *h2.GoAwayError
	var reset *h2.ResetError
	var token errNoToken
	a.status = 0
	switch {
	case errors.As(a.err, &token):
		a.reason = reasonNoToken
	case errors.Is(a.err, context.DeadlineExceeded), errors.Is(a.err, context.Canceled):
		a.local = !a.unsent
	case errors.As(a.err, &reset), h2.Local(a.err):
		a.local, a.err = true, errLost
	case errors.As(a.err, &bye):
		a.reason, a.err = push.Word(said(bye.Debug).Reason), errLost
	}
	return a
}

// word is Apple's word in an answer's body, and in a GOAWAY's debug data.
type word struct {
	Reason    string
	Timestamp int64 // milliseconds
}

// said reads Apple's word; whatever cannot be read is left out.
func said(body []byte) (w word) {
	if len(body) > 0 && json.Unmarshal(body, &w) != nil {
		return word{}
	}
	return w
}
