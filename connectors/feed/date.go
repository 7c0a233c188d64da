package feed

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Feeds write dates in many ways. The parser of gofeed takes every zone name but UTC for UTC, so that a Korean notice of
// 09:00 KST would be of 18:00; dates are read here first.

// zoneHours are the names of zones that feeds use, by RFC 822 section 5 and beyond it, in minutes east of UTC. CST is
// America's, by that RFC.
var zoneHours = map[string]int{
	"UT": 0, "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 60, "BST": 60, "CET": 60, "CEST": 120, "MET": 60, "MEST": 120, "EET": 120,
	"EEST": 180, "MSK": 180, "IST": 330, "ICT": 420, "WIB": 420, "HKT": 480, "SGT": 480, "AWST": 480, "KST": 540, "KDT": 600, "JST": 540,
	"ACST": 570, "AEST": 600, "AEDT": 660, "NZST": 720, "NZDT": 780,
	"EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420, "AKST": -540, "HST": -600,
}

var dateLayouts = []string{
	time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04 -0700",
	"2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04 -0700", "2 Jan 06 15:04:05 -0700", "2 Jan 06 15:04 -0700", "2 January 2006 15:04:05 -0700",
	"Jan 2 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 -07:00", "Jan 2 15:04:05 2006 -0700",
}

// Without a zone they are in the one of the settings.
var localLayouts = []string{
	"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", "20060102150405", "20060102",
	"2 Jan 2006 15:04:05", "2 Jan 2006 15:04", "2 Jan 2006", "2 January 2006", "Jan 2 2006", "Jan 2 2006 15:04:05",
}

var (
	yearLast  = regexp.MustCompile(`\s([A-Z]{2,4})\s(\d{4})$`) // Java's Date.toString
	weekday   = regexp.MustCompile(`^\p{L}+\.?,?\s+`)
	lastWord  = regexp.MustCompile(`\s+\(?([A-Za-z]{1,4})\)?$`)
	noted     = regexp.MustCompile(`\s*\([^()]*\)$`)
	dots      = regexp.MustCompile(`^(\d{4})[./]\s?(\d{1,2})[./]\s?(\d{1,2})\.?`)
	korean12  = regexp.MustCompile(`(오전|오후)\s*(\d{1,2})(:\d{2})`)
	koreanDay = regexp.MustCompile(`^(\d{4})년\s*(\d{1,2})월\s*(\d{1,2})일`)
	koreanMon = regexp.MustCompile(`(\d{1,2})월`)
	months    = [...]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
)

// parseDate reads a date as feeds write it; zone is that of dates that name none. Zero: it cannot be read.
func parseDate(s string, zone *time.Location) time.Time {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 100 {
		return time.Time{}
	}
	s = plainKorean(s)
	s = dots.ReplaceAllStringFunc(s, func(d string) string {
		m := dots.FindStringSubmatch(d)
		return m[1] + "-" + two(m[2]) + "-" + two(m[3])
	})
	if !startsWithMonth(s) {
		s = weekday.ReplaceAllString(s, "")
	}
	s = yearLast.ReplaceAllString(strings.ReplaceAll(s, ",", ""), " $2 $1")
	if t, ok := withZone(s); ok {
		return t
	}
	for _, l := range localLayouts {
		if t, err := time.ParseInLocation(l, s, zone); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// withZone reads a date that names its zone, by offset or name.
func withZone(s string) (time.Time, bool) {
	if m := lastWord.FindStringSubmatch(s); m != nil {
		if minutes, known := zoneHours[strings.ToUpper(m[1])]; known {
			before := strings.TrimSuffix(s, m[0])
			if t, ok := numeric(before); ok { // "… +0900 (KST)": the offset is what counts
				return t, true
			}
			if t, ok := numeric(before + " +0000"); ok {
				return t.Add(-time.Duration(minutes) * time.Minute), true
			}
		}
	}
	return numeric(noted.ReplaceAllString(s, ""))
}

func numeric(s string) (time.Time, bool) {
	for _, l := range dateLayouts {
		if t, err := time.Parse(l, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// plainKorean turns what Korean systems write into what the others do: "월, 23 11월 2026 18:00:00 +0900", "2026년 11월 23일",
// "오후 6:00".
func plainKorean(s string) string {
	s = koreanDay.ReplaceAllStringFunc(s, func(d string) string {
		m := koreanDay.FindStringSubmatch(d)
		return m[1] + "-" + two(m[2]) + "-" + two(m[3])
	})
	s = koreanMon.ReplaceAllStringFunc(s, func(d string) string {
		m := strings.TrimSuffix(d, "월")
		for i, name := range months {
			if m == strconv.Itoa(i+1) || m == "0"+strconv.Itoa(i+1) {
				return name
			}
		}
		return d
	})
	return korean12.ReplaceAllStringFunc(s, func(d string) string {
		m := korean12.FindStringSubmatch(d)
		hour := 0
		for _, c := range m[2] {
			hour = hour*10 + int(c-'0')
		}
		if hour %= 12; m[1] == "오후" {
			hour += 12
		}
		return two(strconv.Itoa(hour)) + m[3]
	})
}

func startsWithMonth(s string) bool {
	for _, m := range months {
		if strings.HasPrefix(s, m) {
			return true
		}
	}
	return false
}

func two(s string) string {
	if len(s) == 1 {
		return "0" + s
	}
	return s
}
