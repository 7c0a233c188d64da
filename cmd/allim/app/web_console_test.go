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

func acts(t *testing.T, h *webHouse) (out []string) {
	t.Helper()
	list, err := h.app.Store().Acts(t.Context(), notify.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		out = append(out, a.Actor+" "+a.Act+" "+a.Subject)
	}
	return out
}

// TestConsolePages: every page is whole in both languages, with nothing left untranslated and nothing inline.
func TestConsolePages(t *testing.T) {
	h := newWebHouse(t, "")
	if err := h.app.Store().AddMember(t.Context(), "공지", "kim"); err != nil {
		t.Fatal(err)
	}
	n, _, err := h.app.Hub().Send(t.Context(), notify.Notification{To: notify.Audience{Users: []string{"kim"}}, Content: notify.Content{Title: "<i>t</i>"}}, notify.Idempotency{})
	if err != nil {
		t.Fatal(err)
	}
	now := h.clock.Now().Truncate(time.Minute)
	if err := h.app.Store().PutSamples(t.Context(), []notify.Sample{{At: now, Name: notify.SampleEvents, Label: "mail", Value: 3}, {At: now, Name: notify.SampleLatency, Label: "mail", Value: 40}}); err != nil {
		t.Fatal(err)
	}
	boss := h.as("boss")
	leftover := regexp.MustCompile(`>\s*(?:c|send|users|role|state|count|health|lane|do|alarm|chart|import|keys|sources|audit|trace|steer|merge|erase|invite|topics|devices|sessions|quiet|choices|type|say)\.[a-zA-Z.]+\s*<`)
	inline := regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|\sstyle=|\son[a-z]+=`)
	for _, lang := range []string{"en", "ko"} {
		boss.post("/language", url.Values{"lang": {lang}})
		for _, path := range []string{"/", "/devices", "/preferences", "/admin", "/admin/users?q=k", "/admin/users/kim", "/admin/users/boss", "/admin/topics", "/admin/topics/공지", "/admin/sources", "/admin/send",
			"/admin/notifications", "/admin/notifications/" + n.ID, "/admin/dead", "/admin/trace", "/admin/trace?id=" + n.ID, "/admin/keys", "/admin/audit", "/admin/import", "/signin", "/join"} {
			a := boss.get(path)
			if path == "/signin" { // boss is in already
				continue
			}
			if a.status != 200 {
				t.Errorf("%s in %s: %d %s", path, lang, a.status, a.alert())
				continue
			}
			if m := leftover.FindString(a.body); m != "" {
				t.Errorf("%s in %s has an untranslated %s", path, lang, m)
			}
			if inline.MatchString(a.body) || strings.Contains(a.body, "ZgotmplZ") || strings.Contains(a.body, "<i>t</i>") || !strings.Contains(a.body, `lang="`+lang+`"`) {
				t.Errorf("%s in %s has something that it must not", path, lang)
			}
			if len(a.body) > 40_000 {
				t.Errorf("%s takes %d bytes", path, len(a.body))
			}
		}
	}
	if a := boss.get("/admin"); !strings.Contains(a.body, `<path class="s0"`) {
		t.Error("the overview draws nothing of the history")
	}
}

// TestConsoleActs: each does what it says, and is in the audit trail.
func TestConsoleActs(t *testing.T) {
	h := newWebHouse(t, "")
	boss, oper := h.as("boss"), h.as("oper")
	ok := func(what string, a answer) {
		t.Helper()
		if a.status != http.StatusSeeOther && a.status != http.StatusOK {
			t.Errorf("%s: %d %s", what, a.status, a.alert())
		}
	}
	a := boss.post("/admin/users/lee/invite", nil)
	link := regexp.MustCompile(`/join#(allim_invite_[\w-]+)<`).FindStringSubmatch(a.body)
	if len(link) != 2 || !strings.Contains(a.body, "data:image/png;base64,") {
		t.Fatalf("the invitation shows no link or code: %d %s", a.status, a.alert())
	}
	ok("join", h.browser().post("/join", url.Values{"invitation": {link[1]}}))
	ok("role", boss.post("/admin/users/lee/role", url.Values{"role": {"auditor"}}))
	boss.post("/admin/users/boss/role", url.Values{"role": {"person"}}).want(t, "one's own role", 409, "your own role")
	boss.post("/admin/users/lee/role", url.Values{"role": {"king"}}).want(t, "no role", 400, "")
	csv := url.Values{"csv": {"id,name,email\npark,박민수,park@example.com\nkim,KIM,kim@example.com\nbad id,x,y\n"}}
	oper.post("/admin/import", csv).want(t, "a preview", 200, "1 new, 0 changed, 1 wrong")
	if _, err := h.app.Store().User(t.Context(), "park"); notify.CodeOf(err) != notify.CodeUnknownUser {
		t.Error("a preview imported:", err)
	}
	csv.Set("apply", "1")
	oper.post("/admin/import", csv).want(t, "an import", 200, "Done.")
	if u, err := h.app.Store().User(t.Context(), "park"); err != nil || u.Name != "박민수" {
		t.Error(u, err)
	}
	oper.post("/admin/import", url.Values{"csv": {"id\n\"x"}}).want(t, "no CSV", 400, "CSV")
	oper.get("/admin/users?q="+url.QueryEscape("박")).want(t, "found in Korean", 200, "/admin/users/park")
	ok("account", oper.post("/admin/accounts", url.Values{"source": {"mail"}, "login": {"team"}, "users": {"kim, lee"}}))
	list, err := h.app.Store().Accounts(t.Context(), "mail", notify.Page{})
	if err != nil || len(list) < 2 {
		t.Fatal(list, err)
	}
	for _, acc := range list {
		a := oper.post("/admin/accounts/"+acc.ID+"/check", nil)
		if works := strings.Contains(a.body, "works"); a.status != 200 || works != (acc.Login == "kim@example.com") {
			t.Errorf("the login of %s: %d, works is %v", acc.Login, a.status, works)
		}
		if acc.Login == "team" {
			ok("account removed", oper.post("/admin/accounts/"+acc.ID+"/remove", nil))
		}
	}
	a = boss.post("/admin/keys", url.Values{"name": {"erp"}, "scope": {"send"}})
	if a.status != 200 || !strings.Contains(a.body, "allim_key_") {
		t.Error("no key:", a.status, a.alert())
	}
	boss.post("/admin/keys", url.Values{"name": {""}}).want(t, "a key without a name", 400, "")
	keys, err := h.app.Store().Keys(t.Context(), "")
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	ok("key revoked", boss.post("/admin/keys/"+keys[0].ID+"/revoke", nil))
	ok("merge", boss.post("/admin/users/park/merge", url.Values{"into": {"kim"}}))
	boss.post("/admin/users/lee/erase", url.Values{"confirm": {"kim"}}).want(t, "not confirmed", 400, "Nothing was erased")
	ok("erase", boss.post("/admin/users/lee/erase", url.Values{"confirm": {"lee"}}))
	trail := strings.Join(acts(t, h), "\n")
	for _, want := range []string{"user:boss user.invite lee", "user:boss user.role lee", "user:oper user.import people", "user:oper account.add ", "user:oper account.check ", "user:oper account.remove ",
		"user:boss key.create ", "user:boss key.revoke ", "user:boss user.merge park", "user:boss user.erase lee"} {
		if !strings.Contains(trail, want) {
			t.Errorf("the trail has no %s:\n%s", want, trail)
		}
	}
}

