package imap

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"crypto/tls"
	"net"

	"github.com/emersion/go-sasl"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"allim.dev/allim/notify"
)

// bearer logs in with a token (RFC 7628, or XOAUTH2, which Exchange Online and Gmail know). A token that is refused though
// it seemed good is fetched anew, once, before the refusal counts.
func (d *dialer) bearer(ctx context.Context, l *link, who identity) (status, error) {
	token, err := d.tokens.get(ctx)
	if err != nil {
		return status{}, err
	}
	st, err := d.bearerWith(l, who, token)
	if err != nil || st.kind == "OK" || refusedLogin(st).kind != kindAuth || !d.tokens.drop(token) {
		return st, err
	}
	if token, err = d.tokens.get(ctx); err != nil {
		return status{}, err
	}
	return d.bearerWith(l, who, token)
}

func (d *dialer) bearerWith(l *link, who identity, token string) (status, error) {
	switch {
	case l.caps.xoauth2:
		return l.sasl(&xoauth2{user: who.login, token: token})
	case l.caps.oauthBearer:
		host, port, err := net.SplitHostPort(d.settings.Address)
		if err != nil {
			return status{}, troublef(kindSetup, "the address is not host:port")
		}
		n, _ := strconv.Atoi(port) // 0 for a service name: the field is a hint only
		return l.sasl(sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: who.login, Token: token, Host: host, Port: n}))
	}
	return status{}, troublef(kindSetup, "the server offers neither AUTH=XOAUTH2 nor AUTH=OAUTHBEARER, which auth.method oauth2 needs")
}

// xoauth2 is the mechanism of https://developers.google.com/workspace/gmail/imap/xoauth2-protocol: one message, and an
// empty answer to the challenge in which an error comes.
type xoauth2 struct{ user, token string }

// Start implements sasl.Client.
func (x *xoauth2) Start() (mech string, ir []byte, err error) {
	return "XOAUTH2", fmt.Appendf(nil, "user=%s\x01auth=Bearer %s\x01\x01", x.user, x.token), nil
}

// Next implements sasl.Client.
func (x *xoauth2) Next([]byte) ([]byte, error) { return nil, nil }

// tokens fetches and keeps the one token of a source. It is fetched again before it expires, by one caller at a time.
type tokens struct {
	source  func(context.Context) (*oauth2.Token, error)
	clock   notify.Clock
	mu      sync.Mutex
	token   string
	renewAt time.Time
	got     time.Time
}

// newTokens asks the token endpoint by client credentials (RFC 6749 section 4.4).
func newTokens(s *Settings, roots *x509.CertPool, clock notify.Clock) *tokens {
	c := clientcredentials.Config{ClientID: s.Auth.ClientID, ClientSecret: s.Auth.ClientSecret, TokenURL: s.Auth.TokenURL,
		Scopes: s.Auth.Scopes}
	client := &http.Client{Timeout: s.Timeout, Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true, // one request an hour
	}}
	return &tokens{clock: clock, source: func(ctx context.Context) (*oauth2.Token, error) {
		return c.Token(context.WithValue(ctx, oauth2.HTTPClient, client))
	}}
}

// get gives a token that is good for a while. The error is a trouble.
func (t *tokens) get(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	if t.token != "" && now.Before(t.renewAt) {
		return t.token, nil
	}
	tok, err := t.source(ctx)
	if err != nil {
		return "", tokenTrouble(err)
	}
	t.token, t.got = tok.AccessToken, now
	life := time.Hour
	if !tok.Expiry.IsZero() {
		// The endpoint's words were turned into a time by the machine's clock.
		life = max(time.Until(tok.Expiry), 0)
	}
	early := life/10 + time.Duration(rand.Int64N(int64(life/20+1)))
	t.renewAt = now.Add(max(life-early, time.Second))
	return t.token, nil
}

// drop forgets a token that was refused; false when it is so fresh that another one would fare no better.
func (t *tokens) drop(token string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token != token {
		return true // somebody fetched a new one meanwhile
	}
	if t.clock.Now().Sub(t.got) < freshToken {
		return false
	}
	t.token = ""
	return true
}

// freshToken is how long a refused token is not fetched anew: the fault is elsewhere.
const freshToken = time.Minute

func tokenTrouble(err error) *trouble {
	var re *oauth2.RetrieveError
	if errors.As(err, &re) {
		text := re.ErrorCode
		if text == "" && re.Response != nil {
			text = re.Response.Status
		}
		t := troublef(kindTransient, "the token endpoint refused: %s", notify.Clip(notify.CleanText(text), 60))
		switch re.ErrorCode { // RFC 6749 section 5.2: the set-up is wrong
		case "invalid_client", "unauthorized_client", "invalid_scope", "unsupported_grant_type", "invalid_request":
			t.kind = kindSetup
			t.text += "; check auth.client_id, auth.client_secret and auth.scopes"
		}
		return t
	}
	return &trouble{kind: kindTransient, text: "no token: " + netWords(err), err: err}
}

func goodTokenURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()))
}
