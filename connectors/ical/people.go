package ical

import (
	"time"

	"allim.dev/allim/notify"
)

// People of several time zones. A floating time comes to each of them at another moment: reminders are made for each zone.
// A change is told once for all, as the people see it on whose wall it is earliest: so a meeting is over when it is over for
// everybody. Times in what is told are then written without a zone, and are right for all.

// western gives the zone on whose wall it is earliest.
func (o Owner) western(now time.Time) Zone {
	west, least := o.Zones[0], time.Duration(0)
	for i, z := range o.Zones {
		loc := z.Location
		if loc == nil {
			loc = time.UTC // for an object whose calendar names no zone
		}
		if offset := offsetAt(now, loc); i == 0 || offset < least {
			west, least = z, offset
		}
	}
	return west
}

// in gives the same owner in one of the zones.
func (o Owner) in(z Zone) Owner {
	o.Zone = z.Location
	return o
}

// elsewhere looks for what a change means to people in other zones, where it means nothing in the one that was looked at: a
// time that floated and is fixed now, or the other way round, may be the same there.
func (r *Reader) elsewhere(l *look) []notify.Event {
	if l.old == nil || l.new == nil || l.old.floats() == l.new.floats() {
		return nil
	}
	for _, z := range l.Owner.Zones {
		c := l.Change
		c.Owner = c.Owner.in(z)
		other := r.open(c, &notes{})
		if other.events(); len(other.out.Events) > 0 {
			return other.out.Events
		}
	}
	return nil
}

// floats tells whether anything of an object is a time on the person's own wall.
func (s *series) floats() bool {
	for _, e := range s.entries {
		if e.floats || e.endFloats {
			return true
		}
		for _, a := range e.alarms {
			if a.floats {
				return true
			}
		}
	}
	return false
}

// reminders makes the rows of an object: of floating times one for each zone of its people.
func (r *Reader) reminders(l *look) (rows []notify.Reminder) {
	rings := l.rings()
	each := len(l.Owner.Zones) > 0 && l.new.floats()
	for _, x := range rings {
		if !each || !x.floats {
			rows = append(rows, l.reminder(x))
		}
	}
	if !each {
		return rows
	}
	for _, z := range l.Owner.Zones {
		for _, row := range r.inZone(l, rings, z) {
			row.Local = &notify.Local{Zone: z.Name, Wall: row.Local.Wall}
			rows = append(rows, row)
		}
	}
	return rows
}

// zoneBudget is how much work an object may be that is looked at again for each zone.
const zoneBudget = lookBudget / 10

// inZone makes the floating rows for one zone. A rule that was much work already is not walked once more for each: its times
// are carried over to the other wall.
func (r *Reader) inZone(l *look, rings []ring, z Zone) (rows []notify.Reminder) {
	c := l.Change
	c.Owner = c.Owner.in(z)
	other, carry := l, false
	if z.Location != l.Owner.Zone {
		other, carry = &look{Change: c, new: r.openSeries(c.New, c.Owner, c.Now, &notes{})}, l.new.b.left < lookBudget-zoneBudget
		if !carry {
			rings = other.rings()
		}
	}
	here, loc := l.new.f.own, other.new.f.own
	for _, x := range rings {
		if !x.floats {
			continue
		}
		row := other.reminder(x)
		if carry {
			row.FireAt = moment(wallOf(row.FireAt, here), loc)
			if !row.Until.IsZero() {
				row.Until = moment(wallOf(row.Until, here), loc)
			}
		}
		row.Local = &notify.Local{Wall: wallOf(row.FireAt, loc)}
		rows = append(rows, row)
	}
	return rows
}
