package ical

import (
	"fmt"
	"time"
)

// Kind says what an object is.
type Kind string

// The kinds of objects; others (VJOURNAL, VFREEBUSY) are left out.
const (
	KindEvent Kind = "event" // VEVENT
	KindTask  Kind = "task"  // VTODO
)

// Calendar is what Parse found in a stream of one or many VCALENDARs.
type Calendar struct {
	Name     string        // NAME (RFC 7986) or X-WR-CALNAME; one clean line
	Refresh  time.Duration // REFRESH-INTERVAL (RFC 7986) or X-PUBLISHED-TTL: how often the publisher wants to be asked; 0: not said
	Objects  []*Object     // in the order of the stream, at most maxObjects
	Faults   []Fault       // what was set aside, at most maxFaults of them
	Complete bool          // every BEGIN had its END: what is not here is not there
}

// Fault is something that was set aside: the rest of the stream is not affected.
type Fault struct {
	Line      int    // where it begins, counted from 1
	Component string // "VEVENT", …; empty outside of any
	UID       string // when it was known
	Message   string // plain words; never holds the object's text
}

// Error implements error.
func (f Fault) Error() string {
	where := fmt.Sprintf("line %d", f.Line)
	if f.Component != "" {
		where += ", " + f.Component
	}
	if f.UID != "" {
		where += fmt.Sprintf(" %q", f.UID)
	}
	return where + ": " + f.Message
}

// Object is one event or task: a master, the overrides of its instances, and the time zones that they name.
type Object struct {
	UID  string // as written; made of the content when the object has none (MadeUID)
	Kind Kind
	// MadeUID tells that the stream gave no UID.
	MadeUID bool

	method    string       // METHOD of its VCALENDAR, upper case (RFC 5546)
	calZone   string       // X-WR-TIMEZONE of its VCALENDAR
	master    *component   // nil: only single instances are known
	overrides []*component // with RECURRENCE-ID, in the order of the stream
	zones     []*component // VTIMEZONE
}
