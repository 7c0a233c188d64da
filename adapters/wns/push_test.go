package wns

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

// What arrives is what was sent: the toast, then its badge; a raw push; a badge alone.
func TestPush(t *testing.T) {
	h := newHouse(t, entra, sim.WNSOptions{}, "")
	d := h.device(t)
	raw, alone := full(), notify.Notification{ID: "1", Silent: true, Content: notify.Content{Badge: ptr(0)}}
	raw.Silent = true
	for _, n := range []notify.Notification{full(), raw, alone} {
		if got := h.deliver(t, n, d)[0]; got.Verdict != notify.Accepted || got.Status != 200 {
			t.Fatalf("%+v", got)
		}
	}
	got := h.sim.Messages(d.Token)
	if len(got) != 4 || len(h.sim.Problems()) > 0 {
		t.Fatalf("%+v %q", got, h.sim.Problems())
	}
	c := full().Content
	if m := got[0]; m.Toast == nil || m.Toast.Text[0] != c.Title || m.TTL != "3600" || m.Tag == "" || m.Group == "" {
		t.Errorf("the toast: %+v", m)
	}
	if m := got[1]; m.Type != typeBadge || m.Badge != "120" || m.TTL != "" || m.Tag != "" {
		t.Errorf("its badge: %+v", m)
	}
	if m := got[2]; m.Type != typeRaw || !strings.Contains(string(m.Raw), `"folder":"INBOX"`) || !strings.Contains(string(m.Raw), notify.DeliveryID(1, 1)) {
		t.Errorf("the raw push: %+v", m)
	}
	if m := got[3]; m.Type != typeBadge || m.Badge != "0" {
		t.Errorf("the badge alone: %+v", m)
	}
}

// A badge that is not taken does not change what became of its toast; a toast that is not taken has none.
func TestBadgeIsBestEffort(t *testing.T) {
	h := newHouse(t, entra, sim.WNSOptions{}, "")
	d := h.device(t)
	h.sim.SetDevice(d.Token, "connected", typeBadge)
	if got := h.deliver(t, full(), d)[0]; got.Verdict != notify.Accepted {
		t.Errorf("%+v", got)
	}
	h.sim.SetDevice(d.Token, "connected", typeToast)
	if got := h.deliver(t, full(), d)[0]; got.Verdict != notify.Failed || !strings.Contains(got.Reason, "dropped") {
		t.Errorf("%+v", got)
	}
	if n := h.sim.Accepted(typeBadge); n != 0 {
		t.Errorf("%d badges", n)
	}
}

