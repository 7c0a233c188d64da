package ical

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// slow is how long one input may take on a loaded machine; see TestMegabytes for the bound on the work itself.
const slow = 20 * time.Second

func seeds(f *testing.F) {
	for _, s := range []string{
		string(ics(meeting("RRULE:FREQ=WEEKLY;COUNT=4", "EXDATE:20260310T010000Z", alarmOf("TRIGGER:-PT10M", "REPEAT:2", "DURATION:PT1M")),
			meeting("RECURRENCE-ID;RANGE=THISANDFUTURE:20260317T010000Z", "DTSTART:20260318T020000Z"))),
		string(ics(chore("DUE;VALUE=DATE:20260304", "RRULE:FREQ=DAILY"), alarmOf("TRIGGER;VALUE=DATE-TIME:20260304T000000Z"))),
		string(ics("BEGIN:VTIMEZONE", "TZID:C", "BEGIN:STANDARD", "DTSTART:16010101T000000", "RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11", "TZOFFSETFROM:+0900", "TZOFFSETTO:+0800", "END:STANDARD", "END:VTIMEZONE",
			"BEGIN:VEVENT", "UID:z", "DTSTART;TZID=C:20260310T100000", "RDATE;VALUE=PERIOD:20260305T010000/PT3H", "RRULE:FREQ=SECONDLY", "END:VEVENT")),
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\nX;A=b\nX;A=\"b\"c:1\nEND:VEVENT\nEND:VCALENDAR", "BEGIN:VEVENT\nBEGIN:VEVENT\nBEGIN:VALARM\nEND:VEVENT", "\xef\xbb\xbfBEGIN:VCALENDAR\rEND:VCALENDAR\r",
		"BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260101\r\nSUMMARY:\xbe\xc8\xb3\xe7\r\n \\, \\:\r\nEND:VEVENT",
	} {
		f.Add([]byte(s))
	}
}

// FuzzParse: any bytes give a calendar or an error, soon; what is kept of it is valid UTF-8 and is read again as the same.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		began := time.Now()
		cal, err := Parse(data, "")
		if took := time.Since(began); took > slow {
			t.Errorf("%d bytes took %s", len(data), took)
		}
		if err != nil {
			return
		}
		for _, o := range cal.Objects {
			kept := o.Bytes()
			if !utf8.Valid(kept) {
				t.Errorf("not UTF-8: %q", kept)
			}
			again, err := Parse(kept, "")
			if err != nil || len(again.Objects) != 1 || !again.Complete || again.Objects[0].UID != o.UID || again.Objects[0].Hash() != o.Hash() {
				t.Errorf("kept as\n%q\nread again as %+v %v", kept, again, err)
			}
		}
	})
}

// FuzzLook: any object can be looked at, in bounded work, and gives only what the domain takes.
func FuzzLook(f *testing.F) {
	seeds(f)
	r := NewReader()
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		f.Fatal(err)
	}
	owner := Owner{Addresses: []string{"kim@example.com"}, Zone: seoul, Foreign: true, Reminder: 10 * time.Minute}
	f.Fuzz(func(t *testing.T, data []byte) {
		cal, err := Parse(data, "")
		if err != nil {
			return
		}
		var last *Object
		for _, o := range cal.Objects[:min(len(cal.Objects), 10)] {
			for _, c := range []Change{{New: o}, {Old: o}, {Old: last, New: o}} {
				c.Owner, c.Now = owner, now
				began := time.Now()
				out := r.Look(c)
				if took := time.Since(began); took > slow {
					t.Errorf("took %s", took)
				}
				for _, e := range out.Events {
					check(t, "event", e)
				}
				for _, m := range out.Reminders {
					if m.FireAt.Before(now) || m.FireAt.After(now.Add(Horizon)) || m.Event.Told == "" || m.Alarm == "" || !m.Until.IsZero() && !m.Until.After(m.FireAt) {
						t.Errorf("%+v", m)
					}
				}
			}
			last = o
		}
	})
}

// FuzzRule: any rule keeps to its budget, and its instances to their order and stretch.
func FuzzRule(f *testing.F) {
	for _, s := range []string{"FREQ=SECONDLY", "FREQ=MINUTELY;INTERVAL=1440;BYHOUR=5", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=MONTHLY;BYDAY=-1FR;BYSETPOS=-1;COUNT=3", "freq=weekly;byday=mo,tu;wkst=su;",
		"FREQ=HOURLY;BYYEARDAY=-1;BYSECOND=1,2;COUNT=999999999", "FREQ=YEARLY;BYWEEKNO=53,-53;UNTIL=20300101", "FREQ=DAILY;INTERVAL=100000000"} {
		f.Add(s, int64(1767225600), int64(1772409600), int64(40))
	}
	f.Fuzz(func(t *testing.T, text string, start, from, days int64) {
		r, err := parseRule(text)
		if err != nil {
			return
		}
		const year = 366 * secondsPerDay
		limit := func(at int64) time.Time { return time.Unix(min(max(at, -100*year), 200*year), 0).UTC() }
		b := &budget{left: lookBudget}
		s := stretch{start: limit(start), from: limit(from), to: limit(from).Add(time.Duration(min(max(days, 0), 4000)) * 24 * time.Hour)}
		s.until = r.until(false, func(m stamp) time.Time { return m.wall })
		var last time.Time
		n := 0
		r.walk(s, b, func(at time.Time) bool {
			if n++; n > 1 && !at.After(last) || at.Before(s.from) || at.After(s.to) || at.Before(s.start) || !s.until.IsZero() && at.After(s.until) || n > lookBudget || r.count > 0 && n > r.count {
				t.Fatalf("%s: instance %d at %s after %s in %+v", text, n, at, last, s)
			}
			last = at
			return true
		})
	})
}

