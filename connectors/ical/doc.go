// Package ical is what the connectors that meet iCalendar (RFC 5545) share: connectors/caldav and connectors/feed. It reads
// any bytes into objects, tells what a change of an object means to one person, and when they are to be reminded of it.
//
// How a connector uses it:
//
//	r := ical.NewReader()                          // one for the connector's life; safe for many goroutines
//	cal, err := ical.Parse(body, charset)          // an error: nothing of it is a calendar
//	for _, f := range cal.Faults { … }             // set aside one by one, each with its line: for the account's health
//	for _, o := range cal.Objects { … }            // by UID: a master with its overrides
//	out := r.Look(ical.Change{Old: old, New: o, Owner: owner, Now: now, Since: since})
//	batch.Events = append(batch.Events, out.Events...)
//	batch.Reminders[notify.Object(key)] = out.Reminders
//	state[key] = o.Bytes()                         // Parse reads it again: the Old of the next change
//
// Old is nil for an object that is new, New for one that is gone. A first fetch sets Silent: reminders, but no events. The
// same object as Old and New gives no events, and the reminders up to Horizon from now: once a day, after a change of the
// person's time zone, or of Owner. Since is the earliest moment of a reminder that still is to be there: the moment of the
// first fetch, or Now less what the timer still fires late, whichever is later.
//
// A CalDAV server's answer may be cut short or empty: Calendar.Complete tells whether the stream came to its end, and what is
// not in an incomplete one is not gone.
//
// # What the events say
//
// Params of calendar.created, calendar.updated, calendar.cancelled and calendar.reminder:
//
//	title        the SUMMARY, one line; absent when it has none
//	place        the LOCATION, one line
//	start, end   a moment "2026-03-08T07:30:00Z" (RFC 3339, always UTC); of a floating time what the clock on everybody's wall
//	             shows, "2026-03-08T07:30:00"; or for an all-day event a day "2026-03-08". The end of an all-day event is its
//	             last day, so that one day has equal start and end. The words show a moment in the reader's time zone
//	allDay       "true" for an event of whole days
//	calendar     the name of the calendar or task list; absent when it has none
//	recurring    "true" when this is told of a whole series; start and end are then its next instance
//	recurrence   the instance's id, when one instance of a series is told of
//	organizer    the name of who invites (CN, else the address)
//	organizerAddress
//	changed      updated only: what changed, comma-separated, in the order "time,place,title"
//	oldStart, oldEnd, oldPlace, oldTitle    updated only: as it was, for what changed
//	lead         reminder only: whole seconds from the moment of the reminder to the start; negative after it; absent for days
//	reason       cancelled only: "cancelled", "deleted", or "uninvited" (the person is no attendee any more)
//	private      "true" for CLASS:PRIVATE and CONFIDENTIAL: title, place, organizer and the old ones are then absent
//
// Params of task.assigned, task.updated, task.due and task.completed:
//
//	title, place, calendar, organizer, organizerAddress, recurrence, recurring, private    as above
//	due          a moment, a floating time or a day, as start
//	allDay       "true" when due is a day
//	changed      updated only, of "due,title,place,reopened,cancelled" (a deleted task is a cancelled one)
//	oldDue, oldTitle, oldPlace    updated only
//	lead         due only: whole seconds from the moment of the reminder until it is due; 0 at its time; absent for days
//	completed    completed only: the moment, when the task says it
//
// The event's URL is the object's URL property, when it is http or https and the object is not private.
//
// # Who is told
//
// iCalendar does not say who changed an object; this is what can be known from it. A change is the person's own when they
// are its ORGANIZER (unless SENT-BY names somebody else), when all that changed is their PARTSTAT, or when the object has
// no organizer and lies in their own calendar (Owner.Foreign is false). Nobody is told of what is over, of what they declined
// or delegated, and of what does not change meaning: DTSTAMP, LAST-MODIFIED, SEQUENCE, PRODID, X- properties, acknowledged
// alarms, the order of properties, another way to write the same time or rule.
//
// Event.Told names the meeting by UID, recurrence id, what happened and the state that it reached (with SEQUENCE), so that
// the same meeting in three calendars is told once; a reminder's Told has the moment of firing, that of a floating time the
// time on the wall.
//
// People of several time zones (Owner.Zones): reminders of floating times and whole days are rows for each zone, with
// notify.Reminder.Local; all others are one row for all. What is told of a change is the same for all, so it is told once,
// and it is over when it is over on the last of their walls: a cancellation that comes too late for some of them is better
// than one that others do not hear of.
//
// # How it is made
//
// Read it in this order: calendar.go (what comes out), line.go, tree.go, charset.go (from bytes to components), value.go,
// duration.go (from text to values), zone*.go (time zones), rule*.go (recurrence rules), expand.go (instances), alarm.go
// (reminders), look.go, reading.go, people.go, diff.go, person.go, params.go (what a change means). Floating times are the person's own,
// even in a calendar with X-WR-TIMEZONE, which only stands in for zones that are unknown.
//
// The parser and the rules are our own: go-ical panics on `X;A=b`, takes quadratic time on long parameters, and one bad line
// costs the whole stream, without a position; rrule-go has no budget, so that a hostile rule never ends, and knows neither
// the gaps of daylight saving nor lower case. All work here is bounded: lines, depth and components by constants, expansion by
// a budget of steps, after which a rule is flagged (Outcome.Notes) and what was found until then is used.
package ical
