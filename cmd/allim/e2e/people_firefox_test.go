package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

// TestFirefoxOnThePeoplesPage: a person who was invited allows notices on the people's own page in a real browser, names the
// device, sends it a test, which the page's service worker shows and confirms, has it cleared by reading in the inbox, gets
// another subscription from the push service, and removes the device again, which ends the browser's subscription.
func TestFirefoxOnThePeoplesPage(t *testing.T) {
	service := newAutopush(t)
	hub := newHub(t, checked(t), "apps:\n  - {id: corp, webpush: {subject: \"mailto:it@example.com\", http_hosts: [127.0.0.1]}}\noutgoing: {allow_private: [127.0.0.0/8]}\n")
	hub.start()
	defer hub.stop()
	hub.allim("user", "add", "kim", "--name", "Kim", "--locale", "ko")

	browser := startFirefox(t, service.wsURL())
	browser.open(strings.TrimSpace(hub.allim("user", "invite", "kim", "--no-qr")))
	browser.click(`form[action="/join"] button`)
	browser.reads("/devices?done=welcome", "#push[data-state=ready]", "알림 허용")
	// A subscribe() before the browser has found its push service never settles.
	select {
	case <-service.hello:
	case <-time.After(time.Minute):
		t.Fatal("Firefox does not come to the push service")
	}
	browser.click("#allow")
	browser.reads("/devices?done=allowed", "#push[data-state=on]", "이 브라우저로 알림을 받습니다.")
	browser.reads("/devices?done=allowed", ".card .here:not([hidden])", "이 브라우저")
	device := soleDevice(hub, "kim")
	if device.Platform != notify.WebPush || device.App != "corp" || device.Name != "이 브라우저" {
		t.Errorf("the device is %+v", device)
	}

	browser.run(new(any), `document.querySelector("input[name=name]").value = "서재 <b>PC</b>"; return true;`)
	browser.click(`form[action$="/name"] button`)
	browser.reads("/devices?done=named", "[data-device] strong", "서재 <b>PC</b>")
	if d := soleDevice(hub, "kim"); d.ID != device.ID || d.Name != "서재 <b>PC</b>" {
		t.Errorf("named, the device is %+v", d)
	}

	browser.click(`form[action$="/test"] button`)
	browser.reads("/devices?done=tested", ".done", "시험 알림을 보냈습니다.")
	browser.shows("알림 시험", "이 기기로 알림이 도착합니다.")
	var sent wire.NotificationList
	until(t, time.Minute, "the service worker's receipt", func() bool {
		hub.must(http.MethodGet, "/v1/notifications?user=kim", nil, &sent)
		return len(sent.Notifications) == 1 && sent.Notifications[0].Counts.Confirmed == 1
	})
	if codes := service.acked(); !slices.Contains(codes, 100) || slices.ContainsFunc(codes, func(c int) bool { return c != 100 }) {
		t.Errorf("Firefox acknowledged with %d, of which only 100 is delivered", codes)
	}

	browser.open(hub.url() + "/")
	browser.click("#days .mark button")
	browser.shows()

	// The push service renews the subscription, of which the service worker learns; or nobody learns of it until a page is
	// opened. Each time the new one takes the old one's place.
	changed := func(from string) (token string) {
		until(t, time.Minute, "the browser's new address", func() bool {
			d := soleDevice(hub, "kim")
			token = d.Token
			return token != from && d.ID == device.ID && d.Name == "서재 <b>PC</b>"
		})
		return token
	}
	browser.open("about:blank")
	service.renew()
	second := changed(device.Token)
	hub.must(http.MethodPost, "/v1/notifications", map[string]any{"title": "회의", "body": "3시", "to": map[string]any{"users": []string{"kim"}}}, nil)
	browser.open(hub.url() + "/preferences")
	browser.shows("회의", "3시")
	browser.run(new(bool), `const r = await navigator.serviceWorker.getRegistration("/");
		return (await r.pushManager.getSubscription()).unsubscribe();`)
	browser.open(hub.url() + "/preferences")
	changed(second)

	tabs(t, hub, browser)

	browser.open(hub.url() + "/devices")
	browser.reads("/devices", "#push[data-state=on]", "")
	browser.click(`form[action$="/remove"] button`)
	browser.reads("/devices?done=removed", ".empty", "등록한 기기가 없습니다.")
	var list wire.DeviceList
	if hub.must(http.MethodGet, "/v1/users/kim/devices", nil, &list); len(list.Devices) != 0 {
		t.Errorf("removed, there is %+v", list.Devices)
	}
	until(t, time.Minute, "the browser to give its subscription up", func() bool { return service.subscriptions() == 0 })
}

