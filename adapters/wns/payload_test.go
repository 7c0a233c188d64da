package wns

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

// update writes the golden files: go test ./adapters/wns -run Golden -update
var update = flag.Bool("update", false, "write the golden files")

func ptr(n int) *int { return &n }

// plain is an adapter that only renders.
func plain(section string) *Adapter {
	c := Defaults()
	c.Open = section
	return &Adapter{cfg: c}
}

// full has something in every field.
func full() notify.Notification {
	n := notice()
	n.Content = notify.Content{Title: "Kim Minji <kim@example.com>", Subtitle: "Budget & plans", Body: "Can you look\nat \"this\"?",
		URL: "https://mail.example.com/m/1?a=1&b=2", Image: "https://mail.example.com/p.png?x=1&y=2", Sound: "default", Badge: ptr(120),
		Data: map[string]string{"folder": "INBOX", keyDelivery: "not theirs", "b c": "x=1&y"}, Thread: "budget", Category: "MAIL"}
	n.Urgent = true
	return n
}

// goldens are what is rendered in the golden files.
func goldens() map[string]notify.Notification {
	app := full()
	app.Content.URL = ""
	silent := full()
	silent.Silent, silent.Urgent, silent.Priority = true, false, notify.PriorityLow
	odd := full()
	odd.Content = notify.Content{Title: "a\u202egpj.exe\x00\x1b", Body: "one\r\ntwo\tthree\ufffe\u2066x", Image: "no such picture",
		URL: "file:///c:/windows", Sound: "ms-appx:///Assets/a b.wav", Thread: "t\n1"}
	return map[string]notify.Notification{
		"link": full(), "app": app, "silent": silent, "odd": odd,
		"badge":    {ID: "0195", Silent: true, Content: notify.Content{Badge: ptr(0)}},
		"quiet":    {ID: "0195", Priority: notify.PriorityLow, Content: notify.Content{Body: "b", Sound: "none"}},
		"sound":    {ID: "0195", Content: notify.Content{Title: "t", Sound: "ms-winsoundevent:Notification.Mail"}},
		"from app": {ID: "0195", Content: notify.Content{Title: "t", Sound: "chime.caf", Badge: ptr(7)}},
		"event": {ID: "0194", Event: "ev-1", Template: string(notify.MailReceived), CreatedAt: start,
			Params: map[string]string{"fromName": "김민수", "subject": "회의 👨‍👩‍👧"}},
	}
}

func TestRenderGolden(t *testing.T) {
	for name, n := range goldens() {
		t.Run(name, func(t *testing.T) {
			p, err := plain(openLink).Render(n, notify.Variant{Locale: "ko-KR"})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			for _, h := range p.Header {
				b.WriteString(h.Name + ": " + h.Value + "\n")
			}
			b.WriteString("\n" + strings.ReplaceAll(string(p.Body), "><", ">\n<") + "\n")
			path := filepath.Join("testdata", "payload", strings.ReplaceAll(name, " ", "-")+".txt")
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
		})
	}
}

// Every toast is one that Windows takes, whatever was sent, and shows what was sent.
func TestToastsAreValid(t *testing.T) {
	for name, n := range goldens() {
		if n.Silent {
			continue
		}
		for _, locale := range []string{"", "ko-KR", "en_US", "not a locale", "und"} {
			for _, open := range []string{openLink, openApp} {
				p, err := plain(open).Render(n, notify.Variant{Locale: locale})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := sim.ParseToast(p.Body); err != nil {
					t.Errorf("%s, locale %q: %v\n%s", name, locale, err, p.Body)
				}
			}
		}
	}
	p, err := plain(openLink).Render(full(), notify.Variant{Locale: "ko-KR"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := sim.ParseToast(p.Body)
	c := full().Content
	if err != nil || got.Launch != c.URL || got.Activation != "protocol" || got.Hero != c.Image || got.Lang != "ko-KR" ||
		got.Sound != soundDefault || got.Header != c.Thread || strings.Join(got.Text, "|") != c.Title+"|"+c.Subtitle+"|"+c.Body {
		t.Errorf("%+v, %v", got, err)
	}
}

// A click that starts the app tells it everything.
func TestArguments(t *testing.T) {
	n := full()
	p, err := plain(openApp).Render(n, notify.Variant{})
	if err != nil {
		t.Fatal(err)
	}
	id := notify.DeliveryID(7, 8)
	body := addressed(p.Body, id)
	if bytes.Contains(p.Body, []byte(id)) {
		t.Fatal("the shared payload was changed")
	}
	got, err := sim.ParseToast(body)
	want := keyDelivery + "=" + id + "&link=https%3A%2F%2Fmail.example.com%2Fm%2F1%3Fa%3D1%26b%3D2&thread=budget&category=MAIL&b+c=x%3D1%26y&folder=INBOX"
	if err != nil || got.Launch != want || got.Activation != "foreground" {
		t.Errorf("%q, %v", got.Launch, err)
	}
	raw := full()
	raw.Silent = true
	if p, err = plain(openLink).Render(raw, notify.Variant{}); err != nil || !bytes.Contains(addressed(p.Body, id), []byte(`{"allim-delivery":"`+id+`"`)) {
		t.Errorf("%s, %v", p.Body, err)
	}
}

// What is too long is cut between characters; silent data never.
func TestLimits(t *testing.T) {
	n := full()
	n.Content.URL = ""
	n.Content.Body = strings.Repeat("가족 👨‍👩‍👧 <&> ", 1000)
	p, err := plain(openLink).Render(n, notify.Variant{})
	if err != nil || len(p.Body) > maxPayload || len(p.Body) < maxPayload-100 {
		t.Fatalf("%d bytes, %v", len(p.Body), err)
	}
	got, err := sim.ParseToast(p.Body)
	if err != nil {
		t.Fatal(err)
	}
	if last := strings.TrimSuffix(got.Text[2], "…"); last == got.Text[2] || !strings.HasPrefix(n.Content.Body, last) || strings.HasSuffix(last, "\u200d") {
		t.Errorf("it ends with %q", got.Text[2][len(got.Text[2])-20:])
	}
	n.Silent, n.Content.Data = true, map[string]string{"x": strings.Repeat("y", maxPayload)}
	if _, err := plain(openLink).Render(n, notify.Variant{}); notify.CodeOf(err) != notify.CodeTooLarge {
		t.Errorf("%v", err)
	}
}

// Whatever stands in a notification, the toast is valid, fits, and its texts hold nothing that misleads.
func FuzzToast(f *testing.F) {
	f.Add("title", "body", "https://example.com/", "k", "v", "thread")
	f.Add("\u202e", "<![CDATA[", "javascript:x", "]]>", "\x00\xff", "\n")
	f.Fuzz(func(t *testing.T, title, body, address, key, value, thread string) {
		n := notify.Notification{ID: "1", Content: notify.Content{Title: title, Body: body, URL: address, Image: address, Sound: value,
			Data: map[string]string{key: value}, Thread: thread}}
		for _, open := range []string{openLink, openApp} {
			p, err := plain(open).Render(n, notify.Variant{Locale: value})
			if notify.CodeOf(err) == notify.CodeTooLarge {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := sim.ParseToast(p.Body)
			if err != nil || len(p.Body) > maxPayload || !utf8.Valid(p.Body) {
				t.Fatalf("%v\n%s", err, p.Body)
			}
			for _, s := range got.Text {
				if clean(s) != s {
					t.Errorf("%q is shown", s)
				}
			}
		}
	})
}
