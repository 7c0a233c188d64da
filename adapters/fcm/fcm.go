// Package fcm speaks Firebase Cloud Messaging's HTTP v1 API, the successor of C2DM, GCM and FCM's own legacy API.
//
// Reading order: config.go, account.go (who signs on), payload.go, relay.go and fill.go (what is sent), fcm.go (the
// adapter), token.go (access tokens), status.go and outcome.go (what the answers mean), round.go and h2.go (how
// messages travel, over push/h2), send.go (the same over net/http).
//
// Sources: Firebase, "FCM HTTP v1 API" (REST reference of projects.messages), "FCM error codes", "FCM throttling and
// quotas", "Best practices when sending FCM messages at scale"; Google, "Using OAuth 2.0 for server to server
// applications".
package fcm

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Kind registers the adapter.
var Kind = notify.AdapterKind{
	Platform: notify.FCM,
	Title:    "Firebase Cloud Messaging",
	Example:  func() any { return Defaults() },
	New:      func(env notify.AdapterEnv) (notify.Adapter, error) { return New(env) },
}

// useOfQuota is how much of the project's quota is used: Google's own bucket is filled once a minute, and not when our
// minute begins ("FCM throttling and quotas"), so a tenth of it stays unused.
const useOfQuota = 0.9

// Adapter sends to FCM for one app.
type Adapter struct {
	config Config
	clock  notify.Clock
	log    *slog.Logger
	tokens *tokens
	pace   *push.Pace
	h2     *h2Sender // nil: everything goes over sender
	sender *sender
	health push.Health
}

var (
	_ notify.Adapter       = (*Adapter)(nil)
	_ notify.DeviceChecker = (*Adapter)(nil)
	_ notify.Previewer     = (*Adapter)(nil)
	_ notify.Checker       = (*Adapter)(nil)
)

// New makes an adapter of its section; errors point at the key that is wrong. It connects to nothing.
func New(env notify.AdapterEnv) (*Adapter, error) {
	c, err := decode(env)
	if err != nil {
		return nil, err
	}
	account, err := loadAccount(c.CredentialsFile)
	if err != nil {
		return nil, env.Section.Errorf("credentials_file", "%v", err)
	}
	if c.TokenEndpoint != "" {
		if account.tokenURL, err = secureURL(c.TokenEndpoint); err != nil {
			return nil, env.Section.Errorf("token_endpoint", "%v", err)
		}
	}
	if c.ProjectID == "" {
		c.ProjectID = account.project
	}
	if c.ProjectID == "" {
		return nil, env.Section.Errorf("project_id", "is required: the key file names none")
	}
	roots, err := push.Roots(c.CAFile)
	if err != nil {
		return nil, env.Section.Errorf("ca_file", "%v", err)
	}
	endpoint := c.Endpoint
	if endpoint == "" {
		endpoint = googleEndpoint
	}
	address, err := url.Parse(strings.TrimRight(endpoint, "/") + "/v1/projects/" + c.ProjectID + "/messages:send")
	if err != nil {
		return nil, env.Section.Errorf("endpoint", "is not an address")
	}
	transport := newTransport(env.Outgoing.Proxy, roots)
	a := &Adapter{config: c, clock: env.Clock, log: env.Log, pace: push.NewPace(float64(c.Quota)/60*useOfQuota, c.Ramp, env.Clock),
		tokens: newTokens(account, newTokenTransport(transport), c.Timeout, env.Clock)}
	a.tokens.log = env.Log
	sc := senderConfig{url: address, connections: c.Connections, inFlight: c.InFlight, timeout: c.Timeout,
		clock: env.Clock, transport: transport}
	a.sender = newSender(sc)
	if c.Transport == push.TransportH2 {
		a.h2 = newH2Sender(sc)
	}
	return a, nil
}

// Close implements notify.Adapter.
func (a *Adapter) Close() error {
	a.tokens.close()
	a.sender.close()
	if a.h2 != nil {
		a.h2.client.Close()
	}
	return nil
}

// Push implements notify.Adapter. When Google's word concerns more than one device, the rest is settled with it unsent.
func (a *Adapter) Push(ctx context.Context, deliveries []notify.Delivery, settle func(int, notify.Outcome)) {
	r := &round{adapter: a, deliveries: deliveries, settle: settle}
	r.run(ctx)
}

// checkBody is a message to a token that no device has, and nobody would get it if one had: validate_only.
const checkBody = `{"validate_only":true,"message":{"token":"allim-check","android":{"ttl":"0s","priority":"NORMAL"}}}`

// Check implements notify.Checker: it signs on and has a message looked at, which is not sent. What Google says against
// the token proves that it took the credentials and the project.
func (a *Adapter) Check(ctx context.Context) error {
	got, o, known := answer{}, notify.Outcome{}, false
	if a.h2 != nil && !a.h2.past.Load() {
		got, o, known = a.ask(ctx, []byte(checkBody))
	}
	if !known {
		var on ride
		got, o, on = a.send(ctx, ctx, []byte(checkBody), 1)
		on.end()
	}
	switch {
	case o.Verdict == notify.Accepted, o.Verdict == notify.Gone, o.Verdict == notify.Suspect,
		got.status == 400 && got.said.status == codeInvalid:
		return nil
	case o.Verdict == notify.Misconfigured:
		return fmt.Errorf("FCM refuses the credentials or the project: %d %s", o.Status, o.Reason)
	case o.Status == 0:
		return fmt.Errorf("FCM cannot be reached: %s", o.Reason)
	}
	return fmt.Errorf("FCM does not answer as it should: %d %s", o.Status, o.Reason)
}

// send signs on and sends one body; once more with another access token when Google refused the first. Nothing is begun
// when begin has ended. The ride is the caller's to end; see sender.send.
func (a *Adapter) send(ctx, begin context.Context, body []byte, attempt int) (answer, notify.Outcome, ride) {
	for try := 1; ; try++ {
		token, err := a.tokens.get(begin)
		if err != nil {
			return answer{unsent: true}, tokenOutcome(err), ride{}
		}
		got, on := a.sender.send(ctx, begin, token, body)
		if try == 1 && got.credentials() && a.tokens.refused(token) {
			on.end()
			continue
		}
		return got, outcome(got, attempt, a.clock.Now()), on
	}
}
