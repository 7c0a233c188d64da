package ical

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// notes collects what is odd but survived, each once.
type notes struct{ list []string }

const maxNotes = 10

func (n *notes) add(s string) {
	if len(n.list) < maxNotes && !slices.Contains(n.list, s) {
		n.list = append(n.list, s)
	}
}

// lookBudget is how much work one object may be, for all that is asked of it at one look: a few milliseconds.
const lookBudget = 300_000

// series is an object opened for one owner: its instances can be asked for. An object that does not recur is a series of one.
type series struct {
	o      *Object
	f      *zoneFinder
	n      *notes
	b      *budget
	me     addresses
	master *entry // nil: only single instances are known
	over   map[string]*entry
	ranges []*entry // THISANDFUTURE, by moment
	// entries are the master, if there is one, and the overrides.
	entries []*entry
	rules   []*rule
	minus   []*rule // EXRULE, of RFC 2445
	plus    []*extra
	out     map[string]bool // EXDATE, by instance id
	outDay  map[string]bool // EXDATE of whole days in a series of moments
}

// extra is an RDATE.
type extra struct {
	wall   time.Time
	at     time.Time
	length *span // its own, of a PERIOD
}

// openSeries opens an object; nil for nil.
func (r *Reader) openSeries(o *Object, owner Owner, now time.Time, n *notes) *series {
	if o == nil {
		return nil
	}
	s := &series{o: o, f: r.finder(o, owner, now, n), n: n, b: &budget{left: lookBudget}, me: newAddresses(owner.Addresses),
		over: map[string]*entry{}, out: map[string]bool{}, outDay: map[string]bool{}}
	if o.master != nil {
		s.master = newEntry(o.master, o.Kind, s.f)
		if s.master.timed() {
			s.readRules()
		}
		s.finish(s.master)
	}
	for _, c := range o.overrides {
		s.addOverride(c)
	}
	slices.SortFunc(s.ranges, func(a, b *entry) int { return a.idAt.Compare(b.idAt) })
	return s
}

func (s *series) readRules() {
	for i := range s.o.master.props {
		p := &s.o.master.props[i]
		switch p.name {
		case "RRULE", "EXRULE":
			r, err := parseRule(p.value)
			if err == nil && s.master.days && r.freq < daily {
				err = fmt.Errorf("%w: hours of a day without a time", errNoRule)
			}
			if err != nil {
				s.n.add(string(s.o.Kind) + " " + err.Error())
				continue
			}
			if r.skips {
				s.n.add(string(s.o.Kind) + " has a recurrence rule with SKIP, which is not understood: days that do not exist are left out")
			}
			if p.name == "RRULE" {
				s.rules = append(s.rules, r)
			} else {
				s.minus = append(s.minus, r)
			}
		case "RDATE":
			for _, l := range stampList(p) {
				s.plus = append(s.plus, s.extraOf(l))
			}
		case "EXDATE":
			for _, l := range stampList(p) {
				s.exclude(l.start)
			}
		}
	}
}

// extraOf understands an RDATE: a day in a series of moments is its time on that day; what has no zone is of the series'.
func (s *series) extraOf(l listed) *extra {
	m := s.master
	x := &extra{wall: s.wallIn(l.start)}
	if l.start.form == formDate && !m.days {
		x.wall = x.wall.Add(m.wall.Sub(m.wall.Truncate(24 * time.Hour)))
	}
	x.at = moment(x.wall, m.loc)
	switch {
	case l.length != nil:
		x.length = l.length
	case l.end != nil:
		if d := moment(s.wallIn(*l.end), m.loc).Sub(x.at); d > 0 {
			x.length = &span{exact: d}
		}
	}
	return x
}

// wallIn gives what a stamp is on the wall of the series.
func (s *series) wallIn(t stamp) time.Time {
	m := s.master
	switch {
	case t.form == formDate:
		return t.wall
	case m.days && t.form == formLocal: // its day, as written
		return t.wall.Truncate(24 * time.Hour)
	case m.days:
		return wallOf(t.wall, m.loc).Truncate(24 * time.Hour)
	case t.form == formLocal && t.tzid == "":
		return t.wall
	}
	return wallOf(moment(t.wall, s.f.of(t)), m.loc)
}

func (s *series) exclude(t stamp) {
	if t.form == formDate && !s.master.days {
		s.outDay[dayID(t.wall)] = true
		return
	}
	s.out[s.idOf(s.wallIn(t), s.master)] = true
}

func dayID(wall time.Time) string { return wall.Format("20060102") }

// idOf names an instance by its time of the rule: a day, a moment in UTC, or a floating time.
func (s *series) idOf(wall time.Time, m *entry) string {
	switch {
	case m.days:
		return dayID(wall)
	case m.start.form == formLocal && m.start.tzid == "":
		return wall.Format("20060102T150405")
	}
	return moment(wall, m.loc).Format("20060102T150405Z")
}

// addOverride puts a component with RECURRENCE-ID to the instance that it stands for.
func (s *series) addOverride(c *component) {
	p := c.get("RECURRENCE-ID")
	t, err := parseStamp(p)
	if err != nil { // seen by checkEntry
		return
	}
	e := newEntry(c, s.o.Kind, s.f)
	like := s.master // the series by whose rule the instance is named
	if like == nil || !like.timed() {
		like = &entry{start: t, loc: s.f.of(t), days: t.form == formDate, floats: s.f.floats(t)}
	}
	wall := t.wall
	if s.master != nil && s.master.timed() {
		wall = s.wallIn(t)
		if t.form == formDate && !s.master.days { // some writers name an instance by its day
			wall = wall.Add(s.master.wall.Sub(s.master.wall.Truncate(24 * time.Hour)))
		}
	}
	e.id, e.idAt = s.idOf(wall, like), moment(wall, like.loc)
	if !e.timed() { // a task's override need not repeat the time
		e.at, e.wall, e.loc, e.start, e.days, e.has = e.idAt, wall, like.loc, like.start, like.days, true
		e.floats, e.endLoc, e.endFloats = like.floats, like.loc, like.floats
	}
	s.finish(e)
	s.over[e.id] = e
	if strings.EqualFold(p.param("RANGE"), "THISANDFUTURE") {
		e.future = true
		e.shift = wallOf(e.at, like.loc).Sub(wall)
		s.ranges = append(s.ranges, e)
	}
}
