package app

import (
	"context"
	"errors"
	"sync/atomic"

	"allim.dev/allim/configs"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/docmap"
)

// Mappings compiles the configuration's mappings. The error names every mistake; those that compile are given all the same.
func Mappings(c *configs.Config, templates *notify.Templates) ([]*docmap.Mapping, error) {
	var out []*docmap.Mapping
	var errs []error
	for _, part := range c.Mappings {
		m, err := docmap.Compile(part.ID, part.Section, docmap.Options{Templates: templates})
		if err != nil {
			errs = append(errs, placed(part.Section, err))
			continue
		}
		out = append(out, m)
	}
	return out, errors.Join(errs...)
}

// mappingTable is where connectors find mappings: those of the configuration that was read last.
type mappingTable struct {
	current atomic.Pointer[map[string]*docmap.Mapping]
}

// set puts other mappings in the place of those that there were.
func (t *mappingTable) set(mappings []*docmap.Mapping) {
	byID := make(map[string]*docmap.Mapping, len(mappings))
	for _, m := range mappings {
		byID[m.ID()] = m
	}
	t.current.Store(&byID)
}

// named gives all of them as connectors hold them.
func (t *mappingTable) named() map[string]notify.Mapping {
	all := *t.current.Load()
	out := make(map[string]notify.Mapping, len(all))
	for id, m := range all {
		out[id] = &namedMapping{table: t, was: m}
	}
	return out
}

// namedMapping is the mapping that has the name now; one that is gone works on until the restart that ends its source.
type namedMapping struct {
	table *mappingTable
	was   *docmap.Mapping
}

// ID implements notify.Mapping.
func (n *namedMapping) ID() string { return n.was.ID() }

// Map implements notify.Mapping.
func (n *namedMapping) Map(ctx context.Context, d notify.Foreign) ([]notify.Submission, error) {
	if now := (*n.table.current.Load())[n.was.ID()]; now != nil {
		return now.Map(ctx, d)
	}
	return n.was.Map(ctx, d)
}
