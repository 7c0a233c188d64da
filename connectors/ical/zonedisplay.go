package ical

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// displayName is Windows' "(UTC+09:00) Seoul", and what is alike: "(GMT-05:00) Eastern Time (US & Canada)", "UTC+9", "GMT+0900".
var displayName = regexp.MustCompile(`^\(?(?:UTC|GMT)\s*(?:([+-])(\d{1,2})(?::?(\d{2}))?)?\)?\s*(.{0,200})$`)

// displayed finds the zone of a display name by a city or region in it, whose standard time must be the one that the name
// says. exact is false when nothing but the offset is known.
func (z *zoneCache) displayed(name string, now time.Time) (loc *time.Location, exact bool) {
	m := displayName.FindStringSubmatch(strings.TrimSpace(name))
	if m == nil {
		return nil, false
	}
	offset, ok := displayOffset(m[1], m[2], m[3])
	if !ok {
		return nil, false
	}
	for place := range strings.FieldsFuncSeq(m[4], func(r rune) bool { return r == ',' || r == '(' || r == ')' || r == '/' }) {
		place = strings.ToLower(strings.TrimSpace(place))
		if loc := z.named(place); loc != nil && standard(loc, now) == offset {
			return loc, true
		}
		for _, zone := range knownNames().cities[place] {
			if loc := z.load(zone); loc != nil && standard(loc, now) == offset {
				return loc, true
			}
		}
	}
	if offset == 0 {
		return time.UTC, m[4] == ""
	}
	return time.FixedZone("UTC"+m[1]+m[2]+m[3], int(offset/time.Second)), m[4] == ""
}

func displayOffset(sign, hours, minutes string) (time.Duration, bool) {
	if sign == "" {
		return 0, true
	}
	h, err := strconv.Atoi(hours)
	if err != nil {
		return 0, false
	}
	m := 0
	if minutes != "" {
		if m, err = strconv.Atoi(minutes); err != nil {
			return 0, false
		}
	}
	d := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
	if sign == "-" {
		d = -d
	}
	return d, h <= 15 && m < 60
}

// standard is a zone's offset outside of daylight saving: the smaller one of winter and summer.
func standard(loc *time.Location, now time.Time) time.Duration {
	jan := time.Date(now.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	return min(offsetAt(jan, loc), offsetAt(jan.AddDate(0, 6, 0), loc))
}
