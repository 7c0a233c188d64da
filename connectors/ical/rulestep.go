package ical

// Hours, minutes and seconds: the walk goes in steps of the interval, and over what a rule leaves out in leaps.

var unitSeconds = map[freq]int64{hourly: 3600, minutely: 60, secondly: 1}

// bySteps walks hours, minutes or seconds.
func (w *walker) bySteps() {
	unit := unitSeconds[w.freq]
	base := w.begin - mod(w.begin, unit) // the begin of DTSTART's hour, minute or second
	step := unit * int64(w.interval)
	k := int64(0)
	switch {
	case w.left < 0:
		k = max(0, (w.first-base)/step)
	case w.bare():
		k = max(0, (w.first-w.begin+step-1)/step) // each step is one instance: no need to go through them
		if w.left -= int(min(k, maxCount)); w.left <= 0 {
			return
		}
	}
	for at := base + k*step; at <= w.last; {
		if !w.b.take(1) {
			return
		}
		if leap := w.leapOver(at); leap > at {
			at = base + (leap-base+step-1)/step*step
			continue
		}
		if !w.emitStep(at) {
			return
		}
		at += step
	}
}

func mod(a, b int64) int64 { return (a%b + b) % b }

// bare tells whether nothing but the interval selects.
func (w *walker) bare() bool {
	return len(w.bySecond)+len(w.byMinute)+len(w.byHour)+len(w.byDay)+len(w.byMonthDay)+len(w.byYearDay)+len(w.byWeekNo)+
		len(w.byMonth)+len(w.bySetPos) == 0
}

// leapOver gives the earliest moment after at that may be allowed; at itself when it is.
func (w *walker) leapOver(at int64) int64 {
	n := floorDiv(int(at), secondsPerDay)
	c := dayOf(n)
	begin := int64(n) * secondsPerDay
	switch {
	case !w.plan.month(c.month):
		return (int64(n) + int64(c.monthLen-c.mday) + 1) * secondsPerDay
	case !w.plan.day(c):
		return begin + secondsPerDay
	}
	second := int(at - begin)
	if h := second / 3600; len(w.byHour) > 0 && !w.plan.hours[h] {
		return begin + int64(following(w.plan.hours[:], h))*3600
	}
	if m := second / 60 % 60; w.freq < hourly && len(w.byMinute) > 0 && !w.plan.minutes[m] {
		return begin + int64(second/3600)*3600 + int64(following(w.plan.minutes[:], m))*60
	}
	if s := second % 60; w.freq == secondly && len(w.bySecond) > 0 && !w.plan.seconds[s] {
		return begin + int64(second/60)*60 + int64(following(w.plan.seconds[:], s))
	}
	return at
}

// following gives the next index that is set after i, else the length: the next hour, minute or day.
func following(set []bool, i int) int {
	for i++; i < len(set); i++ {
		if set[i] {
			return i
		}
	}
	return len(set)
}

// emitStep yields the instances of one hour, minute or second.
func (w *walker) emitStep(at int64) bool {
	within := w.plan.within
	if len(w.bySetPos) > 0 {
		for _, i := range positions(w.bySetPos, len(within)) {
			if !w.one(at + int64(within[i])) {
				return false
			}
		}
		return true
	}
	for _, s := range within {
		if !w.one(at + int64(s)) {
			return false
		}
	}
	return true
}
