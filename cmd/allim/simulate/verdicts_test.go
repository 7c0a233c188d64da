package simulate

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/configs"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
	"allim.dev/allim/notify/notifytest"
	"allim.dev/allim/notify/store/sqlite"
)

// fate is what has become of a device and its delivery after one answer of the platform.
type fate struct {
	delivery notify.DeliveryState
	device   notify.DeviceState
	lane     string
}

// The actions of ../../../docs and the protocols' response tables, as they show outside.
var (
	taken    = fate{notify.DeliveryAccepted, notify.DeviceActive, notify.LaneOK}
	again    = fate{notify.DeliveryPending, notify.DeviceActive, notify.LaneOK}            // this delivery alone waits
	held     = fate{notify.DeliveryPending, notify.DeviceActive, notify.LaneThrottled}     // all wait until the platform's time
	down     = fate{notify.DeliveryPending, notify.DeviceActive, notify.LaneOpen}          // all wait, one probe at a time
	ours     = fate{notify.DeliveryPending, notify.DeviceActive, notify.LaneMisconfigured} // the lane stops and keeps its queue
	failed   = fate{notify.DeliveryFailed, notify.DeviceActive, notify.LaneOK}             // this message is wrong
	gone     = fate{notify.DeliveryGone, notify.DeviceSuspect, notify.LaneOK}              // retired when the window has passed
	misfiled = fate{notify.DeliveryPending, notify.DeviceSuspect, notify.LaneOK}           // may be ours: counted, and held until the window has passed
)

// answer is one row of a platform's response table: what it says, and what becomes of it.
type answer struct {
	fault  string // as in a file of faults, without platform and token
	want   fate
	reason string // is in the API's answer and in the trace
	app    string // of the hub's configuration: a lane of its own for each row
	device wire.Device
	id     string // of the notification
	token  string
}

// ownWords are FCM's words that the simulator sends as they are named.
var ownWords = map[string]bool{"UNREGISTERED": true, "SENDER_ID_MISMATCH": true, "UNSPECIFIED_ERROR": true, "UNAUTHENTICATED": true,
	"THIRD_PARTY_AUTH_ERROR": true, "PERMISSION_DENIED": true, "QUOTA_EXCEEDED": true, "INTERNAL": true, "UNAVAILABLE": true}

// verdicts are the response tables of the platforms: 01-apns, 02-fcm-v1, 03-wns, 06-webpush, and docs/push.md for webhooks.
func verdicts() map[notify.Platform][]*answer {
	table := map[notify.Platform][]*answer{}
	for p, rows := range map[notify.Platform]map[fate][]string{
		notify.APNs: {
			misfiled: {"400 BadDeviceToken", "400 DeviceTokenNotForTopic"},
			ours: {"400 TopicDisallowed", "400 BadTopic", "400 MissingTopic", "403 BadCertificate", "403 BadCertificateEnvironment",
				"403 Forbidden", "403 InvalidProviderToken", "403 MissingProviderToken", "403 ExpiredProviderToken",
				"403 UnrelatedKeyIdInToken", "403 BadEnvironmentKeyIdInToken"},
			failed: {"400 MissingDeviceToken", "400 BadMessageId", "400 BadExpirationDate", "400 BadPriority", "400 BadCollapseId",
				"400 DuplicateHeaders", "400 PayloadEmpty", "400 InvalidPushType", "404 BadPath", "405 MethodNotAllowed", "413 PayloadTooLarge"},
			gone:  {"410 Unregistered", "410 ExpiredToken"},
			again: {"400 IdleTimeout", "429 TooManyRequests", "500 InternalServerError", "503 Shutdown"},
			held:  {"429 TooManyProviderTokenUpdates"},
			down:  {"503 ServiceUnavailable"},
		},
		notify.FCM: {
			gone:     {"404 UNREGISTERED", "400 BAD_TOKEN", "400 BAD_TOKEN_FIELD"},
			misfiled: {"403 SENDER_ID_MISMATCH", "400 BAD_PACKAGE"},
			failed:   {"400 BAD_FIELD", "400 BAD_JSON", "400 TOO_BIG", "400 UNSPECIFIED_ERROR"},
			ours:     {"401 UNAUTHENTICATED", "401 THIRD_PARTY_AUTH_ERROR", "403 PERMISSION_DENIED"},
			again:    {"429 DEVICE_QUOTA", "500 INTERNAL"},
			held:     {"429 PROJECT_QUOTA", "429 QUOTA_EXCEEDED"},
			down:     {"503 UNAVAILABLE"},
		},
		notify.WNS: {
			gone:     {"404", "410"},
			misfiled: {"403"},
			failed:   {"400", "405", "413"},
			ours:     {"401", "410 Domain Blocked"},
			again:    {"412", "500"},
			held:     {"406", "429"},
			down:     {"503"},
		},
		notify.WebPush: {
			gone:     {"410"},
			misfiled: {"401", "403", "404"}, // a stranger's 404 may be a fault of its own
			failed:   {"400", "413"},
			again:    {"406", "429", "500", "502", "503", "507"},
		},
		notify.Webhook: {
			gone:     {"410"},
			misfiled: {"401", "403", "404"},
			failed:   {"301", "400", "422"},
			again:    {"408", "429", "500", "503"},
		},
	} {
		for want, words := range rows {
			for _, w := range words {
				status, reason, _ := strings.Cut(w, " ")
				fault := "status: " + status
				if reason != "" {
					fault += ", reason: " + reason
				}
				word := status
				switch {
				case p == notify.APNs || ownWords[reason]:
					word = reason
				case p == notify.FCM: // the simulator's name for an answer whose words are others
					word = ""
				}
				table[p] = append(table[p], &answer{fault: fault, want: want, reason: word})
			}
		}
	}
	for _, p := range []notify.Platform{notify.APNs, notify.FCM, notify.WNS, notify.WebPush, notify.Webhook} {
		table[p] = append(table[p], &answer{want: taken})
	}
	table[notify.WNS] = append(table[notify.WNS],
		&answer{fault: "header: {X-WNS-NotificationStatus: dropped}", want: failed, reason: "dropped"},
		&answer{fault: "header: {X-WNS-NotificationStatus: channelthrottled}", want: again, reason: "channelthrottled"})
	for p, rows := range table {
		for i, a := range rows {
			a.app = fmt.Sprintf("%s-%d", p, i)
		}
	}
	return table
}

