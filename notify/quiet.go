package notify

import (
	"slices"
	"sync"
	"time"
)

// Quiet is when a person is not to be disturbed.
type Quiet struct {
	From string   `json:"from,omitempty"` // "22:00"; empty: no quiet hours
	To   string   `json:"to,omitempty"`   // "07:00"; not after From: on the next day
	Days []string `json:"days,omitempty"` // mon to sun, on which they begin; empty: every day
	Zone string   `json:"zone,omitempty"` // IANA; empty: the person's
	// HoldUrgent: urgent notices wait, too.
	HoldUrgent bool `json:"holdUrgent,omitempty"`
}

// IsZero tells whether there are no quiet hours.
func (q Quiet) IsZero() bool {
	return q.From == "" && q.To == "" && len(q.Days) == 0 && q.Zone == "" && !q.HoldUrgent
}

const clockFormat = "15:04"

// weekdays in the order of time.Weekday.
func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

func (q Quiet) validate(p *problems) {
	checkZone(p, "quiet.zone", q.Zone)
	for _, f := range []struct{ path, value string }{{"quiet.from", q.From}, {"quiet.to", q.To}} {
		if f.value == "" && q.From == "" && q.To == "" {
			continue
		}
		if _, err := time.Parse(clockFormat, f.value); err != nil {
			p.add(f.path, "must be a time of day such as 22:00")
		}
	}
	if len(q.Days) > 7 {
		p.add("quiet.days", "are more than seven")
		return
	}
	for i, d := range q.Days {
		if !slices.Contains(weekdays(), d) {
			p.add(indexed("quiet.days", i), "must be mon, tue, wed, thu, fri, sat or sun")
		}
	}
}

// until gives the end of the quiet hours that now lies in. The wall clock decides, so that they keep their hours when
// daylight saving begins or ends.
func (q Quiet) until(now time.Time, zone string) (end time.Time, quiet bool) {
	if q.From == "" || q.To == "" {
		return time.Time{}, false
	}
	if q.Zone != "" {
		zone = q.Zone
	}
	from, err1 := time.Parse(clockFormat, q.From)
	to, err2 := time.Parse(clockFormat, q.To)
	if err1 != nil || err2 != nil {
		return time.Time{}, false
	}
	here := now.In(location(zone))
	y, m, d := here.Date()
	for back := range 2 { // those that began today, or yesterday
		day := d - back
		begin := time.Date(y, m, day, from.Hour(), from.Minute(), 0, 0, here.Location())
		last := day
		if !to.After(from) {
			last++
		}
		end := time.Date(y, m, last, to.Hour(), to.Minute(), 0, 0, here.Location())
		weekday := weekdays()[time.Date(y, m, day, 12, 0, 0, 0, time.UTC).Weekday()]
		if (len(q.Days) == 0 || slices.Contains(q.Days, weekday)) && !now.Before(begin) && now.Before(end) {
			return end, true
		}
	}
	return time.Time{}, false
}

// zones remembers time zones: to load one reads a file. There are some hundreds.
var zones sync.Map //nolint:gochecknoglobals // a cache of what never changes

// location gives a zone that was checked before; an unknown one is UTC.
func location(name string) *time.Location {
	if l, ok := zones.Load(name); ok {
		return l.(*time.Location)
	}
	l, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return time.UTC // not kept: only known names fill the cache
	}
	zones.Store(name, l)
	return l
}
