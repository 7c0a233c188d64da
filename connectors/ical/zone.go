package ical

import (
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the time zones are there on a machine without them
)

// zoneCache keeps the time zones of the tz database that were asked for; there are some 600.
type zoneCache struct {
	mu    sync.Mutex
	known map[string]*time.Location
}

func newZoneCache() *zoneCache { return &zoneCache{known: map[string]*time.Location{}} }

// iana finds a zone of the tz database by its exact name, or its name in other case where it is well known.
func (z *zoneCache) iana(name string) *time.Location {
	switch {
	case name == "" || len(name) > 64 || name == "Local" || strings.Contains(name, ".."):
		return nil
	case strings.EqualFold(name, "UTC") || strings.EqualFold(name, "GMT") || name == "Z" || strings.EqualFold(name, "Etc/UTC"):
		return time.UTC
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if loc := z.known[name]; loc != nil {
		return loc
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	z.known[name] = loc
	return loc
}
