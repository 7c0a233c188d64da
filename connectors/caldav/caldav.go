// Package caldav watches calendars and task lists over CalDAV (RFC 4791) and tells of new, moved and cancelled meetings, of
// tasks, and of reminders.
//
// Read it in this order:
//
//   - settings.go, check.go (what there is to set), caldav.go (the kind), source.go, queue.go (who is looked at when),
//     gate.go, backoff.go, verdict.go, health.go (how not to trample on a server, and how an account is);
//   - account.go, visit.go (one look at one account), diff.go (what changed in a collection), take.go (what it means, by
//     connectors/ical), finish.go (what is gone, and the daily planning of reminders), state.go (what is stored);
//   - locate.go, discover.go (where the calendars are), listing.go, collect.go, fetch.go (what is asked of the server);
//   - client.go, access.go, bearer.go, refusal.go, guard.go, trouble.go (HTTP), query.go, multistatus.go, property.go and
//     xmlclean.go (WebDAV's XML).
//
// Four rules carry it. Tokens and ctags are hints: what counts is the etags, which are compared in full once a day. Nothing
// is gone because it is missing: only by an explicit 404 in a sync, or by two complete listings. What is wrong with one
// object, one collection or one account is that one's trouble. The token moves with the events, never before.
//
// go-webdav finds the principal; its multistatus is all or nothing, keeps whole answers in memory and hides statuses, so the
// rest is read here.
package caldav

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"allim.dev/allim/connectors/ical"
	"allim.dev/allim/notify"
)

// Kind is the connector for CalDAV servers.
var Kind = notify.ConnectorKind{
	Name: "caldav", Title: "CalDAV server: calendars and tasks",
	Example: func() any { return Defaults() },
	New:     New,
}

// connector is one CalDAV source.
type connector struct {
	settings *Settings
	base     *url.URL
	bare     bool
	roots    *x509.CertPool
	resolver resolver
	clock    notify.Clock
	log      *slog.Logger
}

var (
	_ notify.Connector     = (*connector)(nil)
	_ notify.Checker       = (*connector)(nil)
	_ notify.ZoneMinder    = (*connector)(nil)
	_ notify.AccountLister = (*connector)(nil)
	_ notify.ZoneMinder    = (*connector)(nil)
)

// New makes a connector from its section of the configuration. The error points at the line that is wrong.
func New(env notify.ConnectorEnv) (notify.Connector, error) {
	s := Defaults()
	at := env.Source.Section
	if err := at.Decode(s); err != nil {
		return nil, err
	}
	if err := s.check(at); err != nil {
		return nil, err
	}
	roots, err := s.roots(at)
	if err != nil {
		return nil, err
	}
	base, bare, err := parseServer(s.URL)
	if err != nil {
		return nil, at.Errorf("url", "%w", err)
	}
	return &connector{settings: s, base: base, bare: bare, roots: roots, resolver: net.DefaultResolver, clock: env.Clock, log: env.Log}, nil
}

// Run implements notify.Connector.
func (c *connector) Run(ctx context.Context, watch notify.Watch) error {
	return newSource(c, watch).run(ctx)
}

// Check implements notify.Checker: the server can be reached and speaks HTTP at one of the addresses at least, and a token
// for all is given. Logins are tried with the accounts (ListAccount).
func (c *connector) Check(ctx context.Context) error {
	client := newClient(c.settings, c.base, c.roots, c.clock)
	defer client.close()
	l := &locator{client: client, resolver: c.resolver, base: c.base, bare: c.bare}
	places, err := l.places(ctx)
	if err != nil {
		return err
	}
	if client.tokens != nil {
		if _, err := client.tokens.get(ctx); err != nil {
			return err
		}
	}
	var first error
	for _, at := range places {
		err := client.reach(ctx, at)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// ListAccount implements notify.AccountLister: the calendars and task lists by name. Finding none is an error.
func (c *connector) ListAccount(ctx context.Context, a notify.Account) (string, error) {
	client := newClient(c.settings, c.base, c.roots, c.clock)
	defer client.close()
	access := client.access(a.Login, a.Secret)
	p, err := access.discover(ctx, &locator{client: client, resolver: c.resolver, base: c.base, bare: c.bare})
	if err != nil {
		if is(err, kindAuth) {
			return "", troublef(kindAuth, "the login of %s was refused: %w", notify.CleanText(a.Login), err)
		}
		return "", err
	}
	found, _, err := access.homes(ctx, p, propsFull)
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", troublef(kindRefused, "the login of %s works, but there is no calendar and no task list", notify.CleanText(a.Login))
	}
	var names []string
	for _, l := range found {
		names = append(names, l.describe())
	}
	slices.Sort(names)
	return strings.Join(names, ", "), nil
}

// describe is a calendar in a few words.
func (l listed) describe() string {
	name := shownName(l.props.name, l.url.Path)
	kind := "calendar and tasks"
	if n := len(l.props.components); n > 0 {
		tasks, events := slices.Contains(l.props.components, "VTODO"), slices.Contains(l.props.components, "VEVENT")
		switch {
		case tasks && !events:
			kind = "tasks"
		case events && !tasks:
			kind = "calendar"
		}
	}
	return fmt.Sprintf("%s (%s)", name, kind)
}

// MindsZones implements notify.ZoneMinder.
func (c *connector) MindsZones() {}

// zonesOf are the time zones of an account's people. Who has none is with the first who has one.
func zonesOf(a notify.Account) []ical.Zone {
	names := a.Zones
	if len(names) == 0 {
		names = []string{a.TimeZone}
	}
	zones := make([]ical.Zone, 0, len(names))
	for _, name := range names {
		zones = append(zones, ical.Zone{Name: name, Location: zoneNamed(cmp.Or(name, a.TimeZone))})
	}
	return zones
}

// zoneNamed gives a zone; nil when it is none that is known here.
func zoneNamed(name string) *time.Location {
	if name == "" {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return zone
}
