package ical

import (
	"time"

	"allim.dev/allim/notify"
)

// Horizon is how far ahead reminders are made; a connector looks at every object again once a day.
const Horizon = 35 * 24 * time.Hour

// Zone is the time zone of some of the people who are told.
type Zone struct {
	Name     string         // as notify.User has it; empty: of people who have none
	Location *time.Location // nil: the zone that the calendar names, or UTC
}

// Owner is the person to whom an account belongs, as far as a calendar asks for it. It may be several people, in one zone
// or in many.
type Owner struct {
	// Addresses are the person's own: "kim@example.com", "mailto:Kim@example.com", or a principal's URL where the server
	// uses it as calendar-user-address (RFC 6638 section 2.4.1). Case does not matter.
	Addresses []string
	// Zone is the person's time zone: of floating times, whole days, and moments whose zone is unknown. nil: UTC.
	Zone *time.Location
	// Zones stand for Zone where people of several zones may be told: reminders of floating times and whole days are then
	// made once for each (notify.Local). They are all different by name.
	Zones []Zone
	// CalendarZone is the collection's calendar-timezone: a VTIMEZONE (with or without VCALENDAR) or a name; "": none.
	CalendarZone string
	// Calendar is the collection's name, as people see it; "": none.
	Calendar string
	// Foreign: objects without an organizer are the work of others (a feed, a shared calendar or task list, one of somebody
	// else). Else they are the person's own, and nobody is told of them but for reminders.
	Foreign bool
	// Reminder is how long before an event that has no alarm of its own a reminder is made; 0: none is.
	Reminder time.Duration
	// AllDayAt is the time of day of reminders of all-day events without an own alarm, and of tasks due on a day; 0: 9 hours.
	AllDayAt time.Duration
}

// Change is one object as it was known, and as it is now.
type Change struct {
	Old   *Object // nil: it is new
	New   *Object // nil: it is gone
	Owner Owner
	Now   time.Time
	// Since is the earliest moment of a reminder that is still wanted. Zero: Now.
	Since time.Time
	// Silent: a first fetch, which nobody is told of; reminders are made.
	Silent bool
}

// Outcome is what follows from a change.
type Outcome struct {
	Events    []notify.Event    // Source and Account are the hub's; URL and Params as the package says
	Reminders []notify.Reminder // all of the object from Since to Horizon after Now, by time
	// Notes are what is odd but survived, in plain words, without the object's text: an unknown time zone, a rule that is too
	// much work. For the account's health.
	Notes []string
}

// Reader tells what changes of objects mean. It keeps the time zones that it met; it may be used by many goroutines.
type Reader struct {
	zones *zoneCache
}

// NewReader makes a Reader.
func NewReader() *Reader { return &Reader{zones: newZoneCache()} }
