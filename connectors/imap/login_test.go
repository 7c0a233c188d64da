package imap

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// caFile writes a server's authority to a file.
func (r *rig) caFile() string {
	r.t.Helper()
	name := filepath.Join(r.t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, r.srv.CA(), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return name
}

func (r *rig) check() error {
	r.t.Helper()
	c, ok := r.connector().(notify.Checker)
	if !ok {
		r.t.Fatal("the connector is no Checker")
	}
	return c.Check(context.Background())
}

func (r *rig) checkAccount(login, secret string) error {
	r.t.Helper()
	c, ok := r.connector().(notify.AccountChecker)
	if !ok {
		r.t.Fatal("the connector is no AccountChecker")
	}
	a := mailbox(login)
	a.Secret = secret
	return c.CheckAccount(context.Background(), a)
}

// TestLogins: every way to be safe, with every way to log in.
func TestLogins(t *testing.T) {
	master := imaptest.Master{User: "watcher", Password: `p"w\ü`}
	auths := map[string]Auth{
		"password": {Method: "password"},
		"master":   {Method: "master", User: "watcher", Password: master.Password, Separator: "*"},
		"proxy":    {Method: "proxy", User: "watcher", Password: master.Password},
	}
	servers := map[string]imaptest.Options{
		"tls":               {TLS: true},
		"starttls":          {StartTLS: true, LoginDisabled: true},
		"none":              {},
		"none without IR":   {Without: []string{"SASL-IR"}},
		"none, LOGIN only":  {Without: []string{"AUTH=PLAIN", "SASL-IR"}},
		"tls, no greetings": {TLS: true, Without: []string{"ID", "LITERAL+", "UNSELECT", "SPECIAL-USE"}},
	}
	for name, o := range servers {
		for method, auth := range auths {
			t.Run(name+" "+method, func(t *testing.T) {
				o.Master = master
				r := newRig(t, o)
				r.set = func(s *Settings) {
					s.Auth = auth
					s.Security, _, _ = strings.Cut(strings.ReplaceAll(name, ",", ""), " ")
					if s.Security != "none" {
						s.CAFile = r.caFile()
					}
				}
				if method == "proxy" && strings.Contains(name, "LOGIN only") {
					if err := r.check(); err == nil || !strings.Contains(err.Error(), "AUTH=PLAIN") {
						t.Errorf("check: %v", err)
					}
					return
				}
				if err := r.check(); err != nil {
					t.Errorf("check: %v", err)
				}
				if err := r.checkAccount(kim, "secret"); err != nil {
					t.Errorf("check of the account: %v", err)
				}
				r.start()
				r.watching()
				r.deliver("mail", imaptest.Delivery{})
				r.subjects("mail")
			})
		}
	}
}

// TestCase31_NothingInClear: STARTTLS that was stripped, a PREAUTH before TLS, words slipped in behind STARTTLS, and a wrong
// certificate are refused, and no password is sent.
func TestCase31_NothingInClear(t *testing.T) {
	for _, c := range []struct {
		name     string
		server   imaptest.Options
		fault    imaptest.Fault
		security string
		noCA     bool
		want     string
	}{
		{name: "stripped", security: "starttls", want: "does not offer STARTTLS"},
		{name: "refused", server: imaptest.Options{StartTLS: true}, fault: imaptest.NO("STARTTLS", "no"), security: "starttls", want: "refused STARTTLS"},
		{name: "preauth", server: imaptest.Options{StartTLS: true}, security: "starttls",
			fault: imaptest.Fault{Name: "CONNECT", Reply: []string{"* PREAUTH [CAPABILITY IMAP4rev1 IDLE] welcome"}}, want: "PREAUTH before TLS"},
		{name: "injected", server: imaptest.Options{StartTLS: true}, security: "starttls",
			fault: imaptest.Fault{Name: "STARTTLS", Reply: []string{"{tag} OK begin", "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello"}}, want: "somebody may be on the line"},
		{name: "no TLS at a TLS port", security: "tls", want: "does not speak TLS"},
		{name: "unknown authority", server: imaptest.Options{TLS: true}, security: "tls", noCA: true, want: "set ca_file"},
		{name: "preauth in clear", security: "none",
			fault: imaptest.Fault{Name: "CONNECT", Reply: []string{"* PREAUTH welcome"}}, want: "whose mailbox"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, c.server)
			clock := r.impatient()
			impatient := r.set
			r.set = func(s *Settings) {
				impatient(s)
				s.Security = c.security
				if r.srv.CA() != nil && !c.noCA {
					s.CAFile = r.caFile()
				}
			}
			if c.fault.Name != "" {
				r.srv.Inject(c.fault)
			}
			if err := r.check(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("check: %v", err)
			}
			r.start()
			r.turn(clock, time.Second, "the refusal", func() bool { return strings.Contains(r.health().LastError, c.want) })
			if s := r.health().State; s != notify.HealthUnreachable {
				t.Errorf("state %s", s)
			}
			st := r.srv.Stats()
			if n := st.Commands["LOGIN"] + st.Commands["AUTHENTICATE"]; n != 0 {
				t.Errorf("%d logins in clear", n)
			}
		})
	}
}

