package ical

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of alarms.
const (
	maxRepeat    = 50  // REPEAT of one alarm
	maxReminders = 500 // of one object
)

// alarm is a VALARM understood (RFC 5545 section 3.6.6).
type alarm struct {
	name     string     // stable: made of what it says, not of where it stands
	absolute *time.Time // a moment, else:
	floats   bool       // absolute is a time on the person's own wall
	lead     span       // relative to the start, or
	toEnd    bool       // to the end
	repeat   int        // further times,
	every    span       // this far apart
	acked    time.Time  // it was acknowledged then (RFC 9074 section 6.1): what was due until then is done
}

// alarmsOf reads an entry's own alarms; declared tells whether it has any, be it one that says "none".
func (s *series) alarmsOf(e *entry) (list []alarm, declared bool) {
	for _, k := range e.c.kids {
		if k.name != "VALARM" {
			continue
		}
		declared = true
		if strings.EqualFold(k.value("ACTION"), "NONE") { // RFC 9074: no alarm, on purpose
			continue
		}
		a, err := s.alarm(k)
		if err != nil {
			s.n.add(string(s.o.Kind) + " has an alarm without a TRIGGER that can be read")
			continue
		}
		list = append(list, a)
	}
	if ack, err := parseMoment(e.c.value("X-MOZ-LASTACK")); err == nil { // Thunderbird acknowledges all alarms at once
		for i := range list {
			if list[i].acked.Before(ack.wall) {
				list[i].acked = ack.wall
			}
		}
	}
	return list, declared
}

func (s *series) alarm(k *component) (alarm, error) {
	var a alarm
	p := k.get("TRIGGER")
	if p == nil {
		return a, errSpan
	}
	if t, err := parseMoment(p.value); err == nil {
		t = t.of(p)
		at := moment(t.wall, s.f.of(t))
		a.absolute, a.name = &at, at.Format("20060102T150405Z")
		if a.floats = s.f.floats(t); a.floats {
			a.name = t.wall.Format("20060102T150405")
		}
	} else {
		if a.lead, err = parseSpan(p.value); err != nil {
			return a, err
		}
		a.toEnd = strings.EqualFold(p.param("RELATED"), "END")
		a.name = strings.ToUpper(strings.TrimSpace(p.value))
		if a.toEnd {
			a.name = "END" + a.name
		}
	}
	if n, err := strconv.Atoi(k.value("REPEAT")); err == nil && n > 0 { // REPEAT and DURATION stand together or mean nothing
		if d, err := parseSpan(k.value("DURATION")); err == nil && !d.neg && d.about() > 0 {
			a.repeat, a.every = min(n, maxRepeat), d
		}
	}
	if ack, err := parseMoment(k.value("ACKNOWLEDGED")); err == nil {
		a.acked = ack.wall
	}
	return a, nil
}

// ring is one moment at which an alarm of an instance goes off.
type ring struct {
	at    time.Time
	alarm string
	id    string // the instance's; "" for an absolute alarm, whichever instance it is shown with
	i     instance
	// floats: it is on the person's own wall, at the time wall by the object's words. Daylight saving may make at another one.
	floats bool
	wall   time.Time
}

// rings gives all moments from since to until at which the person is to be reminded, in order.
func (s *series) rings(owner Owner, since, until time.Time) []ring {
	var all []ring
	far := s.leads()
	absolute := map[string]ring{} // fires once, however often the event recurs
	list := s.between(since.Add(-far), until.Add(far))
	if s.master != nil && !s.master.timed() { // a task of no time may have an absolute alarm
		list = append(list, instance{e: s.master})
	}
	for _, i := range list {
		if !s.minds(i.e) {
			continue
		}
		for _, a := range i.e.alarms {
			if !s.b.take(4 * (1 + a.repeat)) { // a moment costs more than a step
				s.n.add(string(s.o.Kind) + " has more alarms than can be looked at")
				break
			}
			if a.absolute != nil {
				s.absoluteOnce(absolute, i, a)
			} else if first, ok := s.anchor(i, a); ok {
				first.wall = a.lead.after(first.wall, time.UTC)
				first.at = a.lead.after(first.at, i.e.loc)
				all = s.ringsOf(all, first, a)
			}
		}
		if s.o.Kind == KindTask && i.e.ends {
			all = append(all, s.dueRing(i, owner))
		}
		if !i.e.declared && s.o.Kind == KindEvent && owner.Reminder > 0 {
			all = append(all, defaultRing(i, owner))
		}
	}
	for _, r := range absolute {
		r.id = ""
		all = append(all, r)
	}
	return s.tidyRings(all, since, until)
}

