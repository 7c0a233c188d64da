package app

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"allim.dev/allim/configs"
)

// Reload takes what it can from a configuration that was read again: the log's level, the mappings and templates, and the
// certificate, whose files are read anew. It gives the names of what else changed and needs a restart. An error changes
// nothing.
func (a *App) Reload(next *configs.Config, level *slog.LevelVar) (restart []string, err error) {
	parts, err := Build(Env{Config: next, Clock: a.clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	if err := parts.Close(); err != nil {
		return nil, fmt.Errorf("look at the new configuration: %w", err)
	}
	cert, err := loadCertificate(next)
	if err != nil {
		return nil, err
	}
	applied := []string{"log.level"}
	level.Set(Level(next.Log))
	if a.cert != nil && cert != nil {
		a.cert.current.Store(cert.current.Load())
		applied = append(applied, "tls.cert_file", "tls.key_file")
	}
	// The templates first: a new mapping may use a new one.
	a.parts.Templates.Replace(parts.Templates)
	a.parts.table.set(parts.Mappings)
	a.api.SetMappings(parts.Mappings)
	return slices.DeleteFunc(a.config.Changed(next), func(name string) bool {
		return slices.Contains(applied, name) || strings.HasPrefix(name, "mapping ") || strings.HasPrefix(name, "template ")
	}), nil
}
