package fcm

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

var update = flag.Bool("update", false, "write the golden files anew")

var full = notify.Content{Title: "Kim Minji", Subtitle: "Budget", Body: "Can you look at this before noon? <1 & 2>",
	URL: "https://mail.example.com/m/1?a=1&b=2", Image: "https://mail.example.com/p.png", Sound: "default",
	Data: map[string]string{"folder": "INBOX", "account": "a1"}, Thread: "budget", Category: "MAIL"}

// with makes a notification of c, changed.
func with(c notify.Content, change func(*notify.Notification)) notify.Notification {
	n := notify.Notification{Seq: 1, ID: "01900000-0000-7000-8000-000000000001", Content: c, Priority: notify.PriorityNormal}
	if change != nil {
		change(&n)
	}
	return n
}

func TestRenderGolden(t *testing.T) {
	zero := 0
	hi := notify.Content{Title: "t"}
	both := Config{Relays: []string{relayAPNs, relayWebPush}}
	mail := notify.Notification{Seq: 1, ID: "01900000-0000-7000-8000-000000000001", Event: "01900000-0000-7000-8000-0000000000e1",
		Template: string(notify.MailReceived), Priority: notify.PriorityHigh,
		Params:  map[string]string{"fromName": "김민지", "subject": "예산안", "from": "kim@example.com"},
		Content: notify.Content{URL: "https://mail.example.com/m/1", Sound: "default", Thread: "inbox"}}
	silent := func(n *notify.Notification) { n.Silent, n.Priority = true, notify.PriorityHigh }
	for name, test := range map[string]struct {
		c Config
		n notify.Notification
		v notify.Variant
	}{
		"full":          {n: with(full, nil)},
		"body-only":     {n: with(notify.Content{Body: "The server room is at 31 °C"}, nil)},
		"subtitle-only": {n: with(notify.Content{Title: "t", Subtitle: "s"}, nil)},
		"badge-zero":    {n: with(notify.Content{Title: "All read", Badge: &zero}, nil)},
		"high":          {n: with(hi, func(n *notify.Notification) { n.Priority = notify.PriorityHigh })},
		"low":           {n: with(hi, func(n *notify.Notification) { n.Priority = notify.PriorityLow })},
		"urgent":        {n: with(hi, func(n *notify.Notification) { n.Urgent, n.Priority = true, notify.PriorityLow })},
		"silent":        {n: with(full, silent)},
		"silent-empty":  {n: with(notify.Content{}, silent)},
		"collapse":      {n: with(hi, func(n *notify.Notification) { n.CollapseKey = "서버실" })},
		"plain-image":   {n: with(notify.Content{Title: "t", Image: "http://e.example/p.png"}, nil)},
		"data-clash":    {n: with(notify.Content{Title: "t", Data: map[string]string{"delivery": "x", "link": "y"}, URL: "https://e.example/"}, nil)},
		"settings": {c: Config{Channel: "general", ClickAction: "OPEN_MAIL", Package: "com.example.mail"},
			n: with(notify.Content{Title: "t"}, nil)},
		"relays":         {c: both, n: with(full, func(n *notify.Notification) { n.Priority = notify.PriorityHigh })},
		"relays-low":     {c: both, n: with(hi, func(n *notify.Notification) { n.Priority, n.CollapseKey = notify.PriorityLow, "서버실" })},
		"relays-silent":  {c: both, n: with(full, silent)},
		"mail-ko":        {n: mail, v: notify.Variant{Locale: "ko-KR"}},
		"mail-none":      {c: both, n: mail, v: notify.Variant{Locale: "ko", Privacy: notify.PrivacyNone}},
		"full-privacy":   {n: with(full, nil), v: notify.Variant{Privacy: notify.PrivacyNone}},
		"looks-like-ttl": {n: with(notify.Content{Title: `"ttl":"\u0030s"`, Data: map[string]string{"ttl": `\u0030s`, `"ttl":"\u0030s"`: "x"}}, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			a := &Adapter{config: test.c}
			p, err := a.Render(test.n, test.v)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Unix(1_800_000_000, 0)
			body, err := fill(notify.Delivery{ID: notify.DeliveryID(1, 1), Payload: p, Expires: now.Add(90*time.Minute + 500*time.Millisecond),
				Device: notify.Device{Token: "TOKEN"}}, now)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := json.Indent(&got, body, "", "  "); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			got.WriteByte('\n')
			if !json.Valid(p.Body) {
				t.Errorf("the payload itself is no JSON: %s", p.Body)
			}
			file := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("got\n%s\nwant\n%s", got.Bytes(), want)
			}
		})
	}
}