// TestEveryAnswerIsActedOn: for every answer of every platform, the action taken, the device's state after it, and what
// the API and trace say; then the platform mends itself, and what waited goes out.
func TestEveryAnswerIsActedOn(t *testing.T) {
	clock := notifytest.NewClock(time.Now()) // certificates are of today
	r := run(t, Options{Clock: clock})
	table := verdicts()
	c, h := manyApps(t, r, table, clock)
	for p, rows := range table {
		for _, a := range rows {
			a.begin(t, r, h, c, p)
		}
	}
	for p, rows := range table {
		for _, a := range rows {
			t.Run(string(p)+" "+a.fault, func(t *testing.T) { a.look(t, c) })
		}
	}
	for p, rows := range table {
		for _, a := range rows {
			r.want(http.MethodDelete, "/faults?platform="+string(p)+"&token="+url.QueryEscape(a.token), "", nil)
		}
	}
	defer func() {
		for _, rows := range table {
			for _, a := range rows {
				if t.Failed() && !a.settled(t, c) {
					t.Logf("%s, %s: %+v", a.app, a.fault, a.delivery(t, c))
				}
			}
		}
	}()
	all := func() bool {
		for _, rows := range table {
			for _, a := range rows {
				if !a.settled(t, c) {
					return false
				}
			}
		}
		return true
	}
	for deadline := time.Now().Add(patience); !all(); clock.Advance(time.Minute) {
		if time.Now().After(deadline) {
			t.Fatal("what waited was not told, or what is gone not retired")
		}
	}
}

