package webpush

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

var allModes = []sim.PushMode{sim.ModeRFC, sim.ModeMozilla, sim.ModeGoogle, sim.ModeEdge, sim.ModeApple, sim.ModeUnifiedPush}

func TestEveryServiceTakesIt(t *testing.T) { both(t, testEveryServiceTakesIt) }

func testEveryServiceTakesIt(t *testing.T, via string) {
	for name, o := range map[string]sim.WebPushOptions{"HTTP2": {}, "HTTP1": {HTTP1: true}, "plain": {PlainHTTP: true}} {
		t.Run(name, func(t *testing.T) { everyServiceTakesIt(t, o, via) })
	}
}

func everyServiceTakesIt(t *testing.T, o sim.WebPushOptions, via string) {
	h := newHouse(t, o, via+"http_hosts: [push.example.net, updates.push.services.mozilla.com, fcm.googleapis.com, "+
		"wns2-par02p.notify.windows.com, web.push.apple.com, ntfy.example.org]\n")
	for _, mode := range allModes {
		t.Run(string(mode), func(t *testing.T) {
			d := h.device(t, mode)
			got := h.deliver(t, notice(), d)[0]
			if got.Verdict != notify.Accepted {
				t.Fatalf("outcome %+v", got)
			}
			list := h.sim.Messages(d.Token)
			if len(list) != 1 {
				t.Fatalf("the browser got %d messages", len(list))
			}
			m := list[0]
			if m.Problem != "" || m.Shown == nil || m.Shown.Title != "김민수" || m.Shown.Body != "내일 회의 <10시> & 점심" ||
				m.Shown.Navigate != "https://mail.example.com/7" || m.Shown.Tag != "mail-7" {
				t.Errorf("the browser got %s (%s)", m.Text, m.Problem)
			}
			if m.TTL != time.Hour || m.Urgency != "high" || m.Topic != topic("mail-7") || m.Delivery != notify.DeliveryID(1, 1) {
				t.Errorf("TTL %s, urgency %s, topic %s, delivery %s", m.TTL, m.Urgency, m.Topic, m.Delivery)
			}
		})
	}
	if p := h.sim.Problems(); len(p) != 0 {
		t.Errorf("problems: %q", p)
	}
}

// Thousands of messages in buffers that are used again, with answers before the body was read, lost connections and
// another try each: every browser can read its own, and gets its own id.
func TestBuffersAreNotMixedUp(t *testing.T) { both(t, testBuffersAreNotMixedUp) }

func testBuffersAreNotMixedUp(t *testing.T, via string) {
	for name, o := range map[string]sim.WebPushOptions{"HTTP2": {}, "HTTP1": {HTTP1: true}} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, o, via)
			devices := make([]notify.Device, 60)
			for i := range devices {
				devices[i] = h.device(t, allModes[i%len(allModes)])
			}
			for round := range 20 {
				h.sim.Script(devices[round].Token, sim.Fault{Drop: sim.DropBefore})
				h.sim.Script(devices[round+20].Token, sim.Fault{Status: 413})
				n := notice()
				n.Content.Body = strings.Repeat("가", 10+40*round)
				h.deliver(t, n, devices...)
				h.clock.Advance(time.Hour)
			}
			for i, d := range devices {
				list := h.sim.Messages(d.Token)
				if len(list) < 15 {
					t.Errorf("device %d got %d messages", i, len(list))
				}
				for _, m := range list {
					if m.Delivery != notify.DeliveryID(1, int64(i+1)) {
						t.Errorf("device %d got the message of %s", i, m.Delivery)
					}
				}
			}
			if p := h.sim.Problems(); len(p) != 0 {
				t.Errorf("problems: %q", p)
			}
		})
	}
}

func TestRequestIsAsTheRFCsSay(t *testing.T) { both(t, testRequestIsAsTheRFCsSay) }

