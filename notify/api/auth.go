package api

import (
	"net/http"
	"strings"

	"allim.dev/allim/notify"
)

// SessionCookie is the cookie that holds a session's secret, or a person's own token, in a browser; it must be HttpOnly.
const SessionCookie = "allim_session"

// The prefixes of secrets, which tell people and secret scanners what they are looking at.
const (
	KeyPrefix   = "allim_key_"
	TokenPrefix = "allim_user_"
)

// maxSecret is the greatest length of a key or token that is looked up.
const maxSecret = 256

// NewKey makes an API key: what to store, and the secret to show once. Errors: CodeInvalid naming the bad fields.
func NewKey(name string, scopes []notify.Scope, clock notify.Clock) (notify.Key, string, error) {
	var bad []notify.FieldError
	if name == "" || len(name) > 128 {
		bad = append(bad, notify.FieldError{Path: "name", Message: "is required, at most 128 bytes"})
	}
	if len(scopes) == 0 {
		bad = append(bad, notify.FieldError{Path: "scopes", Message: "is required: some of " + scopeWords()})
	}
	for i, s := range scopes {
		if !s.Valid() {
			bad = append(bad, notify.FieldError{Path: indexed("scopes", i), Message: "must be one of " + scopeWords()})
		}
	}
	if err := invalid("the key is not valid", bad); err != nil {
		return notify.Key{}, "", err
	}
	return notify.Key{ID: notify.NewID(), Name: name, Scopes: scopes, CreatedAt: clock.Now()}, notify.NewSecret(KeyPrefix), nil
}

// scopeWords names the scopes that a key can have.
func scopeWords() string {
	var words []string
	for _, s := range notify.KeyScopes() {
		words = append(words, string(s))
	}
	return strings.Join(words, ", ")
}

// NewToken makes a person's own token: what to store, and the secret to show once.
func NewToken(user, name string, clock notify.Clock) (notify.Key, string) {
	return notify.Key{ID: notify.NewID(), Name: name, User: user, Scopes: []notify.Scope{notify.ScopeUser},
		CreatedAt: clock.Now()}, notify.NewSecret(TokenPrefix)
}

// Authenticate finds who asks: the bearer of a key or token, or of the session cookie. A request that the cookie signs
// in must come from the hub's own pages unless it only reads; one that opens a WebSocket must, too, because browsers
// let any page open one. Errors: CodeUnauthenticated, CodeForbidden, CodeTooManyRequests.
func (a *API) Authenticate(r *http.Request) (notify.Key, error) {
	secret, cookie, err := secretOf(r)
	if err != nil {
		return notify.Key{}, err
	}
	key, err := a.keyOf(r, secret)
	if err != nil {
		return notify.Key{}, err
	}
	if cookie {
		if key.User == "" {
			return notify.Key{}, notify.Errorf(notify.CodeUnauthenticated, "the session cookie holds no person's token")
		}
		if err := a.sameOrigin(r); err != nil {
			return notify.Key{}, err
		}
	}
	if err := a.rates.take(key.ID); err != nil {
		return notify.Key{}, err
	}
	a.touches.touch(key.ID)
	return key, nil
}

// secretOf takes the secret from the Authorization header, else from the session cookie.
func secretOf(r *http.Request) (secret string, cookie bool, err error) {
	if h := r.Header.Values("Authorization"); len(h) > 0 {
		scheme, secret, ok := strings.Cut(h[0], " ")
		secret = strings.TrimSpace(secret)
		if !ok || len(h) > 1 || !strings.EqualFold(scheme, "Bearer") || secret == "" {
			return "", false, notify.Errorf(notify.CodeUnauthenticated, "the Authorization header must be: Bearer KEY")
		}
		return secret, false, nil
	}
	if c, err := r.Cookie(SessionCookie); err == nil && c.Value != "" {
		return c.Value, true, nil
	}
	return "", false, notify.Errorf(notify.CodeUnauthenticated, "the Authorization header is missing; it must be: Bearer KEY")
}

func (a *API) keyOf(r *http.Request, secret string) (notify.Key, error) {
	wrong := notify.Errorf(notify.CodeUnauthenticated, "the key or token is not known, or was revoked")
	if len(secret) > maxSecret {
		return notify.Key{}, wrong
	}
	hash := notify.HashSecret(secret)
	if key, ok := a.keys.get(hash); ok {
		return key, nil
	}
	generation := a.keys.generation()
	var key notify.Key
	var err error
	if strings.HasPrefix(secret, notify.SessionPrefix) {
		key, err = a.session(r, hash)
	} else {
		key, err = a.store.KeyByHash(r.Context(), hash)
	}
	if notify.CodeOf(err) == notify.CodeUnknownKey {
		return notify.Key{}, wrong
	}
	if err != nil {
		return notify.Key{}, err
	}
	a.keys.put(hash, key, generation)
	return key, nil
}

func (a *API) sameOrigin(r *http.Request) error {
	if r.Header.Get("Upgrade") != "" {
		r = r.Clone(r.Context())
		r.Method = http.MethodPost // so that the check does not take it for mere reading
	}
	if err := a.origin.Check(r); err != nil {
		return notify.Wrap(notify.CodeForbidden, err, "a page of another origin may not do this with the session cookie")
	}
	return nil
}

// admit checks that the asker has one of the scopes; a call without scopes is open to everybody.
func (a *API) admit(c *call, scopes []notify.Scope) error {
	if len(scopes) == 0 {
		return nil
	}
	key, err := a.Authenticate(c.gin.Request)
	if err != nil {
		return err
	}
	c.key = key
	return allow(key, scopes)
}

// allow checks that a key has one of the scopes.
func allow(key notify.Key, scopes []notify.Scope) error {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		if key.Allows(s) {
			return nil
		}
		names[i] = string(s)
	}
	if key.User == "" && len(scopes) == 1 && scopes[0] == notify.ScopeUser {
		return notify.Errorf(notify.CodeForbidden, "this call is for a person's own token, not for an API key")
	}
	return notify.Errorf(notify.CodeForbidden, "this call needs the scope %s", strings.Join(names, " or "))
}