// filled makes a body of what is rendered, as text.
func filled(t *testing.T, c Config, n notify.Notification, d notify.Delivery, now time.Time) string {
	t.Helper()
	p, err := (&Adapter{config: c}).Render(n, notify.Variant{})
	if err != nil {
		t.Fatal(err)
	}
	d.ID, d.Payload = notify.DeliveryID(1, 1), p
	body, err := fill(d, now)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestTimeToLive(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	c := Config{Relays: []string{relayAPNs, relayWebPush}}
	for name, test := range map[string]struct {
		expires      time.Time
		seconds, end string
	}{
		"never":            {time.Time{}, "2419200", "1802419200"},
		"in an hour":       {now.Add(time.Hour), "3600", "1800003600"},
		"in half a second": {now.Add(500 * time.Millisecond), "0", "0"},
		"over":             {now.Add(-time.Hour), "0", "0"},
		"beyond FCM's own": {now.Add(60 * 24 * time.Hour), "2419200", "1802419200"},
	} {
		got := filled(t, c, with(notify.Content{Title: "t"}, nil), notify.Delivery{Expires: test.expires, Device: notify.Device{Token: "T"}}, now)
		for _, want := range []string{`"ttl":"` + test.seconds + `s"`, `"apns-expiration":"` + test.end + `"`, `"TTL":"` + test.seconds + `"`} {
			if strings.Count(got, want) != 1 {
				t.Errorf("%s: no %s in %s", name, want, got)
			}
		}
	}
}

func TestTargets(t *testing.T) {
	for token, want := range map[string]string{
		deviceToken(1):           `,"token":"` + deviceToken(1) + `"}}`,
		"cJug2GoHzEfcshCE_OLL24": `,"fid":"cJug2GoHzEfcshCE_OLL24"}}`,
		`a"b`:                    `,"token":"a\"b"}}`,
	} {
		got := filled(t, Config{}, with(notify.Content{Title: "t"}, nil), notify.Delivery{Device: notify.Device{Token: token}}, time.Now())
		if !strings.HasSuffix(got, want) || !json.Valid([]byte(got)) {
			t.Errorf("%q: %s", token, got)
		}
	}
	if _, err := fill(notify.Delivery{ID: notify.DeliveryID(1, 1), Payload: notify.Payload{Body: []byte("{}")}}, time.Now()); err == nil {
		t.Error("something else than a payload of ours was filled in")
	}
}

func TestLongPayloadsAreCut(t *testing.T) {
	for name, unit := range map[string]string{"ascii": "abcdefghi ", "korean": "가나다라 ", "family": "👨‍👩‍👧‍👦", "escaped": "<&>\"\x01"} {
		c := notify.Content{Title: "Kim", Body: strings.Repeat(unit, 16<<10/len(unit)), URL: "https://e.example/1",
			Data: map[string]string{"id": "7"}}
		p, err := (&Adapter{}).Render(notify.Notification{ID: "n", Content: c}, notify.Variant{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got struct {
			Message struct {
				Data    map[string]string
				Android struct {
					Notification struct{ Title, Body string }
				}
			}
		}
		if err := json.Unmarshal(p.Body, &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body := got.Message.Android.Notification.Body
		if len(p.Body) > maxPayload || len(p.Body) < maxPayload-6*len(unit)-20 {
			t.Errorf("%s: %d bytes, want nearly %d", name, len(p.Body), maxPayload)
		}
		if !utf8.ValidString(body) || !strings.HasSuffix(body, "…") || !strings.HasPrefix(c.Body, strings.TrimSuffix(body, "…")) {
			t.Errorf("%s: the body is not a cut of what was given: …%q", name, body[len(body)-20:])
		}
		if name == "family" && strings.ReplaceAll(body, unit, "") != "…" {
			t.Error("a family was torn apart")
		}
		if got.Message.Android.Notification.Title != "Kim" || got.Message.Data["id"] != "7" || got.Message.Data["link"] != c.URL {
			t.Errorf("%s: lost more than the end of the body: %+v", name, got)
		}
	}
}

func TestWhatCannotBeTold(t *testing.T) {
	blob := map[string]string{"blob": strings.Repeat("x", 5000)}
	for name, test := range map[string]struct {
		n    notify.Notification
		want notify.Code
	}{
		"data that does not fit is left out": {with(notify.Content{Title: "t", Data: blob}, nil), ""},
		"silent data is all or nothing":      {with(notify.Content{Data: blob}, func(n *notify.Notification) { n.Silent = true }), notify.CodeTooLarge},
		"a URL that does not fit":            {with(notify.Content{Title: "t", URL: "https://e.example/" + blob["blob"]}, nil), notify.CodeTooLarge},
		"from":                               {with(notify.Content{Title: "t", Data: map[string]string{"from": "x"}}, nil), notify.CodeInvalid},
		"message_type":                       {with(notify.Content{Title: "t", Data: map[string]string{"message_type": "x"}}, nil), notify.CodeInvalid},
		"google":                             {with(notify.Content{Title: "t", Data: map[string]string{"google.x": "x"}}, nil), notify.CodeInvalid},
		"gcm":                                {with(notify.Content{Title: "t", Data: map[string]string{"gcm": "x"}}, nil), notify.CodeInvalid},
		"From is anybody's":                  {with(notify.Content{Title: "t", Data: map[string]string{"From": "x"}}, nil), ""},
	} {
		if _, err := (&Adapter{}).Render(test.n, notify.Variant{}); notify.CodeOf(err) != test.want {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// Each system that Firebase reaches shows the same notice, a repeat takes the first one's place, and data alone shows
// nothing.
func TestShownOnEverySystem(t *testing.T) {
	h := newHouse(t, sim.FCMOptions{OnlyRegistered: true}, "relays: [apns, webpush]\nramp: 0s\n")
	var list []notify.Delivery
	for i, system := range []string{"", "ios", "web"} {
		h.sim.Register(sim.FCMDevice{Token: deviceToken(i), Project: testProject, System: system})
	}
	for _, n := range []notify.Notification{with(full, nil), with(full, nil), with(full, func(n *notify.Notification) { n.Silent = true })} {
		p, err := h.adapter.Render(n, notify.Variant{})
		if err != nil {
			t.Fatal(err)
		}
		list = deliveries(t, h, 3)
		for i := range list {
			list[i].Payload = p
		}
		for _, o := range h.push(t, list) {
			if o.Verdict != notify.Accepted {
				t.Fatalf("%+v", o)
			}
		}
	}
	for i := range 3 {
		if got := h.sim.Shown(deviceToken(i)); len(got) != 1 || got[0].ID != list[i].ID || got[0].Collapse != with(full, nil).ID {
			t.Errorf("device %d shows %+v", i, got)
		}
	}
}

func BenchmarkFill(b *testing.B) {
	p, err := (&Adapter{}).Render(with(full, nil), notify.Variant{})
	if err != nil {
		b.Fatal(err)
	}
	d := notify.Delivery{ID: notify.DeliveryID(1, 1), Payload: p, Device: notify.Device{Token: deviceToken(1)}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fill(d, time.Unix(1_800_000_000, 0)); err != nil {
			b.Fatal(err)
		}
	}
}