// manyApps starts a hub with an app for each row, so that the rows do not meet in a lane.
func manyApps(t *testing.T, r *running, table map[notify.Platform][]*answer, clock notify.Clock) (*client.Client, *notify.Hub) {
	t.Helper()
	head, apps, _ := strings.Cut(r.want(http.MethodGet, "/apps.yaml", "", nil), "apps:\n")
	sections := map[notify.Platform]string{}
	var current notify.Platform
	for line := range strings.Lines(apps) {
		if name := strings.TrimSuffix(strings.TrimSpace(line), ":"); strings.HasPrefix(line, "    ") && line[4] != ' ' {
			current = notify.Platform(name)
		}
		if current != "" {
			sections[current] += line
		}
	}
	var b strings.Builder
	b.WriteString("listen: 127.0.0.1:0\n" + head + "apps:\n")
	for p, rows := range table {
		for _, a := range rows {
			fmt.Fprintf(&b, "  - id: %s\n%s", a.app, sections[p])
		}
	}
	config, err := configs.Parse(filepath.Join(t.TempDir(), "allim.yaml"), []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	a := started(t, app.Options{Config: config, Clock: clock, Synchronous: sqlite.Normal})
	key, secret, err := api.NewKey("test", []notify.Scope{notify.ScopeAdmin}, clock)
	if err == nil {
		err = a.Store().PutKey(t.Context(), key, notify.HashSecret(secret))
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Options{URL: a.URL(), Key: secret, HTTP: r.client})
	if err != nil {
		t.Fatal(err)
	}
	return c, a.Hub()
}

// begin registers a person with one device, scripts the answer, and sends.
func (a *answer) begin(t *testing.T, r *running, h *notify.Hub, c *client.Client, p notify.Platform) {
	t.Helper()
	if _, _, err := c.PutUser(t.Context(), a.app, wire.UserInput{}); err != nil {
		t.Fatal(err)
	}
	in := wire.DeviceInput{App: a.app, Platform: p}
	switch p {
	case notify.APNs:
		in.Token = fmt.Sprintf("%x", sha256.Sum256([]byte(a.app)))
	case notify.FCM:
		in.Token = fmt.Sprintf("fcmtoken-%8.8s:APA91b", a.app+"-------") + strings.Repeat("x", 120)
	case notify.WNS:
		in.Token = fresh(t, r, "/wns/channels")
	case notify.Webhook:
		in.Token = fresh(t, r, "/webhook/hooks")
	case notify.WebPush:
		key, err := h.PublicKey(a.app)
		if err != nil {
			t.Fatal(err)
		}
		in.Subscription = &wire.Subscription{}
		r.want(http.MethodPost, "/webpush/subscriptions?key="+key, "", in.Subscription)
	}
	a.token = in.Token
	if in.Subscription != nil {
		a.token = in.Subscription.Endpoint
	}
	var err error
	if a.device, _, err = c.RegisterDevice(t.Context(), a.app, in); err != nil {
		t.Fatalf("%s: %v", p, err)
	}
	if a.fault != "" {
		a.script(t, r, p)
	}
	sent, err := c.Send(t.Context(), wire.NotificationInput{To: wire.Audience{Users: []string{a.app}},
		Content: wire.Content{Title: "점심"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	a.id = sent.ID
}

func (a *answer) script(t *testing.T, r *running, p notify.Platform) {
	t.Helper()
	r.want(http.MethodPost, "/faults", fmt.Sprintf("faults: [{platform: %s, token: %q, times: -1, %s}]", p, a.token, a.fault), nil)
}

// look waits for the first attempt, and compares what the API and the trace say.
func (a *answer) look(t *testing.T, c *client.Client) {
	var d wire.Delivery
	notifytest.Until(t, "the attempt", func() bool { d = a.delivery(t, c); return d.Attempt > 0 })
	got := fate{delivery: d.State}
	defer func() {
		if got != a.want {
			t.Logf("it became %+v, want %+v", got, a.want)
		}
	}()
	notifytest.Until(t, "the fate", func() bool {
		device, err := c.Device(t.Context(), a.device.ID)
		if err != nil {
			t.Fatal(err)
		}
		lanes, err := c.Lanes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lanes.Lanes {
			if l.App == a.app {
				got.lane = l.State
			}
		}
		got.device = device.State
		return got == a.want
	})
	if !strings.Contains(d.Reason, a.reason) {
		t.Errorf("the API's reason is %q, without %q", d.Reason, a.reason)
	}
	trace, err := c.Trace(t.Context(), d.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range trace.Steps {
		if s.Step == string(a.want.delivery) && strings.Contains(s.Text, "attempt 1") && strings.Contains(s.Text, a.reason) {
			return
		}
	}
	t.Errorf("the trace does not tell it: %+v", trace.Steps)
}

// settled tells whether the row has come to its end after the platform mended itself.
func (a *answer) settled(t *testing.T, c *client.Client) bool {
	device, err := c.Device(t.Context(), a.device.ID)
	if err != nil {
		t.Fatal(err)
	}
	state := a.delivery(t, c).State
	switch {
	case a.want == misfiled: // nothing showed that the fault was ours
		return state == notify.DeliveryFailed && device.State == notify.DeviceSuspect
	case a.want.delivery == notify.DeliveryPending:
		return state == notify.DeliveryAccepted && device.State == notify.DeviceActive
	case a.want.delivery == notify.DeliveryGone:
		return state == notify.DeliveryGone && device.State == notify.DeviceRetired
	}
	return state == a.want.delivery && device.State == a.want.device
}

func (a *answer) delivery(t *testing.T, c *client.Client) wire.Delivery {
	t.Helper()
	list, err := c.Deliveries(t.Context(), a.id, "", client.Page{})
	if err != nil || len(list.Deliveries) != 1 {
		t.Fatalf("%s: %+v, %v", a.app, list, err)
	}
	return list.Deliveries[0]
}

func fresh(t *testing.T, r *running, path string) string {
	t.Helper()
	var made struct{ Token string }
	r.want(http.MethodPost, path, "", &made)
	return made.Token
}
