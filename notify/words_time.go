package notify

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// reader is in whose language and time zone times are written.
type reader struct {
	lang string
	zone *time.Location
	utc  bool // the reader has no zone: it is said that times are in UTC
	year int  // of the notice: another one is written out
}

func newReader(v Variant, at time.Time) reader {
	r := reader{lang: Language(v.Locale), zone: time.UTC, utc: true}
	if v.TimeZone != "" {
		if zone, err := time.LoadLocation(v.TimeZone); err == nil {
			r.zone, r.utc = zone, false
		}
	}
	if !at.IsZero() {
		r.year = at.In(r.zone).Year()
	}
	return r
}

// point is a moment in the reader's zone, or a day.
type point struct {
	t     time.Time
	day   bool
	local bool // a time without a zone: it is the same on every wall
}

// localTime is how a time without a zone is written.
const localTime = "2006-01-02T15:04:05"

// point reads a moment (RFC 3339), a time without a zone (2006-01-02T15:04:05) or a day (2006-01-02).
func (r reader) point(s string) (point, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return point{t: t.In(r.zone)}, true
	}
	if t, err := time.Parse(localTime, s); err == nil {
		return point{t: t, local: true}, true
	}
	t, err := time.Parse(time.DateOnly, s)
	return point{t: t, day: true}, err == nil
}

// span writes a start with its end, which may be missing; empty when there is no start.
func (r reader) span(start, end string) string {
	from, ok := r.point(start)
	if !ok {
		return ""
	}
	out := r.day(from)
	if !from.day {
		out += r.clock(from)
	}
	to, ok := r.point(end)
	if ok && to.day == from.day && to.local == from.local && to.t.After(from.t) {
		switch sameDay := from.t.Format(time.DateOnly) == to.t.Format(time.DateOnly); {
		case from.day:
			out += r.dash() + r.day(to)
		case sameDay:
			out += strings.TrimSpace(r.dash()) + to.t.Format("15:04")
		default:
			out += r.dash() + r.day(to) + r.clock(to)
		}
	}
	if !from.day && !from.local && r.utc {
		out += " UTC"
	}
	return out
}

func (r reader) dash() string {
	if r.lang == "ko" {
		return " ~ "
	}
	return " – "
}

// clock writes the time of a day that is written before it.
func (r reader) clock(p point) string {
	if r.lang == "ko" {
		return p.t.Format(" 15:04")
	}
	return p.t.Format(", 15:04")
}

var koreanDays = [...]string{"일", "월", "화", "수", "목", "금", "토"}

// day writes the day; its year only when it is not that of the notice.
func (r reader) day(p point) string {
	other := r.year != 0 && p.t.Year() != r.year
	if r.lang == "ko" {
		s := fmt.Sprintf("%d월 %d일(%s)", int(p.t.Month()), p.t.Day(), koreanDays[p.t.Weekday()])
		if other {
			s = fmt.Sprintf("%d년 %s", p.t.Year(), s)
		}
		return s
	}
	if other {
		return p.t.Format("Mon 2 Jan 2006")
	}
	return p.t.Format("Mon 2 Jan")
}

// lead says how long it is from a reminder's moment to the start, or since it; now is "true" at the start itself. A day
// has no moment.
func (r reader) lead(seconds string, day bool) (in, ago, now string) {
	n, err := strconv.ParseInt(seconds, 10, 64)
	switch {
	case err != nil || day:
		return "", "", ""
	case n >= 60:
		return r.duration(n), "", ""
	case n <= -60:
		return "", r.duration(-n), ""
	default:
		return "", "", "true"
	}
}

// units of a duration, and their words.
var units = []struct {
	seconds  int64
	en, many string
	ko       string
}{
	{7 * 24 * 3600, "week", "weeks", "주"}, {24 * 3600, "day", "days", "일"}, {3600, "hour", "hours", "시간"}, {60, "minute", "minutes", "분"},
}

// duration writes the two greatest units: "1 hour 30 minutes".
func (r reader) duration(seconds int64) string {
	var parts []string
	for _, u := range units {
		n := seconds / u.seconds
		if n == 0 {
			if len(parts) > 0 {
				break
			}
			continue
		}
		seconds -= n * u.seconds
		switch {
		case r.lang == "ko":
			parts = append(parts, strconv.FormatInt(n, 10)+u.ko)
		case n == 1:
			parts = append(parts, "1 "+u.en)
		default:
			parts = append(parts, strconv.FormatInt(n, 10)+" "+u.many)
		}
		if len(parts) == 2 {
			break
		}
	}
	return strings.Join(parts, " ")
}