// TestMegabytes: the worst megabytes that we know take work that grows with them and not faster. Work is counted in
// allocations, which do not depend on the machine: at most so many for each kilobyte.
func TestMegabytes(t *testing.T) {
	fill := func(s string) string { return strings.Repeat(s, 1<<20/len(s)) }
	event := func(body string) string {
		return "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART:20260303T010000Z\r\n" + body + "END:VEVENT\r\nEND:VCALENDAR\r\n"
	}
	r := NewReader()
	for name, data := range map[string]string{
		"events":      "BEGIN:VCALENDAR\r\n" + fill("BEGIN:VEVENT\r\nDTSTART:20260303T010000Z\r\nEND:VEVENT\r\n"),
		"overrides":   "BEGIN:VCALENDAR\r\n" + fill("BEGIN:VEVENT\r\nUID:a\r\nDTSTART:20260303T010000Z\r\nRECURRENCE-ID:20260303T010000Z\r\nEND:VEVENT\r\n"),
		"overridden":  "BEGIN:VCALENDAR\r\n" + meeting("RRULE:FREQ=MINUTELY") + "\r\n" + manyOverrides(5000),
		"alarms":      event("RRULE:FREQ=MINUTELY\r\n" + fill("BEGIN:VALARM\r\nTRIGGER:-PT1M\r\nREPEAT:50\r\nDURATION:PT1M\r\nEND:VALARM\r\n")),
		"absolute":    event("RRULE:FREQ=MINUTELY\r\n" + fill("BEGIN:VALARM\r\nTRIGGER:20260304T000000Z\r\nREPEAT:50\r\nDURATION:PT1M\r\nEND:VALARM\r\n")),
		"attendees":   event("RRULE:FREQ=MINUTELY\r\n" + fill("ATTENDEE:mailto:k@example.com\r\n")),
		"rules":       event(fill("RRULE:FREQ=SECONDLY\r\n")),
		"exrules":     event("RRULE:FREQ=SECONDLY\r\n" + fill("EXRULE:FREQ=MINUTELY\r\n")),
		"exdates":     event("RRULE:FREQ=MINUTELY\r\nEXDATE:" + strings.Repeat("20260303T010000Z,", 7000) + "\r\n"),
		"rdates":      event("RDATE:" + strings.Repeat("20260303T010000Z,", 7000) + "\r\n"),
		"zones":       "BEGIN:VCALENDAR\r\n" + manyZones(8000),
		"observances": "BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:C\r\n" + fill("BEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0900\r\nTZOFFSETTO:+0800\r\nRRULE:FREQ=HOURLY\r\nEND:STANDARD\r\n") + "END:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART;TZID=C:20260303T010000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		"folds":       event("SUMMARY:" + fill("a\r\n ")),
		"escapes":     event("SUMMARY:" + fill(`\\`) + "\r\n"),
		"quotes":      event(`X;A="` + strings.Repeat(`a"b`, 1<<18) + ":c\r\n"),
		"returns":     event(fill("\r")),
		"lines":       event(fill("X-A\n")),
	} {
		var looked, kept int
		allocs := testing.AllocsPerRun(1, func() {
			looked, kept = 0, 0
			cal, err := Parse([]byte(data), "")
			if err != nil {
				return
			}
			for _, o := range cal.Objects {
				if looked++; looked <= 100 {
					out := r.Look(Change{New: o, Owner: Owner{Foreign: true, Reminder: time.Minute, Addresses: []string{"k@example.com"}}, Now: now})
					kept += len(o.Bytes()) + len(out.Reminders)
				}
			}
		})
		if most := float64(800 * len(data) >> 10); allocs > most {
			t.Errorf("%s: %.0f allocations for %d bytes, want at most %.0f", name, allocs, len(data), most)
		}
		if kept > 3*len(data)+100_000 {
			t.Errorf("%s: %d bytes kept of %d", name, kept, len(data))
		}
	}
}

func manyZones(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "BEGIN:VTIMEZONE\r\nTZID:C%d\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:%d\r\nDTSTART;TZID=C%d:20260303T010000\r\nEND:VEVENT\r\n", i, i, i)
	}
	return b.String()
}