// TestSendFromTheConsole: counted and shown first, approved by a second person, steered.
func TestSendFromTheConsole(t *testing.T) {
	h := newWebHouse(t, "web: {approve_broadcasts: true}\n")
	boss, oper := h.as("boss"), h.as("oper")
	form := url.Values{"title": {"점심 <b>안내</b>"}, "body": {"12시"}, "all": {"1"}, "priority": {"normal"}}
	a := oper.post("/admin/send", form)
	a.want(t, "the preview", 200, "People it reaches: 5; their devices: 0.")
	if !strings.Contains(a.body, "second person") || strings.Contains(a.body, "<b>안내") {
		t.Error("the preview is", a.alert())
	}
	oper.post("/admin/send", url.Values{"title": {"x"}, "users": {"nobody"}, "go": {"1"}}).want(t, "an unknown person", 400, "nobody")
	oper.post("/admin/send", url.Values{"users": {"kim"}, "go": {"1"}}).want(t, "no words", 400, "Not sent")
	form.Set("go", "1")
	a = oper.post("/admin/send", form)
	path, _, _ := strings.Cut(a.header.Get("Location"), "?")
	if a.status != 303 || !strings.HasPrefix(path, "/admin/notifications/") {
		t.Fatal(a.status, a.alert())
	}
	id := strings.TrimPrefix(path, "/admin/notifications/")
	state := func() notify.State {
		t.Helper()
		n, err := h.app.Store().Notification(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return n.State
	}
	if state() != notify.StateAwaitingApproval {
		t.Error("not held for approval:", state())
	}
	oper.post(path+"/approve", nil).want(t, "one's own approval", 403, "")
	boss.get("/admin").want(t, "the overview", 200, "waits for approval")
	if a := boss.post(path+"/approve", nil); a.status != 303 || state() != notify.StateDone {
		t.Error("approved:", a.status, a.alert(), state())
	}
	boss.post(path+"/cancel", nil).want(t, "cancelled when it is over", 409, "")
	oper.post("/admin/send", url.Values{"title": {"to one"}, "users": {"email:KIM@example.com"}, "go": {"1"}, "at": {"2026-12-24T09:00"}}).want(t, "scheduled", 303, "")
	list, err := h.app.Store().Notifications(t.Context(), notify.NotificationFilter{State: notify.StateScheduled}, notify.Page{})
	if err != nil || len(list) != 1 || !list[0].SendAt.Equal(time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)) {
		t.Fatal(list, err)
	}
	if a := oper.post("/admin/notifications/"+list[0].ID+"/cancel", nil); a.status != 303 {
		t.Error(a.status, a.alert())
	}
	oper.post("/admin/dead/nothing/replay", nil).want(t, "replay of nothing", 404, "There is no such delivery")
}

