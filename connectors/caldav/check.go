package caldav

import (
	"crypto/x509"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// check names the first thing that cannot be, by its place in the file.
func (s *Settings) check(at notify.Section) error {
	for _, check := range []func(notify.Section) error{s.checkURL, s.checkPaths, s.checkTimes, s.Auth.check} {
		if err := check(at); err != nil {
			return err
		}
	}
	return nil
}

func (s *Settings) checkURL(at notify.Section) error {
	if s.URL == "" {
		return at.Errorf("url", "is missing: the CalDAV server, such as https://dav.example.com/, or its domain")
	}
	u, bare, err := parseServer(s.URL)
	switch {
	case err != nil:
		return at.Errorf("url", "%w", err)
	case !bare && u.Scheme == "http" && !s.Insecure && !loopback(u.Hostname()):
		return at.Errorf("url", "http would send passwords readably over the network; use https, or set insecure: true")
	}
	return nil
}

// parseServer reads the setting url: a URL, or a bare host, which is asked for over https.
func parseServer(text string) (u *url.URL, bare bool, err error) {
	if !strings.Contains(text, "://") {
		if strings.ContainsAny(text, "/@?# ") {
			return nil, false, errText("must be a URL such as https://dav.example.com/, or a bare domain")
		}
		bare, text = true, "https://"+text+"/"
	}
	u, err = url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, false, errText("must be a URL such as https://dav.example.com/, or a bare domain")
	case u.User != nil:
		return nil, false, errText("must not hold a login; say it in auth")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, false, errText("must end with its path")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, bare && u.Port() == "", nil
}

func (s *Settings) checkPaths(at notify.Section) error {
	for key, path := range map[string]string{"principal": s.Principal, "home": s.Home} {
		if path != "" && !strings.HasPrefix(path, "/") {
			return at.Errorf(key, "must be a path that begins with /, such as /calendars/{login}/")
		}
		if path != "" && s.Auth.shared() && !strings.Contains(path, "{login}") && !strings.Contains(path, "{local}") {
			return at.Errorf(key, "must hold {login} or {local}: with one login for all it is what tells the accounts apart")
		}
	}
	for _, h := range s.Hosts {
		if h == "" || strings.ContainsAny(h, "/@ ") || strings.Contains(strings.TrimPrefix(h, "*."), "*") {
			return at.Errorf("hosts", "%q is no host name; *.example.com stands for all below example.com", h)
		}
	}
	return nil
}

func (s *Settings) checkTimes(at notify.Section) error {
	switch {
	case s.Poll < time.Second:
		return at.Errorf("poll", "must be at least 1s")
	case s.Timeout < 10*time.Millisecond || s.Timeout > 10*time.Minute:
		return at.Errorf("timeout", "must be between 10ms and 10m")
	case s.Connections < 1 || s.Connections > 1000:
		return at.Errorf("connections", "must be between 1 and 1000")
	case s.Reminders.Default < 0 || s.Reminders.Default > 28*24*time.Hour:
		return at.Errorf("reminders.default", "must be between 0s and 672h")
	}
	return nil
}

func (a *Auth) check(at notify.Section) error {
	switch a.Method {
	case methodPassword, methodBearer:
	case methodProxy:
		if a.User == "" {
			return at.Errorf("auth.user", "is missing: the name of the login that reads all calendars")
		}
		if a.Password == "" {
			return at.Errorf("auth.password", "is missing: the password of the login that reads all calendars")
		}
	case methodOAuth2:
		if a.ClientID == "" {
			return at.Errorf("auth.client_id", "is missing")
		}
		if u, err := url.Parse(a.TokenURL); err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
			return at.Errorf("auth.token_url", "must be an https address (http only to this machine)")
		}
	default:
		return at.Errorf("auth.method", "must be password, proxy, bearer or oauth2")
	}
	if a.Scheme != "" && a.Scheme != schemeBasic && a.Scheme != schemeDigest {
		return at.Errorf("auth.scheme", "must be basic or digest; left out: what the server asks for")
	}
	return nil
}

// loopback tells whether a host is this machine, without asking any name server.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// roots reads the certificates of ca_file, together with the system's. nil: the system's.
func (s *Settings) roots(at notify.Section) (*x509.CertPool, error) {
	if s.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, at.Errorf("ca_file", "cannot be read: %v", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, at.Errorf("ca_file", "holds no certificate in PEM")
	}
	return pool, nil
}

// fillIn puts an account's login into a pattern of the settings.
func fillIn(pattern, login string, escape func(string) string) string {
	local, domain, _ := strings.Cut(login, "@")
	return strings.NewReplacer("{login}", escape(login), "{local}", escape(local), "{domain}", escape(domain)).Replace(pattern)
}
