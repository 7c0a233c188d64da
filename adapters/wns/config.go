package wns

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Config is the section `wns` of an app. Either an Entra ID application (tenant_id, client_id) or a package SID (UWP) signs
// on, each with its client_secret.
type Config struct {
	TenantID     string `yaml:"tenant_id"`   // the directory's id or domain
	ClientID     string `yaml:"client_id"`   // the application's id
	PackageSID   string `yaml:"package_sid"` // ms-app://S-1-15-2-…, instead of the two above
	ClientSecret string `yaml:"client_secret"`
	// SecretExpires is the last day of the secret, such as 2027-05-31, as Entra ID shows it; empty: nobody is warned.
	SecretExpires string `yaml:"secret_expires"`
	// TokenEndpoint is where to sign on; empty: Microsoft's own address.
	TokenEndpoint string `yaml:"token_endpoint"`
	// ChannelHosts are hosts of channels besides *.notify.windows.com, such as a simulator's. They may be private.
	ChannelHosts []string `yaml:"channel_hosts"`
	CAFile       string   `yaml:"ca_file"` // more certificate authorities, PEM
	// Open says what a click on a notice with a URL does: link opens the URL, app starts the app, which gets it.
	Open string `yaml:"open"`
	// Concurrency is how many pushes are under way at once to one of WNS's hosts, 1 to 256.
	Concurrency int `yaml:"concurrency"`
	// Rate is how many pushes a second go out at most, 0 to 1,000,000; 0: as many as the platform takes.
	Rate int `yaml:"rate"`
	// Timeout of one request, 1s to 2m.
	Timeout time.Duration `yaml:"timeout"`
}

// What a click does.
const (
	openLink = "link"
	openApp  = "app"
)

// Microsoft's addresses: overview, "Request and receive an access token".
const (
	entraLogin = "https://login.microsoftonline.com/"
	entraPath  = "/oauth2/v2.0/token"
	entraScope = "https://wns.windows.com/.default"
	liveLogin  = "https://login.live.com/accesstoken.srf"
	liveScope  = "notify.windows.com"
	sidPrefix  = "ms-app://"
)

// The ranges of the numbers.
const (
	maxConcurrency = 256
	minTimeout     = time.Second
	maxTimeout     = 2 * time.Minute
)

// everywhere is for addresses that the configuration itself names.
var everywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// Defaults is the section with nothing in it.
func Defaults() Config { return Config{Open: openLink, Concurrency: 32, Timeout: 15 * time.Second} }

// decode reads and checks the section; errors point at the key that is wrong.
func decode(s notify.Section) (Config, error) {
	c := Defaults()
	if err := s.Decode(&c); err != nil {
		return c, err
	}
	if err := c.checkLogin(s); err != nil {
		return c, err
	}
	if _, err := time.Parse(time.DateOnly, c.SecretExpires); c.SecretExpires != "" && err != nil {
		return c, s.Errorf("secret_expires", "must be a day such as 2027-05-31")
	}
	switch {
	case c.TokenEndpoint != "" && !secure(c.TokenEndpoint):
		return c, s.Errorf("token_endpoint", "must be an https address")
	case c.Open != openLink && c.Open != openApp:
		return c, s.Errorf("open", "must be link or app")
	case c.Concurrency < 1 || c.Concurrency > maxConcurrency:
		return c, s.Errorf("concurrency", "must be 1 to %d", maxConcurrency)
	case c.Rate < 0 || c.Rate > push.MaxRate:
		return c, s.Errorf("rate", "must be 0 to %d pushes a second", push.MaxRate)
	case c.Timeout < minTimeout || c.Timeout > maxTimeout:
		return c, s.Errorf("timeout", "must be %s to %s", minTimeout, maxTimeout)
	}
	return c, c.checkHosts(s)
}

// checkHosts checks the hosts of channels and puts them in lower case.
func (c Config) checkHosts(s notify.Section) error {
	for i, h := range c.ChannelHosts {
		if h == "" || strings.ContainsAny(h, "/:*@ ") && net.ParseIP(h) == nil {
			return s.Errorf("channel_hosts", "%q must be a host's name only", h)
		}
		c.ChannelHosts[i] = strings.ToLower(h)
	}
	return nil
}

func (c Config) checkLogin(s notify.Section) error {
	entra := c.TenantID != "" || c.ClientID != ""
	switch {
	case !entra && c.PackageSID == "":
		return s.Errorf("tenant_id", "is required with client_id (Entra ID), or package_sid (UWP)")
	case entra && c.PackageSID != "":
		return s.Errorf("package_sid", "stands beside tenant_id or client_id: only one of them can sign on")
	case !entra && !strings.HasPrefix(c.PackageSID, sidPrefix+"S-1-15-2-"):
		return s.Errorf("package_sid", "must begin with %sS-1-15-2-", sidPrefix)
	case entra && c.TenantID == "":
		return s.Errorf("tenant_id", "is required: the directory's id")
	case entra && c.ClientID == "":
		return s.Errorf("client_id", "is required: the application's id")
	case strings.ContainsAny(c.TenantID, "/?#% "):
		return s.Errorf("tenant_id", "%q is not a directory's id", c.TenantID)
	case c.ClientSecret == "":
		return s.Errorf("client_secret", "is required")
	}
	return nil
}

func secure(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && u.Fragment == ""
}

// login gives where to sign on and with what form: the Entra ID flow or the older one by package SID. They are not
// interchangeable: each channel takes only its own.
func (c Config) login() (address string, form url.Values) {
	form = url.Values{"grant_type": {"client_credentials"}, "client_secret": {c.ClientSecret}}
	if c.PackageSID != "" {
		address = liveLogin
		form.Set("client_id", c.PackageSID)
		form.Set("scope", liveScope)
	} else {
		address = entraLogin + c.TenantID + entraPath
		form.Set("client_id", c.ClientID)
		form.Set("scope", entraScope)
	}
	if c.TokenEndpoint != "" {
		address = c.TokenEndpoint
	}
	return address, form
}
