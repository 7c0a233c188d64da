// Package apns speaks Apple's push service: the HTTP/2 provider API, with a token signing key or a client certificate.
//
// Reading order: config.go, payload.go (what is sent), apns.go and round.go (the adapter), token.go (who sends), outcome.go
// (what the answers mean), sender.go and h2.go (how requests travel, over push/h2), http.go and exchange.go (the same over
// net/http; push/links.go has its connections).
//
// Sources: Apple's pages "Sending notification requests to APNs", "Establishing a token-based connection to APNs",
// "Handling notification responses from APNs", "Generating a remote notification".
package apns

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/sideshow/apns2"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Kind registers the adapter.
var Kind = notify.AdapterKind{
	Platform: notify.APNs,
	Title:    "Apple Push Notification service",
	Example:  func() any { return Defaults() },
	New:      func(env notify.AdapterEnv) (notify.Adapter, error) { return New(env) },
}

// Adapter sends to APNs for one app. It keeps one client per environment, never switched.
type Adapter struct {
	config  Config
	clock   notify.Clock
	log     *slog.Logger
	signer  *signer          // nil: a certificate signs on
	cert    *tls.Certificate // nil: a key signs on
	clients map[string]sender
	health  push.Health
}

var (
	_ notify.Adapter       = (*Adapter)(nil)
	_ notify.DeviceChecker = (*Adapter)(nil)
	_ notify.Previewer     = (*Adapter)(nil)
	_ notify.Checker       = (*Adapter)(nil)
	_ notify.Expirer       = (*Adapter)(nil)
)

// New makes an adapter of its section; errors point at the key that is wrong. It connects to nothing.
func New(env notify.AdapterEnv) (*Adapter, error) {
	c, err := decode(env)
	if err != nil {
		return nil, err
	}
	a := &Adapter{config: c, clock: env.Clock, log: env.Log, clients: map[string]sender{}}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if err := a.load(env.Section); err != nil {
		return nil, err
	}
	roots, err := push.Roots(c.CAFile)
	if err != nil {
		return nil, env.Section.Errorf("ca_file", "%v", err)
	}
	pace := push.NewPace(float64(c.Rate), 0, env.Clock) // of both environments together: they are one lane
	for _, name := range []string{notify.Production, notify.Development} {
		address, err := hostPort(c.endpoint(name))
		if err != nil {
			return nil, fmt.Errorf("the address for %s: %w", name, err)
		}
		sc := senderConfig{address: address, pace: pace, connections: c.Connections, inFlight: c.InFlight, timeout: c.Timeout,
			clock: env.Clock, proxy: env.Outgoing.Proxy, roots: roots, certificate: a.cert}
		if a.signer != nil {
			sc.sign = a.signer.bearer
		}
		a.clients[name] = newSender(c.Transport, sc)
	}
	return a, nil
}

// load reads the credentials.
func (a *Adapter) load(s notify.Section) error {
	if a.config.KeyFile != "" {
		key, err := loadKey(a.config.KeyFile)
		if err != nil {
			return s.Errorf("key_file", "%v", err)
		}
		a.signer = &signer{clock: a.clock, key: key, keyID: a.config.KeyID, teamID: a.config.TeamID}
		return nil
	}
	keyFile := a.config.CertKeyFile
	if keyFile == "" {
		keyFile = a.config.CertFile
	}
	cert, err := tls.LoadX509KeyPair(a.config.CertFile, keyFile)
	if err != nil {
		return s.Errorf("cert_file", "%v", err)
	}
	a.cert = &cert
	return nil
}

// Close implements notify.Adapter.
func (a *Adapter) Close() error {
	for _, c := range a.clients {
		c.close()
	}
	return nil
}

// CredentialExpiry implements notify.Expirer: a key never expires, a certificate does.
func (a *Adapter) CredentialExpiry() time.Time {
	if a.cert == nil || a.cert.Leaf == nil {
		return time.Time{}
	}
	return a.cert.Leaf.NotAfter
}

// Bounds of a device token, in hexadecimal digits. Apple: "don't assume a length"; today's have 64 or 160.
const (
	minToken = 32
	maxToken = 200
)

// CheckDevice implements notify.DeviceChecker: the token comes back in lower case, without the spaces and brackets of
// NSData's description.
func (a *Adapter) CheckDevice(d notify.Device) (notify.Device, error) {
	token := strings.ToLower(strings.NewReplacer("<", "", ">", "", " ", "").Replace(d.Token))
	if len(token) < minToken || len(token) > maxToken || len(token)%2 == 1 ||
		strings.Trim(token, "0123456789abcdef") != "" {
		return d, &notify.Error{Code: notify.CodeInvalidToken, Detail: "the device token is not one of APNs",
			Fields: []notify.FieldError{{Path: "token", Message: fmt.Sprintf(
				"must be the device token in hexadecimal, %d to %d digits, an even number", minToken, maxToken)}}}
	}
	d.Token = token
	return d, nil
}

// Push implements notify.Adapter. When Apple's word concerns more than one device, the rest is settled with it unsent.
func (a *Adapter) Push(ctx context.Context, deliveries []notify.Delivery, settle func(int, notify.Outcome)) {
	groups := map[string][]int{}
	for i, d := range deliveries {
		env := d.Device.Environment
		if a.clients[env] == nil { // it does not say
			env = a.config.Environment
		}
		groups[env] = append(groups[env], i)
	}
	var wg sync.WaitGroup
	for env, list := range groups {
		r := &round{adapter: a, client: a.clients[env], deliveries: deliveries, settle: settle}
		wg.Add(1)
		go func() {
			defer wg.Done()
			r.run(ctx, list)
		}()
	}
	wg.Wait()
}

// request makes what goes out for a delivery.
func (a *Adapter) request(d notify.Delivery, now time.Time) request {
	r := request{token: d.Device.Token, id: d.ID, header: d.Payload.Header, body: fill(d.Payload.Body, d.ID)}
	switch {
	case d.Expires.IsZero():
	case d.Expires.After(now):
		r.expiration = strconv.FormatInt(d.Expires.Unix(), 10)
	default:
		r.expiration = "0" // one attempt, nothing kept
	}
	return r
}

// fakeToken is a device token that no device has.
var fakeToken = strings.Repeat("0", 64)

// Check implements notify.Checker: a push to a token that no device has. "BadDeviceToken" proves that Apple took the
// credentials; the topic is not proven by it.
func (a *Adapter) Check(ctx context.Context) error {
	r := a.request(notify.Delivery{ID: uuid.NewString(), Device: notify.Device{Token: fakeToken},
		Payload: notify.Payload{Body: []byte(`{"aps":{"content-available":1}}`), Header: []notify.Header{
			{Name: "apns-topic", Value: a.config.Topic}, {Name: "apns-push-type", Value: "background"},
			{Name: "apns-priority", Value: "5"}}}}, a.clock.Now())
	var got answer
	a.clients[a.config.Environment].send(ctx, []request{r}, func(_ int, an answer) bool { got = an; return true })
	switch {
	case got.err != nil && got.reason == "":
		return fmt.Errorf("APNs (%s) cannot be reached: %s", a.config.Environment, push.Reason(got.err))
	case got.reason == apns2.ReasonBadDeviceToken:
		return nil
	}
	return fmt.Errorf("APNs (%s) refuses the credentials: %d %s", a.config.Environment, got.status, got.reason)
}
