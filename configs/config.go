package configs

import (
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"golang.org/x/net/http/httpproxy"

	"allim.dev/allim/notify"
)

// Settings are the parts of the file that have no kinds.
type Settings struct {
	// Listen is the HTTP address, host:port; port 0 takes any free one.
	Listen string `yaml:"listen"`
	// PublicURL is the hub's address as users and platforms see it, without a slash at its end; empty: the listener's own.
	PublicURL string `yaml:"public_url"`
	// DataDir is the folder of the database and of the keys that the hub makes.
	DataDir string `yaml:"data_dir"`
	TLS     TLS    `yaml:"tls"`
	Log     Log    `yaml:"log"`
	// Retention is how long what was told is kept; at least an hour.
	Retention time.Duration `yaml:"retention"`
	// TrustedProxies are the proxies whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`
	Limits         Limits         `yaml:"limits"`
	Store          Store          `yaml:"store"`
	Outgoing       Outgoing       `yaml:"outgoing"`
	Identities     Identities     `yaml:"identities"`
	Web            Web            `yaml:"web"`
}

// Config is a configuration file, read. Make one with Default, Load or Parse.
type Config struct {
	Settings
	Apps      []App
	Sources   []notify.SourceConfig
	Mappings  []Part // of foreign documents
	Templates []Part

	root   *Section
	prints []print
}

// TLS makes the listener speak HTTPS; both files or none.
type TLS struct {
	CertFile string `yaml:"cert_file"` // PEM, with the chain
	KeyFile  string `yaml:"key_file"`
}

// Enabled tells whether the listener speaks HTTPS.
func (t TLS) Enabled() bool { return t.CertFile != "" }

// Log is how the hub logs, to standard error.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // text or json
}

// Limits bound what callers may ask for.
type Limits struct {
	Body           Size `yaml:"body"`             // of a request; 1KiB to 64MiB
	RequestsPerKey int  `yaml:"requests_per_key"` // a second; 0: no limit
	// AcceptQueue is how many requests may wait for the disk, of all callers together; 64 to 100,000. One caller may have a
	// quarter of it while others wait, too.
	AcceptQueue int `yaml:"accept_queue"`
	// LiveConnections is how many streams, websockets and polls may be open; 1 to 1,000,000.
	LiveConnections int `yaml:"live_connections"`
	LivePerUser     int `yaml:"live_per_user"` // of one person; at least 1
}

// Store is how the data is kept.
type Store struct {
	// Synchronous is how hard a commit is made: full survives power loss, normal only a crash of the program.
	Synchronous string `yaml:"synchronous"`
}

// Outgoing is how requests leave the house.
type Outgoing struct {
	Proxy        string         `yaml:"proxy"`         // http:// or https://; empty: HTTPS_PROXY and NO_PROXY
	AllowPrivate []netip.Prefix `yaml:"allow_private"` // for endpoints that strangers supply
	// Transport is what carries pushes, where an app's section does not say: h2, made for many, or nethttp, Go's own.
	Transport string `yaml:"transport"`
}

// Notify gives the settings in the form that adapters take.
func (o Outgoing) Notify() notify.Outgoing {
	env := httpproxy.FromEnvironment()
	if o.Proxy != "" {
		env.HTTPProxy, env.HTTPSProxy = o.Proxy, o.Proxy
	}
	proxy := env.ProxyFunc()
	return notify.Outgoing{
		Proxy:        func(r *http.Request) (*url.URL, error) { return proxy(r.URL) },
		AllowPrivate: o.AllowPrivate,
		Transport:    o.Transport,
	}
}

// Identities says how identities are folded.
type Identities struct {
	PhoneRegion string `yaml:"phone_region"` // ISO 3166, of numbers without a country code
	FoldPlus    bool   `yaml:"fold_plus"`    // kim+lists@example.com is kim@example.com
}

// App is one app with its credentials on each platform.
type App struct {
	ID        string
	Platforms []Platform // in the order of the file

	section *Section
}

// Platform is the part of one platform's adapter.
type Platform struct {
	Name    string
	Section *Section
}

// Part is a part of the file that somebody else decodes: a mapping or a template.
type Part struct {
	ID      string
	Section *Section
}

// Default is the configuration of a hub without a file.
func Default() *Config {
	return &Config{
		Settings: Settings{
			Listen:     "127.0.0.1:8080",
			DataDir:    "./data",
			Log:        Log{Level: "info", Format: "text"},
			Retention:  30 * 24 * time.Hour,
			Limits:     Limits{Body: 1 << 20, AcceptQueue: 4096, LiveConnections: 100_000, LivePerUser: 8},
			Store:      Store{Synchronous: "full"},
			Outgoing:   Outgoing{Transport: notify.TransportH2},
			Identities: Identities{PhoneRegion: "KR"},
			Web:        Web{OIDC: OIDC{Claim: "email", Identity: "email"}},
		},
		root: &Section{},
	}
}

// Errorf makes an error that points at a key of the file, such as "tls.cert_file".
func (c *Config) Errorf(key, format string, args ...any) error {
	return c.root.Errorf(key, format, args...)
}

// Normalizer gives the rules by which identities are folded.
func (c *Config) Normalizer() notify.Normalizer {
	return notify.Normalizer{PhoneRegion: c.Identities.PhoneRegion, FoldPlus: c.Identities.FoldPlus}
}