// tidyRings sorts, takes what lies in the stretch, and makes one of several at one moment of one instance.
func (s *series) tidyRings(all []ring, since, until time.Time) []ring {
	all = slices.DeleteFunc(all, func(r ring) bool { return r.at.Before(since) || r.at.After(until) })
	slices.SortStableFunc(all, func(a, b ring) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		if c := strings.Compare(a.id, b.id); c != 0 {
			return c
		}
		return strings.Compare(a.alarm, b.alarm)
	})
	all = slices.CompactFunc(all, func(a, b ring) bool { return a.at.Equal(b.at) && a.id == b.id })
	if len(all) > maxReminders {
		all = all[:maxReminders]
		s.n.add(string(s.o.Kind) + " has more than " + strconv.Itoa(maxReminders) + " reminders in five weeks; the later ones come when they are nearer")
	}
	return all
}

// minds tells whether the person is to be reminded of an entry's instances at all.
func (s *series) minds(e *entry) bool {
	return !s.cancelled(e) && !e.me.away && (s.o.Kind != KindTask || !e.completed() && !e.me.completed)
}

// cancelled tells whether an entry is called off, by itself or by the METHOD it came with.
func (s *series) cancelled(e *entry) bool { return e.status() == "CANCELLED" || s.o.method == "CANCEL" }

// anchor gives that to which an alarm is relative, as a ring at its moment. A task without a start has only its end.
func (s *series) anchor(i instance, a alarm) (ring, bool) {
	start := ring{at: i.start, wall: i.wall, floats: i.e.floats, id: i.id, i: i}
	end := ring{at: i.end, wall: wallOf(i.end, i.e.endLoc), floats: i.e.endFloats, id: i.id, i: i}
	if s.o.Kind == KindTask && (a.toEnd || i.e.c.get("DTSTART") == nil) {
		return end, i.e.ends
	}
	if a.toEnd {
		return end, true
	}
	return start, true
}

// ringsOf adds an alarm's first moment and its repetitions, without those that were acknowledged.
func (s *series) ringsOf(all []ring, r ring, a alarm) []ring {
	r.alarm = a.name
	for n := 0; n <= a.repeat; n++ {
		if n > 0 {
			r.at, r.wall = a.every.after(r.at, r.i.e.loc), a.every.after(r.wall, time.UTC)
			r.alarm = a.name + "+" + strconv.Itoa(n)
		}
		if r.at.After(a.acked) {
			all = append(all, r)
		}
	}
	return all
}

// absoluteOnce keeps an absolute alarm with the instance that it is most likely meant for: the first that is not over then.
func (s *series) absoluteOnce(kept map[string]ring, i instance, a alarm) {
	for _, r := range s.ringsOf(nil, ring{at: *a.absolute, wall: wallOf(*a.absolute, s.f.own), floats: a.floats, id: i.id, i: i}, a) {
		old, ok := kept[r.alarm]
		if !ok || old.i.end.Before(r.at) && !i.end.Before(r.at) {
			kept[r.alarm] = r
		}
	}
}

// leads is how far from its instance an alarm may lie.
func (s *series) leads() time.Duration {
	far := 24 * time.Hour
	for _, e := range s.entries {
		for _, a := range e.alarms {
			d := a.lead.about()
			if a.absolute != nil {
				d = e.at.Sub(*a.absolute)
			}
			far = max(far, d.Abs()+time.Duration(a.repeat)*a.every.about()+e.length.about().Abs())
		}
	}
	return min(far, maxReach)
}

// dueAt gives the moment at which a task is due: of a day, the morning of it.
func (s *series) dueAt(i instance, owner Owner) time.Time {
	if i.e.endDays {
		return moment(owner.morning(wallOf(i.end, i.e.endLoc)), i.e.endLoc)
	}
	return i.end
}

// dueRing is the moment at which a task is due.
func (s *series) dueRing(i instance, owner Owner) ring {
	r := ring{at: s.dueAt(i, owner), wall: wallOf(i.end, i.e.endLoc), floats: i.e.endFloats, alarm: "due", id: i.id, i: i}
	if i.e.endDays {
		r.wall = owner.morning(r.wall)
	}
	return r
}

// defaultRing is the moment of the source's own reminder: of an all-day event, the morning of its day.
func defaultRing(i instance, owner Owner) ring {
	r := ring{at: i.start.Add(-owner.Reminder), wall: i.wall.Add(-owner.Reminder), floats: i.e.floats, alarm: "default", id: i.id, i: i}
	if i.e.days {
		r.wall = owner.morning(i.wall)
		r.at = moment(r.wall, i.e.loc)
	}
	return r
}

// morning gives the time of day at which a day is told of.
func (o Owner) morning(day time.Time) time.Time {
	at := o.AllDayAt
	if at == 0 {
		at = 9 * time.Hour
	}
	return day.Truncate(24 * time.Hour).Add(at)
}
