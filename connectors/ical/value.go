package ical

import (
	"errors"
	"strings"
	"time"
)

// form says how a moment was written.
type form int

const (
	formDate  form = iota // DATE: a whole day
	formUTC               // DATE-TIME with Z
	formLocal             // DATE-TIME, of the zone that TZID names, or floating
)

// stamp is a DATE or DATE-TIME as written (RFC 5545 sections 3.3.4 and 3.3.5).
type stamp struct {
	wall time.Time // the clock's face; its location, UTC, says nothing
	form form
	tzid string
}

var errMoment = errors.New("is no date and no date with time")

// parseStamp reads a property's single value. Its form decides, whatever VALUE says; VALUE=DATE makes a day of a moment.
func parseStamp(p *prop) (stamp, error) {
	s, err := parseMoment(p.value)
	if err != nil {
		return s, err
	}
	return s.of(p), nil
}

// of gives the stamp what the property's parameters say.
func (s stamp) of(p *prop) stamp {
	if s.form == formLocal {
		s.tzid = strings.TrimSpace(p.param("TZID"))
	}
	if s.form != formDate && strings.EqualFold(p.param("VALUE"), "DATE") {
		s = stamp{wall: s.wall.Truncate(24 * time.Hour), form: formDate}
	}
	return s
}

// parseMoment reads 20260308, 20260308T023000 and 20260308T023000Z; it forgives lower case, missing seconds and the
// punctuation of ISO 8601's longer form.
func parseMoment(v string) (stamp, error) {
	v = strings.ToUpper(strings.TrimSpace(v))
	if len(v) > 32 {
		return stamp{}, errMoment
	}
	if strings.ContainsAny(v, "-:") {
		v = strings.NewReplacer("-", "", ":", "").Replace(v)
	}
	day, clock, timed := strings.Cut(v, "T")
	y, err := digits(day, 8)
	if err != nil {
		return stamp{}, err
	}
	s := stamp{wall: time.Date(y/10000, time.Month(y/100%100), y%100, 0, 0, 0, 0, time.UTC)}
	if m := y / 100 % 100; m < 1 || m > 12 || s.wall.Day() != y%100 || y < 10000 {
		return stamp{}, errMoment
	}
	if !timed {
		return s, nil
	}
	s.form = formLocal
	if rest, ok := strings.CutSuffix(clock, "Z"); ok {
		clock, s.form = rest, formUTC
	}
	if len(clock) == 4 {
		clock += "00"
	}
	c, err := digits(clock, 6)
	if err != nil || c/10000 > 23 || c/100%100 > 59 || c%100 > 60 {
		return stamp{}, errMoment
	}
	sec := min(c%100, 59) // RFC 5545 section 3.3.12: a leap second is the second before where it is not known
	s.wall = s.wall.Add(time.Duration(c/10000)*time.Hour + time.Duration(c/100%100)*time.Minute + time.Duration(sec)*time.Second)
	return s, nil
}

// digits reads exactly n digits.
func digits(s string, n int) (int, error) {
	if len(s) != n {
		return 0, errMoment
	}
	v := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, errMoment
		}
		v = v*10 + int(s[i]-'0')
	}
	return v, nil
}

// unescape undoes a TEXT's escapes. What is escaped without need, such as "\:", is itself.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if s[i] == 'n' || s[i] == 'N' {
			b.WriteByte('\n')
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// listed is one value of RDATE or EXDATE: a moment, a day, or a PERIOD (RFC 5545 section 3.3.9) with its own length.
type listed struct {
	start  stamp
	end    *stamp
	length *span
}

// stampList reads the comma-separated values of RDATE and EXDATE; what cannot be read is left out.
func stampList(p *prop) []listed {
	var out []listed
	for v := range strings.SplitSeq(p.value, ",") {
		begin, rest, period := strings.Cut(v, "/")
		s, err := parseMoment(begin)
		if err != nil {
			continue
		}
		l := listed{start: s.of(p)}
		if period {
			if d, err := parseSpan(rest); err == nil && !d.neg {
				l.length = &d
			} else if e, err := parseMoment(rest); err == nil {
				e = e.of(p)
				l.end = &e
			}
		}
		out = append(out, l)
	}
	return out
}
