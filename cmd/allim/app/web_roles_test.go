package app_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/web"
)

// who may see every page and do every act: everybody, whoever is signed in, or those with at least the role. A route
// without a row fails.
var whoMay = map[string]string{
	"GET /signin": "everybody", "POST /signin": "everybody", "GET /signin/oidc": "everybody", "GET /signin/oidc/callback": "everybody",
	"GET /join": "everybody", "POST /join": "everybody", "POST /language": "everybody", "GET /manifest.webmanifest": "everybody", "GET /sw.js": "everybody",

	"GET /": "person", "POST /read": "person", "GET /devices": "person", "POST /devices/{id}/name": "person", "POST /devices/{id}/test": "person",
	"POST /devices/{id}/remove": "person", "POST /sessions/{id}/end": "person", "GET /preferences": "person", "POST /preferences": "person", "POST /signout": "person",

	"GET /admin": "auditor", "GET /admin/trace": "auditor", "GET /admin/audit": "auditor", "GET /admin/topics": "auditor", "GET /admin/topics/{topic}": "auditor",
	"GET /admin/users": "auditor", "GET /admin/users/{id}": "auditor", "GET /admin/notifications": "auditor", "GET /admin/notifications/{id}": "auditor",
	"GET /admin/dead": "auditor", "GET /admin/sources": "auditor",

	"POST /admin/devices/{id}/test": "operator", "POST /admin/devices/{id}/remove": "operator", "GET /admin/import": "operator", "POST /admin/import": "operator", "GET /admin/send": "operator",
	"POST /admin/send": "operator", "POST /admin/notifications/{id}/{to}": "operator", "POST /admin/dead/{id}/replay": "operator",
	"POST /admin/accounts": "operator", "POST /admin/accounts/{id}/check": "operator", "POST /admin/accounts/{id}/remove": "operator",

	"POST /admin/users/{id}/invite": "admin", "POST /admin/users/{id}/role": "admin", "POST /admin/users/{id}/merge": "admin", "POST /admin/users/{id}/erase": "admin",
	"GET /admin/keys": "admin", "POST /admin/keys": "admin", "POST /admin/keys/{id}/revoke": "admin",
}

// TestEveryPageWithEveryRole walks every route of the pages with every role and with none. Who may gets the page, or is
// told that its subject is not there or its form is not right; who may not gets the sign-in page or a refusal.
func TestEveryPageWithEveryRole(t *testing.T) {
	h := newWebHouse(t, "")
	order := []string{"everybody", "person", "auditor", "operator", "admin"}
	level := func(word string) int {
		for i, w := range order {
			if w == word {
				return i
			}
		}
		return -1
	}
	visitors := []struct {
		user, role string
	}{{"", "everybody"}, {"lee", "person"}, {"audit", "auditor"}, {"oper", "operator"}, {"boss", "admin"}}
	seen := map[string]bool{}
	for _, r := range web.Routes() {
		name := r.Method + " " + r.Path
		seen[name] = true
		row, ok := whoMay[name]
		if !ok || level(row) < 0 {
			t.Errorf("%s has no row: say who may", name)
			continue
		}
		path := regexp.MustCompile(`\{\w+\}`).ReplaceAllString(r.Path, "nothing")
		for _, v := range visitors {
			b := h.as(v.user) // anew: some acts sign out
			var a answer
			if r.Method == http.MethodPost {
				a = b.post(path, url.Values{})
			} else {
				a = b.get(path)
			}
			signIn := a.status == http.StatusSeeOther && strings.HasPrefix(a.header.Get("Location"), "/signin") && (name != "POST /signout" || v.user == "") // which leads there, too
			refused := signIn || a.status == http.StatusForbidden && strings.Contains(a.body, "Your role does not allow this")
			if may := level(v.role) >= level(row); may == refused || a.status >= 500 {
				t.Errorf("%s as %s: %d %s, allowed is %v", name, v.role, a.status, a.alert(), may)
			}
		}
	}
	for name := range whoMay {
		if !seen[name] {
			t.Errorf("there is no route %s", name)
		}
	}
}

// TestAPIRoutesWithASession: a session opens what a person's own token opens, and nothing else, whatever the role.
func TestAPIRoutesWithASession(t *testing.T) {
	h := newWebHouse(t, "")
	for _, user := range []string{"lee", "boss"} {
		b := h.as(user)
		for _, r := range api.Routes() {
			path := regexp.MustCompile(`\{\w+\}`).ReplaceAllString(r.Path, "nothing")
			req := b.request(r.Method, path, "")
			req.Header.Set("Sec-Fetch-Site", "same-origin")
			a := b.do(req)
			own := len(r.Scopes) == 0
			for _, s := range r.Scopes {
				own = own || s == notify.ScopeUser
			}
			if refused := a.status == http.StatusForbidden || a.status == http.StatusUnauthorized; refused == own {
				t.Errorf("%s %s with the session of %s: %d, its own is %v", r.Method, r.Path, user, a.status, own)
			}
		}
	}
}
