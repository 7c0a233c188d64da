package webpush

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"sync"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Adapter speaks Web Push for one app. See notify.Adapter.
type Adapter struct {
	cfg      Config
	clock    notify.Clock
	log      *slog.Logger
	home     string // where a notice without an address leads
	path     string // the key's file
	guard    *push.Guard
	h2       *h2Sender // nil: net/http carries everything
	origins  *origins
	limits   *limits
	pace     *push.Pace
	messages messages

	mu     sync.Mutex
	signer *signer
}

var (
	_ notify.Adapter       = (*Adapter)(nil)
	_ notify.DeviceChecker = (*Adapter)(nil)
	_ notify.Previewer     = (*Adapter)(nil)
	_ notify.KeyPublisher  = (*Adapter)(nil)
	_ notify.Checker       = (*Adapter)(nil)
)

// signing gives the signer, and makes the key on first use.
func (a *Adapter) signing() (*signer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.signer != nil {
		return a.signer, nil
	}
	read := ensureKey
	if a.cfg.KeyFile != "" {
		read = readKey
	}
	key, err := read(a.path)
	if err != nil {
		return nil, err
	}
	a.signer, err = newSigner(key, a.cfg.Subject)
	return a.signer, err
}

// PublicKey implements notify.KeyPublisher: the key that clients subscribe with, base64url without padding.
func (a *Adapter) PublicKey() (string, error) {
	s, err := a.signing()
	if err != nil {
		return "", err
	}
	return s.public, nil
}

// Check implements notify.Checker. Without a subscription no service can be asked: it checks that the key is there.
func (a *Adapter) Check(context.Context) error {
	_, err := a.signing()
	return err
}

// Close implements notify.Adapter.
func (a *Adapter) Close() error {
	if a.h2 != nil {
		a.h2.close()
	}
	a.guard.Close()
	return nil
}

// target is one delivery of a Push with what is needed to send it.
type target struct {
	index int
	url   *url.URL
}

// Push implements notify.Adapter: the deliveries of each push service are sent by a bounded number of workers of its
// own, so that a slow service holds up nobody else's.
func (a *Adapter) Push(ctx context.Context, deliveries []notify.Delivery, settle func(int, notify.Outcome)) {
	s, err := a.signing()
	if err != nil {
		a.log.Error("the VAPID key cannot be used", "error", err)
		for i := range deliveries {
			settle(i, notify.Outcome{Verdict: notify.Misconfigured, Reason: "the VAPID key cannot be used"})
		}
		return
	}
	var wg sync.WaitGroup
	for o, targets := range a.group(deliveries, settle) {
		wg.Go(func() {
			push.Each(len(targets), cap(o.own), func(i int) bool {
				t := targets[i]
				settle(t.index, a.push(ctx, &job{origin: o, signer: s, url: t.url, delivery: &deliveries[t.index]}))
				return true
			})
		})
	}
	wg.Wait()
}

// group sorts deliveries by push service; those that can never be sent are settled at once.
func (a *Adapter) group(deliveries []notify.Delivery, settle func(int, notify.Outcome)) map[*origin][]target {
	groups := map[*origin][]target{}
	for i := range deliveries {
		u, err := a.guard.CheckURL(deliveries[i].Device.Token)
		if err != nil || dead(u) != "" {
			settle(i, notify.Outcome{Verdict: notify.Suspect, Reason: "the endpoint cannot be one of a push service"})
			continue
		}
		o := a.origins.get(originOf(u), a.cfg.vendorOf(u.Hostname()))
		groups[o] = append(groups[o], target{i, u})
	}
	return groups
}

// originOf gives the origin of RFC 6454 section 6.1: the port only where it is not the scheme's own.
func originOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if p := u.Port(); p == "443" && u.Scheme == "https" || p == "80" && u.Scheme == "http" {
		host = host[:len(host)-len(p)-1]
	}
	return u.Scheme + "://" + host
}
