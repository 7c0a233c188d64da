package app

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"allim.dev/allim/adapters"
	"allim.dev/allim/configs"
	"allim.dev/allim/connectors"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/docmap"
)

// Env is what adapters and connectors are made from.
type Env struct {
	Config *configs.Config
	Clock  notify.Clock
	Log    *slog.Logger
}

// Parts are the adapters and connectors that a configuration names. A hub that gets the lanes owns them.
type Parts struct {
	Lanes     map[notify.Lane]notify.Adapter
	Sources   []notify.Source
	Mappings  []*docmap.Mapping
	Templates *notify.Templates
	table     mappingTable // of Mappings, for the sources
}

// Build makes them; no connection is made and nothing is started. The error names every mistake in the kinds' own parts;
// then there are no Parts.
func Build(env Env) (*Parts, error) {
	p := &Parts{Lanes: map[notify.Lane]notify.Adapter{}}
	errs := []error{env.Config.CheckKinds(platformNames(), sourceNames())}
	for _, app := range env.Config.Apps {
		for _, platform := range app.Platforms {
			errs = append(errs, p.addLane(env, app.ID, platform))
		}
	}
	var err error
	if p.Templates, err = Templates(env.Config); err != nil {
		errs = append(errs, err)
	}
	if p.Mappings, err = Mappings(env.Config, p.Templates); err != nil {
		errs = append(errs, err)
	}
	p.table.set(p.Mappings)
	for _, source := range env.Config.Sources {
		errs = append(errs, p.addSource(env, source))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Offline makes the parts of a configuration that is only looked at. The error names every mistake that shows without
// asking the servers; the configuration may be one that Load had something against.
func Offline(c *configs.Config) (*Parts, error) {
	log := slog.New(slog.DiscardHandler)
	parts, err := Build(Env{Config: c, Clock: notify.SystemClock{}, Log: log})
	if _, cerr := loadCertificate(c); cerr != nil {
		err = errors.Join(err, cerr)
	}
	if err != nil && parts != nil {
		return nil, errors.Join(err, parts.Close())
	}
	return parts, err
}

func (p *Parts) addLane(env Env, app string, platform configs.Platform) error {
	lane := notify.Lane{App: app, Platform: notify.Platform(platform.Name)}
	for _, kind := range adapters.Kinds {
		if kind.Platform != lane.Platform || p.Lanes[lane] != nil {
			continue
		}
		adapter, err := kind.New(notify.AdapterEnv{
			App: app, Section: platform.Section, PublicURL: env.Config.PublicURL, DataDir: env.Config.DataDir,
			Outgoing: env.Config.Outgoing.Notify(), Clock: env.Clock,
			Log: env.Log.With("app", app, "platform", platform.Name),
		})
		if err != nil {
			return placed(platform.Section, err)
		}
		p.Lanes[lane] = adapter
	}
	return nil
}

func (p *Parts) addSource(env Env, source notify.SourceConfig) error {
	for _, kind := range connectors.Kinds {
		if kind.Name != source.Kind {
			continue
		}
		connector, err := kind.New(notify.ConnectorEnv{Source: source, Outgoing: env.Config.Outgoing.Notify(), Clock: env.Clock,
			Log: env.Log.With("source", source.ID), Mappings: p.table.named()})
		if err != nil {
			return placed(source.Section, err)
		}
		p.Sources = append(p.Sources, notify.Source{Config: source, Connector: connector})
	}
	return nil
}

// placed gives an error that says nothing of its place that of its section.
func placed(s notify.Section, err error) error {
	if found, _ := configs.ProblemsOf(err); len(found) > 0 {
		return err
	}
	return s.Errorf("", "%w", err)
}

// lanes gives the lanes by name.
func (p *Parts) lanes() []notify.Lane {
	return slices.SortedFunc(maps.Keys(p.Lanes), func(a, b notify.Lane) int { return cmp.Compare(a.String(), b.String()) })
}

// Close closes the adapters, where no hub has taken them.
func (p *Parts) Close() error {
	var errs []error
	for lane, adapter := range p.Lanes {
		if err := adapter.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", lane, err))
		}
	}
	return errors.Join(errs...)
}

func platformNames() []string {
	names := make([]string, len(adapters.Kinds))
	for i, k := range adapters.Kinds {
		names[i] = string(k.Platform)
	}
	return names
}

func sourceNames() []string {
	names := make([]string, len(connectors.Kinds))
	for i, k := range connectors.Kinds {
		names[i] = k.Name
	}
	return names
}
