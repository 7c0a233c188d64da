package e2e

import (
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"syscall"
	"testing"
	"time"

	"allim.dev/allim/notify/api/wire"
)

var (
	demoURL = regexp.MustCompile(`ALLIM_URL=http://(127\.0\.0\.1:\d+)`)
	demoKey = regexp.MustCompile(`ALLIM_KEY=(allim_key_\S+)`)
)

// TestFirefoxGetsWebPush: a person allows notices on the demo's page in a real browser, a system sends by the API, and
// the page's service worker shows title and body, decrypted by the browser.
func TestFirefoxGetsWebPush(t *testing.T) {
	service := newAutopush(t)
	out := &output{}
	demo := spawn(t, out, exec.Command(checked(t), "demo", "--listen", "127.0.0.1:0", "--every", "1h"))
	defer func() {
		demo.signal(syscall.SIGTERM)
		<-demo.done
		if t.Failed() {
			t.Logf("the demo wrote:\n%s\nrefused by the push service: %q", out, service.refused)
		}
	}()
	until(t, time.Minute, "the demo's addresses", func() bool {
		if demo.ended() {
			t.Fatalf("the demo ended: %v", demo.err)
		}
		return demoURL.MatchString(out.String()) && demoKey.MatchString(out.String())
	})
	hub := &hub{t: t, addr: demoURL.FindStringSubmatch(out.String())[1], key: demoKey.FindStringSubmatch(out.String())[1],
		http: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}}
	defer hub.http.CloseIdleConnections()

	browser := startFirefox(t, service.wsURL())
	browser.open(hub.url() + "/demo/kim")
	// A subscribe() before the browser has found its push service never settles.
	select {
	case <-service.hello:
	case <-time.After(time.Minute):
		t.Fatal("Firefox does not come to the push service")
	}
	browser.click("#allow")
	until(t, time.Minute, "the page to say that notices come", func() bool {
		var state string
		browser.run(&state, `return document.getElementById("allow").dataset.state + " " + document.getElementById("allow-note").textContent;`)
		if len(state) > 6 && state[:6] == "failed" {
			t.Fatal(state)
		}
		return len(state) > 2 && state[:2] == "on"
	})

	send := func(title, body string) wire.Notification {
		var sent wire.Notification
		hub.must(http.MethodPost, "/v1/notifications", map[string]any{"title": title, "body": body, "collapseKey": "room",
			"to": map[string]any{"users": []string{"kim"}, "platforms": []string{"webpush"}}}, &sent)
		return sent
	}
	sent := send("회의실 변경 📅", "3층 대회의실로 오세요. <b>꼭</b>")
	type shown struct{ Title, Body, Tag string }
	want := shown{"회의실 변경 📅", "3층 대회의실로 오세요. <b>꼭</b>", "room"}
	var notices []shown
	until(t, time.Minute, "the notice to be shown", func() bool {
		browser.run(&notices, `const r = await navigator.serviceWorker.getRegistration("/demo/");
			return (await r.getNotifications()).map((n) => ({Title: n.title, Body: n.body, Tag: n.tag}));`)
		return slices.Contains(notices, want)
	})
	until(t, time.Minute, "the browser's word that it was delivered", func() bool { return slices.Contains(service.acked(), 100) })
	for _, code := range service.acked() {
		if code != 100 {
			t.Errorf("Firefox acknowledged with %d: it could not decrypt or deliver", code)
		}
	}
	until(t, time.Minute, "the service worker's receipt", func() bool {
		hub.must(http.MethodGet, "/v1/notifications/"+sent.ID, nil, &sent)
		return sent.Counts.Confirmed >= 1
	})

	// The same key again takes the first one's place.
	send("회의실 변경", "다시 2층입니다")
	until(t, time.Minute, "the later notice in the first one's place", func() bool {
		browser.run(&notices, `const r = await navigator.serviceWorker.getRegistration("/demo/");
			return (await r.getNotifications({tag: "room"})).map((n) => ({Title: n.title, Body: n.body, Tag: n.tag}));`)
		return len(notices) == 1 && notices[0].Body == "다시 2층입니다"
	})
}
