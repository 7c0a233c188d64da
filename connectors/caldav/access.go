package caldav

import (
	"context"
	"net/http"
	"strings"

	"github.com/icholy/digest"
)

// access is one account's way to the server: with its login, and with what was learnt of how the server wants to have it.
// It is used by one goroutine at a time.
type access struct {
	c        *client
	login    string
	user     string
	password string
	scheme   string            // schemeBasic, schemeDigest; empty: not known yet
	digest   *digest.Challenge // the last one
	count    int               // how often its nonce was used
	token    string            // the last bearer token that was sent
}

// access gives an account's way in.
func (c *client) access(login, secret string) *access {
	a := &access{c: c, login: login, scheme: c.settings.Auth.Scheme, user: c.settings.Auth.User, password: c.settings.Auth.Password}
	if c.settings.Auth.Method == methodPassword {
		pattern := c.settings.Auth.User
		if pattern == "" {
			pattern = "{login}"
		}
		a.user, a.password = fillIn(pattern, login, func(s string) string { return s }), secret
	}
	if c.settings.Auth.Method == methodBearer {
		if a.password = c.settings.Auth.Token; a.password == "" {
			a.password = secret
		}
	}
	return a
}

// authorize puts the login into a request. A password is sent unasked only where nobody else can read it.
func (a *access) authorize(ctx context.Context, req *http.Request) error {
	switch a.c.settings.Auth.Method {
	case methodBearer:
		req.Header.Set("Authorization", "Bearer "+a.password)
		return nil
	case methodOAuth2:
		token, err := a.c.tokens.get(ctx)
		if err != nil {
			return err
		}
		a.token = token
		req.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
	if a.digest != nil && a.scheme != schemeBasic {
		a.count++
		cred, err := digest.Digest(a.digest, digest.Options{Method: req.Method, URI: req.URL.RequestURI(), GetBody: req.GetBody,
			Count: a.count, Username: a.user, Password: a.password})
		if err != nil {
			return troublef(kindSetup, "the server wants a digest that is not known here: %w", err)
		}
		req.Header.Set("Authorization", cred.String())
		return nil
	}
	private := req.URL.Scheme == "https" || loopback(req.URL.Hostname())
	if a.scheme == schemeBasic || a.scheme == "" && private {
		req.SetBasicAuth(a.user, a.password)
	}
	return nil
}

// learn reads what a 401 asks for, and tells whether the request that it answered is worth another try.
func (a *access) learn(h http.Header, req *http.Request) bool {
	sent := req.Header.Get("Authorization")
	switch a.c.settings.Auth.Method {
	case methodBearer:
		return false
	case methodOAuth2:
		return a.c.tokens.drop(a.token)
	}
	if a.scheme != schemeBasic {
		if challenge, err := digest.FindChallenge(h); err == nil {
			again := !strings.HasPrefix(sent, digest.Prefix) || challenge.Stale
			a.digest, a.count = challenge, 0
			return again
		}
	}
	offers := strings.Contains(strings.ToLower(strings.Join(h.Values("WWW-Authenticate"), ",")), "basic")
	if offers && sent == "" && a.scheme != schemeDigest {
		a.scheme = schemeBasic
		return true
	}
	return false
}

// accepted notes that the server took what was sent.
func (a *access) accepted() { a.token = "" }
