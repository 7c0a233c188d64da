package ical

import (
	"maps"
	"slices"
	"time"
)

// What may have changed, as Params["changed"] has it, in its order.
const (
	changedTime  = "time"
	changedDue   = "due"
	changedPlace = "place"
	changedTitle = "title"
	// changedReopened stands alone: a task that was done is not done any more.
	changedReopened = "reopened"
)

// Why something is cancelled, as Params["reason"] has it.
const (
	reasonCancelled = "cancelled"
	reasonDeleted   = "deleted"
	reasonUninvited = "uninvited"
)

// changed compares what both versions mean, first of the whole series, then of its instances.
func (l *look) changed() {
	switch {
	case l.new.master == nil && l.old.master != nil && l.new.o.method == "CANCEL": // a message about single instances
		l.instances(nil)
	case l.new.master == nil && l.old.master != nil:
		l.vanished(l.old, reasonDeleted)
	case l.old.master == nil && l.new.master != nil:
		l.appeared(l.new)
	case l.new.master == nil:
		l.instances(nil)
	default:
		if diffs, more := l.masters(); more {
			l.instances(diffs)
		}
	}
}

// masters compares the masters; more is false when what happened to them covers all instances.
func (l *look) masters() (diffs []string, more bool) {
	before, after := l.old.master, l.new.master
	switch l.fate(l.old, before, l.new, after) {
	case whatCancelled:
		reason := reasonCancelled
		if !l.new.cancelled(after) {
			reason = reasonUninvited
		}
		l.vanished(l.old, reason)
		return nil, false
	case whatCreated:
		l.appeared(l.new)
		return nil, false
	case whatCompleted:
		if !l.ownCompletion(before, after) {
			i := l.latest(l.new)
			l.tell(told{what: whatCompleted, s: l.new, i: i, series: l.new.recurs()})
		}
		return nil, false
	case whatReopened:
		if i, ok := l.next(l.new); ok && !l.own(after) {
			l.tell(told{what: whatUpdated, s: l.new, i: i, changed: []string{changedReopened}})
		}
		return nil, false
	case whatNothing:
		return nil, after.me.away // they may attend an instance of a series that they declined
	}
	diffs = l.differ(before, after, l.timeChanged())
	if len(diffs) == 0 {
		return nil, true
	}
	was, had := l.next(l.old)
	is, has := l.next(l.new)
	moved := slices.Contains(diffs, changedTime)
	switch {
	case has && !l.own(after):
		l.tell(told{what: whatUpdated, s: l.new, i: is, series: l.new.recurs(), changed: diffs, old: &was})
	case had && !has && moved && l.old.recurs() && !l.own(after): // the series was ended
		l.vanished(l.old, reasonCancelled)
	}
	return diffs, !moved
}

// latest gives the instance that a completed task's words are of.
func (l *look) latest(s *series) instance {
	if s.master.timed() {
		return s.build(s.master, "", s.master.at, s.master.wall, nil)
	}
	return instance{e: s.master}
}

// fate tells what became of an entry besides its words and time.
func (l *look) fate(olds *series, before *entry, news *series, after *entry) what {
	task := l.new.o.Kind == KindTask
	wasOff, isOff := olds.cancelled(before), news.cancelled(after)
	switch {
	case wasOff && isOff, after.me.away:
		return whatNothing
	case isOff:
		return whatCancelled
	case wasOff:
		return whatCreated
	case task && !before.completed() && after.completed():
		return whatCompleted
	case task && before.completed() && after.completed():
		return whatNothing
	case task && before.completed():
		return whatReopened
	case before.me.attends && !after.me.attends && after.me.others > 0 && !after.me.organizes:
		return whatCancelled
	case !before.me.attends && after.me.attends && !after.me.organizes:
		return whatCreated
	}
	return whatUpdated
}

// ownCompletion tells whether the person did the task themself.
func (l *look) ownCompletion(before, after *entry) bool {
	switch {
	case after.me.completed && !before.me.completed:
		return true
	case after.me.organizes:
		return after.me.others == 0
	}
	return l.own(after)
}

// differ names what differs between two entries.
func (l *look) differ(before, after *entry, moved bool) []string {
	var d []string
	if moved {
		if l.new.o.Kind == KindTask {
			d = append(d, changedDue)
		} else {
			d = append(d, changedTime)
		}
	}
	words := map[string]bool{changedPlace: before.place != after.place, changedTitle: before.title != after.title}
	order := []string{changedPlace, changedTitle}
	if l.new.o.Kind == KindTask {
		order = []string{changedTitle, changedPlace}
	}
	for _, name := range order {
		if words[name] {
			d = append(d, name)
		}
	}
	return d
}

// timeChanged compares when the series takes place from now on, not how that is written.
func (l *look) timeChanged() bool {
	a, b := l.old, l.new
	if a.sameTimes(b) {
		return false
	}
	if !a.master.timed() || !b.master.timed() {
		return a.master.timed() != b.master.timed() && (a.master.ends || b.master.ends)
	}
	single := func(s *series) bool { return len(s.rules)+len(s.plus) == 0 }
	if single(a) != single(b) {
		return true
	}
	if single(a) {
		return timesDiffer(a.build(a.master, "", a.master.at, a.master.wall, nil), b.build(b.master, "", b.master.at, b.master.wall, nil), l.new.o.Kind)
	}
	for _, ahead := range []time.Duration{Horizon, maxReach} { // the second for what takes place less than twice in the first
		x, y := a.pattern(l.Now, l.Now.Add(ahead)), b.pattern(l.Now, l.Now.Add(ahead))
		if !slices.EqualFunc(x, y, func(i, j instance) bool { return !timesDiffer(i, j, l.new.o.Kind) }) {
			return true
		}
		if len(x) > 1 {
			return false
		}
	}
	return false
}