// A notice that may not be kept is sent without a TTL, which WNS would refuse beside "cache".
func TestTiming(t *testing.T) {
	h := newHouse(t, entra, sim.WNSOptions{}, "")
	d := h.device(t)
	p, err := h.adapter.Render(notice(), notify.Variant{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		left        time.Duration
		ttl, policy string
	}{{0, "", "no-cache"}, {-time.Hour, "", "no-cache"}, {time.Second, "60", "cache"}, {time.Minute, "60", "cache"},
		{90 * time.Second, "90", "cache"}, {notify.MaxTTL, "2419200", "cache"}} {
		got := pushAll(t, h.adapter, []notify.Delivery{{ID: notify.DeliveryID(1, 1), Device: d, Payload: p, Attempt: 2, Expires: start.Add(c.left)}})[0]
		entries := h.sim.Log().Entries()
		e := entries[len(entries)-1]
		if got.Verdict != notify.Accepted || e.Get("X-Wns-Ttl") != c.ttl || e.Get("X-Wns-Cache-Policy") != c.policy {
			t.Errorf("%s left: TTL %q, policy %q, %+v", c.left, e.Get("X-Wns-Ttl"), e.Get("X-Wns-Cache-Policy"), got)
		}
		id := uuid.MustParse(notify.DeliveryID(1, 1))
		if want := base64.RawStdEncoding.EncodeToString(id[:]) + ".2.1"; e.Get("Ms-Cv") != want {
			t.Errorf("MS-CV %q, want %q", e.Get("Ms-Cv"), want)
		}
		if e.Get("Content-Length") == "" && e.Get("Transfer-Encoding") != "" {
			t.Error("it is chunked")
		}
	}
	// A device that is away gets what may be kept, and the hub hears when it was not.
	h.sim.SetDevice(d.Token, "disconnected")
	got := pushAll(t, h.adapter, []notify.Delivery{{ID: notify.DeliveryID(1, 2), Device: d, Payload: p, Attempt: 1, Expires: start}})[0]
	if got.Verdict != notify.Failed || got.Reason != "200 dropped device disconnected" {
		t.Errorf("%+v", got)
	}
	if got := h.deliver(t, notice(), d)[0]; got.Verdict != notify.Accepted {
		t.Errorf("%+v", got)
	}
}

// What the simulator says by itself, as WNS does.
func TestWords(t *testing.T) {
	h := newHouse(t, entra, sim.WNSOptions{PerMinute: 20}, "")
	other, err := h.sim.NewChannel(uwp)
	if err != nil {
		t.Fatal(err)
	}
	old, limited := h.device(t), h.device(t)
	h.sim.Expire(old.Token)
	h.sim.Limit(limited.Token, true)
	mangled := notify.Device{Token: strings.ReplaceAll(h.device(t).Token, "%2f", "%2F")}
	for i, c := range []struct {
		d    notify.Device
		want notify.Verdict
		in   time.Duration
	}{{old, notify.Gone, 0}, {notify.Device{Token: other}, notify.Suspect, 0}, {mangled, notify.Gone, 0}, {limited, notify.Retry, waitChannel},
		{h.device(t), notify.Accepted, 0}} {
		got := h.deliver(t, notice(), c.d)[0]
		if got.Verdict != c.want || got.WholeLane || c.in > 0 && !got.At.Equal(start.Add(c.in)) {
			t.Errorf("%d: %+v", i, got)
		}
	}
	h.sim.Block(true)
	if got := h.deliver(t, notice(), h.device(t))[0]; got.Verdict != notify.Misconfigured || !strings.Contains(got.Reason, "Domain Blocked") {
		t.Errorf("blocked: %+v", got)
	}
	h.sim.Block(false)
	// Too many in a minute: those that came too late are kept, and nothing more is sent.
	devices := make([]notify.Device, 200)
	for i := range devices {
		devices[i] = h.device(t)
	}
	before := h.sim.Log().Counts().Requests
	accepted := 0
	for _, got := range h.deliver(t, notice(), devices...) {
		switch {
		case got.Verdict == notify.Accepted:
			accepted++
		case got.Verdict != notify.Retry || !got.WholeLane || !got.At.Equal(start.Add(time.Minute)):
			t.Fatalf("throttled: %+v", got)
		}
	}
	if sent := h.sim.Log().Counts().Requests - before; accepted < 15 || accepted > 20 || sent > 60 {
		t.Errorf("%d were accepted of %d sent", accepted, sent)
	}
	// 30 days later every channel has expired.
	h.clock.Advance(31 * 24 * time.Hour)
	if got := h.deliver(t, notice(), devices[0])[0]; got.Verdict != notify.Gone {
		t.Errorf("%+v", got)
	}
}

// One host that is dead costs only its own channels; when nothing answers anywhere, it is the lane.
func TestSilence(t *testing.T) {
	h := newHouse(t, entra, sim.WNSOptions{}, "")
	d := h.device(t)
	h.deliver(t, notice(), d)
	_ = h.sim.Close()
	whole := false
	for i := range sickAfter {
		got := h.deliver(t, notice(), d)[0]
		if got.Verdict != notify.Retry {
			t.Fatalf("%d: %+v", i, got)
		}
		whole = whole || got.WholeLane
		h.clock.Advance(push.MaxRetryAfter / 1000)
	}
	if !whole {
		t.Error("the lane does not hear of it")
	}
}

// The same words mean the same under either name and in either case; what else stands in an answer changes nothing.
func TestStatusHeaders(t *testing.T) {
	for header, want := range map[string]notify.Verdict{
		"X-WNS-Status: received": notify.Accepted, "X-WNS-NotificationStatus: Received": notify.Accepted, "": notify.Accepted,
		"X-WNS-Status: DROPPED": notify.Failed, "X-WNS-NotificationStatus: dropped": notify.Failed,
		"X-WNS-Status: ChannelThrottled": notify.Retry, "X-WNS-NotificationStatus: channelthrottled": notify.Retry,
	} {
		r := push.Reply{Status: 200, Header: http.Header{}}
		if name, value, ok := strings.Cut(header, ": "); ok {
			r.Header.Set(name, value)
		}
		if got := judge(r, start); got.Verdict != want {
			t.Errorf("%s: %+v", header, got)
		}
	}
}

// Whatever an answer holds, nobody is gone or stops the lane but by the statuses and words for it.
func FuzzJudge(f *testing.F) {
	f.Add(410, "Domain Blocked", "120", "dropped", "")
	f.Add(406, "https://db3.notify.windows.com/?token=secret", "Mon, 23 Nov 2026 10:00:00 GMT", "\r\n", "domain is blocked")
	f.Fuzz(func(t *testing.T, status int, description, after, word, body string) {
		r := push.Reply{Status: status, Body: []byte(body), Header: http.Header{"Retry-After": {after}, "X-Wns-Status": {word},
			"X-Wns-Error-Description": {description}, "X-Wns-Deviceconnectionstatus": {word}}}
		got := judge(r, start)
		switch {
		case got.Verdict == notify.Gone && status != 404 && status != 410,
			got.Verdict == notify.Accepted && (status < 200 || status > 299),
			got.Verdict == notify.Misconfigured && status != 401 && status != 407 && status != 410,
			got.Verdict != notify.Retry && (!got.At.IsZero() || got.WholeLane),
			got.At.After(start.Add(push.MaxRetryAfter)) || !got.At.IsZero() && got.At.Before(start),
			len(got.Reason) > 1000 || strings.ContainsAny(got.Reason, "\r\n/?"):
			t.Errorf("status %d, %q: %+v", status, description, got)
		}
	})
}
