package webhook

import (
	"net"
	"strings"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Config is the section `webhook` of an app.
type Config struct {
	// Secret signs what is sent; the receiver has it too. At least 16 bytes, better 32 at random.
	Secret string `yaml:"secret"`
	// PreviousSecret signs beside Secret, while receivers change from it; empty: there is none.
	PreviousSecret string `yaml:"previous_secret"`
	Format         string `yaml:"format"`  // json or xml
	CAFile         string `yaml:"ca_file"` // more certificate authorities, PEM
	// Hosts are the only domains that are posted to; none: any public host. Private addresses are
	// outgoing.allow_private's.
	Hosts []string `yaml:"hosts"`
	// HTTPHosts are the only hosts to which plain http is allowed.
	HTTPHosts []string `yaml:"http_hosts"`
	// Concurrency is how many posts are under way at once to one host, 1 to 256.
	Concurrency int `yaml:"concurrency"`
	// Rate is how many pushes a second go out at most, 0 to 1,000,000; 0: as many as the platform takes.
	Rate int `yaml:"rate"`
	// Timeout of one post, 1s to 15s.
	Timeout time.Duration `yaml:"timeout"`
}

// The formats.
const (
	formatJSON = "json"
	formatXML  = "xml"
)

// The ranges of the settings.
const (
	minSecret      = 16 // bytes
	maxConcurrency = 256
	minTimeout     = time.Second
	maxTimeout     = 15 * time.Second // the guard waits no longer for an answer
)

// Defaults is the section with nothing in it.
func Defaults() Config { return Config{Format: formatJSON, Concurrency: 8, Timeout: 10 * time.Second} }

// decode reads and checks the section; errors point at the key that is wrong.
func decode(s notify.Section) (Config, error) {
	c := Defaults()
	if err := s.Decode(&c); err != nil {
		return c, err
	}
	if err := c.checkSecrets(s); err != nil {
		return c, err
	}
	switch {
	case c.Format != formatJSON && c.Format != formatXML:
		return c, s.Errorf("format", "must be json or xml")
	case c.Concurrency < 1 || c.Concurrency > maxConcurrency:
		return c, s.Errorf("concurrency", "must be 1 to %d", maxConcurrency)
	case c.Rate < 0 || c.Rate > push.MaxRate:
		return c, s.Errorf("rate", "must be 0 to %d pushes a second", push.MaxRate)
	case c.Timeout < minTimeout || c.Timeout > maxTimeout:
		return c, s.Errorf("timeout", "must be %s to %s", minTimeout, maxTimeout)
	}
	return c, c.checkHosts(s)
}

func (c Config) checkSecrets(s notify.Section) error {
	switch {
	case c.Secret == "":
		return s.Errorf("secret", "is required: the receiver checks signatures with it")
	case len(c.Secret) < minSecret:
		return s.Errorf("secret", "is shorter than %d bytes", minSecret)
	case c.PreviousSecret != "" && len(c.PreviousSecret) < minSecret:
		return s.Errorf("previous_secret", "is shorter than %d bytes", minSecret)
	}
	return nil
}

func (c Config) checkHosts(s notify.Section) error {
	for _, list := range []struct {
		key   string
		hosts []string
	}{{"hosts", c.Hosts}, {"http_hosts", c.HTTPHosts}} {
		for i, h := range list.hosts {
			if h == "" || strings.ContainsAny(h, "/:*@ ") && net.ParseIP(h) == nil {
				return s.Errorf(list.key, "%q must be a host's name only", h)
			}
			list.hosts[i] = strings.ToLower(h)
		}
	}
	return nil
}
