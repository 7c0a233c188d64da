package feed

import (
	"crypto/x509"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/text/encoding/htmlindex"

	"allim.dev/allim/notify"
)

// Settings is the part of a source that belongs to this kind.
type Settings struct {
	// URL is the feed's address, http or https.
	URL string `yaml:"url"`
	// Name is what people see as the sender; empty: the feed's own title.
	Name string `yaml:"name"`
	// User and Password are a login by HTTP Basic (RFC 7617), sent to the URL's own origin only.
	User     string `yaml:"user"`
	Password string `yaml:"password"`
	// Insecure allows a login over http to other machines: it is then readable on the way.
	Insecure bool `yaml:"insecure"`
	// CAFile holds the certificates (PEM) that may sign the server's own; empty: the system's.
	CAFile string `yaml:"ca_file"`
	// Poll is how often to look, give or take a twentieth.
	Poll time.Duration `yaml:"poll"`
	// Timeout bounds one look, redirects included.
	Timeout time.Duration `yaml:"timeout"`
	// MaxSize is how many bytes a feed may have, unpacked.
	MaxSize int `yaml:"max_size"`
	// MaxAge is how old an item may be, by its own date, and still be told as new.
	MaxAge time.Duration `yaml:"max_age"`
	// Charset is the feed's, where it says none or a wrong one, such as euc-kr.
	Charset string `yaml:"charset"`
	// TimeZone is that of dates without a zone, and, for people who have none, of a calendar's floating times and whole days;
	// empty: UTC.
	TimeZone string `yaml:"time_zone"`
	// Reminder is how long before a calendar's events without alarms people are reminded; 0: not at all.
	Reminder time.Duration `yaml:"reminder"`
}

// Bounds of the settings.
const (
	minPoll    = time.Second
	minSize    = 1 << 10
	maxSize    = 64 << 20
	maxName    = 200
	minTimeout = time.Second
	maxTimeout = 5 * time.Minute
)

// Defaults are the settings before the file is read.
func Defaults() *Settings {
	return &Settings{Poll: 5 * time.Minute, Timeout: 30 * time.Second, MaxSize: 10 << 20, MaxAge: 7 * 24 * time.Hour}
}

// check finds the first mistake.
func (s *Settings) check(at notify.Section, source notify.SourceConfig) error {
	u, err := url.Parse(s.URL)
	switch {
	case s.URL == "":
		return at.Errorf("url", "is required, such as https://www.example.com/feed.xml")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return at.Errorf("url", "must be an address of http or https")
	case u.User != nil:
		return at.Errorf("url", "must not hold a login: use user and password")
	case (s.User == "") != (s.Password == ""):
		return at.Errorf("user", "and password belong together")
	case s.User != "" && u.Scheme == "http" && !s.Insecure && !loopback(u.Hostname()):
		return at.Errorf("url", "would send the password readable over http: use https, or set insecure: true")
	case source.Accounts.Kind != "":
		return at.Errorf("accounts", "a feed has no accounts of people: topic says whose members are told")
	case source.Topic == "":
		return at.Errorf("topic", "is required: its members are told")
	case len(s.Name) > maxName:
		return at.Errorf("name", "is longer than %d bytes", maxName)
	case s.Poll < minPoll:
		return at.Errorf("poll", "must be at least %s", minPoll)
	case s.Timeout < minTimeout || s.Timeout > maxTimeout:
		return at.Errorf("timeout", "must be %s to %s", minTimeout, maxTimeout)
	case s.MaxSize < minSize || s.MaxSize > maxSize:
		return at.Errorf("max_size", "must be %d to %d bytes", minSize, maxSize)
	case s.MaxAge < 0:
		return at.Errorf("max_age", "must not be negative")
	case s.Reminder < 0:
		return at.Errorf("reminder", "must not be negative")
	}
	if s.Charset != "" {
		if _, err := htmlindex.Get(s.Charset); err != nil {
			return at.Errorf("charset", "is not a charset that is known, such as euc-kr")
		}
	}
	if _, err := time.LoadLocation(s.TimeZone); err != nil || s.TimeZone == "Local" {
		return at.Errorf("time_zone", "must be a name of the time zone database, such as Asia/Seoul")
	}
	return nil
}

// zone gives the time zone, which check has seen.
func (s *Settings) zone() *time.Location {
	if zone, err := time.LoadLocation(s.TimeZone); err == nil {
		return zone
	}
	return time.UTC
}

func (s *Settings) roots(at notify.Section) (*x509.CertPool, error) {
	if s.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, at.Errorf("ca_file", "cannot be read: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, at.Errorf("ca_file", "holds no certificate in PEM form")
	}
	return pool, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// origin is scheme, host and port (RFC 6454).
func origin(u *url.URL) string { return u.Scheme + "://" + hostPort(u) }

// hostPort is host and port in small letters, the port also where it is the scheme's own.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
