package webpush

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"allim.dev/allim/notify"
)

// update writes the golden files: go test ./adapters/webpush -run Golden -update
var update = flag.Bool("update", false, "write the golden files")

func ptr(n int) *int { return &n }

func TestRenderGolden(t *testing.T) {
	a := mustBuild(t, testEnv(t.TempDir(), goodSection), nil)
	full := notice()
	full.Content = notify.Content{Title: "Kim Minji <kim@example.com>", Subtitle: "Budget & plans", Body: "Can you look\nat this?",
		URL: "https://mail.example.com/m/1?a=1&b=2", Image: "https://mail.example.com/p.png", Sound: "chime", Badge: ptr(0),
		Data: map[string]string{"folder": "INBOX", "allim": "not theirs", "b": "\"quoted\""}, Thread: "budget", Category: "MAIL"}
	full.Urgent = true
	event := notify.Notification{Seq: 9, ID: "0194", Event: "ev-1", Template: string(notify.MailReceived), CreatedAt: start,
		Params: map[string]string{"fromName": "김민수", "subject": "회의"}}
	silent := full
	silent.Silent, silent.Urgent, silent.Priority = true, false, notify.PriorityLow
	quiet := notify.Notification{ID: "0195", Priority: notify.PriorityLow, Content: notify.Content{Title: "t", Sound: "none"}}
	for name, c := range map[string]struct {
		n notify.Notification
		v notify.Variant
	}{
		"full":    {full, notify.Variant{Locale: "en"}},
		"event":   {event, notify.Variant{Locale: "ko-KR"}},
		"private": {event, notify.Variant{Locale: "ko-KR", Privacy: notify.PrivacyNone}},
		"hidden":  {full, notify.Variant{Privacy: notify.PrivacyNone}},
		"silent":  {silent, notify.Variant{}},
		"quiet":   {quiet, notify.Variant{}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := a.Render(c.n, c.v)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			for _, h := range p.Header {
				b.WriteString(h.Name + ": " + h.Value + "\n")
			}
			b.WriteString("\n")
			if err := json.Indent(&b, p.Body, "", "  "); err != nil {
				t.Fatal(err)
			}
			b.WriteString("\n")
			path := filepath.Join("testdata", "payload", name+".txt")
			if *update {
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Bytes(), want) {
				t.Errorf("%s is now\n%s", path, b.Bytes())
			}
			if at := deliveryAt(p.Body); at < 0 {
				t.Error("there is no place for the delivery's id")
			}
		})
	}
}

func TestRenderWithoutAnyAddress(t *testing.T) {
	env := testEnv(t.TempDir(), goodSection)
	env.PublicURL = ""
	p, err := mustBuild(t, env, nil).Render(notify.Notification{ID: "1", Content: notify.Content{Title: "t"}}, notify.Variant{})
	if err != nil || !strings.Contains(string(p.Body), `"navigate":"about:blank"`) {
		t.Errorf("%s, %v", p.Body, err)
	}
}

// The format needs a title.
func TestRenderOnlyABody(t *testing.T) {
	a := mustBuild(t, testEnv(t.TempDir(), goodSection), nil)
	p, err := a.Render(notify.Notification{ID: "1", Content: notify.Content{Body: "b"}}, notify.Variant{})
	if err != nil || !strings.Contains(string(p.Body), `"title":"b","navigate":"https://allim.example.com","dir"`) {
		t.Errorf("%s, %v", p.Body, err)
	}
}

// The greatest notifications that the API takes fit, in whatever characters.
func TestRenderFits(t *testing.T) {
	a := mustBuild(t, testEnv(t.TempDir(), goodSection), nil)
	for _, unit := range []string{"a", "한", "\"", "\x01", "👩‍👧", " "} {
		long := func(n int) string { return strings.Repeat(unit, n/len(unit)) }
		n := notify.Notification{ID: "1", CollapseKey: long(200), Content: notify.Content{Title: long(1024), Subtitle: long(1024), Body: long(16 << 10),
			URL: "https://x.example/" + strings.Repeat("u", 1024), Image: "https://x.example/" + strings.Repeat("i", 2000), Data: map[string]string{"k": long(16 << 10)}}}
		p, err := a.Render(n, notify.Variant{Locale: "ko"})
		if err != nil {
			t.Errorf("%q: %v", unit, err)
			continue
		}
		var c content
		if err := json.Unmarshal(p.Body, &c); err != nil || len(p.Body) > MaxPayload || !utf8.Valid(p.Body) {
			t.Errorf("%q: %d bytes, %v", unit, len(p.Body), err)
		}
		if c.Notification.Title == "" || c.Notification.Body == "" && unit != "\x01" {
			t.Errorf("%q: title %q, body %q", unit, c.Notification.Title, c.Notification.Body)
		}
		small, err := refit(p.Body, smallPayload)
		if err != nil || len(small) > smallPayload || deliveryAt(small) < 0 {
			t.Errorf("%q: refit to %d bytes, %v", unit, len(small), err)
		}
	}
}

func TestSilentThatDoesNotFit(t *testing.T) {
	a := mustBuild(t, testEnv(t.TempDir(), goodSection), nil)
	n := notify.Notification{ID: "1", Silent: true, Content: notify.Content{Data: map[string]string{"k": strings.Repeat("x", 4000)}}}
	if _, err := a.Render(n, notify.Variant{}); notify.CodeOf(err) != notify.CodeTooLarge {
		t.Errorf("%v: half of the data would be sent", err)
	}
	n.Content.Data["k"] = strings.Repeat("x", 3000)
	p, err := a.Render(n, notify.Variant{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := refit(p.Body, smallPayload); notify.CodeOf(err) != notify.CodeTooLarge {
		t.Errorf("%v: half of the data would be sent", err)
	}
}

func TestTopicIsPortable(t *testing.T) {
	seen := map[string]bool{}
	for _, key := range []string{"", "a", "mail-7", strings.Repeat("한", 66)} {
		got := topic(key)
		if len(got) != 32 || strings.ContainsAny(got, "+/=") || seen[got] {
			t.Errorf("topic(%q) = %q", key, got)
		}
		seen[got] = true
	}
}

// What senders write cannot pose as the place of the delivery's id.
func TestDeliveryPlaceCannotBeForged(t *testing.T) {
	for body, want := range map[string]int{
		`{"data":{"allim":{"delivery":"` + noDelivery + `"}}}`:      30,
		`{"data":{"allim":{"delivery":"` + noDelivery[1:] + `1"}}}`: -1,
		`{"x":"` + noDelivery + `","y":"z"}`:                        -1,
		`}}}`:                                                       -1, "": -1, `"`: -1,
	} {
		if got := deliveryAt([]byte(body)); got != want {
			t.Errorf("%q: %d, want %d", body, got, want)
		}
	}
}