// sameTimes tells whether all that says when the masters take place is written in the same way.
func (s *series) sameTimes(t *series) bool {
	names := []string{"DTSTART", "DTEND", "DUE", "DURATION", "RRULE", "EXRULE"}
	for _, name := range names {
		if !slices.EqualFunc(s.master.c.all(name), t.master.c.all(name), func(a, b *prop) bool { return a.String() == b.String() }) {
			return false
		}
	}
	return s.master.loc.String() == t.master.loc.String()
}

// all gives the properties of a name.
func (c *component) all(name string) []*prop {
	var out []*prop
	for i := range c.props {
		if c.props[i].name == name {
			out = append(out, &c.props[i])
		}
	}
	return out
}

// timesDiffer tells whether two instances take place at different times; of a task only when it is due counts.
func timesDiffer(a, b instance, kind Kind) bool {
	if kind == KindTask {
		return a.e.ends != b.e.ends || a.e.ends && (!a.end.Equal(b.end) || a.e.endDays != b.e.endDays)
	}
	return !a.start.Equal(b.start) || !a.end.Equal(b.end) || a.e.days != b.e.days
}

// pattern gives what the rules alone make, without overrides and single dates.
func (s *series) pattern(from, to time.Time) []instance {
	t := *s
	t.over, t.ranges, t.plus, t.out, t.outDay = nil, nil, nil, nil, nil
	return t.between(from, to)
}

// instances compares those instances that either version says something of by themselves. What changed of the whole series
// has been told.
func (l *look) instances(series []string) {
	if l.old.sameExceptions(l.new) {
		return
	}
	n := len(l.out.Events)
	before, after := l.byID(l.old), l.byID(l.new)
	for _, id := range l.touched(before, after) {
		was, had := before[id]
		is, has := after[id]
		switch {
		case had && !has && l.new.master == nil: // a message about other instances
		case had && !has:
			if l.live(l.old, was) && !l.own(was.e) {
				l.tell(told{what: whatCancelled, s: l.old, i: was, reason: reasonCancelled})
			}
		case has && !had:
			if l.live(l.new, is) && !l.own(is.e) {
				l.tell(told{what: whatCreated, s: l.new, i: is})
			}
		default:
			l.instance(was, is, series)
		}
	}
	l.cap(n, told{what: whatUpdated, s: l.new, changed: []string{changedTime}})
}

// sameExceptions tells at once that no instance differs: there are no overrides, and the same single dates.
func (s *series) sameExceptions(t *series) bool {
	return len(s.over)+len(t.over) == 0 && maps.Equal(s.out, t.out) && maps.Equal(s.outDay, t.outDay) &&
		slices.EqualFunc(s.plus, t.plus, func(a, b *extra) bool {
			return a.at.Equal(b.at) && (a.length == nil) == (b.length == nil) && (a.length == nil || *a.length == *b.length)
		})
}

// instance compares two versions of one instance.
func (l *look) instance(was, is instance, series []string) {
	switch l.fate(l.old, was.e, l.new, is.e) {
	case whatCancelled:
		reason := reasonCancelled
		if !l.new.cancelled(is.e) {
			reason = reasonUninvited
		}
		if l.live(l.old, was) && !l.own(was.e) {
			l.tell(told{what: whatCancelled, s: l.new, i: is, words: &was, reason: reason})
		}
		return
	case whatCreated:
		if l.live(l.new, is) && !l.own(is.e) {
			l.tell(told{what: whatCreated, s: l.new, i: is})
		}
		return
	case whatCompleted:
		if !l.ownCompletion(was.e, is.e) {
			l.tell(told{what: whatCompleted, s: l.new, i: is})
		}
		return
	case whatReopened:
		if !l.own(is.e) {
			l.tell(told{what: whatUpdated, s: l.new, i: is, changed: []string{changedReopened}})
		}
		return
	case whatNothing:
		return
	}
	diffs := l.differ(was.e, is.e, timesDiffer(was, is, l.new.o.Kind))
	diffs = slices.DeleteFunc(diffs, func(d string) bool { return slices.Contains(series, d) })
	if len(diffs) > 0 && l.live(l.new, is) && !l.own(is.e) {
		l.tell(told{what: whatUpdated, s: l.new, i: is, changed: diffs, old: &was})
	}
}

// byID gives the instances of about a year, of a rule of hours those up to the horizon, and all that are overridden.
func (l *look) byID(s *series) map[string]instance {
	m := map[string]instance{}
	ahead := maxReach
	if slices.ContainsFunc(s.rules, func(r *rule) bool { return r.freq < daily }) { // a year of hours is too many
		ahead = Horizon
	}
	for _, i := range s.between(l.Now.Add(-24*time.Hour), l.Now.Add(ahead)) {
		m[i.id] = i
	}
	for _, e := range s.over {
		m[e.id] = s.single(e)
	}
	return m
}

// touched names the instances that an override, EXDATE or RDATE of either version is about, in order of their time.
func (l *look) touched(before, after map[string]instance) []string {
	ids := map[string]bool{}
	for _, s := range []*series{l.old, l.new} {
		for id := range s.over {
			ids[id] = true
		}
		for id := range s.out {
			ids[id] = true
		}
		for _, x := range s.plus {
			ids[s.idOf(x.wall, s.master)] = true
		}
	}
	for _, m := range []map[string]instance{before, after} {
		for id, i := range m {
			if day := dayID(i.wall); l.old.outDay[day] != l.new.outDay[day] {
				ids[id] = true
			}
		}
	}
	var list []string
	for id := range ids {
		if _, a := before[id]; a {
			list = append(list, id)
		} else if _, b := after[id]; b {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}
