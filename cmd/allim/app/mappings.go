package app

import (
	"errors"

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

// byID is how connectors find mappings.
func byID(mappings []*docmap.Mapping) map[string]notify.Mapping {
	out := make(map[string]notify.Mapping, len(mappings))
	for _, m := range mappings {
		out[m.ID()] = m
	}
	return out
}
