package ical

import (
	"slices"
	"time"
)

// maxInstances is how many instances of one series are looked at in one stretch of time.
const maxInstances = 4000

// instance is one occurrence.
type instance struct {
	id         string // as the series names it: "" when the object does not recur
	idAt       time.Time
	start, end time.Time // UTC; of a task, end is when it is due, and start is when it may begin
	wall       time.Time // start on the wall
	e          *entry    // the component whose words hold
}

// recurs tells whether the object has more than one instance by rule.
func (s *series) recurs() bool { return len(s.rules)+len(s.plus)+len(s.over) > 0 }

// between gives the instances that touch a stretch of time, by their start: those of the rules, moved and changed by the
// overrides, without those that EXDATE takes out. Cancelled ones are among them.
func (s *series) between(from, to time.Time) []instance {
	var all []instance
	if s.master != nil && s.master.timed() {
		for _, x := range s.occurrences(from.Add(-s.reach()), to.Add(s.shifts())) {
			if i, ok := s.instanceOf(x); ok {
				all = append(all, i)
			}
		}
	}
	for _, e := range s.over {
		all = append(all, s.build(e, e.id, e.idAt, e.wall, nil))
	}
	all = slices.DeleteFunc(all, func(i instance) bool { return i.start.After(to) || i.end.Before(from) && i.start.Before(from) })
	slices.SortFunc(all, func(a, b instance) int {
		if c := a.start.Compare(b.start); c != 0 {
			return c
		}
		return a.idAt.Compare(b.idAt)
	})
	return all
}

// reach is how long before a stretch an instance that touches it may begin by the rule.
func (s *series) reach() time.Duration {
	longest := s.master.length.about()
	for _, x := range s.plus {
		if x.length != nil {
			longest = max(longest, x.length.about())
		}
	}
	for _, e := range s.ranges {
		longest = max(longest, e.length.about()+e.shift)
	}
	return min(longest, maxReach) + 25*time.Hour
}

const maxReach = 400 * 24 * time.Hour

// shifts is how far behind a stretch the rule's time of an instance that touches it may lie.
func (s *series) shifts() time.Duration {
	far := time.Duration(0)
	for _, e := range s.ranges {
		far = max(far, -e.shift)
	}
	return min(far, maxReach) + 25*time.Hour
}

// occurrences gives what the rules and RDATE make between two moments, less EXRULE, and DTSTART.
func (s *series) occurrences(from, to time.Time) []extra {
	m := s.master
	var all []extra
	add := func(wall time.Time) bool {
		if len(all) == maxInstances {
			s.b.spent = true
			return false
		}
		all = append(all, extra{wall: wall, at: moment(wall, m.loc)})
		return true
	}
	if !m.at.After(to) { // however long ago: it may last
		add(m.wall)
	}
	for _, r := range s.rules {
		s.walk(r, from, to, add)
	}
	for _, x := range s.plus {
		if !x.at.Before(from) && !x.at.After(to) && len(all) < maxInstances {
			all = append(all, *x)
		}
	}
	for _, r := range s.minus {
		gone := map[int64]bool{}
		s.walk(r, from, to, func(wall time.Time) bool { gone[wall.Unix()] = true; return len(gone) < maxInstances })
		all = slices.DeleteFunc(all, func(x extra) bool { return gone[x.wall.Unix()] })
	}
	if s.b.spent {
		s.n.add(string(s.o.Kind) + " has a recurrence rule that is too much work; only a part of its instances is known")
	}
	// A time that daylight saving skips falls on another one's moment: they are one instance, of the longer length.
	slices.SortStableFunc(all, func(a, b extra) int { return a.at.Compare(b.at) })
	return slices.CompactFunc(all, func(a, b extra) bool { return a.at.Equal(b.at) })
}

// walk yields a rule's instances between two moments.
func (s *series) walk(r *rule, from, to time.Time, yield func(time.Time) bool) {
	m := s.master
	w := stretch{start: m.wall, from: wallOf(from, m.loc), to: wallOf(to, m.loc), days: m.days}
	w.until = r.until(m.days, s.wallIn)
	if r.count > 0 { // DTSTART always counts as the first (RFC 5545 section 3.3.10), even where the rule does not make it
		first := w
		first.from, first.to, w.counted = m.wall, m.wall, 1
		r.walk(first, s.b, func(time.Time) bool { w.counted = 0; return false })
	}
	r.walk(w, s.b, yield)
}

// instanceOf makes the instance of a rule's time; false when EXDATE or an override takes its place.
func (s *series) instanceOf(x extra) (instance, bool) {
	m := s.master
	if !s.recurs() && len(s.out) == 0 && len(s.outDay) == 0 {
		return s.build(m, "", x.at, x.wall, nil), true
	}
	id := s.idOf(x.wall, m)
	if s.out[id] || s.over[id] != nil || len(s.outDay) > 0 && s.outDay[dayID(x.wall)] {
		return instance{}, false
	}
	e, wall := m, x.wall
	for _, r := range s.ranges { // the last one that began
		if !r.idAt.After(x.at) {
			e, wall = r, wallOf(x.at, r.loc).Add(r.shift)
			if r.days {
				wall = x.wall.Add(r.shift).Truncate(24 * time.Hour)
			}
		}
	}
	return s.build(e, id, x.at, wall, x.length), true
}

// build gives an instance of an entry at a time on its wall, with its own length or the entry's.
func (s *series) build(e *entry, id string, idAt, wall time.Time, length *span) instance {
	i := instance{id: id, idAt: idAt, wall: wall, start: moment(wall, e.loc), e: e}
	if length == nil {
		length = &e.length
	}
	i.end = i.start
	switch {
	case e.days: // days are counted on the wall
		days := length.days
		if length.neg {
			days = -days
		}
		i.end = moment(wall.AddDate(0, 0, days), e.loc).Add(length.exact)
	case e.ends:
		i.end = length.after(i.start, e.loc)
	}
	return i
}
