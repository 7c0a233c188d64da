package app_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"allim.dev/allim/notify/notifytest"
)

// provider is a small OpenID Connect provider: it says of everybody who asks what claims says.
type provider struct {
	*httptest.Server
	t      *testing.T
	key    *rsa.PrivateKey
	clock  *notifytest.Clock
	claims map[string]any // over the usual ones
	nonce  string
	signer *rsa.PrivateKey
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{t: t, key: key, signer: key, claims: map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.json(w, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token",
			"jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.json(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.t.Error(err)
	}
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("code") != "code" || r.PostFormValue("code_verifier") == "" {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	now := p.clock.Now()
	claims := map[string]any{"iss": p.URL, "aud": "allim", "sub": "1", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "nonce": p.nonce,
		"email": "kim@example.com", "email_verified": true}
	for k, v := range p.claims {
		claims[k] = v
	}
	body, err := json.Marshal(claims)
	if err != nil {
		p.t.Error(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.signer, KeyID: "1"}}, nil)
	if err != nil {
		p.t.Error(err)
		return
	}
	signed, err := signer.Sign(body)
	if err != nil {
		p.t.Error(err)
		return
	}
	raw, err := signed.CompactSerialize()
	if err != nil {
		p.t.Error(err)
	}
	p.json(w, map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": raw})
}

// TestSingleSignOn: a person whom the provider names is in; whatever is forged, stale, unverified or unknown is not.
func TestSingleSignOn(t *testing.T) {
	p := newProvider(t)
	h := newWebHouse(t, "web: {oidc: {issuer: \""+p.URL+"\", client_id: allim, client_secret: s3cret}}\n")
	p.clock = h.clock
	begin := func(b *browser) (state string) {
		t.Helper()
		a := b.get("/signin/oidc?next=/preferences")
		to, err := url.Parse(a.header.Get("Location"))
		if err != nil || a.status != 303 || !strings.HasPrefix(to.String(), p.URL+"/auth") {
			t.Fatal(a.status, a.alert(), to)
		}
		q := to.Query()
		if q.Get("code_challenge_method") != "S256" || q.Get("client_id") != "allim" || q.Get("redirect_uri") != h.app.URL()+"/signin/oidc/callback" {
			t.Error("asked with", q)
		}
		p.nonce = q.Get("nonce")
		return q.Get("state")
	}
	end := func(b *browser, state, code string) answer {
		return b.get("/signin/oidc/callback?state=" + url.QueryEscape(state) + "&code=" + url.QueryEscape(code))
	}
	b := h.browser()
	b.get("/signin").want(t, "the page", 200, "/signin/oidc")
	state := begin(b)
	if a := end(b, state, "code"); a.status != 303 || a.header.Get("Location") != "/preferences" {
		t.Fatal(a.status, a.alert())
	}
	b.get("/").want(t, "in", 200, "KIM")
	end(b, state, "code").want(t, "the same answer twice", 403, "has expired")

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
		p.claims, p.signer = c.claims, p.key
		if c.signer != nil {
			p.signer = c.signer
		}
		code := "code"
		if c.code != "" {
			code = c.code
		}
		a := end(b, begin(b), code)
		a.want(t, name, 403, c.want)
		if a := b.get("/"); a.status != 303 {
			t.Errorf("%s: signed in all the same", name)
		}
	}
	p.claims, p.signer = nil, p.key
	victim := h.browser()
	end(victim, begin(h.browser()), "code").want(t, "the state of another browser", 403, "has expired")
	late := h.browser()
	state = begin(late)
	h.clock.Advance(11 * time.Minute)
	end(late, state, "code").want(t, "too late", 403, "has expired")
}
