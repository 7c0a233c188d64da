package configs

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/nyaruka/phonenumbers"

	"allim.dev/allim/notify"
)

// checks collects what does not hold.
type checks struct{ problems Problems }

func (c *checks) add(at *Section, key, format string, args ...any) {
	found, _ := ProblemsOf(at.Errorf(key, format, args...))
	c.problems = append(c.problems, found...)
}

func (c *checks) name(at *Section, key, value string) {
	if err := notify.CheckName(value); err != nil {
		c.add(at, key, "%s", err)
	}
}

// The ranges of the settings.
const (
	minBody      = 1 << 10
	maxBody      = 64 << 20
	minRetention = time.Hour
	maxRetention = 10 * 366 * 24 * time.Hour

	minAcceptQueue, maxAcceptQueue = 64, 100_000
	maxLive                        = 1_000_000
)

// check looks at the settings, each by itself.
func (c *Config) check() Problems {
	var p checks
	p.listen(c.root, c.Listen)
	p.publicURL(c.root, c.PublicURL)
	if c.DataDir == "" {
		p.add(c.root, "data_dir", "is required")
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		p.add(c.root, "tls", "needs both cert_file and key_file, or none of them")
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		p.add(c.root, "log.level", "must be debug, info, warn or error")
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		p.add(c.root, "log.format", "must be text or json")
	}
	if c.Retention < minRetention || c.Retention > maxRetention {
		p.add(c.root, "retention", "must be an hour to ten years")
	}
	p.limits(c)
	if c.Store.Synchronous != "full" && c.Store.Synchronous != "normal" {
		p.add(c.root, "store.synchronous", "must be full or normal")
	}
	p.proxy(c.root, c.Outgoing.Proxy)
	if t := c.Outgoing.Transport; t != notify.TransportH2 && t != notify.TransportNetHTTP {
		p.add(c.root, "outgoing.transport", "must be %s or %s", notify.TransportH2, notify.TransportNetHTTP)
	}
	p.oidc(c.root, c.Web.OIDC)
	if !phonenumbers.GetSupportedRegions()[c.Identities.PhoneRegion] {
		p.add(c.root, "identities.phone_region", "must be an ISO 3166 region in capitals, such as KR")
	}
	return p.problems
}

func (c *checks) limits(all *Config) {
	l := all.Limits
	if l.Body < minBody || l.Body > maxBody {
		c.add(all.root, "limits.body", "must be %s to %s", Size(minBody), Size(maxBody))
	}
	if l.RequestsPerKey < 0 {
		c.add(all.root, "limits.requests_per_key", "must not be negative")
	}
	if l.AcceptQueue < minAcceptQueue || l.AcceptQueue > maxAcceptQueue {
		c.add(all.root, "limits.accept_queue", "must be %d to %d", minAcceptQueue, maxAcceptQueue)
	}
	if l.LiveConnections < 1 || l.LiveConnections > maxLive {
		c.add(all.root, "limits.live_connections", "must be 1 to %d", maxLive)
	}
	if l.LivePerUser < 1 {
		c.add(all.root, "limits.live_per_user", "must be at least 1")
	}
}

func (c *checks) listen(at *Section, value string) {
	_, port, err := net.SplitHostPort(value)
	n, perr := strconv.Atoi(port)
	if err != nil || perr != nil || n < 0 || n > 65535 {
		c.add(at, "listen", "must be host:port, such as 127.0.0.1:8080 or :8080")
	}
}

func (c *checks) proxy(at *Section, value string) {
	u, err := url.Parse(value)
	if value != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https")) {
		c.add(at, "outgoing.proxy", "must be a URL such as http://proxy.example.com:3128")
	}
}

func (c *checks) publicURL(at *Section, value string) {
	if value == "" {
		return
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		c.add(at, "public_url", "must be a URL such as https://allim.example.com")
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		c.add(at, "public_url", "must have no login, query or fragment")
	}
}

func (a App) check() Problems {
	var c checks
	c.name(a.section, "id", a.ID)
	if len(a.Platforms) == 0 {
		c.add(a.section, "", "the app has no platform, such as apns or webpush")
	}
	return c.problems
}

// checkNames looks for ids that stand twice.
func (c *Config) checkNames() Problems {
	var p checks
	twice := func(list, id string, i int, seen map[string]int) {
		first, known := seen[id]
		if id == "" {
			return
		}
		if known {
			p.add(c.root, fmt.Sprintf("%s[%d].id", list, i), "is the id of %s[%d] too", list, first)
			return
		}
		seen[id] = i
	}
	apps, sources, mappings, templates := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	for i, a := range c.Apps {
		twice("apps", a.ID, i, apps)
	}
	for i, s := range c.Sources {
		twice("sources", s.ID, i, sources)
	}
	for i, m := range c.Mappings {
		twice("mappings", m.ID, i, mappings)
	}
	for i, t := range c.Templates {
		twice("templates", t.ID, i, templates)
	}
	return p.problems
}

// CheckKinds names the platforms and kinds of sources that are not among the known ones.
func (c *Config) CheckKinds(platforms, kinds []string) error {
	var p Problems
	for _, a := range c.Apps {
		for _, pl := range a.Platforms {
			if slices.Contains(platforms, pl.Name) {
				continue
			}
			text := unknown("platform", pl.Name, a.section.path, platforms)
			if s, retired := notify.Platform(pl.Name).Successor(); retired {
				text = fmt.Sprintf("the platform %q in %s was shut down by its vendor; its successor is %q", pl.Name, a.section.path, s)
			}
			p = append(p, a.section.problem(pl.Section.entry.at, text))
		}
	}
	for _, s := range c.Sources {
		section, ok := s.Section.(*Section)
		if !ok || s.Kind == "" || slices.Contains(kinds, s.Kind) {
			continue
		}
		at := section.Sub("kind").valuePlace()
		p = append(p, section.problem(at, unknown("kind", s.Kind, section.path, kinds)))
	}
	return p.err()
}
