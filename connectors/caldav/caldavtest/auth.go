package caldavtest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/icholy/digest"
)

const realm = "caldavtest"

// whoever tells who sends a request; false: the login is missing or wrong.
func (s *Server) whoever(r *http.Request) (login string, ok bool) {
	header := r.Header.Get("Authorization")
	switch s.opts.Auth {
	case "none":
		// Somebody has to be meant: the person of the path.
		_, rest, _ := strings.Cut(r.URL.Path, "s/")
		login, _, _ = strings.Cut(rest, "/")
		return login, true
	case "bearer":
		token, found := strings.CutPrefix(header, "Bearer ")
		if !found {
			return "", false
		}
		return s.opts.Bearer(token)
	case "digest":
		cred, err := digest.ParseCredentials(header)
		if err != nil {
			return "", false
		}
		password, known := s.password(cred.Username)
		want, err := digest.Digest(&digest.Challenge{Realm: realm, Nonce: cred.Nonce, QOP: []string{"auth"}, Algorithm: cred.Algorithm},
			digest.Options{Method: r.Method, URI: r.URL.RequestURI(), Count: cred.Nc, Username: cred.Username, Password: password, Cnonce: cred.Cnonce})
		return cred.Username, known && err == nil && want.Response == cred.Response && cred.Nonce == s.nonce()
	}
	login, given, found := r.BasicAuth()
	password, known := s.password(login)
	return login, found && known && given == password
}

func (s *Server) password(login string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if login != "" && login == s.opts.Reader {
		return s.opts.ReaderPassword, true
	}
	u := s.users[login]
	if u == nil {
		return "", false
	}
	return u.password, true
}

// challenge refuses a request for its login.
func (s *Server) challenge(a *answer, r *request) {
	a.status = http.StatusUnauthorized
	s.mu.Lock()
	s.stats["401"]++
	s.mu.Unlock()
	switch s.opts.Auth {
	case "digest":
		stale := ""
		if cred, err := digest.ParseCredentials(r.Header.Get("Authorization")); err == nil && cred.Nonce != s.nonce() {
			stale = ", stale=true"
		}
		a.header.Set("WWW-Authenticate", fmt.Sprintf(`Digest realm=%q, nonce=%q, qop="auth", algorithm=SHA-256%s`, realm, s.nonce(), stale))
	case "bearer":
		a.header.Set("WWW-Authenticate", "Bearer")
	default:
		a.header.Set("WWW-Authenticate", `Basic realm="`+realm+`"`)
	}
}

// nonce is the one that digests are made with; NewNonce makes those before stale.
func (s *Server) nonce() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("nonce-%d", s.nonces)
}

// NewNonce makes all digests of clients stale.
func (s *Server) NewNonce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nonces++
}
