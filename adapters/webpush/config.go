package webpush

import (
	"net"
	"net/url"
	"strings"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Kind registers the adapter.
var Kind = notify.AdapterKind{
	Platform: notify.WebPush,
	Title:    "Web Push (browsers and UnifiedPush)",
	Example:  func() any { return defaults() },
	New:      New,
}

// Config is the webpush section of an app.
type Config struct {
	// Subject is whom a push service may write to when something is wrong: mailto: or https:. Empty: the hub's public
	// address, when that is https.
	Subject string `yaml:"subject"`
	// KeyFile holds the VAPID key (PEM, P-256). Empty: one is made on first use and kept in the data folder. Browsers
	// bind their subscriptions to it: another key means that everyone has to subscribe again.
	KeyFile string `yaml:"key_file"`
	// CAFile holds further certificate authorities (PEM), besides the system's, for push services of your own.
	CAFile string `yaml:"ca_file"`
	// Hosts are domains of push services of your own: their word that an endpoint is gone is taken at once, as that of
	// the browsers' vendors. A stranger's service has to say so with 410, or for longer.
	Hosts []string `yaml:"hosts"`
	// OnlyHosts takes endpoints of the browsers' vendors and of Hosts only; else those of any public host.
	OnlyHosts bool `yaml:"only_hosts"`
	// HTTPHosts are the only hosts to which plain http is allowed.
	HTTPHosts []string `yaml:"http_hosts"`
	// Concurrency is how many pushes are under way at once to one big push service, 1 to 1000; a stranger's host gets
	// an eighth of it, all strangers together as much as one big service.
	Concurrency int `yaml:"concurrency"`
	// Rate is how many pushes a second go out at most, 0 to 1,000,000; 0: as many as the platform takes.
	Rate int `yaml:"rate"`
	// Timeout of one request, 1s to 2m; a stranger's host gets ten seconds at most.
	Timeout time.Duration `yaml:"timeout"`
	// Transport is what carries the pushes: h2, made for many, where the service speaks HTTP/2, or nethttp, Go's own.
	Transport string `yaml:"transport"`
}

func defaults() *Config {
	return &Config{Concurrency: 128, Timeout: 30 * time.Second, Transport: push.TransportH2}
}

// New makes the adapter of one app. It makes no connection and starts nothing; the key is made when it is first used.
// Errors point at the setting that is wrong.
func New(env notify.AdapterEnv) (notify.Adapter, error) { return build(env, nil) }

func build(env notify.AdapterEnv, resolver *net.Resolver) (*Adapter, error) {
	cfg := defaults()
	cfg.Transport = push.Transport(env.Outgoing)
	if err := env.Section.Decode(cfg); err != nil {
		return nil, err
	}
	if err := cfg.check(env); err != nil {
		return nil, err
	}
	roots, err := push.Roots(cfg.CAFile)
	if err != nil {
		return nil, env.Section.Errorf("ca_file", "%w", err)
	}
	a := &Adapter{
		cfg: *cfg, clock: env.Clock, log: env.Log, home: env.PublicURL, path: cfg.KeyFile,
		pace: push.NewPace(float64(cfg.Rate), 0, env.Clock),
		guard: push.NewGuard(push.GuardOptions{Outgoing: env.Outgoing, HTTPHosts: cfg.HTTPHosts, RootCAs: roots,
			Resolver: resolver}),
		origins: newOrigins(cfg.Concurrency), limits: newLimits(),
	}
	if cfg.Transport == push.TransportH2 {
		a.h2 = newH2Sender(a.guard, env.Clock)
	}
	if a.path == "" {
		a.path = keyPath(env.DataDir, env.App)
	} else if _, err := readKey(a.path); err != nil {
		return nil, env.Section.Errorf("key_file", "%w", err)
	}
	return a, nil
}

// check fills in the subject and checks the section.
func (c *Config) check(env notify.AdapterEnv) error {
	if c.Subject == "" {
		if u, err := url.Parse(env.PublicURL); err != nil || u.Scheme != "https" || checkSubject(env.PublicURL) != nil {
			return env.Section.Errorf("subject", "is required: whom a push service may write to, such as mailto:it@example.com")
		}
		c.Subject = env.PublicURL
	}
	if err := checkSubject(c.Subject); err != nil {
		return env.Section.Errorf("subject", "%w", err)
	}
	if c.Concurrency < 1 || c.Concurrency > 1000 {
		return env.Section.Errorf("concurrency", "must be 1 to 1000")
	}
	if c.Rate < 0 || c.Rate > push.MaxRate {
		return env.Section.Errorf("rate", "must be 0 to %d pushes a second", push.MaxRate)
	}
	if c.Timeout < time.Second || c.Timeout > 2*time.Minute {
		return env.Section.Errorf("timeout", "must be 1s to 2m")
	}
	if err := push.CheckTransport(c.Transport); err != nil {
		return env.Section.Errorf("transport", "%w", err)
	}
	return c.checkHosts(env.Section)
}

func (c *Config) checkHosts(section notify.Section) error {
	for _, list := range []struct {
		key   string
		hosts []string
	}{{"hosts", c.Hosts}, {"http_hosts", c.HTTPHosts}} {
		for i, h := range list.hosts {
			if h == "" || strings.ContainsAny(h, "/:*@ ") && net.ParseIP(h) == nil {
				return section.Errorf(list.key, "%q must be a host's name only", h)
			}
			list.hosts[i] = strings.ToLower(h)
		}
	}
	return nil
}
