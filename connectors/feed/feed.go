// Package feed watches what an organisation publishes at one address: RSS, Atom, JSON Feed or iCalendar, found out from the
// content. The members of the source's topic are told of every new item; a calendar gives the same events and reminders as
// one on a CalDAV server.
//
// Read it in this order: settings.go (what there is to set), watcher.go (the rounds, and how it is), fetch.go (a polite
// request, and where it must not lead), decode.go with charset.go, wellformed.go, date.go and text.go (from any bytes to
// items), seen.go and news.go (which items are new), calendar.go (iCalendar, through connectors/ical), state.go (what is
// kept), trouble.go.
//
// Three rules carry it. The first fetch is silent. Ids lie: an item is what its content says, whatever its id does. An
// answer that is no feed, such as a login page, is an error and changes nothing.
package feed

import (
	"context"
	"log/slog"
	"strings"

	"allim.dev/allim/connectors/ical"
	"allim.dev/allim/notify"
)

// Kind is the connector for feeds.
var Kind = notify.ConnectorKind{
	Name: "feed", Title: "Feed (RSS, Atom, JSON Feed, iCalendar)",
	Example: func() any { return Defaults() },
	New:     New,
}

// connector is one feed.
type connector struct {
	settings *Settings
	fetcher  *fetcher
	reader   *ical.Reader
	clock    notify.Clock
	log      *slog.Logger
}

var (
	_ notify.Connector     = (*connector)(nil)
	_ notify.Checker       = (*connector)(nil)
	_ notify.SoleAccounter = (*connector)(nil)
	_ notify.ZoneMinder    = (*connector)(nil)
)

// New makes a connector from its section of the configuration. The error points at the line that is wrong.
func New(env notify.ConnectorEnv) (notify.Connector, error) {
	s := Defaults()
	at := env.Source.Section
	if err := at.Decode(s); err != nil {
		return nil, err
	}
	if err := s.check(at, env.Source); err != nil {
		return nil, err
	}
	roots, err := s.roots(at)
	if err != nil {
		return nil, err
	}
	return &connector{settings: s, fetcher: newFetcher(s, env.Outgoing, roots, env.Clock), reader: ical.NewReader(), clock: env.Clock,
		log: env.Log.With("source", env.Source.ID)}, nil
}

// SoleAccount implements notify.SoleAccounter: a feed is one thing, its account has no people.
func (c *connector) SoleAccount() string { return "feed" }

// Run implements notify.Connector.
func (c *connector) Run(ctx context.Context, watch notify.Watch) error {
	defer c.fetcher.close()
	return (&runner{connector: c, watch: watch}).run(ctx)
}

// MindsZones implements notify.ZoneMinder.
func (c *connector) MindsZones() {}

// Check implements notify.Checker: the address answers with something that can be read as a feed.
func (c *connector) Check(ctx context.Context) error {
	defer c.fetcher.close()
	got, err := c.fetcher.fetch(ctx, validators{})
	if err != nil {
		return err
	}
	_, err = decode(got.body, got.contentType, c.settings)
	return err
}

// name is the feed's name, as people are to see it.
func (c *connector) name(own string) string {
	if c.settings.Name != "" {
		return c.settings.Name
	}
	return notify.Clip(strings.TrimSpace(own), maxName)
}
