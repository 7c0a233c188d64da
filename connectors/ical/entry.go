package ical

import (
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// entry is a VEVENT or VTODO with its times understood.
type entry struct {
	c     *component
	loc   *time.Location // of its days and its wall times
	start stamp          // DTSTART; of a task without one, DUE
	days  bool           // start is a day
	wall  time.Time      // start on the wall in loc
	at    time.Time      // start in UTC
	has   bool           // there is a start: a task may have none

	// How it ends: by a nominal length, or after an exact time (RFC 5545 section 3.8.5.3: DTEND gives all instances of a
	// series the same exact length, DURATION the same nominal one).
	length  span
	ends    bool // an event always, a task when it is due
	endDays bool // the end is a day: that of an event is the day after, that of a task the day itself

	// Whether start and end are times on the person's own wall, and the zone that the end is written in.
	floats, endFloats bool
	endLoc            *time.Location

	id   string    // RECURRENCE-ID, as instances are named; "" of a master
	idAt time.Time // the moment that RECURRENCE-ID names
	// shift is how far a THISANDFUTURE override moves the instances after it, on the wall.
	shift  time.Duration
	future bool

	me       part // what the person has to do with it
	alarms   []alarm
	declared bool // it says something of alarms, be it that there are none
	title    string
	place    string
}

// newEntry understands the times of a component, which checkEntry has seen.
func newEntry(c *component, kind Kind, f *zoneFinder) *entry {
	e := &entry{c: c}
	anchor := c.get("DTSTART")
	if anchor == nil {
		anchor = c.get("DUE")
	}
	if anchor == nil { // a task of no time
		e.loc, e.endLoc = f.own, f.own
		return e
	}
	e.start, _ = parseStamp(anchor)
	e.has = true
	e.loc, e.days = f.of(e.start), e.start.form == formDate
	e.wall, e.at = e.start.wall, moment(e.start.wall, e.loc)
	e.floats = f.floats(e.start)
	e.endLoc, e.endFloats = e.loc, e.floats
	if kind == KindTask {
		e.taskEnd(f)
	} else {
		e.eventEnd(f)
	}
	return e
}

// timed tells whether the entry has any time.
func (e *entry) timed() bool { return e.has }

func (e *entry) eventEnd(f *zoneFinder) {
	e.ends, e.endDays = true, e.days
	if p := e.c.get("DTEND"); p != nil {
		end, _ := parseStamp(p)
		e.length = e.lengthTo(end, f)
	} else if p := e.c.get("DURATION"); p != nil {
		e.length, _ = parseSpan(p.value)
	}
	if e.length.neg || e.days && e.length.exact > 0 {
		e.length = span{days: e.length.days} // an event does not end before it begins, nor within a day
	}
	if e.days && e.length.days == 0 { // RFC 5545 section 3.6.1: a day without an end is one day
		e.length = span{days: 1}
	}
}

func (e *entry) taskEnd(f *zoneFinder) {
	if p := e.c.get("DUE"); p != nil {
		due, _ := parseStamp(p)
		e.ends, e.endDays = true, due.form == formDate
		e.endLoc, e.endFloats = f.of(due), f.floats(due)
		e.length = e.lengthTo(due, f)
	} else if p := e.c.get("DURATION"); p != nil && e.c.get("DTSTART") != nil {
		e.length, _ = parseSpan(p.value)
		e.ends, e.endDays = !e.length.neg, e.days && e.length.exact == 0
	}
}

// lengthTo gives the length up to an end that is written as a moment: whole days where start and end are days, else exact.
func (e *entry) lengthTo(end stamp, f *zoneFinder) span {
	if e.days && end.form == formDate {
		n := int(end.wall.Sub(e.wall) / (24 * time.Hour))
		return span{neg: n < 0, days: max(n, -n)}
	}
	d := moment(end.wall, f.of(end)).Sub(e.at)
	if e.days { // a day with an end in the middle of one
		n := int((d + 24*time.Hour - 1) / (24 * time.Hour))
		return span{neg: n < 0, days: max(n, -n)}
	}
	if d < 0 {
		return span{neg: true, exact: -d}
	}
	return span{exact: d}
}

// finish reads what does not depend on the time, once for all instances.
func (s *series) finish(e *entry) {
	e.me = s.me.partIn(e)
	e.alarms, e.declared = s.alarmsOf(e)
	e.title = notify.Clip(notify.CleanText(e.c.text("SUMMARY")), maxShown)
	e.place = notify.Clip(notify.CleanText(e.c.text("LOCATION")), maxShown)
	s.entries = append(s.entries, e)
}

// maxShown bounds a param's text in bytes.
const maxShown = 400

// status gives STATUS in upper case.
func (e *entry) status() string { return strings.ToUpper(e.c.value("STATUS")) }

// private tells whether the object's words may not be shown (RFC 5545 section 3.8.1.3: what is not known is PRIVATE).
func (e *entry) private() bool {
	class := strings.ToUpper(e.c.value("CLASS"))
	return class != "" && class != "PUBLIC"
}

// completed tells whether a task is done, by any of the ways to say so.
func (e *entry) completed() bool {
	return e.status() == "COMPLETED" || e.status() == "" && (e.c.value("COMPLETED") != "" || e.c.value("PERCENT-COMPLETE") == "100")
}
