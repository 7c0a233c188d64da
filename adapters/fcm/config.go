package fcm

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Config is the section `fcm` of an app.
type Config struct {
	// CredentialsFile is the service account's key, a JSON file from Firebase's console.
	CredentialsFile string `yaml:"credentials_file"`
	ProjectID       string `yaml:"project_id"`     // empty: the key file's own
	Endpoint        string `yaml:"endpoint"`       // where pushes go; empty: Google's own
	TokenEndpoint   string `yaml:"token_endpoint"` // where access tokens come from; empty: as the key file says
	CAFile          string `yaml:"ca_file"`        // more certificate authorities, PEM

	// Relays are other systems that devices of this app are reached through by Firebase: apns for iPhones, webpush for
	// browsers. Each takes a section of its own in every message. None: Android only.
	Relays []string `yaml:"relays"`
	// Package restricts messages to the Android app of this name; empty: any of the project's.
	Package string `yaml:"package"`
	// Channel is the Android notification channel of what has no category; a category is its own channel's id.
	Channel string `yaml:"channel"`
	// ClickAction is the intent action that the app declares for a tap; empty: the app is opened.
	ClickAction string `yaml:"click_action"`

	// Quota is how many messages a minute the project may send, 1 to 100,000,000. Nine tenths of it are used.
	Quota int `yaml:"quota"`
	// Ramp is how long it takes from the first message after a pause to the full rate, 0 to 1h; 0: at once.
	Ramp        time.Duration `yaml:"ramp"`
	Connections int           `yaml:"connections"` // at most, 1 to 16
	InFlight    int           `yaml:"in_flight"`   // requests under way on each connection, 1 to 1000
	Timeout     time.Duration `yaml:"timeout"`     // of one attempt, 1s to 2m; Google asks for 10s at least
	// Transport is what carries the messages: h2, which is made for many, or nethttp, Go's own. Where something on the way
	// speaks only HTTP/1.1 it is always nethttp.
	Transport string `yaml:"transport"`
}

// Google's addresses: "FCM HTTP v1 API" (projects.messages.send), "Using OAuth 2.0 for server to server applications".
const (
	googleEndpoint      = "https://fcm.googleapis.com"
	googleTokenEndpoint = "https://oauth2.googleapis.com/token"
)

// The relays.
const (
	relayAPNs    = "apns"
	relayWebPush = "webpush"
)

// The ranges of the numbers.
const (
	maxQuota       = 100_000_000
	maxRamp        = time.Hour
	maxConnections = 16
	maxInFlight    = 1000
	minTimeout     = time.Second
	maxTimeout     = 2 * time.Minute
)

// Defaults is the section with nothing in it. 600,000 a minute is every project's quota ("FCM throttling and quotas"); a
// minute is the least that Google's guide for sending at scale asks a sender to take to its full rate; Google's servers
// allow about 100 streams on a connection.
func Defaults() Config {
	return Config{Quota: 600_000, Ramp: time.Minute, Connections: 4, InFlight: 100, Timeout: 30 * time.Second,
		Transport: push.TransportH2}
}

var (
	projectID   = regexp.MustCompile(`^[a-z0-9][a-z0-9.:-]{3,62}$`) // an id or a number
	packageName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$`)
)

// decode reads and checks the section; errors point at the key that is wrong.
func decode(env notify.AdapterEnv) (Config, error) {
	s, c := env.Section, Defaults()
	c.Transport = push.Transport(env.Outgoing)
	if err := s.Decode(&c); err != nil {
		return c, err
	}
	for _, check := range []func(notify.Section) error{c.checkNames, c.checkNumbers, c.checkAddresses} {
		if err := check(s); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c Config) checkNames(s notify.Section) error {
	switch {
	case c.CredentialsFile == "":
		return s.Errorf("credentials_file", "is required: the service account's key, a JSON file from Firebase's console")
	case c.ProjectID != "" && !projectID.MatchString(c.ProjectID):
		return s.Errorf("project_id", "%q is not a project's id or number", c.ProjectID)
	case c.Package != "" && !packageName.MatchString(c.Package):
		return s.Errorf("package", "%q is not an Android package name such as com.example.mail", c.Package)
	}
	for _, r := range c.Relays {
		if r != relayAPNs && r != relayWebPush {
			return s.Errorf("relays", "%q must be %s or %s", r, relayAPNs, relayWebPush)
		}
	}
	return nil
}

func (c Config) checkNumbers(s notify.Section) error {
	switch {
	case c.Quota < 1 || c.Quota > maxQuota:
		return s.Errorf("quota", "must be 1 to %d messages a minute", maxQuota)
	case c.Ramp < 0 || c.Ramp > maxRamp:
		return s.Errorf("ramp", "must be 0 to %s", maxRamp)
	case c.Connections < 1 || c.Connections > maxConnections:
		return s.Errorf("connections", "must be 1 to %d", maxConnections)
	case c.InFlight < 1 || c.InFlight > maxInFlight:
		return s.Errorf("in_flight", "must be 1 to %d", maxInFlight)
	case c.Timeout < minTimeout || c.Timeout > maxTimeout:
		return s.Errorf("timeout", "must be %s to %s", minTimeout, maxTimeout)
	}
	if err := push.CheckTransport(c.Transport); err != nil {
		return s.Errorf("transport", "%v", err)
	}
	return nil
}

func (c Config) checkAddresses(s notify.Section) error {
	for key, value := range map[string]string{"endpoint": c.Endpoint, "token_endpoint": c.TokenEndpoint} {
		if value == "" {
			continue
		}
		if u, err := secureURL(value); err != nil || key == "endpoint" && strings.Trim(u.Path, "/") != "" {
			return s.Errorf(key, "must be an https address such as https://127.0.0.1:2199")
		}
	}
	return nil
}

func (c Config) relays(name string) bool { return slices.Contains(c.Relays, name) }

// secureURL parses an https address without user, query and fragment. The error does not repeat it.
func secureURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, notify.Errorf(notify.CodeInvalid, "not an https address")
	}
	return u, nil
}