func testRequestIsAsTheRFCsSay(t *testing.T, via string) {
	h := newHouse(t, sim.WebPushOptions{}, via)
	d := h.device(t, sim.ModeEdge)
	h.deliver(t, notice(), d)
	h.deliver(t, notice(), d)
	log := h.sim.Log().Entries()
	if len(log) != 2 {
		t.Fatalf("%d requests", len(log))
	}
	e := log[0]
	if !strings.HasSuffix(d.Token, e.Path) {
		t.Errorf("the target %q is not the endpoint's, byte for byte", e.Path)
	}
	for name, want := range map[string]string{"Content-Encoding": "aes128gcm", "Content-Type": "application/octet-stream",
		"Ttl": "3600", "Urgency": "high", "Topic": topic("mail-7"), "Accept-Encoding": "", "Transfer-Encoding": ""} {
		if got := e.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if (len(e.Body)-headerLen-tagLen-1)%padStep != 0 {
		t.Errorf("%d bytes of body: not padded to a step", len(e.Body))
	}
	if string(e.Body[:headerLen]) == string(log[1].Body[:headerLen]) || string(e.Body[21:86]) == string(log[1].Body[21:86]) {
		t.Error("two messages share a salt or a key")
	}
	if e.Get("Authorization") != log[1].Get("Authorization") {
		t.Error("the VAPID token was made anew for the second push")
	}
	if log[1].Conn != e.Conn {
		t.Error("the second push opened another connection")
	}
}

func TestTTL(t *testing.T) { both(t, testTTL) }

func testTTL(t *testing.T, via string) {
	h := newHouse(t, sim.WebPushOptions{}, via)
	payload, err := h.adapter.Render(notice(), notify.Variant{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mode sim.PushMode
		left time.Duration // 0: no expiry
		want string
	}{
		{sim.ModeGoogle, 0, "2419200"}, {sim.ModeGoogle, time.Minute, "60"}, {sim.ModeGoogle, 90 * 24 * time.Hour, "2419200"},
		{sim.ModeGoogle, time.Millisecond, "0"}, {sim.ModeGoogle, -time.Hour, "0"}, {sim.ModeEdge, time.Millisecond, "1"},
		{sim.ModeEdge, 2 * time.Second, "2"},
	} {
		delivery := notify.Delivery{ID: notify.DeliveryID(1, 1), Device: h.device(t, c.mode), Payload: payload}
		if c.left != 0 {
			delivery.Expires = h.clock.Now().Add(c.left)
		}
		if o := sendAll(t, h.adapter, []notify.Delivery{delivery})[0]; o.Verdict != notify.Accepted {
			t.Errorf("%s, %s: %+v", c.mode, c.left, o)
		}
		log := h.sim.Log().Entries()
		if got := log[len(log)-1].Get("Ttl"); got != c.want {
			t.Errorf("%s with %s left: TTL %s, want %s", c.mode, c.left, got, c.want)
		}
	}
}

func TestQueueOfTheService(t *testing.T) { both(t, testQueueOfTheService) }

func testQueueOfTheService(t *testing.T, via string) {
	h := newHouse(t, sim.WebPushOptions{}, via)
	d := h.device(t, sim.ModeMozilla)
	h.sim.SetOnline(d.Token, false)
	first, second, other := notice(), notice(), notice()
	first.Content.Title, second.Content.Title = "first", "second"
	other.CollapseKey, other.Content.Title = "mail-8", "other"
	for _, n := range []notify.Notification{first, second, other} {
		if o := h.deliver(t, n, d)[0]; o.Verdict != notify.Accepted {
			t.Fatalf("%+v", o)
		}
	}
	if n := h.sim.Stored(d.Token); n != 2 {
		t.Errorf("%d messages wait, want 2: the second replaces the first", n)
	}
	h.sim.SetOnline(d.Token, true)
	if got := h.sim.Notifications(d.Token); len(got) != 2 || got[0].Title != "second" || got[1].Title != "other" {
		t.Errorf("shown: %+v", got)
	}
	h.sim.SetOnline(d.Token, false)
	h.deliver(t, first, d)
	h.clock.Advance(time.Hour)
	if n := h.sim.Stored(d.Token); n != 0 {
		t.Error("a message outlived its TTL")
	}
}

func TestSilent(t *testing.T) { both(t, testSilent) }

func testSilent(t *testing.T, via string) {
	h := newHouse(t, sim.WebPushOptions{}, via)
	n := notice()
	n.Silent, n.Content = true, notify.Content{Data: map[string]string{"sync": "mail"}}
	safari, chrome := h.device(t, sim.ModeApple), h.device(t, sim.ModeGoogle)
	out := h.deliver(t, n, safari, chrome)
	if out[0].Verdict != notify.Failed || !strings.Contains(out[0].Reason, "unsupported") {
		t.Errorf("Apple: %+v", out[0])
	}
	if len(h.sim.Messages(safari.Token)) != 0 {
		t.Error("a silent push went to Apple: the page loses its permission")
	}
	got := h.sim.Messages(chrome.Token)
	if out[1].Verdict != notify.Accepted || len(got) != 1 || got[0].Shown != nil {
		t.Fatalf("Google: %+v, %+v", out[1], got)
	}
	var text struct{ Data map[string]any }
	if err := json.Unmarshal(got[0].Text, &text); err != nil || text.Data["sync"] != "mail" || got[0].Delivery != notify.DeliveryID(1, 2) {
		t.Errorf("silent text %s, %v", got[0].Text, err)
	}
}

// A service refuses a body that others take: it gets a smaller one at once, and from then on.
func TestSmallerBodies(t *testing.T) { both(t, testSmallerBodies) }

func testSmallerBodies(t *testing.T, via string) {
	h := newHouse(t, sim.WebPushOptions{}, via)
	d, other := h.device(t, sim.ModeMozilla), h.device(t, sim.ModeMozilla)
	h.sim.SetBridge(d.Token, 2800)
	n := notice()
	n.Content.Body = strings.Repeat("가나다라 ", 300)
	n.Content.Image = "https://example.com/i.png"
	for i, o := range h.deliver(t, n, d, other) {
		if o.Verdict != notify.Accepted {
			t.Errorf("%d: %+v", i, o)
		}
	}
	small, whole := h.sim.Messages(d.Token), h.sim.Messages(other.Token)
	if len(small) != 1 || len(small[0].Text) > smallPayload || small[0].Shown == nil || small[0].Delivery == "" {
		t.Fatalf("behind a bridge: %+v", small)
	}
	if len(whole) != 1 || len(whole[0].Text) <= smallPayload {
		t.Errorf("elsewhere: %d messages", len(whole))
	}
	before := h.sim.Log().Counts().Requests
	h.deliver(t, n, d)
	if n := h.sim.Log().Counts().Requests - before; n != 1 {
		t.Errorf("%d requests for the second push: the limit was not remembered", n)
	}
	h.sim.SetBridge(d.Token, 1000)
	if o := h.deliver(t, n, d)[0]; o.Verdict != notify.Failed || o.Status != 413 {
		t.Errorf("nothing is small enough: %+v", o)
	}
}

// A padded message that is too large only because of its padding goes without.
func TestPaddingIsDroppedWhenRefused(t *testing.T) { both(t, testPaddingIsDroppedWhenRefused) }

func testPaddingIsDroppedWhenRefused(t *testing.T, via string) {
	h := newHouse(t, sim.WebPushOptions{}, via)
	d := h.device(t, sim.ModeMozilla)
	text, err := h.adapter.Render(notice(), notify.Variant{Locale: "ko-KR"})
	if err != nil {
		t.Fatal(err)
	}
	h.sim.SetBridge(d.Token, headerLen+len(text.Body)+1+tagLen)
	if o := h.deliver(t, notice(), d)[0]; o.Verdict != notify.Accepted {
		t.Errorf("%+v", o)
	}
}

func TestAnotherTokenIsTriedOnce(t *testing.T) { both(t, testAnotherTokenIsTriedOnce) }

func testAnotherTokenIsTriedOnce(t *testing.T, via string) {
	for _, c := range []struct {
		name   string
		mode   sim.PushMode
		faults []sim.Fault
		want   notify.Verdict
		pushes int64
	}{
		{"helps", sim.ModeGoogle, []sim.Fault{{Status: 403, Reason: "invalid JWT provided"}}, notify.Accepted, 2},
		{"does not help", sim.ModeMozilla, []sim.Fault{{Status: 401, Reason: "Invalid VAPID token", Times: 2}}, notify.Misconfigured, 2},
		{"Apple within an hour", sim.ModeApple, []sim.Fault{{Status: 403, Reason: "BadJwtToken"}}, notify.Misconfigured, 1},
		{"key of somebody else", sim.ModeGoogle, []sim.Fault{{Status: 403, Reason: "the VAPID credentials in the authorization header do not correspond"}}, notify.Suspect, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, sim.WebPushOptions{}, via)
			d := h.device(t, c.mode)
			h.sim.Script(d.Token, c.faults...)
			if o := h.deliver(t, notice(), d)[0]; o.Verdict != c.want {
				t.Errorf("%+v, want %s", o, c.want)
			}
			if n := h.sim.Log().Counts().Requests; n != c.pushes {
				t.Errorf("%d requests, want %d", n, c.pushes)
			}
		})
	}
}