// TestFoundByAnything: whole things lead to the person, whatever their spelling; a beginning finds topics, too.
func TestFoundByAnything(t *testing.T) {
	h := newWebHouse(t, "identities: {phone_region: KR}\n")
	ctx := t.Context()
	if _, _, err := h.app.Hub().PutUser(ctx, notify.User{ID: "park", Name: "박민수", Identities: []notify.Identity{{Kind: "email", Value: "park@example.com"},
		{Kind: "phone", Value: "010-2345-6789"}, {Kind: "mac", Value: "00:1b:63:84:45:e6"}, {Kind: "employee", Value: "E-77"}}}); err != nil {
		t.Fatal(err)
	}
	d, _, err := h.app.Hub().RegisterDevice(ctx, notify.Device{User: "park", App: "corp", Platform: notify.WebPush, Token: "https://push.example.com/whole-token", P256dh: point(), Auth: make([]byte, 16)})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.app.Store().AddMember(ctx, "parking", "park"); err != nil {
		t.Fatal(err)
	}
	audit, oper := h.as("audit"), h.as("oper")
	for _, q := range []string{d.ID, d.Token, "010-2345-6789", "010 2345 6789", "00-1B-63-84-45-E6", "employee:E-77"} {
		if a := audit.get("/admin/users?q=" + url.QueryEscape(q)); a.status != http.StatusSeeOther || a.header.Get("Location") != "/admin/users/park" {
			t.Errorf("%s leads to %d %s", q, a.status, a.header.Get("Location"))
		}
	}
	for _, q := range []string{"par", "박", "PARK@", "+8210"} {
		audit.get("/admin/users?q="+url.QueryEscape(q)).want(t, q, 200, `href="/admin/users/park"`)
	}
	audit.get("/admin/users?q=park").want(t, "a topic", 200, `href="/admin/topics/parking"`)
	audit.get("/admin/users?q=zzz").want(t, "nobody", 200, "Nothing.")
	audit.get("/admin/users/park").want(t, "the topics of a person", 200, "parking")

	a := oper.post("/admin/devices/"+d.ID+"/test", nil)
	id, _, _ := strings.Cut(strings.TrimPrefix(a.header.Get("Location"), "/admin/notifications/"), "?")
	n, err := h.app.Store().Notification(ctx, id)
	if err != nil || n.By != "user:oper" || len(n.To.Devices) != 1 || n.To.Devices[0] != d.ID {
		t.Errorf("a test to a device: %d %+v %v", a.status, n, err)
	}
	oper.post("/admin/devices/nothing/test", nil).want(t, "a device that is not there", 404, "There is no such device")
	for range pageRows + 3 {
		if _, _, err := h.app.Hub().RegisterDevice(ctx, notify.Device{User: "park", App: "corp", Platform: notify.WebPush, Token: "https://push.example.com/" + notify.NewID(), P256dh: point(), Auth: make([]byte, 16)}); err != nil {
			t.Fatal(err)
		}
	}
	oper.get("/admin/users/park").want(t, "many devices", 200, "4 older ones are not shown.")
}

// pageRows is how many rows a page shows.
const pageRows = 50

// TestPreviewsAreThePayloads: what the console shows before sending is what the platform's own code makes of it, cut where
// the platform cuts; what a platform cannot carry is said.
func TestPreviewsAreThePayloads(t *testing.T) {
	h := newWebHouse(t, "")
	oper := h.as("oper")
	a := oper.post("/admin/send", url.Values{"users": {"kim"}, "title": {"점심 <b>"}, "body": {"12시"}, "url": {"https://example.com/a"}, "urgent": {"1"}})
	a.want(t, "the preview", 200, "corp/webpush")
	for _, word := range []string{"&#34;web_push&#34;: 8030", "&#34;title&#34;: &#34;점심 &lt;b&gt;&#34;", "https://example.com/a", "Urgency: high", "Encrypted on its way", "requireInteraction"} {
		if !strings.Contains(a.body, word) {
			t.Errorf("the preview has no %s", word)
		}
	}
	if strings.Contains(strings.ToLower(a.body), "authorization:") {
		t.Error("the preview shows credentials")
	}
	a = oper.post("/admin/send", url.Values{"users": {"kim"}, "title": {"long"}, "body": {strings.Repeat("가나다 ", 1500)}})
	a.want(t, "a long one", 200, "…")
	if m := regexp.MustCompile(`gets: ([\d,]+) bytes`).FindStringSubmatch(a.body); len(m) != 2 || len(strings.ReplaceAll(m[1], ",", "")) != 4 {
		t.Error("a payload of", m)
	}
}
