package ical

import "time"

// plan is a rule made ready for one DTSTART: sets instead of lists, and what the rule leaves to DTSTART (RFC 5545 section
// 3.3.10: "Information, not contained in the rule, necessary to determine the various recurrence instance start time and dates
// are derived from the Start Time").
type plan struct {
	months   uint16 // by bit 1 to 12; 0: any
	weekdays uint8  // of BYDAY without a number; with nth 0: any
	nth      []dayOfRule
	inMonth  bool // a number in BYDAY counts in the month, else in the year
	wkst     time.Weekday

	monthDays, monthDaysBack *[32]bool  // nil: any
	yearDays, yearDaysBack   *[367]bool // nil: any
	weeks, weeksBack         *[54]bool  // nil: any

	times   []int // seconds of the day, for FREQ=DAILY and coarser
	within  []int // seconds of the hour or minute, for finer ones
	hours   [24]bool
	minutes [60]bool
	seconds [60]bool
}

func (r *rule) planFor(s stretch) plan {
	start := dayOf(floorDiv(int(s.start.Unix()), secondsPerDay))
	p := plan{wkst: r.wkst, inMonth: r.freq == monthly || len(r.byMonth) > 0}
	months, monthDays, days := r.byMonth, r.byMonthDay, r.byDay
	if r.freq >= weekly && len(r.byMonthDay)+len(r.byYearDay)+len(r.byDay) == 0 {
		switch {
		case r.freq == weekly || len(r.byWeekNo) > 0:
			days = []dayOfRule{{day: start.wday}}
		case r.freq == yearly && len(months) == 0:
			months, monthDays = []int{start.month}, []int{start.mday}
		default:
			monthDays = []int{start.mday}
		}
	}
	for _, m := range months {
		p.months |= 1 << m
	}
	numbered := r.freq == monthly || r.freq == yearly && len(r.byWeekNo) == 0 // elsewhere a number MUST NOT stand: it is ignored
	for _, d := range days {
		if d.n != 0 && numbered {
			p.nth = append(p.nth, d)
		} else {
			p.weekdays |= 1 << d.day
		}
	}
	p.monthDays, p.monthDaysBack = signedSet[[32]bool](monthDays)
	p.yearDays, p.yearDaysBack = signedSet[[367]bool](r.byYearDay)
	p.weeks, p.weeksBack = signedSet[[54]bool](r.byWeekNo)
	p.clock(r, s)
	return p
}

// clock fills in the times of day.
func (p *plan) clock(r *rule, s stretch) {
	if s.days { // RFC 5545: BYSECOND, BYMINUTE and BYHOUR MUST be ignored for a DATE
		p.times, p.within = []int{0}, []int{0}
		return
	}
	hours, minutes, seconds := r.byHour, r.byMinute, r.bySecond
	if len(hours) == 0 {
		hours = []int{s.start.Hour()}
	}
	if len(minutes) == 0 {
		minutes = []int{s.start.Minute()}
	}
	if len(seconds) == 0 {
		seconds = []int{s.start.Second()}
	}
	for _, h := range r.byHour {
		p.hours[h] = true
	}
	for _, m := range r.byMinute {
		p.minutes[m] = true
	}
	for _, n := range r.bySecond {
		p.seconds[n] = true
	}
	switch r.freq {
	case secondly:
		p.within = []int{0}
	case minutely:
		p.within = seconds
	case hourly:
		p.within = combine([]int{0}, minutes, seconds)
	default:
		p.times = combine(hours, minutes, seconds)
	}
}

func combine(hours, minutes, seconds []int) []int {
	out := make([]int, 0, len(hours)*len(minutes)*len(seconds))
	for _, h := range hours {
		for _, m := range minutes {
			for _, s := range seconds {
				out = append(out, h*3600+m*60+s)
			}
		}
	}
	return out
}

// signedSet makes two sets of a list: of the numbers that count from the front, and of those from the back.
func signedSet[T [32]bool | [367]bool | [54]bool](list []int) (front, back *T) {
	if len(list) == 0 {
		return nil, nil
	}
	front, back = new(T), new(T)
	for _, n := range list {
		if n > 0 {
			setIn(front, n)
		} else {
			setIn(back, -n)
		}
	}
	return front, back
}

func setIn[T [32]bool | [367]bool | [54]bool](set *T, n int) {
	switch s := any(set).(type) {
	case *[32]bool:
		s[n] = true
	case *[367]bool:
		s[n] = true
	case *[54]bool:
		s[n] = true
	}
}

func (p *plan) month(m int) bool { return p.months == 0 || p.months&(1<<m) != 0 }

// day tells whether the rule's parts allow a day.
func (p *plan) day(c civilDay) bool {
	if !p.month(c.month) {
		return false
	}
	if p.monthDays != nil && !p.monthDays[c.mday] && !p.monthDaysBack[c.monthLen-c.mday+1] {
		return false
	}
	if p.yearDays != nil && !p.yearDays[c.yday] && !p.yearDaysBack[c.yearLen-c.yday+1] {
		return false
	}
	if (p.weekdays != 0 || len(p.nth) > 0) && !p.weekday(c) {
		return false
	}
	if p.weeks != nil {
		number, weeks := c.week(p.wkst)
		return p.weeks[number] || p.weeksBack[weeks-number+1]
	}
	return true
}

func (p *plan) weekday(c civilDay) bool {
	if p.weekdays&(1<<c.wday) != 0 {
		return true
	}
	pos, length := c.yday, c.yearLen
	if p.inMonth {
		pos, length = c.mday, c.monthLen
	}
	for _, d := range p.nth {
		if d.day == c.wday && (d.n > 0 && (pos-1)/7+1 == d.n || d.n < 0 && (length-pos)/7+1 == -d.n) {
			return true
		}
	}
	return false
}
