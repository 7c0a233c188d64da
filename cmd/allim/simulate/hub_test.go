package simulate

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/configs"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
	"allim.dev/allim/notify/store/sqlite"
)

// startHub starts a hub with the lines that the simulators print, and Kim.
func startHub(t *testing.T, r *running) *notify.Hub {
	t.Helper()
	block := r.want(http.MethodGet, "/apps.yaml", "", nil)
	config, err := configs.Parse(filepath.Join(t.TempDir(), "allim.yaml"), []byte("listen: 127.0.0.1:0\n"+block))
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), app.Options{Config: config, Synchronous: sqlite.Normal})
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
	if _, _, err := a.Hub().PutUser(t.Context(), notify.User{ID: "kim"}); err != nil {
		t.Fatal(err)
	}
	return a.Hub()
}

// register gives Kim a device.
func register(t *testing.T, h *notify.Hub, d notify.Device) {
	t.Helper()
	d.User, d.App = "kim", appID
	if _, _, err := h.RegisterDevice(t.Context(), d); err != nil {
		t.Fatalf("%s: %v", d.Platform, err)
	}
}

// tokens registers a device of Kim's on every platform, and gives their tokens.
func tokens(t *testing.T, r *running, h *notify.Hub) map[notify.Platform]string {
	t.Helper()
	key, err := h.PublicKey(appID)
	if err != nil {
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
	if status, _ := r.ask(http.MethodPost, "/webpush/subscriptions?mode=fax", ""); status != http.StatusBadRequest {
		t.Errorf("an unknown push service: %d", status)
	}
	p256dh, err := base64.RawURLEncoding.DecodeString(browser.Keys.P256dh)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := base64.RawURLEncoding.DecodeString(browser.Keys.Auth)
	if err != nil {
		t.Fatal(err)
	}
	phone := "fcmtoken-00000001:APA91b" + strings.Repeat("x", 120)
	register(t, h, notify.Device{Platform: notify.APNs, Token: strings.Repeat("0a", 32)})
	register(t, h, notify.Device{Platform: notify.FCM, Token: phone})
	register(t, h, notify.Device{Platform: notify.WNS, Token: channel.Token})
	register(t, h, notify.Device{Platform: notify.WebPush, Token: browser.Endpoint, P256dh: p256dh, Auth: auth})
	register(t, h, notify.Device{Platform: notify.Webhook, Token: hook.Token})
	return map[notify.Platform]string{notify.APNs: strings.Repeat("0a", 32), notify.FCM: phone, notify.WNS: channel.Token,
		notify.WebPush: browser.Endpoint, notify.Webhook: hook.Token}
}

// TestAHubPushesThroughFaults: a real hub, told by the printed lines where the platforms are, meets a fault on each of
// them, scripted over HTTP for a token or a credential; the log shows both attempts, under the same id.
func TestAHubPushesThroughFaults(t *testing.T) {
	r := run(t, Options{})
	h := startHub(t, r)
	list := tokens(t, r, h)
	key, err := h.PublicKey(appID)
	if err != nil {
		t.Fatal(err)
	}
	r.want(http.MethodPost, "/faults", fmt.Sprintf(`
faults:
  - {platform: apns, token: "%s", status: 500, reason: InternalServerError, retryAfter: 1}
  - {platform: fcm, credential: allim@allim-simulated.iam.gserviceaccount.com, status: 503, reason: UNAVAILABLE, retryAfter: 1}
  - {platform: wns, credential: 66666666-7777-8888-9999-000000000000, status: 500}
  - {platform: webpush, credential: %s, status: 503, retryAfterIn: 1s}
  - {platform: webhook, token: "%s", status: 500}
`, list[notify.APNs], key, list[notify.Webhook]), nil)
	_, _, err = h.Send(t.Context(), notify.Notification{TTL: time.Hour, To: notify.Audience{Users: []string{"kim"}}, Content: notify.Content{Title: "Lunch <b>", Body: "at noon"}}, notify.Idempotency{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if t.Failed() {
			t.Log(r.want(http.MethodGet, "/log", "", nil))
		}
	}()
	for platform, token := range list {
		query := "?platform=" + string(platform) + "&token=" + url.QueryEscape(token)
		notifytest.Until(t, string(platform)+" to take it", func() bool {
			return slices.ContainsFunc(r.log(query).Entries, func(e entry) bool { return e.Accepted })
		})
		got := r.log(query).Entries
		if len(got) != 2 || got[0].Status < 500 || got[0].Accepted || got[1].Status/100 != 2 || !got[1].Accepted {
			t.Errorf("%s: %+v", platform, got)
			continue
		}
		if _, _, ok := notify.ParseDeliveryID(got[0].ID); !ok || got[0].ID != got[1].ID {
			t.Errorf("%s: ids %q and %q", platform, got[0].ID, got[1].ID)
		}
	}
	looksRight(t, r, list[notify.WebPush])
}

// looksRight looks at the log of all and at the pages, after each platform took one push at the second attempt.
func looksRight(t *testing.T, r *running, endpoint string) {
	t.Helper()
	all := r.log("")
	login := slices.IndexFunc(all.Entries, func(e entry) bool { return e.Platform == "fcm" && e.Path == "/token" && e.Accepted })
	if login < 0 || all.Counts["wns"].Requests != 3 || all.Counts["apns"].Accepted != 1 || all.Counts["apns"].Duplicates != 0 {
		t.Errorf("the log of all has the login at %d: %+v", login, all.Counts)
	}
	if newest := r.log("?limit=1").Entries; len(newest) != 1 {
		t.Errorf("limit=1 gives %d", len(newest))
	}
	page := r.want(http.MethodGet, "/", "", nil)
	if strings.Contains(page, "Lunch <b>") || strings.Count(page, "(accepted)") < 5 || !bytes.Contains([]byte(page), []byte("InternalServerError: 1")) {
		t.Errorf("the page: %s", page)
	}
	if shown := r.want(http.MethodGet, "/webpush/messages?endpoint="+url.QueryEscape(endpoint), "", nil); !strings.Contains(shown, "at noon") {
		t.Errorf("the browser shows %s", shown)
	}
	for _, wrong := range []string{"/log?platform=fax", "/log?limit=0", "/log?limit=x", "/?platform=fax"} {
		if status, _ := r.ask(http.MethodGet, wrong, ""); status != http.StatusBadRequest {
			t.Errorf("%s: %d", wrong, status)
		}
	}
}
