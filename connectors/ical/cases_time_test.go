package ical

import (
	"strings"
	"testing"
	"time"
)

// starts gives the starts of an object's instances in a stretch, in UTC and in short, cancelled ones left out.
func starts(t *testing.T, o *Object, owner Owner, from, to string) string {
	t.Helper()
	at := func(s string) time.Time {
		m, err := parseMoment(s)
		if err != nil {
			t.Fatal(err)
		}
		return m.wall
	}
	var n notes
	s := NewReader().openSeries(o, owner, now, &n)
	var all []string
	for _, i := range s.between(at(from), at(to)) {
		if !s.cancelled(i.e) {
			all = append(all, i.start.UTC().Format("01-02T15:04"))
		}
	}
	for _, note := range n.list {
		all = append(all, "!"+note)
	}
	return strings.Join(all, " ")
}

// TestInstances: recurrence with all that makes, moves and takes out instances.
func TestInstances(t *testing.T) {
	const all = "20260302 20260331"
	for name, c := range map[string]struct {
		parts []string
		want  string
	}{
		"40 moved instance": {[]string{meeting("RRULE:FREQ=WEEKLY;COUNT=3"), meeting("RECURRENCE-ID:20260310T010000Z", "DTSTART:20260311T050000Z", "DTEND:20260311T060000Z")},
			"03-03T01:00 03-11T05:00 03-17T01:00"},
		"40 id in another zone": {[]string{meeting("RRULE:FREQ=WEEKLY;COUNT=3"), meeting("RECURRENCE-ID;TZID=Asia/Seoul:20260310T100000", "DTSTART:20260311T050000Z", "DTEND:20260311T060000Z")},
			"03-03T01:00 03-11T05:00 03-17T01:00"},
		"40 id as a day": {[]string{meeting("RRULE:FREQ=WEEKLY;COUNT=3"), meeting("RECURRENCE-ID;VALUE=DATE:20260310", "DTSTART:20260311T050000Z", "DTEND:20260311T060000Z")},
			"03-03T01:00 03-11T05:00 03-17T01:00"},
		"40 cancelled instance": {[]string{meeting("RRULE:FREQ=WEEKLY;COUNT=3"), meeting("RECURRENCE-ID:20260310T010000Z", "STATUS:CANCELLED")}, "03-03T01:00 03-17T01:00"},
		"40 only the instance":  {[]string{meeting("RECURRENCE-ID:20260310T010000Z", "DTSTART:20260311T050000Z", "DTEND:20260311T060000Z")}, "03-11T05:00"},
		"41 list":               {[]string{meeting("RRULE:FREQ=WEEKLY;COUNT=4", "EXDATE:20260310T010000Z,20260324T010000Z")}, "03-03T01:00 03-17T01:00"},
		"41 lines":              {[]string{meeting("RRULE:FREQ=WEEKLY;COUNT=4", "EXDATE:20260310T010000Z", "EXDATE:20260324T010000Z")}, "03-03T01:00 03-17T01:00"},
		"41 other zone":         {[]string{meeting("RRULE:FREQ=WEEKLY;COUNT=4", "EXDATE;TZID=America/New_York:20260309T210000")}, "03-03T01:00 03-17T01:00 03-24T01:00"},
		"41 days": {[]string{meeting("DTSTART;TZID=Asia/Seoul:20260303T080000", "DTEND;TZID=Asia/Seoul:20260303T090000", "RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE;VALUE=DATE:20260310")},
			"03-02T23:00 03-16T23:00"},
		"41 days without VALUE": {[]string{meeting("DTSTART;TZID=Asia/Seoul:20260303T080000", "DTEND;TZID=Asia/Seoul:20260303T090000", "RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE:20260310")},
			"03-02T23:00 03-16T23:00"},
		"41 all-day, as a moment": {[]string{meeting("DTSTART;VALUE=DATE:20260303", "-DTEND", "RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE:20260310T000000")}, "03-02T15:00 03-16T15:00"},
		"41 the first":            {[]string{meeting("RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE:20260303T010000Z")}, "03-10T01:00 03-17T01:00"},
		"42 this and future": {[]string{meeting("RRULE:FREQ=WEEKLY;COUNT=4"), meeting("RECURRENCE-ID;RANGE=THISANDFUTURE:20260317T010000Z", "DTSTART:20260318T020000Z", "DTEND:20260318T030000Z")},
			"03-03T01:00 03-10T01:00 03-18T02:00 03-25T02:00"},
		"42 this and future, one of them else": {[]string{meeting("RRULE:FREQ=WEEKLY;COUNT=4"), meeting("RECURRENCE-ID;RANGE=THISANDFUTURE:20260310T010000Z", "DTSTART:20260311T020000Z", "DTEND:20260311T030000Z"),
			meeting("RECURRENCE-ID:20260324T010000Z", "DTSTART:20260327T010000Z", "DTEND:20260327T020000Z")}, "03-03T01:00 03-11T02:00 03-18T02:00 03-27T01:00"},
		"42 this and future cancelled": {[]string{meeting("RRULE:FREQ=WEEKLY"), meeting("RECURRENCE-ID;RANGE=THISANDFUTURE:20260317T010000Z", "STATUS:CANCELLED")}, "03-03T01:00 03-10T01:00"},
		"42 split":                     {[]string{meeting("RRULE:FREQ=WEEKLY;UNTIL=20260312T000000Z")}, "03-03T01:00 03-10T01:00"},
		"44 gap":                       {[]string{meeting("DTSTART;TZID=America/New_York:20260307T023000", "-DTEND", "RRULE:FREQ=DAILY;COUNT=3")}, "03-07T07:30 03-08T07:30 03-09T06:30"},
		"44 fold":                      {[]string{meeting("DTSTART;TZID=America/New_York:20261031T013000", "-DTEND", "RRULE:FREQ=DAILY;COUNT=3")}, ""},
		"45 same time on the wall": {[]string{meeting("DTSTART;TZID=Europe/Berlin:20260323T090000", "DTEND;TZID=Europe/Berlin:20260323T100000", "RRULE:FREQ=WEEKLY;COUNT=2")},
			"03-23T08:00 03-30T07:00"},
		"RDATE":          {[]string{meeting("RDATE:20260305T010000Z,20260307T030000Z")}, "03-03T01:00 03-05T01:00 03-07T03:00"},
		"RDATE period":   {[]string{meeting("RDATE;VALUE=PERIOD:20260305T010000Z/PT3H,20260307T010000Z/20260307T040000Z")}, "03-03T01:00 03-05T01:00 03-07T01:00"},
		"RDATE day":      {[]string{meeting("RDATE;VALUE=DATE:20260305")}, "03-03T01:00 03-05T01:00"},
		"RDATE and rule": {[]string{meeting("RRULE:FREQ=WEEKLY;COUNT=2", "RDATE:20260305T010000Z,20260310T010000Z")}, "03-03T01:00 03-05T01:00 03-10T01:00"},
		"two rules":      {[]string{strings.Replace(meeting("RRULE:FREQ=WEEKLY;COUNT=2"), "\nEND:", "\nRRULE:FREQ=DAILY;COUNT=2\nEND:", 1)}, "03-03T01:00 03-04T01:00 03-10T01:00"},
		"EXRULE":         {[]string{meeting("RRULE:FREQ=DAILY;COUNT=5", "EXRULE:FREQ=DAILY;INTERVAL=2")}, "03-04T01:00 03-06T01:00"},
		"lower case":     {[]string{meeting("RRULE:freq=weekly;count=2;byday=tu;")}, "03-03T01:00 03-10T01:00"},
		"unknown parts":  {[]string{meeting("RRULE:FREQ=WEEKLY;X-FOO=1;COUNT=2;FOO=BAR;;RSCALE=GREGORIAN")}, "03-03T01:00 03-10T01:00"},
		"other calendar": {[]string{meeting("RRULE:RSCALE=CHINESE;FREQ=YEARLY")}, "03-03T01:00 !event recurs by another calendar than the Gregorian, which is not understood (RSCALE)"},
		"SKIP": {[]string{meeting("RRULE:FREQ=WEEKLY;COUNT=1;RSCALE=GREGORIAN;SKIP=FORWARD")},
			"03-03T01:00 !event has a recurrence rule with SKIP, which is not understood: days that do not exist are left out"},
		"no rule at all":         {[]string{meeting("RRULE:every tuesday")}, "03-03T01:00 !event has a recurrence rule that cannot be read: it has no FREQ"},
		"count of the unmatched": {[]string{meeting("RRULE:FREQ=WEEKLY;BYDAY=WE;COUNT=3")}, "03-03T01:00 03-04T01:00 03-11T01:00"},
		"until a day":            {[]string{meeting("RRULE:FREQ=DAILY;UNTIL=20260305")}, "03-03T01:00 03-04T01:00 03-05T01:00"},
		"until, all-day":         {[]string{meeting("DTSTART;VALUE=DATE:20260303", "-DTEND", "RRULE:FREQ=DAILY;UNTIL=20260304T145959Z")}, "03-02T15:00 03-03T15:00"},
		"an older series":        {[]string{meeting("DTSTART:20060103T010000Z", "DTEND:20060103T020000Z", "RRULE:FREQ=WEEKLY;BYDAY=TU")}, "03-03T01:00 03-10T01:00 03-17T01:00 03-24T01:00 03-31T01:00"},
	} {
		from, to, _ := strings.Cut(all, " ")
		got := starts(t, object(t, c.parts...), kim(t), from, to+"T235959")
		if c.want == "" { // in the autumn
			got, c.want = starts(t, object(t, c.parts...), kim(t), "20261030", "20261104"), "10-31T05:30 11-01T05:30 11-02T06:30"
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestCase43_Zones: all ways to name a time zone come to the same moment.
func TestCase43_Zones(t *testing.T) {
	custom := func(tzid, more string) string {
		return "BEGIN:VTIMEZONE\nTZID:" + tzid + "\n" + more + "BEGIN:STANDARD\nDTSTART:16010101T000000\nTZOFFSETFROM:+0900\nTZOFFSETTO:+0900\nEND:STANDARD\nEND:VTIMEZONE"
	}
	newYork := "BEGIN:VTIMEZONE\nTZID:Head office\nBEGIN:STANDARD\nDTSTART:16011101T020000\nRRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11\nTZOFFSETFROM:-0400\nTZOFFSETTO:-0500\nEND:STANDARD\n" +
		"BEGIN:DAYLIGHT\nDTSTART:16010301T020000\nRRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0400\nEND:DAYLIGHT\nEND:VTIMEZONE"
	wrong := strings.ReplaceAll(custom("Korea Standard Time", ""), "+0900", "+0300") // the name is trusted more
	unknown := "!an unknown time zone is taken for "
	for _, c := range []struct{ tzid, more, want string }{
		{"Asia/Seoul", "", "03-10T01:00"},
		{"asia/seoul", "", "03-10T01:00"},
		{"Korea Standard Time", "", "03-10T01:00"},
		{"Korea Standard Time", wrong, "03-10T01:00"},
		{"(UTC+09:00) Seoul", "", "03-10T01:00"},
		{"(GMT+09:00) Osaka, Sapporo, Tokyo", "", "03-10T01:00"},
		{"(UTC-05:00) Eastern Time (US & Canada)", "", "03-10T14:00"},
		{"(UTC-08:00) Pacific Time (US & Canada)", "", "03-10T17:00"},
		{"(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "", "03-10T09:00"},
		{"(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi", "", "03-10T04:30"},
		{"(UTC) Coordinated Universal Time", "", "03-10T10:00"},
		{"(UTC+09:00) Nowhere", "", "03-10T01:00"},
		{"UTC+9", "", "03-10T01:00"}, {"GMT-0330", "", "03-10T13:30"}, {"KST", "", "03-10T01:00"}, {"Etc/GMT-9", "", "03-10T01:00"},
		{"W. Europe Standard Time 1", "", "03-10T09:00"}, {"Eastern Daylight Time", "", "03-10T14:00"}, {"Eastern", "", "03-10T14:00"},
		{"/freeassociation.sourceforge.net/Tzfile/Asia/Seoul", "", "03-10T01:00"},
		{"/mozilla.org/20050126_1/America/Argentina/Buenos_Aires", "", "03-10T13:00"},
		{"tzone://Microsoft/Utc", "", "03-10T10:00"},
		{"Custom", custom("Custom", ""), "03-10T01:00"},
		{"Custom", custom("Custom", "X-LIC-LOCATION:America/New_York\n"), "03-10T14:00"},
		{"Head office", newYork, "03-10T14:00"},
		{"Nowhere", "", "03-10T01:00 " + unknown + "the person's"},
		{"Nowhere", "X-WR-TIMEZONE:Europe/Paris", "03-10T09:00 " + unknown + "the calendar's"},
		{"Bad", strings.ReplaceAll(custom("Bad", ""), "+0900", "nine"), "03-10T01:00 !a VTIMEZONE has a bad UTC offset " + unknown + "the person's"},
		{"Bad", "BEGIN:VTIMEZONE\nTZID:Bad\nEND:VTIMEZONE", "03-10T01:00 !a VTIMEZONE has no STANDARD or DAYLIGHT that can be read " + unknown + "the person's"},
	} {
		tzid := c.tzid
		if strings.ContainsAny(tzid, ":;,") {
			tzid = `"` + tzid + `"`
		}
		o := object(t, c.more, "BEGIN:VEVENT", "UID:z", "DTSTART;TZID="+tzid+":20260310T100000", "END:VEVENT")
		again := object(t, string(o.Bytes())) // what is kept has its zones with it
		for _, o := range []*Object{o, again} {
			if got := starts(t, o, kim(t), "20260309", "20260312"); got != c.want {
				t.Errorf("%s: %s, want %s", c.tzid, got, c.want)
			}
		}
	}
	// A zone that only the collection knows.
	o := object(t, "BEGIN:VEVENT", "UID:z", "DTSTART;TZID=Nowhere:20260310T100000", "END:VEVENT")
	owner := kim(t)
	owner.CalendarZone = string(ics(newYork))
	if got := starts(t, o, owner, "20260309", "20260312"); got != "03-10T14:00 "+unknown+"the calendar's" {
		t.Error(got)
	}
}

// TestCase44_GapAndFold: as RFC 5545 section 3.3.5 has them.
func TestCase44_GapAndFold(t *testing.T) {
	for _, c := range []struct{ zone, wall, want string }{
		{"America/New_York", "2026-03-08T01:59:59", "2026-03-08T06:59:59Z"},
		{"America/New_York", "2026-03-08T02:30:00", "2026-03-08T07:30:00Z"},
		{"America/New_York", "2026-03-08T03:00:00", "2026-03-08T07:00:00Z"},
		{"America/New_York", "2026-11-01T01:30:00", "2026-11-01T05:30:00Z"},
		{"America/New_York", "2026-11-01T02:00:00", "2026-11-01T07:00:00Z"},
		{"Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00Z"},
		{"Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"},
		{"Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:45:00Z"}, // half an hour
		{"Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T22:00:00Z"},        // a day that was not
		{"Asia/Seoul", "2026-03-08T02:30:00", "2026-03-07T17:30:00Z"},
	} {
		wall, err := time.Parse("2006-01-02T15:04:05", c.wall)
		if err != nil {
			t.Fatal(err)
		}
		if got := moment(wall, zoneOf(t, c.zone)).Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.wall, c.zone, got, c.want)
		}
	}
}

// TestCase45_NominalAndExact: days keep the time on the wall, hours do not.
func TestCase45_NominalAndExact(t *testing.T) {
	berlin := zoneOf(t, "Europe/Berlin")
	before := time.Date(2026, 3, 28, 9, 0, 0, 0, berlin)
	for d, want := range map[string]string{"P1D": "03-29T09:00", "PT24H": "03-29T10:00", "P1W": "04-04T09:00", "P1DT2H": "03-29T11:00", "-P1D": "03-27T09:00", "+p1d": "03-29T09:00"} {
		s, err := parseSpan(d)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.after(before, berlin).In(berlin).Format("01-02T15:04"); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
	for _, bad := range []string{"", "P", "1D", "P1", "PD", "P1H", "PT1D", "P1D1", "P99999999999D", "PT9999999999999S", "P-1D", "P1.5D"} {
		if s, err := parseSpan(bad); err == nil && (s.days != 0 || s.exact != 0) {
			t.Errorf("%q is %+v", bad, s)
		}
	}
	// A meeting over the night in which the clocks change: DTEND gives an exact length to all instances, DURATION a nominal one.
	night := func(end string) string {
		o := object(t, meeting("DTSTART;TZID=Europe/Berlin:20260327T220000", end, "RRULE:FREQ=DAILY;COUNT=2"))
		var n notes
		s := NewReader().openSeries(o, Owner{}, now, &n)
		all := s.between(now, now.AddDate(0, 2, 0))
		return all[1].end.In(berlin).Format("01-02T15:04")
	}
	if a, b := night("DTEND;TZID=Europe/Berlin:20260328T220000"), strings.Replace(night("DTEND;TZID=Europe/Berlin:20260328T220000"), "", "", 1); a != "03-29T23:00" || a != b {
		t.Error(a)
	}
	o := object(t, strings.Replace(meeting("DTSTART;TZID=Europe/Berlin:20260328T220000", "-DTEND"), "\nEND:", "\nDURATION:P1D\nEND:", 1))
	if got := NewReader().Look(Change{New: o, Owner: kim(t), Now: now}).Events[0].Params["end"]; got != "2026-03-29T20:00:00Z" {
		t.Error(got)
	}
}

// TestCase46_OwnZone: floating times and whole days are each person's own.
func TestCase46_OwnZone(t *testing.T) {
	for name, c := range map[string]struct{ start, want string }{
		"floating":              {"DTSTART:20260310T090000", "2026-03-10T09:00:00"},
		"all-day":               {"DTSTART;VALUE=DATE:20260310", "2026-03-10"},
		"all-day without VALUE": {"DTSTART:20260310", "2026-03-10"},
	} {
		for _, zone := range []string{"Asia/Seoul", "America/New_York"} {
			owner := kim(t)
			owner.Zone, owner.Reminder = zoneOf(t, zone), 10*time.Minute
			out := NewReader().Look(Change{New: object(t, meeting(c.start, "-DTEND")), Owner: owner, Now: now})
			if got := out.Events[0].Params["start"]; got != c.want {
				t.Errorf("%s in %s: %s, want %s", name, zone, got, c.want)
			}
			fire := "03-10T08:50"
			if name != "floating" {
				fire = "03-10T09:00"
			}
			if got := rings(out.Reminders, owner.Zone); got != fire {
				t.Errorf("%s in %s: reminded at %s", name, zone, got)
			}
		}
	}
	// Three days: the last is the 12th, and it is not over in the evening of it, where the person is.
	c := Change{New: object(t, meeting("DTSTART;VALUE=DATE:20260310", "DTEND;VALUE=DATE:20260313")), Owner: kim(t), Now: time.Date(2026, 3, 12, 14, 59, 0, 0, time.UTC)}
	out := NewReader().Look(c)
	if got := says(out.Events, "start", "end", "allDay"); got != "created 2026-03-10 2026-03-12 true" {
		t.Error(got)
	}
	c.Now = c.Now.Add(2 * time.Minute)
	if out := NewReader().Look(c); len(out.Events) > 0 {
		t.Error(out.Events)
	}
}

// TestCase52_HostileRules: each costs no more than its budget, is flagged where something is missing, and still gives what
// can be known. The work is counted, not timed: a step is some ten nanoseconds.
func TestCase52_HostileRules(t *testing.T) {
	for rule, c := range map[string]struct {
		most    int // steps
		flagged bool
	}{
		"FREQ=SECONDLY":                                    {lookBudget, true},
		"FREQ=MINUTELY;INTERVAL=1440;BYHOUR=5":             {10_000, false},
		"FREQ=MINUTELY":                                    {lookBudget, true},
		"FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30":            {10_000, false},
		"FREQ=SECONDLY;INTERVAL=86399;BYHOUR=1;BYMINUTE=3": {100_000, false},
		"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30":              {10_000, false},
		"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31":               {20_000, false},
		"FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYMONTH=6":       {10_000, false},
		"FREQ=SECONDLY;COUNT=1000000000":                   {lookBudget, true},
		"FREQ=SECONDLY;BYSECOND=1;COUNT=1000000000":        {lookBudget, true},
		"FREQ=DAILY;BYHOUR=" + count(24) + ";BYMINUTE=" + count(60) + ";BYSECOND=" + count(60):                                 {lookBudget, true},
		"FREQ=YEARLY;BYYEARDAY=1,2;BYHOUR=" + count(24) + ";BYMINUTE=" + count(60) + ";BYSECOND=" + count(60) + ";BYSETPOS=-1": {20_000, false},
		"FREQ=YEARLY;INTERVAL=100000000":   {2000, false},
		"FREQ=SECONDLY;INTERVAL=100000000": {2000, false},
	} {
		o := object(t, meeting("DTSTART:20000101T090000Z", "DTEND:20000101T100000Z", "RRULE:"+rule, alarmOf("TRIGGER:-PT15M")))
		var n notes
		s := NewReader().openSeries(o, kim(t), now, &n)
		l := look{Change: Change{New: o, Owner: kim(t), Now: now}, new: s}
		l.events()
		rings := l.rings()
		if used := lookBudget - s.b.left; used > c.most || (len(n.list) > 0) != c.flagged {
			t.Errorf("%.60s: %d steps, notes %v", rule, used, n.list)
		}
		if len(rings) > maxReminders {
			t.Errorf("%.60s: %d reminders", rule, len(rings))
		}
	}
}

func count(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(seconds(time.Duration(i) * time.Second))
	}
	return b.String()
}
