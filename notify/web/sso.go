package web

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"allim.dev/allim/notify"
)

// OIDC is the organisation's single sign-on.
type OIDC struct {
	Issuer, ClientID, ClientSecret string
	Claim                          string // of the ID token that names the person
	Identity                       string // the kind of identity that it is
	TrustEmail                     bool   // take an address of which nothing is said about its verification
	Client                         *http.Client
}

const (
	ssoCookie  = "allim_sso"
	ssoLife    = 10 * time.Minute
	ssoKept    = 2000 // sign-ins under way; past it the oldest are forgotten
	ssoTimeout = 15 * time.Second
)

// sso is the single sign-on: OpenID Connect Core 1.0, the authorization code flow (section 3.1) with PKCE (RFC 7636). The
// provider is asked for its settings at the first sign-in, so that the hub starts without it.
type sso struct {
	o        OIDC
	clock    notify.Clock
	redirect string
	mu       sync.Mutex
	provider *oidc.Provider
	pending  map[string]attempt // by state
}

type attempt struct {
	nonce, verifier, next string
	until                 time.Time
}

func newSSO(o Options) *sso {
	if o.OIDC.Client == nil {
		o.OIDC.Client = &http.Client{Timeout: ssoTimeout}
	}
	return &sso{o: o.OIDC, clock: o.Clock, redirect: strings.TrimRight(o.PublicURL, "/") + "/signin/oidc/callback", pending: map[string]attempt{}}
}

func (s *sso) find(ctx context.Context) (*oidc.Provider, oauth2.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.provider == nil {
		// The provider keeps the context for fetching its keys later.
		p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), s.o.Client), s.o.Issuer)
		if err != nil {
			return nil, oauth2.Config{}, notify.Wrap(notify.CodeUnavailable, err, "the single sign-on cannot be reached")
		}
		s.provider = p
	}
	return s.provider, oauth2.Config{ClientID: s.o.ClientID, ClientSecret: s.o.ClientSecret, Endpoint: s.provider.Endpoint(),
		RedirectURL: s.redirect, Scopes: []string{oidc.ScopeOpenID, "profile", "email"}}, nil
}

func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// remember keeps an attempt and gives its state.
func (s *sso) remember(a attempt) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	for state, old := range s.pending {
		if now.After(old.until) || len(s.pending) >= ssoKept {
			delete(s.pending, state)
		}
	}
	a.until = now.Add(ssoLife)
	state := random()
	s.pending[state] = a
	return state
}

// recall takes an attempt, once.
func (s *sso) recall(state string) (attempt, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.pending[state]
	delete(s.pending, state)
	return a, ok && s.clock.Now().Before(a.until)
}

// beginSSO leads to the provider.
func (p *Pages) beginSSO(v *visit) error {
	if p.sso == nil {
		return notify.Errorf(notify.CodeNotFound, "%s", text(v.lang, "error.not-found"))
	}
	_, config, err := p.sso.find(v.ctx)
	if err != nil {
		return err
	}
	a := attempt{nonce: random(), verifier: oauth2.GenerateVerifier(), next: local(v.r.URL.Query().Get("next"))}
	state := p.sso.remember(a)
	http.SetCookie(v.w, &http.Cookie{Name: ssoCookie, Value: state, Path: "/signin/oidc", MaxAge: int(ssoLife.Seconds()), HttpOnly: true,
		Secure: p.secure(), SameSite: http.SameSiteLaxMode})
	http.Redirect(v.w, v.r, config.AuthCodeURL(state, oidc.Nonce(a.nonce), oauth2.S256ChallengeOption(a.verifier)), http.StatusSeeOther)
	return nil
}

// endSSO takes the provider's answer. The state must be of this browser and is good once.
func (p *Pages) endSSO(v *visit) error {
	refused := func(word string) error {
		return p.showStatus(v, http.StatusForbidden, "signin", view{D: signInData{Next: "/"}, Error: text(v.lang, word)})
	}
	if p.sso == nil {
		return notify.Errorf(notify.CodeNotFound, "%s", text(v.lang, "error.not-found"))
	}
	q := v.r.URL.Query()
	cookie, err := v.r.Cookie(ssoCookie)
	if err != nil || cookie.Value == "" || cookie.Value != q.Get("state") {
		return refused("signin.expired")
	}
	a, ok := p.sso.recall(cookie.Value)
	if !ok || q.Get("code") == "" {
		return refused("signin.expired")
	}
	name, err := p.sso.claim(v.ctx, q.Get("code"), a)
	if err != nil {
		p.o.Log.Warn("a single sign-on failed", "error", err)
		return refused("signin.refused")
	}
	user, err := p.o.Hub.FindUser(v.ctx, notify.Identity{Kind: p.sso.o.Identity, Value: name})
	if err != nil {
		p.o.Log.Info("the single sign-on knows a person whom the hub does not", "code", notify.CodeOf(err))
		return refused("signin.unknown")
	}
	if err := p.begin(v, user.ID, waySSO); err != nil {
		return err
	}
	return v.see(a.next)
}

// claim gives the name of the person whom the provider signed in.
func (s *sso) claim(ctx context.Context, code string, a attempt) (string, error) {
	ctx = oidc.ClientContext(ctx, s.o.Client)
	provider, config, err := s.find(ctx)
	if err != nil {
		return "", err
	}
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(a.verifier))
	if err != nil {
		return "", notify.Wrap(notify.CodeForbidden, err, "the provider gave no token")
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: s.o.ClientID, Now: s.clock.Now}).Verify(ctx, raw)
	if err != nil {
		return "", notify.Wrap(notify.CodeForbidden, err, "the ID token is not valid")
	}
	if id.Nonce != a.nonce {
		return "", notify.Errorf(notify.CodeForbidden, "the ID token is of another sign-in")
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return "", notify.Wrap(notify.CodeForbidden, err, "the ID token cannot be read")
	}
	name, _ := claims[s.o.Claim].(string)
	if name == "" {
		return "", notify.Errorf(notify.CodeForbidden, "the ID token has no claim %s", s.o.Claim)
	}
	// An unverified address may be anybody's (OpenID Connect Core, section 5.7).
	verified, said := claims["email_verified"].(bool)
	if s.o.Claim == "email" && !verified && (said || !s.o.TrustEmail) {
		return "", notify.Errorf(notify.CodeForbidden, "the provider does not say that it verified the e-mail address")
	}
	return name, nil
}
