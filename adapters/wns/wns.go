// Package wns speaks the Windows Push Notification Services: toasts, badges and raw notifications to the channels of
// Windows apps, signed on by Entra ID (Windows App SDK) or by the package SID (UWP).
//
// Reading order: config.go, payload.go and toast.go (what is told), channel.go (which channels are taken), wns.go (the
// adapter), token.go (who sends), send.go (one push), response.go (what the answers mean).
//
// A channel is a capability: whoever knows it and our credentials can push to it. It is never logged and never part of
// a reason.
//
// Sources, on learn.microsoft.com: "Push notification service request and response headers" (headers below),
// "Windows Push Notification Services (WNS) overview" (overview below), "App notification content", "Toast schema".
package wns

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Kind registers the adapter.
var Kind = notify.AdapterKind{
	Platform: notify.WNS,
	Title:    "Windows Push Notification Services",
	Example:  func() any { return Defaults() },
	New:      New,
}

// Adapter sends to WNS for one app. See notify.Adapter.
type Adapter struct {
	cfg    Config
	clock  notify.Clock
	log    *slog.Logger
	vendor *push.Guard // to Microsoft's channel hosts: never into the house's network, whatever a name leads to
	own    *push.Guard // to what the configuration names: the login, channel_hosts
	hosts  *push.Hosts
	pace   *push.Pace
	tokens *tokens
	silent atomic.Int32 // requests in a row, to any host, that nobody answered
}

var (
	_ notify.Adapter       = (*Adapter)(nil)
	_ notify.DeviceChecker = (*Adapter)(nil)
	_ notify.Previewer     = (*Adapter)(nil)
	_ notify.Checker       = (*Adapter)(nil)
	_ notify.Expirer       = (*Adapter)(nil)
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
	strict := push.GuardOptions{Outgoing: env.Outgoing, RootCAs: roots, Resolver: resolver}
	free := strict
	free.Outgoing.AllowPrivate = everywhere
	a := &Adapter{cfg: cfg, clock: env.Clock, log: env.Log, vendor: push.NewGuard(strict), own: push.NewGuard(free),
		hosts: push.NewHosts(cfg.Concurrency, totalShare*cfg.Concurrency, env.Clock), pace: push.NewPace(float64(cfg.Rate), 0, env.Clock)}
	a.tokens = &tokens{clock: env.Clock, ask: a.login}
	return a, nil
}

// totalShare: all hosts together get so many times what one gets. WNS has a few dozen.
const totalShare = 4

// Close implements notify.Adapter.
func (a *Adapter) Close() error {
	a.vendor.Close()
	a.own.Close()
	return nil
}

// CredentialExpiry implements notify.Expirer: Entra ID's secrets end after two years at most, and only IT knows when.
func (a *Adapter) CredentialExpiry() time.Time {
	if a.cfg.SecretExpires == "" {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, a.cfg.SecretExpires)
	if err != nil { // decode has checked it
		return time.Time{}
	}
	return day
}

// Check implements notify.Checker: a login. It proves the credentials; that a channel is this app's own only a push can.
func (a *Adapter) Check(ctx context.Context) error {
	if _, bad := a.tokens.fresh(ctx); bad != nil {
		return push.Plain("WNS: " + bad.Reason)
	}
	return nil
}

// Push implements notify.Adapter. A badge beside a toast is a push of its own (headers: one X-WNS-Type a request): the
// delivery is accepted when the toast is, the badge follows as best it can, once. When Microsoft's word concerns more
// than one channel, the rest is settled with it unsent.
func (a *Adapter) Push(ctx context.Context, deliveries []notify.Delivery, settle func(int, notify.Outcome)) {
	r := &round{adapter: a}
	channels := make([]channel, len(deliveries))
	groups := map[string][]int{}
	for i, d := range deliveries {
		c, why := a.parse(d.Device.Token)
		if why != "" {
			settle(i, notify.Outcome{Verdict: notify.Suspect, Reason: "the token cannot be a channel of WNS"})
			continue
		}
		channels[i] = c
		host := strings.ToLower(c.url.Host)
		groups[host] = append(groups[host], i)
	}
	a.hosts.Each(groups, func(host string, i int) {
		j := job{host: host, channel: channels[i], delivery: &deliveries[i]}
		o := r.push(ctx, &j)
		settle(i, o)
		if number := j.badge; number != "" && o.Verdict == notify.Accepted {
			r.badge(ctx, &j, number)
		}
	})
}
