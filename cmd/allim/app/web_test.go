package app_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// TestInvitationsLetInOnce: a good one, a second time, an expired one, a forged one.
func TestInvitationsLetInOnce(t *testing.T) {
	h := newWebHouse(t, "")
	secret := h.invite("kim")
	b := h.browser()
	a := b.post("/join", url.Values{"invitation": {secret}})
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/devices?done=welcome" {
		t.Fatalf("%d %s", a.status, a.alert())
	}
	cookie := a.header.Get("Set-Cookie")
	for _, word := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, word) {
			t.Errorf("the cookie is not %s: %s", word, strings.ReplaceAll(cookie, secret, "…"))
		}
	}
	b.get("/").want(t, "the inbox", 200, "Inbox")
	const refused = "not known, was used, or has expired"
	other := h.browser()
	other.post("/join", url.Values{"invitation": {secret}}).want(t, "the second time", 403, refused)
	other.post("/join", url.Values{"invitation": {"allim_invite_forged"}}).want(t, "forged", 403, refused)
	late := h.invite("kim")
	h.clock.Advance(notify.InvitationLife)
	other.post("/join", url.Values{"invitation": {late}}).want(t, "expired", 403, refused)
	if a := other.get("/"); a.status != http.StatusSeeOther || a.header.Get("Location") != "/signin" {
		t.Errorf("who is not signed in: %d %s", a.status, a.header.Get("Location"))
	}
}

// TestPasswordsOfMailboxes: the mail server knows them; wrong ones are not told apart and get slower.
func TestPasswordsOfMailboxes(t *testing.T) {
	h := newWebHouse(t, "")
	b := h.browser()
	try := func(address, password string) answer {
		return b.post("/signin", url.Values{"address": {address}, "password": {password}, "next": {"/devices"}})
	}
	const wrong = "The address or the password is wrong."
	for _, c := range [][2]string{{"kim@example.com", "not-it"}, {"kim@example.com", "master-word"}, {"nobody@example.com", "kim-word"}, {"lee", "kim-word"}} {
		if a := try(c[0], c[1]); a.status != 403 || a.alert() != wrong || strings.Contains(a.body, c[1]) {
			t.Errorf("%s with %s: %d %q", c[0], c[1], a.status, a.alert())
		}
	}
	try("", "").want(t, "nothing typed", 400, "Enter the address")
	if a := try("KIM@example.com", "kim-word"); a.status != 303 || a.header.Get("Location") != "/devices" {
		t.Fatalf("the right one: %d %q", a.status, a.alert())
	}
	if a := try("kim@example.com", "kim-word"); a.status != 303 {
		t.Error(a.status)
	}
	b = h.browser()
	for range 5 {
		try("kim@example.com", "guess").want(t, "a guess", 403, wrong)
	}
	if a := try("kim@example.com", "kim-word"); a.status != 429 || a.alert() != "Too many wrong tries. Wait a while, then try again." {
		t.Errorf("after five wrong ones: %d %q", a.status, a.alert())
	}
	h.clock.Advance(11 * time.Second)
	if a := try("kim@example.com", "kim-word"); a.status != 303 {
		t.Errorf("after the wait: %d %q", a.status, a.alert())
	}
	h.mail.Close()
	try("kim@example.com", "kim-word").want(t, "with the mail server gone", 503, "cannot be asked")
}

// TestFormsAreOurOwn: a form of another site, and one that is too large, do nothing.
func TestFormsAreOurOwn(t *testing.T) {
	h := newWebHouse(t, "")
	b := h.as("kim")
	req := b.request(http.MethodPost, "/preferences", "bundle=60")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	b.do(req).want(t, "another site's form", 403, "did not come from this page")
	b.post("/preferences", url.Values{"rule": {strings.Repeat("x", 5<<20)}}).want(t, "5 MB", 413, "too large")
	if p, err := h.app.Store().Preferences(t.Context(), "kim"); err != nil || !p.IsZero() {
		t.Error(p, err)
	}
	if a := b.post("/language", url.Values{"lang": {"ko"}, "next": {"//evil.example.com/"}}); a.header.Get("Location") != "/" {
		t.Error("led away to", a.header.Get("Location"))
	}
	b.get("/").want(t, "in Korean", 200, "받은 알림")
	b.lang = "en"
	b.get("/").want(t, "the chosen language stays", 200, "받은 알림")
}

// TestAnothersThings: what is somebody else's is as unknown as what is not there.
func TestAnothersThings(t *testing.T) {
	h := newWebHouse(t, "")
	kim, lee := h.as("kim"), h.as("lee")
	d, _, err := h.app.Hub().RegisterDevice(t.Context(), notify.Device{User: "kim", App: "corp", Platform: notify.WebPush, Token: "https://push.example.com/x",
		P256dh: point(), Auth: make([]byte, 16), Name: "desk"})
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := h.app.Store().Sessions(t.Context(), "kim", h.clock.Now())
	if err != nil || len(sessions) != 1 {
		t.Fatal(sessions, err)
	}
	for _, path := range []string{"/devices/" + d.ID + "/name", "/devices/" + d.ID + "/test", "/devices/" + d.ID + "/remove", "/sessions/" + sessions[0].ID + "/end", "/devices/nothing/remove"} {
		lee.post(path, url.Values{"name": {"mine"}}).want(t, path, 404, "There is no such")
	}
	kim.post("/devices/"+d.ID+"/name", url.Values{"name": {"<b>desk</b>"}}).want(t, "own name", 303, "")
	kim.get("/devices").want(t, "the name", 200, "&lt;b&gt;desk&lt;/b&gt;")
	kim.post("/devices/"+d.ID+"/name", url.Values{"name": {strings.Repeat("x", 300)}}).want(t, "a long name", 400, "longer than")
	kim.post("/devices/"+d.ID+"/test", nil).want(t, "test", 303, "")
	list, err := h.app.Store().Notifications(t.Context(), notify.NotificationFilter{User: "kim"}, notify.Page{})
	if err != nil || len(list) != 1 || list[0].To.Devices[0] != d.ID {
		t.Error(list, err)
	}
	kim.post("/devices/"+d.ID+"/remove", nil).want(t, "remove", 303, "")
	kim.get("/devices").want(t, "no device", 200, "No device is registered yet.")
	kim.post("/sessions/"+sessions[0].ID+"/end", nil).want(t, "sign out there", 303, "")
	if a := kim.get("/"); a.status != 303 {
		t.Error("a session that was ended still opens pages:", a.status)
	}
	lee.post("/signout", nil)
	if a := lee.get("/"); a.status != 303 {
		t.Error("signed out, and still in:", a.status)
	}
}

