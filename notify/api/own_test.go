package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
)

// TestSessionStandsForAToken: the cookie of a session opens what is the person's own, from the hub's own pages, until
// the session ends.
func TestSessionStandsForAToken(t *testing.T) {
	h := newHouse(t)
	id := h.session("kim")
	cookie := api.SessionCookie + "=" + notify.SessionPrefix + id
	if r := h.ask(http.MethodGet, "/v1/me", "", "Cookie", cookie); r.status != 200 || !strings.Contains(r.body, `"kim"`) {
		t.Fatal(r.status, r.body)
	}
	if r := h.ask(http.MethodGet, "/v1/users", "", "Cookie", cookie); r.status != 403 {
		t.Error("a session reads people:", r.status)
	}
	marks := func(headers ...string) int {
		return h.ask(http.MethodPost, "/v1/me/marks", `{"ids":["x"]}`, append(headers, "Cookie", cookie, "Content-Type", "application/json")...).status
	}
	if got := marks("Sec-Fetch-Site", "cross-site"); got != 403 {
		t.Error("another site's page writes:", got)
	}
	if got := marks("Sec-Fetch-Site", "same-origin"); got != 204 {
		t.Error("the hub's own page does not write:", got)
	}
	if r := h.ask(http.MethodGet, "/v1/me", "", "Cookie", cookie+"x"); r.status != 401 {
		t.Error("a forged session is taken:", r.status)
	}
	if r := h.ask(http.MethodGet, "/v1/me/sessions", "", "Cookie", cookie); !strings.Contains(r.body, `"current":true`) {
		t.Error("the session does not know itself:", r.body)
	}
	h.clock.Advance(notify.SessionLife - time.Hour)
	if r := h.ask(http.MethodGet, "/v1/me", "", "Cookie", cookie); r.status != 200 {
		t.Error(r.status)
	}
	h.clock.Advance(2 * time.Hour) // it was used meanwhile
	if r := h.ask(http.MethodDelete, "/v1/me/sessions/"+id, "", "Cookie", cookie); r.status != 204 {
		t.Error(r.status, r.body)
	}
	if r := h.ask(http.MethodGet, "/v1/me", "", "Cookie", cookie); r.status != 401 {
		t.Error("a session that was ended is taken:", r.status)
	}
}

// TestAdministrativeActsAreWritten: by whom, and to what; reading is not.
func TestAdministrativeActsAreWritten(t *testing.T) {
	h := newHouse(t)
	admin := "Bearer " + h.keys[notify.ScopeAdmin]
	h.ask(http.MethodGet, "/v1/users/kim", "", "Authorization", admin)
	h.ask(http.MethodDelete, "/v1/users/nobody", "", "Authorization", admin)
	r := h.ask(http.MethodPut, "/v1/users/kim/role", `{"role":"admin"}`, "Authorization", admin, "Content-Type", "application/json")
	if r.status != 204 || h.store.people.roles["kim"] != notify.RoleAdmin {
		t.Fatal(r.status, r.body)
	}
	if acts := h.store.people.acts; len(acts) != 1 || acts[0].Act != "PUT /v1/users/{id}/role" || acts[0].Subject != "/v1/users/kim/role" || !strings.HasPrefix(acts[0].Actor, "key:") {
		t.Errorf("the trail is %+v", acts)
	}
	if r := h.ask(http.MethodPut, "/v1/users/kim/role", `{"role":"king"}`, "Authorization", admin, "Content-Type", "application/json"); r.status != 400 {
		t.Error(r.status)
	}
}

func TestAnInvitationIsALink(t *testing.T) {
	h := newHouse(t)
	r := h.ask(http.MethodPost, "/v1/users/kim/invitations", "", "Authorization", "Bearer "+h.keys[notify.ScopeAdmin])
	_, secret, _ := strings.Cut(r.body, "https://allim.example.com/join#")
	secret, _, _ = strings.Cut(secret, `"`)
	if i, ok := h.store.people.invitations[string(notify.HashSecret(secret))]; !ok || i.User != "kim" {
		t.Errorf("%s leads to %+v", r.body, i)
	}
}
