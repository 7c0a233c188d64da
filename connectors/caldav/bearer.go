package caldav

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// tokens keeps the one token of a source, fetched by client credentials (RFC 6749 section 4.4) and again before it ends.
type tokens struct {
	config clientcredentials.Config
	client *http.Client

	mu     sync.Mutex
	source oauth2.TokenSource
	got    time.Time // when the present source was made
}

// Renewed so long before its end; and a fresh one that is refused is not fetched again before that time.
const (
	tokenEarly = time.Minute
	tokenFresh = time.Minute
)

func newTokens(s *Settings, roots *x509.CertPool) *tokens {
	return &tokens{
		config: clientcredentials.Config{ClientID: s.Auth.ClientID, ClientSecret: s.Auth.ClientSecret, TokenURL: s.Auth.TokenURL,
			Scopes: s.Auth.Scopes},
		client: &http.Client{Timeout: s.Timeout, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment,
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}},
	}
}

func (t *tokens) close() { t.client.CloseIdleConnections() }

// get gives a token that is good for a while. One caller at a time fetches it; the error is a trouble.
func (t *tokens) get(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.source == nil {
		// The source outlives this call; the client has a deadline of its own.
		own := context.WithValue(context.WithoutCancel(ctx), oauth2.HTTPClient, t.client)
		t.source = oauth2.ReuseTokenSourceWithExpiry(nil, uncached{own, &t.config}, tokenEarly)
		t.got = time.Now() //nolint:forbidigo // the library keeps the machine's time, too
	}
	token, err := t.source.Token()
	if err != nil {
		return "", tokenTrouble(err)
	}
	return token.AccessToken, nil
}

// uncached asks the endpoint each time.
type uncached struct {
	ctx    context.Context
	config *clientcredentials.Config
}

// Token implements oauth2.TokenSource.
func (u uncached) Token() (*oauth2.Token, error) { return u.config.Token(u.ctx) }

// drop forgets a token that was refused; false when it is so fresh that another one would fare no better.
func (t *tokens) drop(token string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.source == nil {
		return true
	}
	if now, err := t.source.Token(); err == nil && now.AccessToken != token {
		return true // somebody fetched a new one meanwhile
	}
	if time.Since(t.got) < tokenFresh {
		return false
	}
	t.source = nil
	return true
}

func tokenTrouble(err error) *trouble {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return &trouble{kind: kindBusy, text: "no token: " + netWords(err), err: err}
	}
	text := refused.ErrorCode
	if text == "" && refused.Response != nil {
		text = refused.Response.Status
	}
	t := troublef(kindBusy, "the token endpoint refused: %s", clip(text, 60))
	switch refused.ErrorCode { // RFC 6749 section 5.2: the set-up is wrong
	case "invalid_client", "unauthorized_client", "invalid_scope", "unsupported_grant_type", "invalid_request":
		t.kind = kindSetup
		t.text += "; check auth.client_id, auth.client_secret and auth.scopes"
	}
	return t
}
