package webhook

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
)

// update writes the golden files: go test ./adapters/webhook -run Golden -update
var update = flag.Bool("update", false, "write the golden files")

func TestRenderGolden(t *testing.T) {
	silent := message()
	silent.Silent = true
	silent.Content = notify.Content{Data: map[string]string{"k": "v"}}
	event := notify.Notification{ID: "0194", Event: "ev-1", Template: string(notify.MailReceived), Priority: notify.PriorityNormal,
		CreatedAt: start, Params: map[string]string{"fromName": "김민수", "subject": "회의\x00"}}
	for _, format := range []string{formatJSON, formatXML} {
		h := newHouse(t, "format: "+format+"\n")
		for name, n := range map[string]notify.Notification{"full": message(), "silent": silent, "event": event} {
			p, err := h.adapter.Render(n, notify.Variant{Locale: "ko-KR"})
			if err != nil {
				t.Fatal(err)
			}
			body := addressed(&notify.Delivery{ID: notify.DeliveryID(7, 8), Device: notify.Device{ID: "dev-1", User: "kim & <co>"}, Payload: p})
			path := filepath.Join("testdata", "payload", name+"."+format)
			if *update {
				if err := os.WriteFile(path, body, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(body, want) || p.Header[0].Value != "application/"+format {
				t.Errorf("%s is now\n%s\n%v", path, body, p.Header)
			}
			if bytes.Contains(p.Body, []byte("dev-1")) {
				t.Error("the shared payload was changed")
			}
		}
	}
}

// A receiver that checks everything gets the same notice in both forms.
func TestPush(t *testing.T) {
	for _, format := range []string{formatJSON, formatXML} {
		h := newHouse(t, "format: "+format+"\n")
		d := h.device(t)
		if got := h.deliver(t, message(), d)[0]; got.Verdict != notify.Accepted || got.Status != 204 {
			t.Fatalf("%+v", got)
		}
		got := h.sim.Got(d.Token)
		if len(got) != 1 {
			t.Fatalf("%+v", h.sim.Log().Entries())
		}
		n, c := got[0], message().Content
		n.XMLName, n.Entries = xml.Name{}, nil
		want := sim.HookNotice{Delivery: notify.DeliveryID(1, 1), User: "kim & <co>", Device: "dev-1", ID: "0193", Title: c.Title,
			Subtitle: c.Subtitle, Body: c.Body, URL: c.URL, Data: c.Data, Badge: c.Badge, Priority: "high"}
		if diff := cmp.Diff(want, n); diff != "" {
			t.Errorf("%s: %s", format, diff)
		}
		e := h.sim.Log().Entries()[0]
		if e.Get("Allim-Attempt") != "1" || e.Get("User-Agent") != "Allim" || e.Get("Idempotency-Key") != n.Delivery {
			t.Errorf("%+v", e.Header)
		}
	}
}

// What a receiver says by itself: a removed hook is gone, a wrong secret is nobody's death.
func TestReceiversWords(t *testing.T) {
	h := newHouse(t, "")
	d := h.device(t)
	h.sim.SetSecret("another secret, long enough")
	if got := h.deliver(t, message(), d)[0]; got.Verdict != notify.Suspect || got.Reason != "401 Unauthorized" || got.WholeLane {
		t.Errorf("wrong secret: %+v", got)
	}
	h.sim.SetSecret(secret)
	h.sim.Remove(d.Token)
	if got := h.deliver(t, message(), d)[0]; got.Verdict != notify.Gone {
		t.Errorf("removed: %+v", got)
	}
	lost := notify.Device{Token: strings.Replace(d.Token, "/hook/", "/other/", 1)}
	if got := h.deliver(t, message(), lost)[0]; got.Verdict != notify.Suspect {
		t.Errorf("no such hook: %+v", got)
	}
}

// While the secret changes, both sign: receivers with either one take it.
func TestTwoSecrets(t *testing.T) {
	const next = "the secret of tomorrow"
	h := newHouse(t, "previous_secret: "+next+"\n")
	d := h.device(t)
	for _, known := range []string{secret, next} {
		h.sim.SetSecret(known)
		if got := h.deliver(t, message(), d)[0]; got.Verdict != notify.Accepted {
			t.Errorf("%+v", got)
		}
	}
}

// A receiver that does not answer is left alone for a while, the others are not.
func TestDeadReceiver(t *testing.T) {
	h := newHouse(t, "")
	other := newHouse(t, "")
	d := h.device(t)
	_ = h.sim.Close()
	for i := range 3 {
		if got := h.deliver(t, message(), d)[0]; got.Verdict != notify.Retry || !got.At.IsZero() || got.WholeLane {
			t.Fatalf("%d: %+v", i, got)
		}
		h.clock.Advance(time.Second)
	}
	list := make([]notify.Device, 100)
	for i := range list {
		list[i] = d
	}
	for _, got := range h.deliver(t, message(), list...) {
		if got.Verdict != notify.Retry || !got.At.After(h.clock.Now()) {
			t.Fatalf("%+v", got)
		}
	}
	if got := other.deliver(t, message(), other.device(t))[0]; got.Verdict != notify.Accepted {
		t.Errorf("%+v", got)
	}
}

// What strangers register leads nowhere but where the configuration allows.
func TestDevices(t *testing.T) {
	env := testEnv("secret: " + secret + "\nhosts: [example.com]\n")
	a := mustBuild(t, env)
	for token, good := range map[string]bool{"https://example.com/hook": true, "https://a.example.com:8443/x?y=%2f": true,
		"https://example.com.evil.example/": false, "https://evilexample.com/": false, "https://127.0.0.1/": false,
		"http://example.com/": false, "https://example.com/#x": false, "": false, "https://[::1]/": false, "https://localhost/": false} {
		d, err := a.CheckDevice(notify.Device{Token: token})
		if (err == nil) != good || good && d.Token != token || !good && notify.CodeOf(err) != notify.CodeInvalidToken {
			t.Errorf("%s: %v", token, err)
		}
	}
	h := newHouse(t, "")
	private := mustBuild(t, testEnv("secret: "+secret+"\n")) // as h's, but private addresses are not allowed
	h.adapter.guard, private.guard = private.guard, h.adapter.guard
	if got := h.deliver(t, message(), notify.Device{Token: h.sim.NewHook()})[0]; got.Verdict != notify.Suspect || len(h.sim.Log().Entries()) > 0 {
		t.Errorf("%+v", got)
	}
}

func TestConfig(t *testing.T) {
	good := "secret: " + secret + "\n"
	for section, want := range map[string]string{
		good: "", good + "format: xml\nhosts: [Example.com]\nhttp_hosts: [\"10.0.0.1\", \"::1\"]\ntimeout: 15s\nconcurrency: 256\n": "",
		"": "secret: is required", "secret: short\n": "secret: is shorter", good + "previous_secret: short\n": "previous_secret",
		good + "format: yaml\n": "format", good + "timeout: 16s\n": "timeout", good + "timeout: 1ms\n": "timeout",
		good + "concurrency: 0\n": "concurrency", good + "hosts: [\"https://x\"]\n": "hosts", good + "http_hosts: [\"*.x\"]\n": "http_hosts",
		good + "ca_file: /no/such/file\n": "ca_file",
	} {
		a, err := New(notify.AdapterEnv{Section: yamlSection(section), Clock: notify.SystemClock{}})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", section, err, want)
		}
		if err == nil {
			_ = a.Close()
		}
	}
}

// RFC 4231 has no vector of this shape: the expected value is openssl's, of "1795424400.{}" with the key "0123456789abcdef".
func TestSign(t *testing.T) {
	got := sign(time.Unix(1795424400, 0), []byte("{}"), "0123456789abcdef", "")
	if want := "t=1795424400,v1=" + opensslDigest; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// The receiver's code in the documentation takes what is sent, and nothing else.
func TestDocumentedVerification(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "push.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(page), "func verify(")
	code, _, ok := strings.Cut("func verify("+code, "```")
	if !ok {
		t.Fatal("the page has no such code")
	}
	now := time.Unix(1795424400, 0)
	body := []byte(`{"title":"김 & <b>"}`)
	good := sign(now, body, secret)
	var calls strings.Builder
	for _, c := range []struct {
		signature string
		later     time.Duration
		want      bool
	}{{good, 0, true}, {good, 5 * time.Minute, true}, {good, -5 * time.Minute, true}, {good, 6 * time.Minute, false}, {good, -6 * time.Minute, false},
		{sign(now, body, "another secret of ours", secret), 0, true}, {sign(now, body, "another secret of ours"), 0, false},
		{strings.Replace(good, "t=1795424400", "t=1795424401", 1), 0, false}, {"", 0, false}, {"t=x", 0, false}, {"t=1795424400", 0, false},
		{sign(now, append(body, ' '), secret), 0, false}} {
		fmt.Fprintf(&calls, "\tif verify(%q, %q, []byte(%q), time.Unix(1795424400, 0).Add(%d)) != %v { println(%q); os.Exit(1) }\n",
			secret, c.signature, body, c.later, c.want, c.signature)
	}
	dir := t.TempDir()
	program := "package main\n\nimport (\n\t\"crypto/hmac\"\n\t\"crypto/sha256\"\n\t\"encoding/hex\"\n\t\"os\"\n\t\"strconv\"\n\t\"strings\"\n\t\"time\"\n)\n\n" +
		code + "\nfunc main() {\n" + calls.String() + "}\n"
	file := filepath.Join(dir, "main.go")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "run", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Whatever stands in a notification, the body is what its form promises, with the delivery in it.
func FuzzBody(f *testing.F) {
	f.Add("title", "key", "value", "kim")
	f.Add("\x00<>&\"", "a\xffb", "]]>", "\u2028")
	f.Fuzz(func(t *testing.T, title, key, value, user string) {
		n := notify.Notification{ID: "1", Content: notify.Content{Title: title, Data: map[string]string{key: value}}}
		for _, format := range []string{formatJSON, formatXML} {
			a := &Adapter{cfg: Config{Format: format}}
			p, err := a.Render(n, notify.Variant{})
			if notify.CodeOf(err) == notify.CodeTooLarge {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			body := addressed(&notify.Delivery{ID: notify.DeliveryID(7, 8), Device: notify.Device{User: user}, Payload: p})
			var got sim.HookNotice
			if format == formatJSON {
				err = json.Unmarshal(body, &got)
			} else {
				err = xml.Unmarshal(body, &got)
			}
			if err != nil || got.Delivery != notify.DeliveryID(7, 8) || got.ID != "1" {
				t.Errorf("%v\n%s", err, body)
			}
		}
	})
}

const opensslDigest = "020c3a2cc0f502df5201ec93384e8b9fbad080cf5f220fe1f8736b33818a484c"
