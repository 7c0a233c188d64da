package wns

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// Both logins work, however the life of a token is told; one login serves all until 80 % of it.
func TestLogin(t *testing.T) {
	for name, o := range map[string]sim.WNSOptions{"number": {}, "text": {TextExpiry: true}, "absent": {NoExpiry: true},
		"an hour": {TokenLife: time.Hour, TextExpiry: true}} {
		for _, app := range []sim.WNSApp{entra, uwp} {
			h := newHouse(t, app, o, "")
			life := o.TokenLife
			if life == 0 {
				life = tokenLife
			}
			devices := []notify.Device{h.device(t), h.device(t), h.device(t), h.device(t)}
			for _, step := range []struct {
				after  time.Duration
				logins int
			}{{0, 1}, {life*4/5 - time.Second, 1}, {2 * time.Second, 2}, {life*4/5 - time.Minute, 2}, {2 * time.Minute, 3}} {
				h.clock.Advance(step.after)
				for _, got := range h.deliver(t, notice(), devices...) {
					if got.Verdict != notify.Accepted {
						t.Fatalf("%s: %+v", name, got)
					}
				}
				if h.logins() != step.logins {
					t.Errorf("%s: %d logins, want %d", name, h.logins(), step.logins)
				}
			}
		}
	}
}

// Many who need a token at the same time make one login.
func TestSingleFlight(t *testing.T) {
	h := newHouseAt(t, notify.SystemClock{}, entra, sim.WNSOptions{}, "")
	h.sim.Script(sim.WNSToken, sim.Fault{Delay: 100 * time.Millisecond})
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if value, bad := h.adapter.tokens.get(t.Context()); bad != nil || value == "" {
				t.Errorf("%+v", bad)
			}
		})
	}
	wg.Wait()
	if h.logins() != 1 {
		t.Errorf("%d logins", h.logins())
	}
}

// While a token holds, nobody waits for its successor, and a failed login does no harm.
func TestEarlyRefresh(t *testing.T) {
	h := newHouse(t, entra, sim.WNSOptions{TokenLife: time.Hour}, "")
	d := h.device(t)
	h.deliver(t, notice(), d)
	h.clock.Advance(50 * time.Minute)
	h.sim.Script(sim.WNSToken, sim.Fault{Status: 503, Times: 2})
	for range 3 { // one login is tried, then none for a while
		if got := h.deliver(t, notice(), d)[0]; got.Verdict != notify.Accepted {
			t.Errorf("%+v", got)
		}
	}
	if h.logins() != 2 {
		t.Errorf("%d logins", h.logins())
	}
	h.clock.Advance(11 * time.Minute) // now it has expired
	if got := h.deliver(t, notice(), d)[0]; got.Verdict != notify.Retry || !got.WholeLane {
		t.Errorf("without a token: %+v", got)
	}
	h.clock.Advance(loginPause)
	if got := h.deliver(t, notice(), d)[0]; got.Verdict != notify.Accepted {
		t.Errorf("with the next one: %+v", got)
	}
	// While somebody fetches the next one, the others go on with this one.
	h.clock.Advance(50 * time.Minute)
	h.adapter.tokens.flight = make(chan struct{})
	if value, bad := h.adapter.tokens.get(t.Context()); value == "" || bad != nil {
		t.Errorf("%q, %+v", value, bad)
	}
}

// Who waits for another one's login ends with his own context, and one who gave up does not fail the others.
func TestLoginAndContexts(t *testing.T) {
	h := newHouseAt(t, notify.SystemClock{}, entra, sim.WNSOptions{}, "")
	h.sim.Script(sim.WNSToken, sim.Fault{Stall: true})
	first, stop := context.WithCancel(t.Context())
	defer stop()
	results := make(chan *notify.Outcome, 2)
	go func() { _, bad := h.adapter.tokens.get(first); results <- bad }()
	notifytest.Until(t, "the login is under way", func() bool { return h.sim.UnderWay() == 1 })
	second, stopSecond := context.WithCancel(t.Context())
	stopSecond()
	if _, bad := h.adapter.tokens.get(second); bad == nil || bad.Reason != "stopped" {
		t.Errorf("%+v", bad)
	}
	third := make(chan *notify.Outcome, 1)
	go func() { _, bad := h.adapter.tokens.get(t.Context()); third <- bad }()
	stop()
	if bad := notifytest.Receive(t, "the first ends", results); bad == nil || bad.Reason != "stopped" {
		t.Errorf("%+v", bad)
	}
	if bad := notifytest.Receive(t, "the third has a token", third); bad != nil {
		t.Errorf("%+v", *bad)
	}
}

// A refused token is renewed once; when that does not help, the lane stops. The next try after a minute may renew again.
func TestRefusedToken(t *testing.T) {
	h := newHouse(t, entra, sim.WNSOptions{}, "")
	devices := []notify.Device{h.device(t), h.device(t), h.device(t), h.device(t), h.device(t)}
	h.deliver(t, notice(), devices...)
	h.clock.Advance(time.Hour)
	h.sim.RevokeTokens()
	for _, got := range h.deliver(t, notice(), devices...) {
		if got.Verdict != notify.Accepted {
			t.Errorf("after a renewal: %+v", got)
		}
	}
	if h.logins() != 2 {
		t.Errorf("%d logins for five refused pushes", h.logins())
	}
	h.clock.Advance(time.Hour)
	for _, d := range devices {
		h.sim.Script(d.Token, sim.Fault{Status: 401, Times: -1})
	}
	for _, got := range h.deliver(t, notice(), devices...) {
		if got.Verdict != notify.Misconfigured || got.Status != 401 {
			t.Errorf("when no token helps: %+v", got)
		}
	}
	before := h.logins()
	h.deliver(t, notice(), devices...)
	if h.logins() != before {
		t.Error("it is renewed without end")
	}
	for _, d := range devices {
		h.sim.ClearScript(d.Token)
	}
	h.sim.RevokeTokens()
	h.clock.Advance(tokenPause)
	if got := h.deliver(t, notice(), devices[0])[0]; got.Verdict != notify.Accepted {
		t.Errorf("once it is well again: %+v", got)
	}
}