// endpoint is a token endpoint whose tokens can be taken back.
type endpoint struct {
	mu     sync.Mutex
	issued int
	good   string
	secret string
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	id, secret, _ := req.BasicAuth()
	if secret == "" {
		id, secret = req.PostFormValue("client_id"), req.PostFormValue("client_secret")
	}
	if id != "hub" || secret != e.secret || req.PostFormValue("grant_type") != "client_credentials" {
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_client"}) // the test sees what is missing
		return
	}
	e.issued++
	e.good = fmt.Sprint("token-", e.issued)
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": e.good, "token_type": "Bearer", "expires_in": 3600}) // as above
}

func (e *endpoint) accepts(_, token string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return token == e.good
}

func (e *endpoint) revoke() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.good = "revoked"
}

// newOAuthRig has a server that takes tokens, and their endpoint.
func newOAuthRig(t *testing.T, without ...string) (*rig, *endpoint, *notifytest.Clock) {
	t.Helper()
	e := &endpoint{secret: "hub secret"}
	web := httptest.NewServer(e)
	t.Cleanup(web.Close)
	r := newRig(t, imaptest.Options{Token: e.accepts, Without: without})
	clock := r.impatient()
	impatient := r.set
	r.set = func(s *Settings) {
		impatient(s)
		s.Timeout = 2 * time.Second
		s.Auth = Auth{Method: "oauth2", TokenURL: web.URL, ClientID: "hub", ClientSecret: "hub secret", Scopes: []string{"imap"}}
	}
	return r, e, clock
}

// TestCase19_TokenExpires: a token is renewed before it is refused; the server never sees an old one.
func TestCase19_TokenExpires(t *testing.T) {
	for _, without := range []string{"AUTH=OAUTHBEARER", "AUTH=XOAUTH2"} {
		t.Run("without "+without, func(t *testing.T) {
			r, e, clock := newOAuthRig(t, without)
			r.start()
			r.watching()
			clock.Advance(2 * time.Hour)
			e.revoke() // it has expired by now
			r.srv.Send(kim, "* BYE session expired")
			r.srv.Drop(kim)
			r.deliver("after the token", imaptest.Delivery{})
			r.turn(clock, time.Second, "the mail", func() bool { return len(r.have()) == 1 })
			if st := r.srv.Stats(); st.LoginFailures != 0 || e.issued != 2 {
				t.Errorf("%d refused logins, %d tokens", st.LoginFailures, e.issued)
			}
			for _, h := range r.watch.Reports("id-" + kim) {
				if h.State == notify.HealthAuthFailed {
					t.Errorf("reported as refused: %+v", h)
				}
			}
		})
	}
}

// TestCase19_TokenTakenBack: a token that is refused before its time is replaced at once, and no refusal is counted.
func TestCase19_TokenTakenBack(t *testing.T) {
	r, e, clock := newOAuthRig(t)
	r.start()
	r.watching()
	clock.Advance(2 * time.Minute)
	e.revoke()
	r.srv.Drop(kim)
	r.turn(clock, time.Second, "IDLE", func() bool { return r.srv.Stats().Logins == 2 && r.srv.Idling(kim) == 1 })
	notifytest.Until(t, "it to be watched", func() bool { return r.health().State == notify.HealthWatching })
	for _, h := range r.watch.Reports("id-" + kim) {
		if h.State == notify.HealthAuthFailed {
			t.Errorf("reported as refused: %+v", h)
		}
	}
}

// TestTokenRefused: a wrong client secret is told as that, not as a refused mailbox.
func TestTokenRefused(t *testing.T) {
	r, e, clock := newOAuthRig(t)
	e.secret = "another"
	if err := r.check(); err == nil || !strings.Contains(err.Error(), "auth.client_secret") || strings.Contains(err.Error(), "hub secret") {
		t.Errorf("check: %v", err)
	}
	r.start()
	r.turn(clock, time.Second, "the error", func() bool { return strings.Contains(r.health().LastError, "invalid_client") })
	if n := r.srv.Stats().LoginFailures; n != 0 {
		t.Errorf("%d refused logins", n)
	}
}

