package fcm

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// logins counts the requests to the token endpoint.
func (h *house) logins() int64 { return h.sim.Logins().Counts().Requests }

func TestTokenIsRenewedEarly(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	h := newHouse(t, sim.FCMOptions{Clock: clock}, "")
	for minute := range 3 * 60 {
		if o := h.one(t, 0); o.Verdict != notify.Accepted {
			t.Fatalf("at %s: %+v", clock.Now(), o)
		}
		if minute == 48 { // 80 % of 3599 seconds: renewed beside, the push went out with the old one
			notifytest.Until(t, "the early renewal", func() bool { return h.logins() == 2 })
		}
		h.settled(t)
		clock.Advance(time.Minute)
	}
	if n := h.logins(); n != 4 {
		t.Errorf("%d logins in 3 hours, want 4", n)
	}
}

// settled waits until no renewal is under way.
func (h *house) settled(t testing.TB) {
	t.Helper()
	notifytest.Until(t, "no renewal is under way", func() bool {
		h.adapter.tokens.mu.Lock()
		defer h.adapter.tokens.mu.Unlock()
		return h.adapter.tokens.flight == nil
	})
}

// While the token endpoint is down, the old token serves to its end.
func TestEarlyRenewalFails(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	h := newHouse(t, sim.FCMOptions{Clock: clock}, "")
	h.one(t, 0)
	h.sim.ScriptLogin(h.account.Email, sim.Fault{Status: 503, Times: -1})
	clock.Advance(50 * time.Minute)
	for range 9 * 6 {
		if o := h.one(t, 0); o.Verdict != notify.Accepted {
			t.Fatalf("at %s: %+v", clock.Now(), o)
		}
		h.settled(t)
		clock.Advance(10 * time.Second)
	}
	if n := h.logins(); n < 10 || n > 20 {
		t.Errorf("%d logins in 9 minutes, want one every half a minute", n)
	}
	clock.Advance(time.Minute)
	if o := h.one(t, 0); o.Verdict != notify.Retry || !o.WholeLane {
		t.Errorf("with no token left: %+v", o)
	}
	h.sim.ClearScript(h.account.Email)
	if o := h.one(t, 0); o.Verdict != notify.Accepted {
		t.Errorf("the endpoint works again: %+v", o)
	}
}

func TestTokenIsSharedByAll(t *testing.T) {
	h := newHouse(t, sim.FCMOptions{}, "ramp: 0s\n")
	var wg sync.WaitGroup
	for range 8 {
		list := deliveries(t, h, 100)
		wg.Go(func() {
			h.adapter.Push(t.Context(), list, func(_ int, o notify.Outcome) {
				if o.Verdict != notify.Accepted {
					t.Errorf("%+v", o)
				}
			})
		})
	}
	wg.Wait()
	if n := h.logins(); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
}

// Google forgot its tokens: the refusal makes one new, with which everything goes out.
func TestRefusedTokenIsRenewedOnce(t *testing.T) {
	h := newHouse(t, sim.FCMOptions{}, "ramp: 0s\n")
	h.one(t, 0)
	h.sim.RevokeTokens()
	for i, o := range h.push(t, deliveries(t, h, 500)) {
		if o.Verdict != notify.Accepted {
			t.Errorf("%d: %+v", i, o)
		}
	}
	if n := h.logins(); n != 2 {
		t.Errorf("%d logins, want the first and one more", n)
	}
}

func TestTokenRefusedAgainStopsTheLane(t *testing.T) {
	h := newHouse(t, sim.FCMOptions{}, "ramp: 0s\n")
	h.one(t, 0)
	h.sim.Script(h.account.Email, sim.Fault{Status: 401, Reason: "UNAUTHENTICATED", Times: -1})
	before := h.sim.Log().Counts().Requests
	for i, o := range h.push(t, deliveries(t, h, 3000)) {
		if o.Verdict != notify.Misconfigured || o.Reason != "UNAUTHENTICATED ACCESS_TOKEN_EXPIRED" {
			t.Fatalf("%d: %+v", i, o)
		}
	}
	if n := h.sim.Log().Counts().Requests - before; n > 3*int64(h.adapter.sender.links.Room()) {
		t.Errorf("%d requests although the credentials are refused", n)
	}
	if n := h.logins(); n != 2 {
		t.Errorf("%d logins, want the first and one more", n)
	}
	h.sim.ClearScript(h.account.Email)
	if o := h.one(t, 0); o.Verdict != notify.Accepted {
		t.Errorf("repaired: %+v", o)
	}
}