// The key was changed behind the browsers' backs: each service says so in its words, and nobody is gone.
func TestSubscriptionsOfAnotherKey(t *testing.T) { both(t, testSubscriptionsOfAnotherKey) }

func testSubscriptionsOfAnotherKey(t *testing.T, via string) {
	h := newHouse(t, sim.WebPushOptions{}, via)
	own := h.key
	stranger := testSigner(t)
	for _, mode := range allModes {
		h.key = stranger.public
		d := h.device(t, mode)
		h.key = own
		if o := h.deliver(t, notice(), d)[0]; o.Verdict != notify.Suspect || o.Reason == "" {
			t.Errorf("%s: %+v", mode, o)
		}
	}
}

func TestStop(t *testing.T) { both(t, testStop) }

func testStop(t *testing.T, via string) {
	h := newHouse(t, sim.WebPushOptions{}, via)
	stuck := h.device(t, sim.ModeGoogle)
	h.sim.Script(stuck.Token, sim.Fault{Stall: true, Times: -1})
	payload, err := h.adapter.Render(notice(), notify.Variant{})
	if err != nil {
		t.Fatal(err)
	}
	list := make([]notify.Delivery, 200)
	for i := range list {
		list[i] = notify.Delivery{ID: notify.DeliveryID(1, int64(i+1)), Device: stuck, Payload: payload}
	}
	ctx, cancel := context.WithCancel(context.Background())
	out := make(chan notify.Outcome, 2*len(list))
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.adapter.Push(ctx, list, func(_ int, o notify.Outcome) { out <- o })
	}()
	notifytest.Until(t, "128 requests under way", func() bool { return h.sim.Log().Counts().Requests >= 128 })
	cancel()
	notifytest.Receive(t, "the end of Push", done)
	close(out)
	n := 0
	for o := range out {
		if n++; o.Verdict != notify.Retry || !o.At.IsZero() {
			t.Fatalf("%+v", o)
		}
	}
	if n != len(list) {
		t.Errorf("%d of %d settled", n, len(list))
	}
	if got := h.sim.Log().Counts().Requests; got != 128 {
		t.Errorf("%d requests at once, want 128", got)
	}
}

