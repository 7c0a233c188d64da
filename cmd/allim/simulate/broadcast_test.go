package simulate

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/configs"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
	"allim.dev/allim/notify/store/sqlite"
)

// patience is only used up when the test fails, or on a machine with much else to do.
const patience = 3 * time.Minute

// crowd is how many people the broadcast goes to, each with a device on every platform.
const crowd = 60

// TestBroadcastPastSickPlatforms: while FCM answers 503 with Retry-After, APNs drops connections and WNS refuses the
// login, the others finish; when all is well again everything was told, each device under one id.
func TestBroadcastPastSickPlatforms(t *testing.T) {
	clock := notifytest.NewClock(time.Now()) // certificates are of today
	r := run(t, Options{Clock: clock})
	a := hubAt(t, r, clock)
	devices := people(t, r, a.Hub())
	r.want(http.MethodPost, "/faults", `
faults:
  - {platform: fcm, status: 503, reason: UNAVAILABLE, retryAfter: 2, times: -1}
  - {platform: apns, drop: before, times: 5}
  - {platform: apns, drop: after, times: 5}
  - {platform: wns, login: true, status: 401, body: '{"error":"invalid_client"}', times: -1}
`, nil)
	defer func() {
		if t.Failed() {
			lanes, _ := a.Hub().Lanes(context.WithoutCancel(t.Context()))
			t.Logf("%+v\n%+v at %s", lanes, r.log("?limit=1").Counts, clock.Now())
		}
	}()
	sent, _, err := a.Hub().Send(t.Context(), notify.Notification{TTL: time.Hour, To: notify.Audience{All: true},
		Content: notify.Content{Title: "정전 안내", Body: "오늘 18시"}}, notify.Idempotency{})
	if err != nil {
		t.Fatal(err)
	}
	// Time passes while we wait: pauses, pacing and Retry-After are by the clock passed in.
	until := func(what string, cond func() bool) {
		t.Helper()
		for deadline := time.Now().Add(patience); !cond(); clock.Advance(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("waited %s for: %s", patience, what)
			}
		}
	}
	taken := func(p notify.Platform) int { return r.log("?limit=1").Counts[string(p)].Accepted }
	until("the healthy platforms to finish, and APNs in spite of its connections", func() bool {
		return taken(notify.WebPush) == crowd && taken(notify.Webhook) == crowd && taken(notify.APNs) == crowd
	})
	if taken(notify.FCM)+taken(notify.WNS) != 0 {
		t.Errorf("%d by FCM and %d by WNS, which take nothing", taken(notify.FCM), taken(notify.WNS))
	}
	until("the lanes to say what is wrong", func() bool {
		states := map[notify.Platform]string{}
		lanes, err := a.Hub().Lanes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lanes {
			states[l.Lane.Platform] = l.State
		}
		return states[notify.WNS] == notify.LaneMisconfigured && states[notify.FCM] == notify.LaneThrottled &&
			states[notify.WebPush] == notify.LaneOK
	})
	r.want(http.MethodDelete, "/faults", "", nil)
	until("the rest to be told", func() bool { return taken(notify.FCM) == crowd && taken(notify.WNS) == crowd+1 }) // and a login
	until("the notification to be done", func() bool {
		n, err := a.Store().Notification(t.Context(), sent.ID)
		if err != nil {
			t.Fatal(err)
		}
		return n.State == notify.StateDone && n.Counts.Accepted == 5*crowd
	})
	eachOnce(t, r, devices)
}

// hubAt starts a hub by the clock, with the lines that the simulators print.
func hubAt(t *testing.T, r *running, clock notify.Clock) *app.App {
	t.Helper()
	return hubWith(t, r, clock, func(apps string) string { return apps })
}

// hubWith is hubAt with the lines changed.
func hubWith(t *testing.T, r *running, clock notify.Clock, change func(apps string) string) *app.App {
	t.Helper()
	text := "listen: 127.0.0.1:0\n" + change(r.want(http.MethodGet, "/apps.yaml", "", nil))
	config, err := configs.Parse(filepath.Join(t.TempDir(), "allim.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return started(t, app.Options{Config: config, Clock: clock, Synchronous: sqlite.Normal})
}

// started runs a hub until the test's end.
func started(t *testing.T, o app.Options) *app.App {
	t.Helper()
	a, err := app.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return a
}

// people registers the crowd, and gives how many devices there are on each platform by token.
func people(t *testing.T, r *running, h *notify.Hub) map[string]bool {
	t.Helper()
	key, err := h.PublicKey(appID)
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[string]bool{}
	for i := range crowd {
		user := fmt.Sprint("user", i)
		if _, _, err := h.PutUser(t.Context(), notify.User{ID: user}); err != nil {
			t.Fatal(err)
		}
		var channel, hook struct{ Token string }
		var browser struct {
			Endpoint string
			Keys     struct{ P256dh, Auth string }
		}
		r.want(http.MethodPost, "/wns/channels", "", &channel)
		r.want(http.MethodPost, "/webhook/hooks", "", &hook)
		r.want(http.MethodPost, "/webpush/subscriptions?key="+key, "", &browser)
		p256dh, err := base64.RawURLEncoding.DecodeString(browser.Keys.P256dh)
		if err != nil {
			t.Fatal(err)
		}
		auth, err := base64.RawURLEncoding.DecodeString(browser.Keys.Auth)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []notify.Device{
			{Platform: notify.APNs, Token: fmt.Sprintf("%064x", i+1)},
			{Platform: notify.FCM, Token: fmt.Sprintf("fcmtoken-%08d:APA91b", i) + strings.Repeat("x", 120)},
			{Platform: notify.WNS, Token: channel.Token},
			{Platform: notify.WebPush, Token: browser.Endpoint, P256dh: p256dh, Auth: auth},
			{Platform: notify.Webhook, Token: hook.Token},
		} {
			d.User, d.App = user, appID
			if _, _, err := h.RegisterDevice(t.Context(), d); err != nil {
				t.Fatalf("%s: %v", d.Platform, err)
			}
			tokens[d.Token] = true
		}
	}
	return tokens
}

// eachOnce looks into the simulators' log: every device took the notice, and whatever came for it had one id.
func eachOnce(t *testing.T, r *running, devices map[string]bool) {
	t.Helper()
	ids := map[string]string{}
	for _, e := range r.log("?limit=50000").Entries {
		if !devices[e.Key] || e.ID == "" { // a login
			continue
		}
		if first, seen := ids[e.Key]; seen && first != e.ID {
			t.Errorf("%s came under the ids %s and %s", e.Platform, first, e.ID)
		}
		ids[e.Key] = e.ID
	}
	if len(ids) != len(devices) {
		t.Errorf("%d of %d devices were told", len(ids), len(devices))
	}
}
