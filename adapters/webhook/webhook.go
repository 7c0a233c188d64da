// Package webhook posts notifications to systems: JSON or XML to a URL, signed, so that the receiver knows who sent them.
//
// Reading order: config.go, payload.go (what is told), webhook.go (the adapter), sign.go, response.go (what the answers
// mean). docs/push.md tells receivers how to check a signature.
//
// A hook's URL often holds a secret. It is never logged and never part of a reason.
package webhook

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Kind registers the adapter.
var Kind = notify.AdapterKind{
	Platform: notify.Webhook,
	Title:    "Webhooks (a POST to a system)",
	Example:  func() any { return Defaults() },
	New:      New,
}

// Adapter posts for one app. See notify.Adapter.
type Adapter struct {
	cfg   Config
	clock notify.Clock
	log   *slog.Logger
	guard *push.Guard
	hosts *push.Hosts
	pace  *push.Pace
}

var (
	_ notify.Adapter       = (*Adapter)(nil)
	_ notify.DeviceChecker = (*Adapter)(nil)
	_ notify.Previewer     = (*Adapter)(nil)
)

// New makes the adapter of one app; errors point at the setting that is wrong. It connects to nothing.
func New(env notify.AdapterEnv) (notify.Adapter, error) { return build(env, nil) }

func build(env notify.AdapterEnv, resolver *net.Resolver) (*Adapter, error) {
	cfg, err := decode(env.Section)
	if err != nil {
		return nil, err
	}
	roots, err := push.Roots(cfg.CAFile)
	if err != nil {
		return nil, env.Section.Errorf("ca_file", "%w", err)
	}
	return &Adapter{cfg: cfg, clock: env.Clock, log: env.Log,
		guard: push.NewGuard(push.GuardOptions{Outgoing: env.Outgoing, HTTPHosts: cfg.HTTPHosts, RootCAs: roots, Resolver: resolver}),
		hosts: push.NewHosts(cfg.Concurrency, totalShare*cfg.Concurrency, env.Clock), pace: push.NewPace(float64(cfg.Rate), 0, env.Clock)}, nil
}

// totalShare: all receivers together get so many times what one gets.
const totalShare = 16

// Close implements notify.Adapter.
func (a *Adapter) Close() error {
	a.guard.Close()
	return nil
}

// CheckDevice implements notify.DeviceChecker: the URL is one that may be posted to. The device comes back as it is.
// Errors: CodeInvalidToken with the field.
func (a *Adapter) CheckDevice(d notify.Device) (notify.Device, error) {
	if _, err := a.parse(d.Token); err != nil {
		return d, &notify.Error{Code: notify.CodeInvalidToken, Detail: "the token is not a URL that can be posted to",
			Fields: []notify.FieldError{{Path: "token", Message: strings.TrimPrefix(err.Error(), push.ErrRefused.Error()+": ")}}}
	}
	return d, nil
}

var errOtherHost = errors.New("its host is not one of those that this hub posts to")

func (a *Adapter) parse(raw string) (*url.URL, error) {
	u, err := a.guard.CheckURL(raw)
	if err != nil {
		return nil, err
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	for _, allowed := range a.cfg.Hosts {
		if host == allowed || strings.HasSuffix(host, "."+allowed) {
			return u, nil
		}
	}
	if len(a.cfg.Hosts) > 0 {
		return nil, errOtherHost
	}
	return u, nil
}

// Push implements notify.Adapter: each receiver has its own bounded number of workers, and is left alone for a while when
// it does not answer, so that a slow or dead one holds up nobody else's.
func (a *Adapter) Push(ctx context.Context, deliveries []notify.Delivery, settle func(int, notify.Outcome)) {
	urls := make([]*url.URL, len(deliveries))
	groups := map[string][]int{}
	for i, d := range deliveries {
		u, err := a.parse(d.Device.Token)
		if err != nil {
			settle(i, notify.Outcome{Verdict: notify.Suspect, Reason: "the URL cannot be posted to"})
			continue
		}
		urls[i] = u
		host := u.Scheme + "://" + strings.ToLower(u.Host)
		groups[host] = append(groups[host], i)
	}
	a.hosts.Each(groups, func(host string, i int) {
		settle(i, a.push(ctx, host, urls[i], &deliveries[i]))
	})
}

// stopped is what becomes of deliveries when their context ends.
var stopped = notify.Outcome{Verdict: notify.Retry, Reason: "stopped"}

// push sends one delivery: once more when the connection broke under it, which its Idempotency-Key makes harmless.
func (a *Adapter) push(ctx context.Context, host string, u *url.URL, d *notify.Delivery) notify.Outcome {
	leave, until, err := a.hosts.Enter(ctx, host)
	if err != nil {
		return stopped
	}
	defer leave()
	if !until.IsZero() {
		return notify.Outcome{Verdict: notify.Retry, At: until, Reason: "the receiver is left alone for a while"}
	}
	if a.pace.Wait(ctx) != nil {
		return stopped
	}
	o, broke := a.attempt(ctx, host, u, d)
	if broke {
		o, _ = a.attempt(ctx, host, u, d)
	}
	return o
}

// attempt makes one request; broke tells that an established connection was lost.
func (a *Adapter) attempt(ctx context.Context, host string, u *url.URL, d *notify.Delivery) (o notify.Outcome, broke bool) {
	limited, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()
	started := a.clock.Now()
	reply, err := a.guard.Do(a.request(limited, u, d, started))
	switch {
	case errors.Is(err, push.ErrRefused):
		return notify.Outcome{Verdict: notify.Suspect, Reason: "the URL leads into the house's own network"}, false
	case err != nil && ctx.Err() != nil:
		return stopped, false
	case err != nil:
		a.hosts.Failed(host, started, time.Time{})
		return notify.Outcome{Verdict: notify.Retry, Reason: push.Reason(err)}, push.Broke(err)
	}
	o = judge(reply, a.clock.Now())
	if reply.Status >= http.StatusInternalServerError {
		a.hosts.Failed(host, started, o.At)
	} else {
		a.hosts.Answered(host)
	}
	return o, false
}

// The headers of a request, beside Content-Type. The delivery's id is the same at every attempt, and stands in the body
// too, where the signature covers it.
const (
	headerSignature = "Allim-Signature"
	headerDelivery  = "Allim-Delivery"
	headerAttempt   = "Allim-Attempt"
	headerKey       = "Idempotency-Key" // draft-ietf-httpapi-idempotency-key-header
)

func (a *Adapter) request(ctx context.Context, u *url.URL, d *notify.Delivery, now time.Time) *http.Request {
	body := addressed(d)
	h := make(http.Header, 8)
	for _, x := range d.Payload.Header {
		h.Set(x.Name, x.Value)
	}
	h.Set("User-Agent", "Allim")
	h.Set(headerDelivery, d.ID)
	h.Set(headerKey, d.ID)
	h.Set(headerAttempt, strconv.Itoa(d.Attempt))
	h.Set(headerSignature, sign(now, body, a.cfg.Secret, a.cfg.PreviousSecret))
	req := &http.Request{Method: http.MethodPost, URL: u, Host: u.Host, Header: h, Body: reader{bytes.NewReader(body)},
		ContentLength: int64(len(body))}
	return req.WithContext(ctx)
}

// reader is a request's body.
type reader struct{ *bytes.Reader }

// Close implements io.Closer.
func (reader) Close() error { return nil }
