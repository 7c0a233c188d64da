package ical

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// freq is a rule's FREQ, from the finest to the coarsest.
type freq int

const (
	secondly freq = iota
	minutely
	hourly
	daily
	weekly
	monthly
	yearly
)

var freqs = map[string]freq{"SECONDLY": secondly, "MINUTELY": minutely, "HOURLY": hourly, "DAILY": daily, "WEEKLY": weekly,
	"MONTHLY": monthly, "YEARLY": yearly}

// Bounds of a rule.
const (
	maxRule     = 8 << 10 // bytes
	maxInterval = 100_000_000
	maxCount    = 1_000_000_000
)

// rule is a recurrence rule (RFC 5545 section 3.3.10), as written.
type rule struct {
	freq     freq
	interval int
	count    int // 0: none
	ends     *stamp
	wkst     time.Weekday

	bySecond, byMinute, byHour      []int
	byMonthDay, byYearDay, byWeekNo []int
	byMonth, bySetPos               []int
	byDay                           []dayOfRule
	skips                           bool // RFC 7529's SKIP, which is not understood
}

// dayOfRule is one of BYDAY: a weekday, perhaps the nth of the month or year; n is 0 without a number.
type dayOfRule struct {
	n   int
	day time.Weekday
}

var weekdays = map[string]time.Weekday{"SU": time.Sunday, "MO": time.Monday, "TU": time.Tuesday, "WE": time.Wednesday,
	"TH": time.Thursday, "FR": time.Friday, "SA": time.Saturday}

var (
	errNoRule    = errors.New("has a recurrence rule that cannot be read")
	errOtherCalc = errors.New("recurs by another calendar than the Gregorian, which is not understood (RSCALE)")
)

// parseRule reads a rule. It forgives lower case, empty parts, parts that nobody knows, and numbers out of range beside good
// ones; what changes the meaning is an error.
func parseRule(v string) (*rule, error) {
	r := &rule{freq: -1, interval: 1, wkst: time.Monday}
	if len(v) > maxRule {
		return nil, fmt.Errorf("%w: it is longer than %d KiB", errNoRule, maxRule>>10)
	}
	for part := range strings.SplitSeq(strings.ToUpper(v), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if err := r.part(strings.TrimSpace(name), strings.TrimSpace(value)); err != nil {
			return nil, err
		}
	}
	if r.freq < 0 {
		return nil, fmt.Errorf("%w: it has no FREQ", errNoRule)
	}
	return r, nil
}

// lists are the parts that hold numbers: where they go, and their greatest value; signed ones count from the end, too.
var lists = map[string]struct {
	into   func(*rule) *[]int
	least  int // 0 or 1; negative ones down to -most
	most   int
	signed bool
}{
	"BYSECOND":   {func(r *rule) *[]int { return &r.bySecond }, 0, 59, false},
	"BYMINUTE":   {func(r *rule) *[]int { return &r.byMinute }, 0, 59, false},
	"BYHOUR":     {func(r *rule) *[]int { return &r.byHour }, 0, 23, false},
	"BYMONTHDAY": {func(r *rule) *[]int { return &r.byMonthDay }, 1, 31, true},
	"BYYEARDAY":  {func(r *rule) *[]int { return &r.byYearDay }, 1, 366, true},
	"BYWEEKNO":   {func(r *rule) *[]int { return &r.byWeekNo }, 1, 53, true},
	"BYMONTH":    {func(r *rule) *[]int { return &r.byMonth }, 1, 12, false},
	"BYSETPOS":   {func(r *rule) *[]int { return &r.bySetPos }, 1, 366, true},
}

func (r *rule) part(name, value string) error {
	if list, ok := lists[name]; ok {
		numbers, err := numbersOf(value, list.least, list.most, list.signed)
		if err != nil {
			return fmt.Errorf("%w: %s", errNoRule, name)
		}
		*list.into(r) = numbers
		return nil
	}
	var err error
	switch name {
	case "FREQ":
		f, ok := freqs[value]
		if !ok {
			return fmt.Errorf("%w: its FREQ is unknown", errNoRule)
		}
		r.freq = f
	case "INTERVAL":
		r.interval, err = number(value, maxInterval)
	case "COUNT":
		r.count, err = number(value, maxCount)
	case "UNTIL":
		var s stamp
		s, err = parseMoment(value)
		r.ends = &s
	case "WKST":
		day, ok := weekdays[value]
		if !ok {
			return fmt.Errorf("%w: WKST", errNoRule)
		}
		r.wkst = day
	case "BYDAY":
		r.byDay, err = daysOf(value)
	case "RSCALE":
		if value != "GREGORIAN" {
			return errOtherCalc
		}
	case "SKIP":
		r.skips = value != "OMIT"
	}
	if err != nil {
		return fmt.Errorf("%w: %s", errNoRule, name)
	}
	return nil
}

func number(v string, most int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most {
		return 0, errNoRule
	}
	return n, nil
}

// numbersOf reads a list, sorted and each number once. Numbers out of range mean nothing; a list of them alone is an error.
func numbersOf(v string, least, most int, signed bool) ([]int, error) {
	var out []int
	for s := range strings.SplitSeq(v, ",") {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		n, err := strconv.Atoi(strings.TrimPrefix(s, "+"))
		if err != nil {
			return nil, err
		}
		if n >= least && n <= most || signed && n >= -most && n <= -1 {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return nil, errNoRule
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func daysOf(v string) ([]dayOfRule, error) {
	var out []dayOfRule
	for s := range strings.SplitSeq(v, ",") {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		if len(s) < 2 {
			return nil, errNoRule
		}
		day, ok := weekdays[s[len(s)-2:]]
		if !ok {
			return nil, errNoRule
		}
		d := dayOfRule{day: day}
		if n := strings.TrimPrefix(s[:len(s)-2], "+"); n != "" {
			var err error
			if d.n, err = strconv.Atoi(n); err != nil || d.n == 0 || d.n > 53 || d.n < -53 {
				return nil, errNoRule
			}
		}
		out = append(out, d)
	}
	if len(out) == 0 {
		return nil, errNoRule
	}
	return out, nil
}

// until gives the last wall time that the rule may reach; zero: it has no UNTIL. wall turns its moment into the wall time of
// the series. A day as the end of a series of moments includes the whole day.
func (r *rule) until(days bool, wall func(stamp) time.Time) time.Time {
	switch {
	case r.ends == nil:
		return time.Time{}
	case days:
		return r.ends.wall.Truncate(24 * time.Hour) // as written: writers add any time to it
	case r.ends.form == formDate:
		return r.ends.wall.Add(24*time.Hour - time.Second)
	}
	return wall(*r.ends)
}
