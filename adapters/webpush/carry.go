package webpush

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/adapters/push/h2"
	"allim.dev/allim/notify"
)

// Requests travel over push/h2 where the push service speaks HTTP/2, and over net/http where it does not, and where a
// stranger's service would be one too many: each has a client of its own, with connections that are closed when they are
// not used.
const (
	clientsMost = 64 // of the known services, and of the strangers', at most
	idleAfter   = 2 * time.Minute
	pingAfter   = 30 * time.Second
	pingTimeout = 10 * time.Second
	maxAnswer   = 8 << 10   // bytes; services answer with less than 1 KiB
	plainFor    = time.Hour // a service without HTTP/2 is asked for it again after that
)

// keptFields are those of an answer that judge looks at.
var keptFields = []string{"retry-after", "x-wns-error-description", "x-wns-notificationstatus", "x-wns-status"}

// shared are the fields that all requests of an urgency have in common.
var shared = func() map[string][]notify.Header {
	m := map[string][]notify.Header{}
	for _, urgency := range []string{"high", "normal", "low"} {
		m[urgency] = []notify.Header{{Name: "content-encoding", Value: coding}, {Name: "content-type", Value: mediaType},
			{Name: "urgency", Value: urgency}}
	}
	return m
}()

// errLost is of a request whose connection ended, or that the service cut off.
const errLost = push.Plain("connection lost")

// h2Sender carries requests over push/h2.
type h2Sender struct {
	guard  *push.Guard
	clock  notify.Clock
	bigs   *h2.Clients
	others *h2.Clients // strangers'
}

func newH2Sender(g *push.Guard, clock notify.Clock) *h2Sender {
	return &h2Sender{guard: g, clock: clock, bigs: h2.NewClients(clientsMost), others: h2.NewClients(clientsMost)}
}

func (s *h2Sender) close() {
	s.bigs.Close()
	s.others.Close()
}

// carry sends a request and reads its answer. repeated: what can be won by sending it again was tried. Errors: ErrRefused,
// else those of the way; push.Reason says what can be shown of them.
func (a *Adapter) carry(ctx context.Context, j *job, msg *message) (reply push.Reply, repeated bool, err error) {
	timeout := a.timeout(j.origin.vendor)
	if a.h2 != nil {
		if reply, ok, err := a.h2.send(ctx, j, msg, a.ttl(j.delivery.Expires, j.origin.vendor), timeout); ok {
			return reply, true, err
		}
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	reply, err = a.guard.Do(a.request(limited, j, msg))
	return reply, false, err
}

// timeout is of one attempt.
func (a *Adapter) timeout(v vendor) time.Duration {
	if v == stranger {
		return min(a.cfg.Timeout, strangerTimeout)
	}
	return a.cfg.Timeout
}

// send sends a request over HTTP/2; ok is false when it is net/http's. It is sent again when its connection is lost, in
// twice the time of one attempt at most.
func (s *h2Sender) send(ctx context.Context, j *job, msg *message, ttl int64, timeout time.Duration) (reply push.Reply, ok bool, err error) {
	authority, address := placeOf(j.url)
	if authority == "" || j.origin.isPlain(s.clock.Now()) {
		return reply, false, nil
	}
	if err := s.guard.Check(j.url); err != nil {
		return reply, true, err
	}
	set := s.bigs
	if j.origin.vendor == stranger {
		set = s.others
	}
	client, give := set.Take(authority, func() *h2.Client {
		return s.open(authority, address, cap(j.origin.own), timeout)
	})
	if client == nil {
		return reply, false, nil
	}
	defer give()
	limited, cancel := context.WithTimeout(ctx, 2*timeout)
	defer cancel()
	client.Do(limited, h2.Batch{N: 1,
		Fill: func(_ int, r *h2.Request) error {
			fillRequest(r, j, msg, ttl)
			return nil
		},
		Done: func(_ int, r *h2.Reply) h2.Next {
			reply, err = replyOf(r), r.Err
			return h2.GoOn
		}})
	if notHTTP2(err) {
		j.origin.setPlain(s.clock.Now().Add(plainFor))
		return push.Reply{}, false, nil
	}
	if reply.Status != 0 { // whatever follows, the status said what became of the request
		return reply, true, nil
	}
	return reply, true, sayable(err)
}

// placeOf gives an endpoint's :authority and the host and port to dial; "" for what is net/http's: plain http, and names
// that are not of plain characters.
func placeOf(u *url.URL) (authority, address string) {
	if u.Scheme != "https" {
		return "", ""
	}
	for i := range len(u.Host) {
		c := u.Host[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && strings.IndexByte(".-_:[]", c) < 0 {
			return "", ""
		}
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return originOf(u)[len("https://"):], net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// open makes the client of one service; the guard looks at every address that it dials.
func (s *h2Sender) open(authority, address string, inFlight int, timeout time.Duration) *h2.Client {
	d := &h2.Dialer{Address: address, TLS: s.guard.TLS(), Proxy: s.guard.Proxy, Net: s.guard.DialProxy,
		Direct: s.guard.DialStranger, Check: s.guard.CheckTunnel}
	return h2.New(h2.Options{Authority: authority, Connections: inFlight, InFlight: inFlight, Timeout: timeout, MaxBody: maxAnswer,
		Keep: keptFields, Clock: s.clock, Dial: d.Dial, PingAfter: pingAfter, PingTimeout: pingTimeout, Eager: true,
		IdleAfter: idleAfter})
}

// fillRequest makes the request of RFC 8030 section 5 and RFC 8291 section 4.
func fillRequest(r *h2.Request, j *job, msg *message, ttl int64) {
	r.Path, r.Authorization, r.Body = j.url.RequestURI(), j.token, msg.body
	r.Own = append(r.Own, notify.Header{Name: "ttl", Value: strconv.FormatInt(ttl, 10)})
	for _, x := range j.delivery.Payload.Header {
		if x.Name == headerUrgency && shared[x.Value] != nil {
			r.Shared = shared[x.Value]
			continue
		}
		r.Own = append(r.Own, notify.Header{Name: strings.ToLower(x.Name), Value: x.Value})
	}
	if r.Shared == nil {
		r.Own = append(r.Own, notify.Header{Name: "content-encoding", Value: coding}, notify.Header{Name: "content-type", Value: mediaType})
	}
}

// replyOf copies what judge looks at.
func replyOf(r *h2.Reply) push.Reply {
	out := push.Reply{Status: r.Status}
	if r.Status < 300 {
		return out
	}
	out.Body, out.Header = bytes.Clone(r.Body), http.Header{}
	for _, f := range r.Header {
		out.Header.Add(f.Name, f.Value)
	}
	return out
}

// notHTTP2 tells whether an error says that the service, or something on the way, wants HTTP/1.1.
func notHTTP2(err error) bool {
	var reset *h2.ResetError
	return errors.Is(err, h2.ErrNotHTTP2) || errors.Is(err, h2.ErrProxyScheme) ||
		errors.As(err, &reset) && reset.Code == http2.ErrCodeHTTP11Required
}

// sayable gives an error in words that may be shown; ErrRefused stays what it is.
func sayable(err error) error {
	var bye *h2.GoAwayError
	switch {
	case err == nil || errors.Is(err, push.ErrRefused):
		return err
	case h2.Local(err) && !errors.Is(err, h2.ErrHeader), errors.As(err, &bye), errors.Is(err, h2.ErrLost):
		return errLost
	}
	return push.Plain(push.Reason(err))
}
