package ical

import (
	"slices"
	"time"
)

// budget is how many steps of work are left: days looked at, instances made. A step takes some ten nanoseconds.
type budget struct {
	left  int
	spent bool // it ran out: what is known is not all
}

func (b *budget) take(n int) bool {
	if b.left < n {
		b.left, b.spent = 0, true
		return false
	}
	b.left -= n
	return true
}

// stretch is what part of a rule is walked, in wall times of the series.
type stretch struct {
	start    time.Time // DTSTART
	from, to time.Time // inclusive
	until    time.Time // of the rule; zero: none
	counted  int       // how many of COUNT are used up by what the rule does not make
	days     bool      // DTSTART is a day
}

// walker makes the instances of one rule in their order.
type walker struct {
	*rule
	stretch
	b     *budget
	yield func(time.Time) bool
	left  int // of COUNT; -1: no COUNT
	last  int64
	first int64
	begin int64
	plan  plan
}

// walk yields the rule's instances in the stretch, in order, until yield returns false or the budget is spent. Without COUNT
// it begins at the stretch, however long ago the series began; and a period that cannot hold an instance is skipped whole.
func (r *rule) walk(s stretch, b *budget, yield func(time.Time) bool) {
	w := &walker{rule: r, stretch: s, b: b, yield: yield, left: -1, begin: s.start.Unix(), first: s.from.Unix(), last: s.to.Unix()}
	if !s.until.IsZero() {
		w.last = min(w.last, s.until.Unix())
	}
	w.last = min(w.last, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix())
	if r.count > 0 {
		if w.left = r.count - s.counted; w.left <= 0 {
			return
		}
	}
	w.first = max(w.first, w.begin)
	if w.first > w.last {
		return
	}
	w.plan = r.planFor(s)
	if r.freq >= daily {
		w.byPeriods()
	} else {
		w.bySteps()
	}
}

// byPeriods walks years, months, weeks or days.
func (w *walker) byPeriods() {
	first := 0
	if w.left < 0 {
		first = max(0, w.periodOf(w.first)/w.interval)
	}
	for k := first; ; k++ {
		from, to := w.period(k * w.interval)
		if int64(from)*secondsPerDay > w.last {
			return
		}
		days, ok := w.daysOf(from, to)
		if !ok || !w.emit(days) {
			return
		}
	}
}

// periodOf tells in which period after DTSTART's a moment lies.
func (w *walker) periodOf(at int64) int {
	s, t := dayOf(floorDiv(int(w.begin), secondsPerDay)), dayOf(floorDiv(int(at), secondsPerDay))
	switch w.freq {
	case yearly:
		return t.year - s.year
	case monthly:
		return (t.year-s.year)*12 + t.month - s.month
	case weekly:
		return (t.n - w.weekBegin(s)) / 7
	}
	return t.n - s.n
}

func (w *walker) weekBegin(c civilDay) int { return c.n - int(c.wday-w.wkst+7)%7 }

// period gives the first and last day of the nth period after DTSTART's.
func (w *walker) period(n int) (from, to int) {
	s := dayOf(floorDiv(int(w.begin), secondsPerDay))
	switch w.freq {
	case yearly:
		from = dayNumber(s.year+n, 1, 1)
		return from, from + yearLen(s.year+n) - 1
	case monthly:
		from = dayNumber(s.year, s.month+n, 1)
		return from, dayNumber(s.year, s.month+n+1, 1) - 1
	case weekly:
		from = w.weekBegin(s) + 7*n
		return from, from + 6
	}
	return s.n + n, s.n + n
}

// daysOf gives the days of a period that the rule allows; false: the budget is spent.
func (w *walker) daysOf(from, to int) ([]int, bool) {
	var days []int
	if w.plan.months != 0 && w.freq <= monthly { // a month that is out costs one step
		if c := dayOf(from); !w.plan.month(c.month) && !w.plan.month(dayOf(to).month) {
			return nil, w.b.take(1)
		}
	}
	if !w.b.take(to - from + 1) {
		return nil, false
	}
	for c := dayOf(from); c.n <= to; c = c.next() {
		if w.plan.day(c) {
			days = append(days, c.n)
		}
	}
	return days, true
}

// emit yields the instances on a period's days; false: it is over.
func (w *walker) emit(days []int) bool {
	times := w.plan.times
	if len(w.bySetPos) > 0 {
		for _, i := range positions(w.bySetPos, len(days)*len(times)) {
			if !w.one(int64(days[i/len(times)])*secondsPerDay + int64(times[i%len(times)])) {
				return false
			}
		}
		return w.b.take(1)
	}
	for _, d := range days {
		at := int64(d) * secondsPerDay
		if at > w.begin && at+secondsPerDay <= w.first { // a whole day before the stretch
			if w.left >= 0 {
				if w.left -= len(times); w.left <= 0 {
					return false
				}
			}
			continue
		}
		for _, t := range times {
			if !w.one(at + int64(t)) {
				return false
			}
		}
	}
	return true
}

// positions gives the indices of BYSETPOS in a set of that size, sorted.
func positions(pos []int, size int) []int {
	var out []int
	for _, p := range pos {
		if p > 0 {
			p--
		} else {
			p += size
		}
		if p >= 0 && p < size {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// one yields one instance, if it is in the stretch; false: it is over.
func (w *walker) one(at int64) bool {
	if at < w.begin {
		return true
	}
	if at > w.last || w.left == 0 || !w.b.take(1) {
		return false
	}
	if w.left > 0 {
		w.left--
	}
	if at < w.first {
		return true
	}
	return w.yield(time.Unix(at, 0).UTC())
}