// tabs: of seven open inboxes only the one that is looked at holds a connection, of which a browser makes six to a host; it
// shows what is told. When nobody looks, the devices do not wait for it (live first), and the page that is looked at again
// goes on where it was.
func tabs(t *testing.T, hub *hub, browser *firefox) {
	t.Helper()
	streams := func(want float64) {
		until(t, time.Minute, fmt.Sprintf("%v streams", want), func() bool { return hub.metric(`allim_live_connections{transport="sse"}`) == want })
	}
	tell := func(title string) (row string) {
		var sent wire.Notification
		hub.must(http.MethodPost, "/v1/notifications", map[string]any{"title": title, "to": map[string]any{"users": []string{"kim"}}}, &sent)
		return `li[data-id="` + sent.ID + `"] .title`
	}
	first := browser.tab()
	for i := range 7 {
		if i > 0 {
			browser.tab()
		}
		browser.open(hub.url() + "/")
		browser.reads("/", "#live.open", "실시간")
	}
	streams(1)
	browser.reads("/", tell("일곱째 탭"), "일곱째 탭")
	browser.run(new(any), `const res = await fetch("/v1/me/preferences", {method: "PUT", headers: {"Content-Type": "application/json"}, body: JSON.stringify({liveFirst: 600})});
		if (!res.ok) throw res.status; return true;`)
	browser.tab()
	browser.open(hub.url() + "/preferences")
	streams(0)
	row := tell("아무도 안 봄")
	until(t, time.Minute, "the device to be told at once", func() bool {
		var titles []string
		browser.run(&titles, `const r = await navigator.serviceWorker.getRegistration("/");
			return (await r.getNotifications()).map((n) => n.title);`)
		return slices.Contains(titles, "아무도 안 봄")
	})
	browser.call("WebDriver:SwitchToWindow", map[string]any{"handle": first})
	browser.reads("/", row, "아무도 안 봄")
}

// tab opens a tab and looks at it.
func (f *firefox) tab() (handle string) {
	f.t.Helper()
	var made struct{ Handle string }
	if err := json.Unmarshal(f.call("WebDriver:NewWindow", map[string]any{"type": "tab", "focus": true}), &made); err != nil {
		f.t.Fatal(err)
	}
	f.call("WebDriver:SwitchToWindow", map[string]any{"handle": made.Handle})
	return made.Handle
}

// soleDevice gives a person's only device.
func soleDevice(h *hub, user string) wire.Device {
	h.t.Helper()
	var list wire.DeviceList
	h.must(http.MethodGet, "/v1/users/"+user+"/devices", nil, &list)
	if len(list.Devices) != 1 {
		h.t.Fatalf("%s has the devices %+v", user, list.Devices)
	}
	return list.Devices[0]
}

// subscriptions tells how many there are.
func (a *autopush) subscriptions() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.channels)
}

// reads waits until the browser is on the page and the element that the selector finds has the words.
func (f *firefox) reads(page, selector, words string) {
	f.t.Helper()
	var now struct{ At, Text, Bad string }
	defer func() {
		if f.t.Failed() {
			f.t.Logf("the page is %+v", now)
		}
	}()
	until(f.t, time.Minute, selector+" of "+page+" to say "+words, func() bool {
		moving := f.tryRun(&now, `const one = (s) => document.querySelector(s)?.textContent;
			return {At: location.pathname + location.search, Text: document.readyState === "complete" && one(`+"`"+selector+"`"+`) || "",
				Bad: [one("[role=alert]"), document.querySelector("#push") && one("#push-note")].join(" ")};`)
		return moving == "" && now.At == page && now.Text != "" && strings.Contains(now.Text, words)
	})
}

// shows waits until the notices of the page's service worker are exactly one with the title and the body, or, without
// them, none.
func (f *firefox) shows(words ...string) {
	f.t.Helper()
	var notices [][]string
	until(f.t, time.Minute, "the browser to show "+strings.Join(words, ": "), func() bool {
		f.run(&notices, `const r = await navigator.serviceWorker.getRegistration("/");
			return (await r.getNotifications()).map((n) => [n.title, n.body]);`)
		return len(notices) == len(words)/2 && (len(words) == 0 || slices.Equal(notices[0], words))
	})
}
