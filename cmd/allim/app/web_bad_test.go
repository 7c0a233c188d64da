package app_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/web"
)

var parameter = regexp.MustCompile(`\{\w+\}`)

// great posts a form that says it has 5 MB, of which it sends only what is refused: more than that, unread, could break the
// connection before the answer is read.
func (b *browser) great(path, contentType, head string) answer {
	b.h.t.Helper()
	const refusedAt = 1<<20 + 1
	body, more := io.Pipe()
	defer func() { _ = more.Close() }()
	go func() { _, _ = io.WriteString(more, head+strings.Repeat("x", refusedAt-len(head))) }()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, b.h.app.URL()+path, body)
	if err != nil {
		b.h.t.Fatal(err)
	}
	req.ContentLength = 5 << 20
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(req)
}

// TestGreatFormsAreRefused: 5 MB at every form, in both of its encodings, are refused before they are read, with a plain
// message.
func TestGreatFormsAreRefused(t *testing.T) {
	h := newWebHouse(t, "")
	boss := h.as("boss")
	for _, r := range web.Routes() {
		if r.Method != http.MethodPost {
			continue
		}
		path := parameter.ReplaceAllString(r.Path, "nothing")
		for contentType, head := range map[string]string{"application/x-www-form-urlencoded": "csv=",
			"multipart/form-data; boundary=b": "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n"} {
			a := boss.great(path, contentType, head)
			if a.status != http.StatusRequestEntityTooLarge || !strings.HasPrefix(a.alert(), "The form is too large") {
				t.Errorf("%s with 5 MB of %s: %d %q", path, contentType, a.status, a.alert())
			}
		}
	}
	boss.get("/").want(t, "still signed in, nothing was done", 200, "Inbox")
	if trail := acts(t, h); len(trail) != 0 {
		t.Error("a refused form did something:", trail)
	}
}

// TestForgedTokensOpenNothing: made-up sessions, keys of the API in their place, and what was revoked lead to the sign-in.
func TestForgedTokensOpenNothing(t *testing.T) {
	h := newWebHouse(t, "")
	key, secret, err := api.NewKey("program", []notify.Scope{notify.ScopeAdmin}, h.clock)
	if err == nil {
		err = h.app.Store().PutKey(t.Context(), key, notify.HashSecret(secret))
	}
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, header, value string) {
		t.Helper()
		for _, path := range []string{"/admin", "/admin/users/kim", "/"} {
			req := h.browser().request(http.MethodGet, path, "")
			req.Header.Set(header, value)
			if a := h.browser().do(req); a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/signin") {
				t.Errorf("%s opens %s: %d", what, path, a.status)
			}
		}
	}
	for what, value := range map[string]string{"a made-up session": notify.SessionPrefix + "AAAA", "nothing": "", "a key of the API": secret, "a great one": strings.Repeat("x", 4000),
		"HTML": "<script>", "the hash": string(notify.SessionPrefix) + "%00"} {
		try(what+" as a cookie", "Cookie", api.SessionCookie+"="+value)
		try(what+" as a bearer", "Authorization", "Bearer "+value)
	}
	boss := h.as("boss")
	boss.get("/admin").want(t, "the real one", 200, "Overview")
	sessions, err := h.app.Store().Sessions(t.Context(), "boss", h.clock.Now())
	if err != nil || len(sessions) != 1 {
		t.Fatal(sessions, err)
	}
	// A role that was taken is gone at once, and so is a session.
	if err := h.app.Store().SetRole(t.Context(), "boss", notify.RolePerson); err != nil {
		t.Fatal(err)
	}
	boss.get("/admin").want(t, "the console without the role", 403, "Your role does not allow this")
	boss.post("/admin/users/kim/erase", url.Values{"confirm": {"kim"}}).want(t, "erasing without the role", 403, "Your role does not allow this")
	boss.post("/sessions/"+sessions[0].ID+"/end", nil)
	if a := boss.get("/"); a.status != http.StatusSeeOther {
		t.Error("an ended session opens the inbox:", a.status)
	}
}

