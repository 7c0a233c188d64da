package app_test

import (
	"crypto/rand"
	"crypto/rsa"
	"net/url"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify/notifytest"
	"allim.dev/allim/notify/notifytest/oidc"
)

// TestSingleSignOn: a person whom the provider names is in; whatever is forged, stale, unverified or unknown is not.
func TestSingleSignOn(t *testing.T) {
	clock := notifytest.NewClock(time.Time{}) // the house's begins at the same time
	p := oidc.New(t, clock.Now)
	h := newWebHouse(t, p.Section())
	begin := func(b *browser, g oidc.Grant) (state, code string) {
		t.Helper()
		a := b.get("/signin/oidc?next=/preferences")
		to, err := url.Parse(a.header.Get("Location"))
		if err != nil || a.status != 303 || !strings.HasPrefix(to.String(), p.URL+"/auth") {
			t.Fatal(a.status, a.alert(), to)
		}
		q := to.Query()
		if q.Get("code_challenge_method") != "S256" || q.Get("client_id") != oidc.ClientID || q.Get("redirect_uri") != h.app.URL()+"/signin/oidc/callback" {
			t.Error("asked with", q)
		}
		g.Nonce = q.Get("nonce")
		return q.Get("state"), p.Grant(g)
	}
	end := func(b *browser, state, code string) answer {
		return b.get("/signin/oidc/callback?state=" + url.QueryEscape(state) + "&code=" + url.QueryEscape(code))
	}
	b := h.browser()
	b.get("/signin?next=/preferences%3Fa=1").want(t, "the page", 200, `href="/signin/oidc?next=%2Fpreferences%3Fa%3D1"`)
	state, code := begin(b, oidc.Grant{})
	if a := end(b, state, code); a.status != 303 || a.header.Get("Location") != "/preferences" {
		t.Fatal(a.status, a.alert())
	}
	b.get("/").want(t, "in", 200, "KIM")
	end(b, state, code).want(t, "the same answer twice", 403, "has expired")

	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		claims map[string]any
		signer *rsa.PrivateKey
		code   string
		want   string
	}{
		"unknown":       {claims: map[string]any{"email": "nobody@example.com"}, want: "not known here"},
		"unverified":    {claims: map[string]any{"email_verified": false}, want: "did not work"},
		"nothing said":  {claims: map[string]any{"email_verified": nil}, want: "did not work"},
		"no address":    {claims: map[string]any{"email": ""}, want: "did not work"},
		"other nonce":   {claims: map[string]any{"nonce": "x"}, want: "did not work"},
		"other client":  {claims: map[string]any{"aud": "x"}, want: "did not work"},
		"other issuer":  {claims: map[string]any{"iss": "https://evil.example.com"}, want: "did not work"},
		"expired token": {claims: map[string]any{"exp": h.clock.Now().Add(-time.Hour).Unix()}, want: "did not work"},
		"forged":        {signer: stranger, want: "did not work"},
		"wrong code":    {code: "x", want: "did not work"},
		"no code":       {code: " ", want: "did not work"},
	} {
		b := h.browser()
		state, code := begin(b, oidc.Grant{Claims: c.claims, Signer: c.signer})
		if c.code != "" {
			code = c.code
		}
		a := end(b, state, code)
		a.want(t, name, 403, c.want)
		if a := b.get("/"); a.status != 303 {
			t.Errorf("%s: signed in all the same", name)
		}
	}
	victim := h.browser()
	state, code = begin(h.browser(), oidc.Grant{})
	end(victim, state, code).want(t, "the state of another browser", 403, "has expired")
	late := h.browser()
	state, code = begin(late, oidc.Grant{})
	h.clock.Advance(11 * time.Minute)
	end(late, state, code).want(t, "too late", 403, "has expired")
}
