package ical

import "time"

// A wall time is a time.Time in UTC that stands for the clock's face somewhere: its location says nothing.

// wallOf gives what a clock in loc shows at t.
func wallOf(t time.Time, loc *time.Location) time.Time {
	_, offset := t.In(loc).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// moment gives when a clock in loc shows that wall time (RFC 5545 section 3.3.5): of two moments the first one (the fold at
// the end of daylight saving), and for a time that is skipped (the gap at its beginning) the one that the offset before the
// gap makes of it, so that 02:30 in New York on 2026-03-08 is 07:30 UTC.
func moment(wall time.Time, loc *time.Location) time.Time {
	if loc == time.UTC {
		return wall
	}
	// The offsets that may be in force: no place is more than a day off UTC.
	var offsets [3]time.Duration
	for i, d := range [3]time.Duration{-24 * time.Hour, 0, 24 * time.Hour} {
		offsets[i] = offsetAt(wall.Add(d), loc)
	}
	var first time.Time
	for _, o := range offsets {
		if t := wall.Add(-o); offsetAt(t, loc) == o && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	if !first.IsZero() {
		return first
	}
	before := wall.Add(-max(offsets[0], offsets[1], offsets[2])) // lies before the gap
	return wall.Add(-offsetAt(before, loc))
}

func offsetAt(t time.Time, loc *time.Location) time.Duration {
	_, offset := t.In(loc).Zone()
	return time.Duration(offset) * time.Second
}