// TestOddAddresses: ids and cursors that cannot be are answered in plain words, at every page and act.
func TestOddAddresses(t *testing.T) {
	h := newWebHouse(t, "")
	boss := h.as("boss")
	odd := []string{"%00", "..%2F..%2Fetc", "%3Cscript%3Ealert(1)%3C%2Fscript%3E", "%FF%FE", strings.Repeat("9", 3000), "-1", "'%20OR%201=1"}
	for _, r := range web.Routes() {
		if r.For == "everybody" || r.Path == "/signout" {
			continue
		}
		for _, id := range odd {
			path := parameter.ReplaceAllLiteralString(r.Path, id)
			if r.Method == http.MethodGet {
				path += "?after=" + id + "&q=" + id + "&id=" + id + "&source=" + id + "&state=" + id + "&before=" + id + "&done=" + id
			}
			a := boss.get
			if r.Method == http.MethodPost {
				a = func(path string) answer {
					return boss.post(path, url.Values{"into": {id}, "confirm": {id}, "role": {id}})
				}
			}
			if got := a(path); got.status >= http.StatusInternalServerError || strings.Contains(got.body, "<script>alert") || strings.Contains(got.body, "sql") {
				t.Errorf("%s %.80s: %d %q", r.Method, path, got.status, got.alert())
			}
		}
	}
}

// TestHTMLIsText: whatever a person, a program or a device is called, it is shown as it is written.
func TestHTMLIsText(t *testing.T) {
	h := newWebHouse(t, "web: {approve_broadcasts: true}\n")
	const evil = `"><img src=x onerror=alert(1)><script>alert(2)</script>`
	ctx, s := t.Context(), h.app.Store()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := h.app.Hub().PutUser(ctx, notify.User{ID: "eve", Name: evil, Locale: "en", Identities: []notify.Identity{{Kind: "login", Value: "<script>"}}})
	must(err)
	d, _, err := h.app.Hub().RegisterDevice(ctx, notify.Device{User: "eve", App: "corp", Platform: notify.WebPush, Token: "https://push.example.com/x", P256dh: point(), Auth: make([]byte, 16), Name: evil})
	must(err)
	must(s.AddMember(ctx, evil, "eve"))
	boss := h.as("boss")
	send := func(form url.Values) string {
		t.Helper()
		form.Set("title", evil)
		form.Set("body", evil)
		a := boss.post("/admin/send", form)
		a.want(t, "the preview", 200, "&lt;script&gt;")
		form.Set("go", "1")
		path, _, _ := strings.Cut(boss.post("/admin/send", form).header.Get("Location"), "?")
		return path
	}
	one, all := send(url.Values{"users": {"eve"}}), send(url.Values{"all": {"1"}})
	boss.post("/admin/keys", url.Values{"name": {evil}, "scope": {"send"}})
	boss.post("/admin/accounts", url.Values{"source": {"mail"}, "login": {evil}, "users": {"eve"}})
	boss.post("/admin/import", url.Values{"csv": {"id,name\n<script>,x\n"}}).want(t, "an import", 200, "&lt;script&gt;")
	for _, path := range []string{"/admin", "/admin/users", "/admin/users?q=eve", "/admin/users/eve", "/admin/topics", "/admin/topics/" + url.PathEscape(evil), "/admin/sources", "/admin/notifications", one, all,
		"/admin/trace?id=" + strings.TrimPrefix(one, "/admin/notifications/"), "/admin/keys", "/admin/audit", "/admin/users?q=" + url.QueryEscape(evil), "/admin/trace?id=" + url.QueryEscape(evil),
		"/admin/notifications?state=" + url.QueryEscape(evil), "/admin/topics?q=" + url.QueryEscape(evil)} {
		a := boss.get(path)
		for _, bad := range []string{"<img src=x", "<script>alert", "<script>,"} {
			if strings.Contains(a.body, bad) {
				t.Errorf("%s has %s as markup", path, bad)
			}
		}
		if a.status >= 500 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	boss.get("/admin/users/eve").want(t, "the device's name", 200, d.ID)
}
