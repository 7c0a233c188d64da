package imap

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// Settings is the part of a source that belongs to this kind.
type Settings struct {
	// Address is host:port of the server, such as mail.example.com:993.
	Address string `yaml:"address"`
	// Security is tls (from the first byte), starttls, or none; none only to this machine, unless Insecure.
	Security string `yaml:"security"`
	// Insecure allows security none to other machines: passwords and mail are then readable on the way.
	Insecure bool `yaml:"insecure"`
	// CAFile holds the certificates (PEM) that may sign the server's own; empty: the system's.
	CAFile string `yaml:"ca_file"`
	// Auth says how to log in.
	Auth Auth `yaml:"auth"`
	// Folders are the mailboxes to watch, by full name or as patterns with * and % (RFC 3501 section 6.3.8). Junk,
	// Trash, Sent, Drafts and collections such as Gmail's All Mail stay silent in any case.
	Folders []string `yaml:"folders"`
	// Poll is how often to look where the server does not tell by itself: without IDLE, and in folders but INBOX.
	Poll time.Duration `yaml:"poll"`
	// Renew is how long one IDLE lasts, give or take a tenth (RFC 2177: less than 29 minutes).
	Renew time.Duration `yaml:"renew"`
	// Timeout bounds connecting, and every command.
	Timeout time.Duration `yaml:"timeout"`
	// MaxConnections bounds the connections to the server; accounts beyond it are polled, with short connections.
	MaxConnections int `yaml:"max_connections"`
	// LoginRate is with how many logins a second to start; it adapts to what the server bears, up to MaxLoginRate.
	LoginRate float64 `yaml:"login_rate"`
	// MaxLoginRate bounds that.
	MaxLoginRate float64 `yaml:"max_login_rate"`
	// MaxAge is how old a mail may be and still be told as new, such as after the hub was off.
	MaxAge time.Duration `yaml:"max_age"`
}

// Auth says how to log in.
type Auth struct {
	// Method is master (one login that opens every mailbox as user*master), proxy (the same by SASL PLAIN with an
	// authorization identity), password (each account has its own), or oauth2 (a token by client credentials).
	Method string `yaml:"method"`
	// User is the master's or proxy's name.
	User string `yaml:"user"`
	// Password is the master's or proxy's password.
	Password string `yaml:"password"`
	// Separator stands between the mailbox's login and the master's name.
	Separator string `yaml:"separator"`
	// TokenURL is the token endpoint of oauth2 (https, or http to this machine).
	TokenURL string `yaml:"token_url"`
	// ClientID names the hub at the token endpoint.
	ClientID string `yaml:"client_id"`
	// ClientSecret is its secret.
	ClientSecret string `yaml:"client_secret"`
	// Scopes are what is asked for, such as https://outlook.office365.com/.default.
	Scopes []string `yaml:"scopes"`
}

// The values of Settings.Security and Auth.Method.
const (
	securityTLS      = "tls"
	securityStartTLS = "starttls"
	securityNone     = "none"
	methodMaster     = "master"
	methodProxy      = "proxy"
	methodPassword   = "password"
	methodOAuth2     = "oauth2"
)

// Defaults are the settings before the file is read.
func Defaults() *Settings {
	return &Settings{
		Security: securityTLS, Auth: Auth{Method: methodPassword, Separator: "*"}, Folders: []string{"INBOX"},
		Poll: time.Minute, Renew: 9 * time.Minute, Timeout: 30 * time.Second,
		MaxConnections: 10000, LoginRate: 20, MaxLoginRate: 100, MaxAge: 7 * 24 * time.Hour,
	}
}

// check names the first thing that cannot be, by its place in the file.
func (s *Settings) check(at notify.Section) error {
	for _, check := range []func(notify.Section) error{s.checkServer, s.checkTimes, s.checkFolders, s.Auth.check} {
		if err := check(at); err != nil {
			return err
		}
	}
	return nil
}

func (s *Settings) checkServer(at notify.Section) error {
	host, _, err := net.SplitHostPort(s.Address)
	switch {
	case s.Address == "":
		return at.Errorf("address", "is missing: host:port of the IMAP server, such as mail.example.com:993")
	case err != nil || host == "":
		return at.Errorf("address", "must be host:port, such as mail.example.com:993")
	case !slices.Contains([]string{securityTLS, securityStartTLS, securityNone}, s.Security):
		return at.Errorf("security", "must be tls, starttls or none")
	case s.Security == securityNone && !s.Insecure && !loopback(host):
		return at.Errorf("security", "none would send passwords readably over the network; use tls or starttls, or set insecure: true")
	case s.MaxConnections < 1:
		return at.Errorf("max_connections", "must be at least 1")
	case s.LoginRate <= 0 || s.MaxLoginRate < s.LoginRate:
		return at.Errorf("login_rate", "must be above 0 and not above max_login_rate")
	}
	return nil
}

func (s *Settings) checkTimes(at notify.Section) error {
	switch {
	case s.Poll < time.Second:
		return at.Errorf("poll", "must be at least 1s")
	case s.Renew < time.Second || s.Renew > 29*time.Minute:
		return at.Errorf("renew", "must be between 1s and 29m")
	case s.Timeout < 10*time.Millisecond || s.Timeout > 10*time.Minute:
		return at.Errorf("timeout", "must be between 10ms and 10m")
	case s.MaxAge < time.Hour:
		return at.Errorf("max_age", "must be at least 1h")
	}
	return nil
}

func (s *Settings) checkFolders(at notify.Section) error {
	if len(s.Folders) == 0 {
		return at.Errorf("folders", "is empty: name at least INBOX")
	}
	for i, f := range s.Folders {
		if f == "" || strings.ContainsAny(f, "\r\n\x00") {
			return at.Errorf(fmt.Sprintf("folders[%d]", i), "is no folder name")
		}
	}
	return nil
}

func (a *Auth) check(at notify.Section) error {
	switch a.Method {
	case methodPassword:
	case methodMaster, methodProxy:
		if a.User == "" {
			return at.Errorf("auth.user", "is missing: the name of the %s login", a.Method)
		}
		if a.Password == "" {
			return at.Errorf("auth.password", "is missing: the password of the %s login", a.Method)
		}
		if a.Method == methodMaster && a.Separator == "" {
			return at.Errorf("auth.separator", "is empty: what stands between mailbox and master, such as *")
		}
	case methodOAuth2:
		if a.ClientID == "" {
			return at.Errorf("auth.client_id", "is missing")
		}
		if !goodTokenURL(a.TokenURL) {
			return at.Errorf("auth.token_url", "must be an https address (http only to this machine)")
		}
	default:
		return at.Errorf("auth.method", "must be master, proxy, password or oauth2")
	}
	return nil
}

// shared tells whether one login serves all accounts.
func (a *Auth) shared() bool { return a.Method != methodPassword }

// loopback tells whether a host is this machine, without asking any name server.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// roots reads the certificates of ca_file, for the server alone, and together with the system's, for the token endpoint,
// which may be anybody's. nil: the system's.
func (s *Settings) roots(at notify.Section) (server, endpoint *x509.CertPool, err error) {
	if s.CAFile == "" {
		return nil, nil, nil
	}
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, nil, at.Errorf("ca_file", "cannot be read: %v", err)
	}
	server = x509.NewCertPool()
	if !server.AppendCertsFromPEM(pem) {
		return nil, nil, at.Errorf("ca_file", "holds no certificate in PEM")
	}
	if endpoint, err = x509.SystemCertPool(); err != nil {
		endpoint = x509.NewCertPool()
	}
	endpoint.AppendCertsFromPEM(pem)
	return server, endpoint, nil
}
