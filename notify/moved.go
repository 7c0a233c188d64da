package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Who comes to another time zone is told of local reminders (see Local) by the clock on the new wall. Going west it shows
// times again that it showed before: what was told then is not told twice. Going east it skips times: what was to come in
// between is told at once.

// wallIn gives what a clock in a zone shows at t, as if it were UTC. An unknown zone is UTC.
func wallIn(t time.Time, zone string) time.Time {
	_, offset := t.In(location(zone)).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// LatestWall gives the latest time that a clock in a zone has shown until now, as if it were UTC. After the end of daylight
// saving that is for an hour one that it showed before.
func LatestWall(zone string, now time.Time) time.Time {
	wall := wallIn(now, zone)
	if began, _ := now.In(location(zone)).ZoneBounds(); !began.IsZero() {
		if before := wallIn(began.Add(-time.Millisecond), zone); before.After(wall) {
			return before
		}
	}
	return wall
}

// Skipped is the event of a local reminder that a person did not come to, because they left its zone, and whose time has
// passed in the zone to that they came; false when it is of no use any more.
func (d DueReminder) Skipped(user, to string, now time.Time) (Event, bool) {
	if d.Local == nil || now.Sub(d.FireAt) > reminderStale {
		return Event{}, false
	}
	here := func(wall time.Time) time.Time {
		return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), location(to))
	}
	if over := d.Local.Wall.Add(d.Until.Sub(d.FireAt)); !d.Until.IsZero() && !now.Before(here(over)) { // by the same clock
		return Event{}, false
	}
	e := d.Event
	sum := sha256.Sum256([]byte(d.Key() + "\x00" + user))
	e.Key, e.SeenAt, e.At = "skipped/"+hex.EncodeToString(sum[:16]), now, here(d.Local.Wall).UTC()
	e.Local = &Local{Zone: to, Wall: d.Local.Wall}
	if now.Sub(e.At) > reminderLate {
		e = e.late()
	}
	return e, true
}
