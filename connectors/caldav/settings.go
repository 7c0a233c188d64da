package caldav

import (
	"net/netip"
	"time"
)

// Settings is the part of a source that belongs to this kind.
type Settings struct {
	// URL is the server: https://dav.example.com/, a longer address of a calendar home, or a bare domain, whose server is
	// then found by DNS (RFC 6764).
	URL string `yaml:"url"`
	// Insecure allows http to other machines: passwords and calendars are then readable on the way.
	Insecure bool `yaml:"insecure"`
	// CAFile holds the certificates (PEM) that may sign the server's own; empty: the system's.
	CAFile string `yaml:"ca_file"`
	// Auth says how to log in.
	Auth Auth `yaml:"auth"`
	// Principal is the path of an account's principal, with {login}, {local} and {domain} in it; empty: the server is
	// asked. Needed with a shared login, unless Home is set or the server finds people by their address.
	Principal string `yaml:"principal"`
	// Home is the path of an account's calendar home, with the same words in it; empty: the principal is asked.
	Home string `yaml:"home"`
	// Hosts are more hosts that get the login, where the server's addresses lead to them; *.example.com is all below.
	Hosts []string `yaml:"hosts"`
	// AllowPrivate are the private networks into which the server's redirects and addresses may lead. Where URL itself
	// leads is always allowed.
	AllowPrivate []netip.Prefix `yaml:"allow_private"`
	// Poll is how often every account is looked at.
	Poll time.Duration `yaml:"poll"`
	// Timeout bounds every request.
	Timeout time.Duration `yaml:"timeout"`
	// Connections bounds the accounts that are looked at in the same moment.
	Connections int `yaml:"connections"`
	// Reminders says what is told before events without alarms of their own.
	Reminders Reminders `yaml:"reminders"`
}

// Reminders says when to remind of what brings no alarm of its own.
type Reminders struct {
	// Default is how long before an event its people are reminded; 0: not at all.
	Default time.Duration `yaml:"default"`
}

// Auth says how to log in.
type Auth struct {
	// Method is password (each account has its own), proxy (one login with a password reads all), bearer (a fixed token,
	// one for all or each account's own), or oauth2 (one token for all, by client credentials).
	Method string `yaml:"method"`
	// Scheme is basic or digest (RFC 7617, RFC 7616); empty: what the server asks for.
	Scheme string `yaml:"scheme"`
	// User is the shared login of proxy. With password it is how the server names an account, with {login}, {local} and
	// {domain} in it; empty: {login}.
	User string `yaml:"user"`
	// Password is the shared login's.
	Password string `yaml:"password"`
	// Token is bearer's token for all accounts; empty: each account's own password is its token.
	Token string `yaml:"token"`
	// TokenURL is the token endpoint of oauth2 (https, or http to this machine).
	TokenURL string `yaml:"token_url"`
	// ClientID names the hub at the token endpoint.
	ClientID string `yaml:"client_id"`
	// ClientSecret is its secret.
	ClientSecret string `yaml:"client_secret"`
	// Scopes are what is asked for.
	Scopes []string `yaml:"scopes"`
}

// The values of Auth.Method and Auth.Scheme.
const (
	methodPassword = "password"
	methodProxy    = "proxy"
	methodBearer   = "bearer"
	methodOAuth2   = "oauth2"
	schemeBasic    = "basic"
	schemeDigest   = "digest"
)

// Defaults are the settings before the file is read.
func Defaults() *Settings {
	return &Settings{Auth: Auth{Method: methodPassword}, Poll: time.Minute, Timeout: 30 * time.Second, Connections: 16}
}

// shared tells whether one login serves all accounts.
func (a *Auth) shared() bool {
	return a.Method == methodProxy || a.Method == methodOAuth2 || a.Method == methodBearer && a.Token != ""
}
