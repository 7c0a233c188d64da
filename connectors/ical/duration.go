package ical

import (
	"errors"
	"math"
	"strings"
	"time"
)

// span is a DURATION (RFC 5545 section 3.3.6): its days and weeks are nominal, so that they keep the time on the wall over a
// change of daylight saving; its hours, minutes and seconds are exact.
type span struct {
	neg   bool
	days  int
	exact time.Duration
}

var errSpan = errors.New("is no duration")

const maxDays = 100 * 366

// parseSpan reads "P1W", "-P1DT2H", "PT15M", "+PT90S"; lower case is forgiven. No part may come to more than a century.
func parseSpan(v string) (span, error) {
	var d span
	v = strings.ToUpper(strings.TrimSpace(v))
	if rest, ok := strings.CutPrefix(v, "-"); ok {
		d.neg, v = true, rest
	} else {
		v = strings.TrimPrefix(v, "+")
	}
	v, ok := strings.CutPrefix(v, "P")
	if !ok || v == "" {
		return d, errSpan
	}
	timed := false
	for v != "" {
		if v[0] == 'T' && !timed {
			timed, v = true, v[1:]
			continue
		}
		n, unit, rest, ok := spanPart(v)
		if !ok || !d.add(n, unit, timed) {
			return d, errSpan
		}
		v = rest
	}
	return d, nil
}

// spanPart takes one number and its unit off.
func spanPart(v string) (n int64, unit byte, rest string, ok bool) {
	i := 0
	for i < len(v) && i < 12 && v[i] >= '0' && v[i] <= '9' {
		n = n*10 + int64(v[i]-'0')
		i++
	}
	if i == 0 || i == len(v) {
		return 0, 0, "", false
	}
	return n, v[i], v[i+1:], true
}

func (d *span) add(n int64, unit byte, timed bool) bool {
	const century = math.MaxInt64 / 3
	unitOf := map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second}[unit]
	switch {
	case !timed && unit == 'W' && n <= maxDays/7:
		d.days += int(n) * 7
	case !timed && unit == 'D' && n <= maxDays:
		d.days += int(n)
	case timed && unitOf > 0 && n < century/int64(unitOf):
		d.exact += time.Duration(n) * unitOf
	default:
		return false
	}
	return d.days <= 2*maxDays && d.exact < century && d.exact >= 0
}

// about is the length with days of 24 hours.
func (d span) about() time.Duration {
	t := time.Duration(d.days)*24*time.Hour + d.exact
	if d.neg {
		return -t
	}
	return t
}

// after gives the moment that lies this span after t, whose days are those of loc.
func (d span) after(t time.Time, loc *time.Location) time.Time {
	days, exact := d.days, d.exact
	if d.neg {
		days, exact = -days, -exact
	}
	if days != 0 {
		t = moment(wallOf(t, loc).AddDate(0, 0, days), loc)
	}
	return t.Add(exact)
}
