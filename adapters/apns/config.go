package apns

import (
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/sideshow/apns2"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Config is the section `apns` of an app. Either a token signing key (key_file, key_id, team_id) or a client certificate
// (cert_file, cert_key_file) signs on.
type Config struct {
	KeyFile     string `yaml:"key_file"`      // the .p8 file that Apple gave out
	KeyID       string `yaml:"key_id"`        // 10 characters
	TeamID      string `yaml:"team_id"`       // 10 characters
	CertFile    string `yaml:"cert_file"`     // PEM, instead of the key
	CertKeyFile string `yaml:"cert_key_file"` // PEM; empty: the key is in cert_file
	Topic       string `yaml:"topic"`         // the app's bundle id
	Environment string `yaml:"environment"`   // of devices that do not say: production or development
	// Endpoint is where pushes go, for every environment; empty: Apple's own hosts.
	Endpoint string `yaml:"endpoint"`
	// EndpointDevelopment is where those to development devices go; empty: to endpoint, if that is set.
	EndpointDevelopment string        `yaml:"endpoint_development"`
	CAFile              string        `yaml:"ca_file"`     // more certificate authorities, PEM
	Connections         int           `yaml:"connections"` // per environment, 1 to 16
	InFlight            int           `yaml:"in_flight"`   // requests under way on each connection, 1 to 1000
	Timeout             time.Duration `yaml:"timeout"`     // of one attempt, 1s to 2m
	// Rate is how many pushes a second go out at most, 0 to 1,000,000; 0: as many as the platform takes.
	Rate int `yaml:"rate"`
	// Transport is what carries the requests: h2, which is made for many, or nethttp, Go's own; as outgoing.transport says.
	Transport string `yaml:"transport"`
}

// Apple's hosts: "Sending notification requests to APNs".
const (
	hostProduction  = apns2.HostProduction
	hostDevelopment = apns2.HostDevelopment
)

// The ranges of the numbers. Apple: "spread load over several connections"; a server allows about 1000 streams on each.
const (
	maxConnections = 16
	maxInFlight    = 1000
	minTimeout     = time.Second
	maxTimeout     = 2 * time.Minute
)

// Defaults is the section with nothing in it.
func Defaults() Config {
	return Config{Environment: notify.Production, Connections: 2, InFlight: 512, Timeout: 30 * time.Second,
		Transport: push.TransportH2}
}

// decode reads and checks the section; errors point at the key that is wrong.
func decode(env notify.AdapterEnv) (Config, error) {
	s, c := env.Section, Defaults()
	c.Transport = push.Transport(env.Outgoing)
	if err := s.Decode(&c); err != nil {
		return c, err
	}
	switch {
	case c.Topic == "":
		return c, s.Errorf("topic", "is required: the app's bundle id, such as com.example.mail")
	case strings.ContainsAny(c.Topic, " \t\r\n/"):
		return c, s.Errorf("topic", "%q is not a bundle id such as com.example.mail", c.Topic)
	case c.Environment != notify.Production && c.Environment != notify.Development:
		return c, s.Errorf("environment", "must be production or development")
	case c.Connections < 1 || c.Connections > maxConnections:
		return c, s.Errorf("connections", "must be 1 to %d", maxConnections)
	case c.InFlight < 1 || c.InFlight > maxInFlight:
		return c, s.Errorf("in_flight", "must be 1 to %d", maxInFlight)
	case c.Rate < 0 || c.Rate > push.MaxRate:
		return c, s.Errorf("rate", "must be 0 to %d pushes a second", push.MaxRate)
	case c.Timeout < minTimeout || c.Timeout > maxTimeout:
		return c, s.Errorf("timeout", "must be %s to %s", minTimeout, maxTimeout)
	}
	if err := push.CheckTransport(c.Transport); err != nil {
		return c, s.Errorf("transport", "%v", err)
	}
	if err := c.checkCredentials(s); err != nil {
		return c, err
	}
	for key, value := range map[string]string{"endpoint": c.Endpoint, "endpoint_development": c.EndpointDevelopment} {
		if _, err := hostPort(value); value != "" && err != nil {
			return c, s.Errorf(key, "%q must be an https address such as https://127.0.0.1:2197", value)
		}
	}
	return c, nil
}

func (c Config) checkCredentials(s notify.Section) error {
	switch {
	case c.KeyFile == "" && c.CertFile == "":
		return s.Errorf("key_file", "is required (the .p8 file from Apple), or cert_file")
	case c.KeyFile != "" && c.CertFile != "":
		return s.Errorf("cert_file", "stands beside key_file: only one of them can sign on")
	case c.CertFile != "":
		return nil
	}
	// Apple's ids are ten letters and digits; a wrong length is a mix-up that would only show as InvalidProviderToken.
	for key, id := range map[string]string{"key_id": c.KeyID, "team_id": c.TeamID} {
		if len(id) != 10 {
			return s.Errorf(key, "%q must be the 10 characters that Apple shows", id)
		}
	}
	return nil
}

// endpoint gives where pushes of an environment go.
func (c Config) endpoint(environment string) string {
	switch {
	case environment == notify.Development && c.EndpointDevelopment != "":
		return c.EndpointDevelopment
	case c.Endpoint != "":
		return c.Endpoint
	case environment == notify.Development:
		return hostDevelopment
	}
	return hostProduction
}

// hostPort gives the host and port of an https address; the port is 443 when it names none.
func hostPort(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.User != nil {
		return "", notify.Errorf(notify.CodeInvalid, "not an https address")
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}