// Whatever is wrong with the login, it is said in plain words without a secret, and no device is blamed.
func TestLoginRefused(t *testing.T) {
	wrongSecret, gone, unknown, tenant := entra, entra, entra, entra
	wrongSecret.Secret = "another-one"
	gone.Expired = true
	unknown.Client = "another"
	tenant.Tenant = "another"
	live := uwp
	live.Secret = "another-one"
	for name, c := range map[string]struct {
		signer, registered sim.WNSApp
		fault              sim.Fault
		verdict            notify.Verdict
		reason             string
		in                 time.Duration
	}{
		"wrong secret":   {signer: entra, registered: wrongSecret, verdict: notify.Misconfigured, reason: "401 invalid_client AADSTS7000215"},
		"expired secret": {signer: entra, registered: gone, verdict: notify.Misconfigured, reason: "AADSTS7000222 (the client secret has expired)"},
		"unknown app":    {signer: entra, registered: unknown, verdict: notify.Misconfigured, reason: "400 unauthorized_client AADSTS700016"},
		"unknown tenant": {signer: entra, registered: tenant, verdict: notify.Misconfigured, reason: "400 invalid_request AADSTS90002"},
		"wrong SID":      {signer: uwp, registered: entra, verdict: notify.Misconfigured, reason: "400 invalid_client"},
		"wrong secret 2": {signer: uwp, registered: live, verdict: notify.Misconfigured, reason: "400 invalid_client"},
		"redirect":       {signer: entra, registered: entra, fault: sim.Fault{Status: 302}, verdict: notify.Misconfigured, reason: "302"},
		"down":           {signer: entra, registered: entra, fault: sim.Fault{Status: 500}, verdict: notify.Retry, reason: "500"},
		"busy": {signer: entra, registered: entra, fault: sim.Fault{Status: 429, Header: map[string]string{"Retry-After": "60"}},
			verdict: notify.Retry, reason: "429", in: time.Minute},
		"busy in words": {signer: entra, registered: entra, fault: sim.Fault{Status: 400, Reason: "temporarily_unavailable"},
			verdict: notify.Retry, reason: "temporarily_unavailable"},
		"no JSON":    {signer: entra, registered: entra, fault: sim.Fault{Body: "<html>"}, verdict: notify.Retry, reason: "holds no token"},
		"no token":   {signer: entra, registered: entra, fault: sim.Fault{Body: `{"access_token":""}`}, verdict: notify.Retry, reason: "holds no token"},
		"odd token":  {signer: entra, registered: entra, fault: sim.Fault{Body: `{"access_token":"a\r\nb"}`}, verdict: notify.Retry, reason: "holds no token"},
		"broken off": {signer: entra, registered: entra, fault: sim.Fault{Drop: sim.DropBefore}, verdict: notify.Retry, reason: "connection lost"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, c.signer, sim.WNSOptions{}, "")
			d := h.device(t)
			h.sim.SetApps(c.registered)
			h.sim.Script(sim.WNSToken, c.fault, c.fault)
			for _, got := range h.deliver(t, notice(), d, d, d) {
				want := time.Time{}
				if c.in > 0 {
					want = start.Add(c.in)
				}
				if got.Verdict != c.verdict || got.WholeLane != (c.verdict == notify.Retry) || !strings.Contains(got.Reason, c.reason) || !got.At.Equal(want) {
					t.Errorf("%+v", got)
				}
				if strings.Contains(got.Reason, c.signer.Secret) {
					t.Error("it holds the secret")
				}
			}
			if h.logins() != 1 {
				t.Errorf("%d logins for one Push", h.logins())
			}
			if err := h.adapter.Check(t.Context()); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("Check: %v", err)
			}
		})
	}
	if err := newHouse(t, entra, sim.WNSOptions{}, "").adapter.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func FuzzLogin(f *testing.F) {
	f.Add(200, `{"access_token":"x","expires_in":"86399"}`)
	f.Add(400, `{"error":"invalid_client","error_description":"AADSTS7000222: x"}`)
	f.Add(200, `{"access_token":"x","expires_in":1e308}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if got, ok := readToken([]byte(body), start); ok && (got.value == "" || strings.ContainsAny(got.value, "\r\n ") ||
			!got.expires.After(start) || got.expires.After(start.Add(tokenLife)) || got.renew.After(got.expires)) {
			t.Errorf("%q gives %+v", body, got)
		}
		o := loginRefused(push.Reply{Status: status, Body: []byte(body), Header: http.Header{}}, start)
		if o.Verdict != notify.Retry && o.Verdict != notify.Misconfigured || len(o.Reason) > 200 || strings.ContainsAny(o.Reason, "\r\n<>") {
			t.Errorf("%q gives %+v", body, o)
		}
	})
}