// The answer is lost after the service took the push: the repeat carries the same id, topic and tag.
func TestLostAnswer(t *testing.T) { both(t, testLostAnswer) }

func testLostAnswer(t *testing.T, via string) {
	h := newHouse(t, sim.WebPushOptions{}, via)
	d := h.device(t, sim.ModeGoogle)
	h.sim.Script(d.Token, sim.Fault{Drop: sim.DropAfter, Times: 2})
	if o := h.deliver(t, notice(), d)[0]; o.Verdict != notify.Retry || o.Reason == "" {
		t.Fatalf("%+v", o)
	}
	if o := h.deliver(t, notice(), d)[0]; o.Verdict != notify.Accepted {
		t.Fatalf("%+v", o)
	}
	c := h.sim.Log().Counts()
	if c.Accepted != 1 || c.Duplicates != 2 || len(h.sim.Notifications(d.Token)) != 1 {
		t.Errorf("counts %+v, shown %+v", c, h.sim.Notifications(d.Token))
	}
}

func TestPushToNothing(t *testing.T) { both(t, testPushToNothing) }

func testPushToNothing(t *testing.T, via string) {
	h := newHouse(t, sim.WebPushOptions{}, via)
	d := h.device(t, sim.ModeGoogle)
	for name, change := range map[string]func(*notify.Device){
		"a private address": func(d *notify.Device) { d.Token = "https://10.0.0.1/push" },
		"a dead host":       func(d *notify.Device) { d.Token = "https://permanently-removed.invalid/fcm/send/x" },
		"no URL":            func(d *notify.Device) { d.Token = "::" },
		"a key off the curve": func(d *notify.Device) {
			d.P256dh = append([]byte(nil), d.P256dh...)
			d.P256dh[9] ^= 1
		},
		"no key": func(d *notify.Device) { d.P256dh, d.Auth = nil, nil },
	} {
		bad := d
		change(&bad)
		if o := h.deliver(t, notice(), bad)[0]; o.Verdict != notify.Suspect && o.Verdict != notify.Failed {
			t.Errorf("%s: %+v", name, o)
		}
	}
	if n := h.sim.Log().Counts().Requests; n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

// No reason may hold anything of the endpoint, whatever the service says.
func TestReasonsHoldNoEndpoint(t *testing.T) { both(t, testReasonsHoldNoEndpoint) }

func testReasonsHoldNoEndpoint(t *testing.T, via string) {
	h := newHouse(t, sim.WebPushOptions{}, via)
	for _, mode := range allModes {
		d := h.device(t, mode)
		path := strings.TrimPrefix(d.Token[len("https://"):], "/")
		secret := path[strings.IndexAny(path, "/")+1:]
		for _, status := range []int{302, 400, 401, 403, 404, 410, 413, 418, 429, 500, 503} {
			h.sim.Script(d.Token, sim.Fault{Status: status, Reason: "see " + secret, Header: map[string]string{
				"X-WNS-Error-Description": "bad " + secret, "Location": d.Token}, Times: 2})
			o := h.deliver(t, notice(), d)[0]
			h.sim.ClearScript(d.Token)
			if strings.Contains(o.Reason, secret[:12]) || o.Verdict == notify.Accepted || o.Status != status {
				t.Errorf("%s %d: %+v", mode, status, o)
			}
			h.clock.Advance(2 * time.Hour)
		}
	}
}
