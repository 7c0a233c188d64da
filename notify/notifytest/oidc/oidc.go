// Package oidc is a small OpenID Connect provider on loopback for tests: a person types an address and is whom they say, or
// a test grants a code with any claims by itself.
package oidc

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"allim.dev/allim/notify"
)

// The client that the provider knows.
const (
	ClientID     = "allim"
	ClientSecret = "s3cret"
)

// Grant is what a code stands for.
type Grant struct {
	Nonce  string
	Claims map[string]any  // over the usual ones
	Signer *rsa.PrivateKey // nil: the provider's own key
}

// Provider serves the authorization code flow with PKCE (OpenID Connect Core 1.0, section 3.1).
type Provider struct {
	*httptest.Server
	t   testing.TB
	key *rsa.PrivateKey
	now func() time.Time

	mu     sync.Mutex
	grants map[string]Grant // by code, each good once
}

// New starts one; it ends with the test. now is the time of its tokens.
func New(t testing.TB, now func() time.Time) *Provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{t: t, key: key, now: now, grants: map[string]Grant{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.configuration)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /auth", p.form)
	mux.HandleFunc("POST /auth", p.enter)
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// Section is the hub's configuration for this provider, in YAML.
func (p *Provider) Section() string {
	return fmt.Sprintf("web: {oidc: {issuer: %q, client_id: %s, client_secret: %s}}\n", p.URL, ClientID, ClientSecret)
}

// Grant makes a code.
func (p *Provider) Grant(g Grant) (code string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	code = notify.NewSecret("code")
	p.grants[code] = g
	return code
}

func (p *Provider) configuration(w http.ResponseWriter, _ *http.Request) {
	p.json(w, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	p.json(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
}

var page = template.Must(template.New("").Parse(`<!DOCTYPE html><title>Sign-on</title>
<form method="post">{{range $name, $values := .}}<input type="hidden" name="{{$name}}" value="{{index $values 0}}">{{end}}
<input name="email"><button>Sign in</button></form>`))

func (p *Provider) form(w http.ResponseWriter, r *http.Request) {
	if err := page.Execute(w, r.URL.Query()); err != nil {
		p.t.Error(err)
	}
}

// enter leads back with a code for the address that was typed.
func (p *Provider) enter(w http.ResponseWriter, r *http.Request) {
	code := p.Grant(Grant{Nonce: r.PostFormValue("nonce"), Claims: map[string]any{"email": r.PostFormValue("email")}})
	q := url.Values{"code": {code}, "state": {r.PostFormValue("state")}}
	http.Redirect(w, r, r.PostFormValue("redirect_uri")+"?"+q.Encode(), http.StatusSeeOther)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	g, known := p.grants[r.PostFormValue("code")]
	delete(p.grants, r.PostFormValue("code"))
	p.mu.Unlock()
	if !known || r.PostFormValue("code_verifier") == "" {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	signed, err := p.sign(g)
	if err != nil {
		p.t.Error(err)
		return
	}
	p.json(w, map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": signed})
}

// sign makes the ID token.
func (p *Provider) sign(g Grant) (string, error) {
	now := p.now()
	claims := map[string]any{"iss": p.URL, "aud": ClientID, "sub": "1", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "nonce": g.Nonce,
		"email": "kim@example.com", "email_verified": true}
	maps.Copy(claims, g.Claims)
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	key := g.Signer
	if key == nil {
		key = p.key
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
	if err != nil {
		return "", err
	}
	token, err := signer.Sign(body)
	if err != nil {
		return "", err
	}
	return token.CompactSerialize()
}

func (p *Provider) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.t.Error(err)
	}
}
