package ical

import (
	"time"

	"allim.dev/allim/notify"
)

// maxTold is how many instances of a series are told of one by one at one change; beyond it is told as one of the series.
const maxTold = 10

// messages are METHODs of iTIP (RFC 5546) that are no state of a meeting but talk about one.
var messages = set("REPLY REFRESH COUNTER DECLINECOUNTER")

// look is one change being read.
type look struct {
	Change
	old, new *series // nil: not there
	out      Outcome
}

// Look tells what a change means to its owner. It is pure: the same change gives the same outcome.
func (r *Reader) Look(c Change) Outcome {
	var n notes
	if len(c.Owner.Zones) > 0 {
		c.Owner.Zone = c.Owner.western(c.Now).Location
	}
	l := r.open(c, &n)
	if l.new != nil && messages[l.new.o.method] {
		n.add("a message about a meeting (METHOD:" + l.new.o.method + ") is no meeting, and is left out")
		return Outcome{Notes: n.list}
	}
	if !c.Silent && c.Old != c.New {
		l.events()
		if len(l.out.Events) == 0 {
			l.out.Events = r.elsewhere(l)
		}
	}
	if l.new != nil {
		l.out.Reminders = r.reminders(l)
	}
	l.out.Notes = n.list
	return l.out
}

// open reads both versions for the owner's zone.
func (r *Reader) open(c Change, n *notes) *look {
	var past notes
	return &look{Change: c, old: r.openSeries(c.Old, c.Owner, c.Now, &past), new: r.openSeries(c.New, c.Owner, c.Now, n)}
}

func (l *look) events() {
	switch {
	case l.old == nil:
		l.appeared(l.new)
	case l.new == nil:
		l.vanished(l.old, reasonDeleted)
	default:
		l.changed()
	}
}

// rings gives all moments at which people in the owner's zone are reminded.
func (l *look) rings() []ring {
	since := l.Since
	if since.IsZero() {
		since = l.Now
	}
	return l.new.rings(l.Owner, since, l.Now.Add(Horizon))
}

// live tells whether an instance concerns the person now: it is not over, not called off, not declined, not done.
func (l *look) live(s *series, i instance) bool {
	if !s.minds(i.e) {
		return false
	}
	if s.o.Kind == KindTask { // an overdue task is still to be done
		return true
	}
	return i.end.After(l.Now) || i.start.Equal(i.end) && !i.start.Before(l.Now)
}

// next gives the next live instance. Of a task it may be an overdue one.
func (l *look) next(s *series) (instance, bool) {
	if s == nil {
		return instance{}, false
	}
	if s.master != nil && !s.master.timed() {
		i := instance{e: s.master}
		return i, l.live(s, i)
	}
	const day = 24 * time.Hour
	from := l.Now
	for _, ahead := range []time.Duration{Horizon, 400 * day, 6 * 366 * day} { // mostly the first is enough
		for _, i := range s.between(from, l.Now.Add(ahead)) {
			if l.live(s, i) && (s.o.Kind == KindEvent || !i.end.Before(l.Now)) {
				return i, true
			}
		}
		from = l.Now.Add(ahead)
	}
	if s.o.Kind == KindTask {
		past := s.between(l.Now.Add(-10*366*day), l.Now)
		for i := len(past) - 1; i >= 0; i-- {
			if l.live(s, past[i]) {
				return past[i], true
			}
		}
	}
	return instance{}, false
}

// own tells whether an entry is the person's own work, as far as can be known.
func (l *look) own(e *entry) bool {
	return e.me.organizes || !e.me.organized && !e.me.attends && !l.Owner.Foreign
}

// appeared tells of an object, or of the instances of one, that is new to the person.
func (l *look) appeared(s *series) {
	if s.master == nil {
		for _, e := range s.entries {
			i := s.single(e)
			if l.live(s, i) && !l.own(e) {
				l.tell(told{what: whatCreated, s: s, i: i})
			}
		}
		l.cap(0, told{what: whatCreated, s: s})
		return
	}
	if i, ok := l.next(s); ok && !l.own(s.master) {
		l.tell(told{what: whatCreated, s: s, i: i, series: s.recurs()})
	}
}

// vanished tells of an object that is called off or gone.
func (l *look) vanished(s *series, reason string) {
	if s.master == nil {
		for _, e := range s.entries {
			i := s.single(e)
			if l.live(s, i) && !l.own(e) {
				l.tell(told{what: whatCancelled, s: s, i: i, reason: reason})
			}
		}
		l.cap(0, told{what: whatCancelled, s: s, reason: reason})
		return
	}
	if i, ok := l.next(s); ok && !l.own(s.master) {
		l.tell(told{what: whatCancelled, s: s, i: i, series: s.recurs(), reason: reason})
	}
}

// single gives the instance of an override.
func (s *series) single(e *entry) instance { return s.build(e, e.id, e.idAt, e.wall, nil) }

// cap keeps the events after the first n few: many instances changed at once are one change of the series, told as t.
func (l *look) cap(n int, t told) {
	if len(l.out.Events)-n <= maxTold {
		return
	}
	l.out.Events = l.out.Events[:n]
	if i, ok := l.next(t.s); ok {
		t.i, t.series = i, true
		l.tell(t)
	}
}

// reminder makes the row of one moment.
func (l *look) reminder(r ring) notify.Reminder {
	s := l.new
	e := l.event(told{s: s, i: r.i})
	e.Type, e.At = notify.CalendarReminder, time.Time{}
	anchor, until := r.i.start, r.i.end
	if s.o.Kind == KindTask {
		e.Type = notify.TaskDue
		anchor, until = s.dueAt(r.i, l.Owner), time.Time{}
	}
	if r.i.e.timed() && e.Params["allDay"] == "" && (s.o.Kind == KindEvent || r.i.e.ends) {
		e.Params["lead"] = seconds(anchor.Sub(r.at))
	}
	if s.o.Kind == KindEvent && until.Before(r.at.Add(leastUntil)) {
		until = r.at.Add(leastUntil)
	}
	e.Told = key("reminder", s.o.UID, r.id, r.at.UTC().Format(time.RFC3339))
	if r.floats { // the same in every zone
		e.Told = key("reminder", s.o.UID, r.id, r.wall.Format(localText))
	}
	return notify.Reminder{RecurrenceID: r.id, Alarm: r.alarm, FireAt: r.at.UTC(), Until: until, Event: e}
}

// leastUntil is how long a reminder makes sense at least: an alarm at the end of an event, or of one without a length.
const leastUntil = 15 * time.Minute