// While Google refuses every token, one more is asked for once a minute at most.
func TestRenewalsByForceAreRare(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	h := newHouse(t, sim.FCMOptions{Clock: clock}, "")
	h.sim.Script(h.account.Email, sim.Fault{Status: 401, Reason: "UNAUTHENTICATED", Times: -1})
	for i, want := range []int64{2, 2, 2, 3} {
		if o := h.one(t, 0); o.Verdict != notify.Misconfigured {
			t.Fatalf("%+v", o)
		}
		if n := h.logins(); n != want {
			t.Errorf("push %d: %d logins, want %d", i, n, want)
		}
		clock.Advance(25 * time.Second)
	}
}

// On a cold start the first word is heard before the others are sent.
func TestColdStartWithARevokedKey(t *testing.T) {
	h := newHouse(t, sim.FCMOptions{}, "ramp: 0s\n")
	h.sim.RevokeKey(h.account.KeyID)
	for i, o := range h.push(t, deliveries(t, h, 3000)) {
		if o.Verdict != notify.Misconfigured || o.Reason != "access token: invalid_grant" || o.Status != 400 {
			t.Fatalf("%d: %+v", i, o)
		}
	}
	if n, opened := h.logins(), h.sim.Opened(); n > 2 || opened > 2 {
		t.Errorf("%d logins over %d connections", n, opened)
	}
	if n := h.sim.Log().Counts().Requests; n != 0 {
		t.Errorf("%d messages without a token", n)
	}
}

// Who gives up does not break the login off for the others.
func TestLoginOutlivesItsFirstCaller(t *testing.T) {
	h := newHouse(t, sim.FCMOptions{}, "")
	h.sim.ScriptLogin(h.account.Email, sim.Fault{Delay: 300 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan notify.Outcome, 1)
	go h.adapter.Push(ctx, deliveries(t, h, 1), func(_ int, o notify.Outcome) { gone <- o })
	notifytest.Until(t, "the login is under way", func() bool { return h.logins() == 1 })
	cancel()
	if o := notifytest.Receive(t, "the first caller", gone); o.Verdict != notify.Retry || o.WholeLane {
		t.Errorf("%+v", o)
	}
	if o := h.one(t, 1); o.Verdict != notify.Accepted || h.logins() != 1 {
		t.Errorf("%+v after %d logins", o, h.logins())
	}
}

// A clock that is wrong shows as invalid_grant, and nothing is lost by it.
func TestClockIsWrong(t *testing.T) {
	ours := notifytest.NewClock(time.Time{})
	theirs := notifytest.NewClock(ours.Now().Add(-2 * time.Hour))
	h := newHouse(t, sim.FCMOptions{Clock: theirs}, "")
	h.adapter = newAdapter(t, h.section(t), ours, notifytest.Quiet())
	h.clock = ours
	if o := h.one(t, 0); o.Verdict != notify.Misconfigured || !strings.Contains(o.Reason, "invalid_grant") {
		t.Errorf("%+v", o)
	}
	theirs.Advance(2 * time.Hour)
	if o := h.one(t, 0); o.Verdict != notify.Accepted {
		t.Errorf("put right: %+v", o)
	}
}

func TestReadToken(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		lasts  time.Duration // 0: an error
		ours   bool
	}{
		"good":            {200, `{"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer"}`, 3599 * time.Second, false},
		"no life":         {200, `{"access_token":"ya29.x","token_type":"bearer"}`, time.Hour, false},
		"negative life":   {200, `{"access_token":"ya29.x","expires_in":-5}`, time.Hour, false},
		"life of a week":  {200, `{"access_token":"ya29.x","expires_in":604800}`, 24 * time.Hour, false},
		"a broken header": {200, `{"access_token":"ya29\r\nx"}`, 0, false},
		"invalid_grant":   {400, `{"error":"invalid_grant","error_description":"secret"}`, 0, true},
		"an object":       {403, `{"error":{"code":403,"message":"secret"}}`, 0, true},
		"internal":        {400, `{"error":"internal_failure"}`, 0, false},
		"empty 502":       {502, ``, 0, false},
	} {
		resp := &http.Response{StatusCode: test.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(""))}
		_, lasts, err := readToken(resp, []byte(test.body), time.Now())
		if lasts != test.lasts || (err == nil) != (test.lasts > 0) {
			t.Errorf("%s: %s, %v", name, lasts, err)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || (tokenOutcome(err).Verdict == notify.Misconfigured) != test.ours) {
			t.Errorf("%s: %v, %+v", name, err, tokenOutcome(err))
		}
	}
}