// TestInboxPage: by day, searched, read; words of notices are text, whatever they are.
func TestInboxPage(t *testing.T) {
	h := newWebHouse(t, "")
	send := func(title string) {
		t.Helper()
		_, _, err := h.app.Hub().Send(t.Context(), notify.Notification{To: notify.Audience{Users: []string{"kim"}}, TTL: time.Hour,
			Content: notify.Content{Title: title, Body: "Zeile <script>alert(1)</script>", URL: "javascript:alert(1)"}}, notify.Idempotency{})
		if err != nil {
			t.Fatal(err)
		}
	}
	send("<img src=x onerror=alert(1)>")
	h.clock.Advance(24 * time.Hour)
	send("점심 메뉴")
	kim := h.as("kim")
	a := kim.get("/")
	a.want(t, "the inbox", 200, "점심 메뉴")
	for _, bad := range []string{"<img src=x", "<script>alert", `href="javascript:`} {
		if strings.Contains(a.body, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	for _, day := range []string{"Today", "Yesterday"} {
		if !strings.Contains(a.body, "<h2>"+day+"</h2>") {
			t.Errorf("the page has no %s", day)
		}
	}
	if a := kim.get("/?q=" + url.QueryEscape("점심")); !strings.Contains(a.body, "점심 메뉴") || strings.Contains(a.body, "Yesterday") {
		t.Error("the search finds something else")
	}
	ids := regexp.MustCompile(`name="id" value="([^"]+)"`).FindAllStringSubmatch(a.body, -1)
	form := url.Values{}
	for _, m := range ids {
		form.Add("id", m[1])
	}
	kim.post("/read", form)
	if n, err := h.app.Store().Unread(t.Context(), "kim", 10); err != nil || n != 0 {
		t.Errorf("%d unread, %v", n, err)
	}
	for _, path := range []string{"/?before=x", "/?q=" + strings.Repeat("x", 300)} {
		kim.get(path).want(t, path, 400, "The form is not complete")
	}
}

// TestPreferencesPage: what is typed is stored, what is wrong is named and kept in the form.
func TestPreferencesPage(t *testing.T) {
	h := newWebHouse(t, "")
	kim := h.as("kim")
	kim.get("/preferences").want(t, "the page", 200, "Quiet hours")
	form := url.Values{"from": {"22:00"}, "to": {"07:00"}, "day": {"mon", "tue"}, "bundle": {"60"}, "liveFirst": {"10"}, "privacy": {"sender"}, "keepRead": {"1"},
		"rule": {`mail.from matches "@boss" ? "urgent" : ""`}, "type": {"mail.received", ""}, "source": {"mail", ""}, "folder": {"News", ""}, "calendar": {"", ""},
		"topic": {"", ""}, "say": {"inbox", ""}}
	if a := kim.post("/preferences", form); a.status != 303 {
		t.Fatal(a.status, a.alert())
	}
	p, err := h.app.Store().Preferences(t.Context(), "kim")
	if err != nil || p.Quiet.From != "22:00" || len(p.Quiet.Days) != 2 || len(p.Choices) != 1 || p.Choices[0].Folder != "News" || p.Bundle != 60 || !p.KeepRead {
		t.Errorf("%+v %v", p, err)
	}
	kim.get("/preferences?done=saved").want(t, "saved", 200, "Saved.")
	form.Set("rule", "nonsense(")
	a := kim.post("/preferences", form)
	a.want(t, "a wrong rule", 400, "nonsense(")
	if !strings.Contains(a.alert(), "rule") {
		t.Error(a.alert())
	}
}

// TestHeaders: the policy forbids everything that is not the hub's own, on every page, and there is no inline script or style.
func TestHeaders(t *testing.T) {
	h := newWebHouse(t, "")
	boss := h.as("boss")
	for _, path := range []string{"/signin", "/join", "/", "/devices", "/preferences", "/assets/app.js", "/sw.js", "/manifest.webmanifest", "/nothing"} {
		a := boss.get(path)
		if path == "/nothing" {
			continue // the API's
		}
		csp := a.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, a.header)
		}
		if regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|<style|\sstyle=|\son[a-z]+=|https?://`).MatchString(a.body) && strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s has something inline, or of another host", path)
		}
	}
}

// TestSessionsLast as long as they are used, and no longer.
func TestSessionsLast(t *testing.T) {
	h := newWebHouse(t, "")
	kim := h.as("kim")
	for range 2 {
		h.clock.Advance(notify.SessionLife - time.Minute)
		if a := kim.get("/"); a.status != 200 {
			t.Fatalf("a session in use ended: %d", a.status)
		}
	}
	h.clock.Advance(notify.SessionLife + time.Minute)
	if a := kim.get("/"); a.status != 303 {
		t.Errorf("an unused session goes on: %d", a.status)
	}
}
