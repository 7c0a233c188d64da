package ical

import (
	"strings"
	"time"
)

// zoneFinder finds the time zones of one object for one owner.
type zoneFinder struct {
	cache  *zoneCache
	custom map[string]*component // the object's VTIMEZONEs by TZID
	found  map[string]*time.Location
	own    *time.Location  // the person's: of floating times
	lost   map[string]bool // TZIDs that own stands in for
	others []string        // what stands in for an unknown zone: X-WR-TIMEZONE, then calendar-timezone
	notes  *notes
	now    time.Time
}

// finder makes the zone finder of an object.
func (r *Reader) finder(o *Object, owner Owner, now time.Time, n *notes) *zoneFinder {
	f := &zoneFinder{cache: r.zones, custom: map[string]*component{}, found: map[string]*time.Location{}, lost: map[string]bool{}, notes: n, now: now}
	for _, z := range o.zones {
		f.custom[z.value("TZID")] = z
	}
	f.others = []string{o.calZone, f.calendarZone(owner.CalendarZone)}
	f.own = owner.Zone
	if f.own == nil {
		f.own = f.standIn()
	}
	return f
}

// calendarZone takes the collection's calendar-timezone (RFC 4791 section 5.2.2), a VTIMEZONE, and gives its TZID.
func (f *zoneFinder) calendarZone(text string) string {
	if !strings.Contains(text, "BEGIN:") {
		return strings.TrimSpace(text)
	}
	name := ""
	b := treeBuilder{fault: func(Fault) {}, done: func(c *component) {
		if c.name == "VTIMEZONE" && c.fault == "" {
			name = c.value("TZID")
			if f.custom[name] == nil {
				f.custom[name] = c
			}
		}
	}}
	b.build(plain([]byte(text)))
	return name
}

// of gives the zone of a stamp.
func (f *zoneFinder) of(s stamp) *time.Location {
	switch {
	case s.form == formUTC:
		return time.UTC
	case s.form == formDate || s.tzid == "":
		return f.own
	}
	return f.zone(s.tzid)
}

// floats tells whether a stamp is a time on the person's own wall.
func (f *zoneFinder) floats(s stamp) bool {
	return s.form == formDate || s.form == formLocal && (s.tzid == "" || f.zone(s.tzid) == f.own && f.lost[s.tzid])
}

// zone finds the zone of a TZID. One that cannot be found is noted, and stood in for.
func (f *zoneFinder) zone(tzid string) *time.Location {
	if loc := f.found[tzid]; loc != nil {
		return loc
	}
	loc := f.search(tzid)
	if loc == nil {
		f.notes.add("an unknown time zone is taken for " + f.standInName())
		loc = f.own
		if s := f.standIn(); s != nil {
			loc = s
		} else {
			f.lost[tzid] = true
		}
	}
	f.found[tzid] = loc
	return loc
}

// search looks for a zone in the order of trust: names that everybody knows, names inside of names, the definition that came
// with the object, and an offset alone.
func (f *zoneFinder) search(tzid string) *time.Location {
	z := f.cache
	if loc := z.named(tzid); loc != nil {
		return loc
	}
	custom := f.custom[tzid]
	if custom != nil {
		hint := custom.value("X-LIC-LOCATION")
		if loc := z.named(hint); loc != nil {
			return loc
		}
	}
	if loc := z.suffixed(tzid); loc != nil {
		return loc
	}
	offset, exact := z.displayed(tzid, f.now)
	if exact {
		return offset
	}
	if custom != nil {
		loc, err := zoneFromRules(custom)
		if err == nil {
			return loc
		}
		f.notes.add("a VTIMEZONE " + err.Error())
	}
	return offset
}

// standIn is the zone for what has none of its own that is known; nil: none is named.
func (f *zoneFinder) standIn() *time.Location {
	for _, name := range f.others {
		if name != "" {
			if loc := f.search(name); loc != nil {
				return loc
			}
		}
	}
	if f.own == nil {
		return time.UTC
	}
	return nil
}

func (f *zoneFinder) standInName() string {
	if f.standIn() != nil {
		return "the calendar's"
	}
	return "the person's"
}
