package sim

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Where apps sign on.
const (
	wnsEntraPath = "/oauth2/v2.0/token"
	wnsLivePath  = "/accesstoken.srf"
)

func isLogin(path string) bool { return path == wnsLivePath || strings.HasSuffix(path, wnsEntraPath) }

// tokenError is an error of RFC 6749 section 5.2 in Microsoft's words.
type tokenError struct {
	status int
	code   string
	text   string
}

// signOn judges a request for a token: RFC 6749 section 4.4 and the forms of Microsoft's two logins.
func (s *WNS) signOn(r *http.Request, e *Entry, f Fault) pushAnswer {
	a := pushAnswer{status: http.StatusOK, header: http.Header{"Cache-Control": {"no-store"}}}
	app, no := s.loginOf(r, e.Body)
	if no.status == 0 && f.Status >= 300 {
		no = tokenError{f.Status, f.Reason, ""}
	}
	if no.status != 0 {
		e.Reason, a.status = no.code, no.status
		a.json(map[string]any{"error": no.code, "error_description": no.text})
		return a
	}
	value := rand.Text() + rand.Text()
	s.state.Lock()
	s.tokens[value] = wnsToken{app: app.id(), expires: s.clock.Now().Add(s.opts.TokenLife)}
	s.state.Unlock()
	answer := map[string]any{"token_type": "Bearer", "access_token": value}
	if app.PackageSID != "" {
		answer["token_type"] = "bearer"
	}
	seconds := int64(s.opts.TokenLife.Seconds())
	switch {
	case s.opts.NoExpiry:
	case s.opts.TextExpiry:
		answer["expires_in"] = strconv.FormatInt(seconds, 10)
	default:
		answer["expires_in"] = seconds
	}
	e.Accepted = true
	a.json(answer)
	return a
}

func (s *WNS) loginOf(r *http.Request, body []byte) (WNSApp, tokenError) {
	live := r.URL.Path == wnsLivePath
	form, err := url.ParseQuery(string(body))
	switch {
	case r.Method != http.MethodPost:
		return WNSApp{}, tokenError{http.StatusMethodNotAllowed, "invalid_request", "POST only"}
	case err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		return WNSApp{}, tokenError{400, "invalid_request", "AADSTS900144: The request body must be a form"}
	case form.Get("grant_type") != "client_credentials":
		return WNSApp{}, tokenError{400, "unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type"}
	}
	if live {
		return s.liveApp(form)
	}
	return s.entraApp(strings.Trim(strings.TrimSuffix(r.URL.Path, wnsEntraPath), "/"), form)
}

func (s *WNS) liveApp(form url.Values) (WNSApp, tokenError) {
	if scope := form.Get("scope"); scope != "notify.windows.com" && scope != "s.notify.live.net" {
		return WNSApp{}, tokenError{400, "invalid_scope", "The scope is not valid"}
	}
	for _, a := range s.registered() {
		switch {
		case a.PackageSID == "" || a.PackageSID != form.Get("client_id"):
		case a.Secret != form.Get("client_secret") || a.Expired:
			return a, tokenError{400, "invalid_client", "Invalid client secret"}
		default:
			return a, tokenError{}
		}
	}
	return WNSApp{}, tokenError{400, "invalid_client", "Invalid client id"}
}

func (s *WNS) entraApp(tenant string, form url.Values) (WNSApp, tokenError) {
	if form.Get("scope") != "https://wns.windows.com/.default" {
		return WNSApp{}, tokenError{400, "invalid_scope", "AADSTS1002012: The provided value for scope is not valid"}
	}
	known := false
	for _, a := range s.registered() {
		known = known || a.Tenant == tenant && tenant != ""
		switch {
		case a.Tenant != tenant || a.Client == "" || a.Client != form.Get("client_id"):
		case a.Secret != form.Get("client_secret"):
			return a, tokenError{401, "invalid_client", "AADSTS7000215: Invalid client secret provided"}
		case a.Expired:
			return a, tokenError{401, "invalid_client", "AADSTS7000222: The provided client secret keys are expired"}
		default:
			return a, tokenError{}
		}
	}
	if !known {
		return WNSApp{}, tokenError{400, "invalid_request", "AADSTS90002: Tenant not found"}
	}
	return WNSApp{}, tokenError{400, "unauthorized_client", "AADSTS700016: Application was not found in the directory"}
}

func (s *WNS) registered() []WNSApp {
	s.state.Lock()
	defer s.state.Unlock()
	return append([]WNSApp(nil), s.apps...)
}

// wnsSubject gives the app of a bearer token; false: there is none, or it is not valid.
func (s *WNS) wnsSubject(r *http.Request) (string, bool) {
	value, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.state.Lock()
	defer s.state.Unlock()
	t := s.tokens[value]
	return t.app, ok && t.app != "" && s.clock.Now().Before(t.expires)
}