// TestChecks: what `allim check --online` says.
func TestChecks(t *testing.T) {
	r := newRig(t, imaptest.Options{})
	err := r.checkAccount(kim, "wrong password")
	if err == nil || !strings.Contains(err.Error(), kim) || !strings.Contains(err.Error(), "AUTHENTICATIONFAILED") ||
		strings.Contains(err.Error(), "wrong password") {
		t.Errorf("wrong password: %v", err)
	}
	r.srv.Inject(imaptest.NO("AUTHENTICATE", "[AUTHENTICATIONFAILED] user kim with password hunter22 unknown"))
	if err := r.checkAccount(kim, "hunter22"); err == nil || strings.Contains(err.Error(), "hunter22") {
		t.Errorf("the server quotes the password: %v", err)
	}
	r.srv.Stop()
	if err := r.check(); err == nil || !strings.Contains(err.Error(), "cannot connect to 127.0.0.1:") {
		t.Errorf("server away: %v", err)
	}
}

// TestRefusals: how a refused login is taken, by code and by words.
func TestRefusals(t *testing.T) {
	for line, want := range map[string]kind{
		"NO [AUTHENTICATIONFAILED] Invalid credentials": kindAuth,
		"NO LOGIN failed.": kindAuth,
		"NO [AUTHENTICATIONFAILED] Authentication failed.":                       kindAuth,
		"NO [AUTHORIZATIONFAILED] no such user":                                  kindAuth,
		"NO [UNAVAILABLE] Temporary authentication failure.":                     kindTransient,
		"NO Temporary authentication failure, try again later":                   kindTransient,
		"NO [INUSE] locked by another session":                                   kindTransient,
		"NO User is authenticated but not connected.":                            kindTransient,
		"BAD internal server error":                                              kindTransient,
		"NO [LIMIT] anything":                                                    kindLimit,
		"NO [ALERT] Too many simultaneous connections. (Failure)":                kindLimit,
		"NO Maximum number of connections from user+IP exceeded":                 kindLimit,
		"NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)": kindThrottle,
		"NO [AUTHENTICATIONFAILED] LOGIN Rate limit hit":                         kindThrottle,
		"BAD Request is throttled. Suggested Backoff Time: 1000 milliseconds":    kindThrottle,
		"NO [PRIVACYREQUIRED] encryption required":                               kindSetup,
		"NO [EXPIRED] password expired":                                          kindAuth,
		"NO [THROTTLED] too many login failures":                                 kindThrottle,
		"BYE [UNAVAILABLE] shutting down":                                        kindTransient,
		"NO":                                                                     kindAuth,
	} {
		r := parseResponse([]byte("A1 " + line))
		if got := refusedLogin(parseStatus(r)).kind; got != want {
			t.Errorf("%s: kind %d, want %d", line, got, want)
		}
	}
}

// TestSignIn: a person's own password lets in whatever way the source itself logs in; a wrong one is told apart from a
// server that cannot be asked, and the source's own login lets nobody in.
func TestSignIn(t *testing.T) {
	master := imaptest.Master{User: "watcher", Password: "master-password"}
	r := newRig(t, imaptest.Options{TLS: true, Master: master})
	r.set = func(s *Settings) {
		s.Auth = Auth{Method: "master", User: "watcher", Password: master.Password, Separator: "*"}
		s.Security, s.CAFile = "tls", r.caFile()
	}
	c, ok := r.connector().(notify.SignInChecker)
	if !ok {
		t.Fatal("the connector is no SignInChecker")
	}
	for _, x := range []struct {
		login, password string
		want            notify.Code
	}{
		{kim, "secret", ""}, {kim, "wrong", notify.CodeForbidden}, {kim, "", notify.CodeForbidden}, {kim, master.Password, notify.CodeForbidden},
		{"nobody@example.com", "secret", notify.CodeForbidden},
	} {
		if err := c.CheckSignIn(t.Context(), x.login, x.password); notify.CodeOf(err) != x.want {
			t.Errorf("%s with %q: %v, want %q", x.login, x.password, err, x.want)
		}
	}
	r.srv.Close()
	if err := c.CheckSignIn(t.Context(), kim, "secret"); notify.CodeOf(err) != notify.CodeUnavailable {
		t.Errorf("with the server gone: %v", err)
	}
}
