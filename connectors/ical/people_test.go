package ical

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// zones are kim's in Seoul and lee's in New York.
func zones(t *testing.T) []Zone {
	return []Zone{{"America/New_York", zoneOf(t, "America/New_York")}, {"Asia/Seoul", zoneOf(t, "Asia/Seoul")}}
}

// both looks as an owner who is people in Seoul and New York.
func both(t *testing.T, c Change) Outcome {
	t.Helper()
	c.Owner = Owner{Addresses: kim(t).Addresses, Zones: zones(t), Reminder: 10 * time.Minute, Foreign: c.Owner.Foreign}
	if c.Now.IsZero() {
		c.Now = now
	}
	return NewReader().Look(c)
}

// rowsOf writes reminders as "zone's initial, moment in UTC"; "*" is for all.
func rowsOf(list []notify.Reminder) string {
	var all []string
	for _, r := range list {
		who := "*"
		if r.Local != nil {
			who = r.Local.Zone[strings.IndexByte(r.Local.Zone, '/')+1:][:1]
		}
		all = append(all, who+" "+r.FireAt.Format("02T15:04"))
	}
	return strings.Join(all, ", ")
}

// TestCase46_Together: people in two zones at one calendar are reminded of what floats each by their own clock, and of what
// has a zone at one moment.
func TestCase46_Together(t *testing.T) {
	alarm := alarmOf("TRIGGER:-PT10M")
	for name, c := range map[string]struct{ object, want string }{
		"floating":            {meeting("DTSTART:20260303T120000", "DTEND:20260303T130000", alarm), "N 03T16:50, S 03T02:50"},
		"before its end":      {meeting("DTSTART:20260303T120000", "DTEND:20260303T130000", alarmOf("TRIGGER;RELATED=END:-PT10M")), "N 03T17:50, S 03T03:50"},
		"in UTC":              {meeting("DTSTART:20260303T120000Z", "DTEND:20260303T130000Z", alarm), "* 03T11:50"},
		"with a zone":         {meeting("DTSTART;TZID=Europe/Berlin:20260303T120000", "DTEND;TZID=Europe/Berlin:20260303T130000", alarm), "* 03T10:50"},
		"all day, by default": {meeting("DTSTART;VALUE=DATE:20260303", "-DTEND"), "N 03T14:00, S 03T00:00"},
		"by default":          {meeting("DTSTART:20260303T120000", "-DTEND"), "N 03T16:50, S 03T02:50"},
		"all day, the day before": {meeting("DTSTART;VALUE=DATE:20260304", "-DTEND", alarmOf("TRIGGER:-PT15H")),
			"N 03T14:00, S 03T00:00"},
		"twice":                {meeting("DTSTART:20260303T120000", "-DTEND", alarmOf("TRIGGER:-PT1H", "REPEAT:1", "DURATION:PT30M")), "N 03T16:00, N 03T16:30, S 03T02:00, S 03T02:30"},
		"absolute":             {meeting("DTSTART:20260303T120000", "-DTEND", alarmOf("TRIGGER;VALUE=DATE-TIME:20260303T010000Z")), "* 03T01:00"},
		"absolute and before":  {meeting("DTSTART:20260303T120000", "-DTEND", alarmOf("TRIGGER;VALUE=DATE-TIME:20260303T010000Z"), alarm), "* 03T01:00, N 03T16:50, S 03T02:50"},
		"absolute, floating":   {meeting(alarmOf("TRIGGER;VALUE=DATE-TIME:20260303T080000")), "N 03T13:00, S 02T23:00"},
		"every day":            {meeting("DTSTART:20260303T120000", "-DTEND", "RRULE:FREQ=DAILY;COUNT=2", alarm), "N 03T16:50, N 04T16:50, S 03T02:50, S 04T02:50"},
		"a task":               {chore("DUE:20260304T180000"), "N 04T23:00, S 04T09:00"},
		"a task of a day":      {chore("DUE;VALUE=DATE:20260304"), "N 04T14:00, S 04T00:00"},
		"a task in UTC":        {chore("DUE:20260304T180000Z"), "* 04T18:00"},
		"from now, until then": {chore("DTSTART:20260302T200000Z", "DUE:20260304T180000"), "N 04T23:00, S 04T09:00"},
		"an unknown zone":      {meeting("DTSTART;TZID=Nowhere:20260303T120000", "-DTEND", alarm), "N 03T16:50, S 03T02:50"},
	} {
		o := object(t, c.object)
		out := both(t, Change{Old: o, New: o})
		if got := rowsOf(out.Reminders); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		told := map[string]int{}
		for _, r := range out.Reminders {
			told[r.Event.Told]++
			if r.Local != nil && wallOf(r.FireAt, zoneOf(t, r.Local.Zone)) != r.Local.Wall {
				t.Errorf("%s: at %s the clock in %s does not show %s", name, r.FireAt, r.Local.Zone, r.Local.Wall)
			}
		}
		for mark, n := range told {
			if each := 1 + strings.Count(c.want, "S")/max(1, strings.Count(c.want, "S")); n > each {
				t.Errorf("%s: %d rows of one mark %s", name, n, mark)
			}
		}
		if n := strings.Count(c.want, ",") + 1 - strings.Count(c.want, "S"); len(told) != n {
			t.Errorf("%s: %d marks, want %d: who moves would be told again", name, len(told), n)
		}
	}
}

// TestCase44_Together: a gap and a fold concern those who live there.
func TestCase44_Together(t *testing.T) {
	for name, c := range map[string]struct {
		start, now string
		want       string
		newYork    string // what the clock there shows at the start
	}{
		"a gap":  {"20260308T023000", "20260307T000000Z", "N 08T07:20, S 07T17:20", "2026-03-08T03:30:00"},
		"a fold": {"20261101T013000", "20261031T000000Z", "N 01T05:20, S 31T16:20", "2026-11-01T01:30:00"},
	} {
		at, err := parseMoment(c.now)
		if err != nil {
			t.Fatal(err)
		}
		o := object(t, meeting("DTSTART:"+c.start, "-DTEND", alarmOf("TRIGGER:-PT10M")))
		out := both(t, Change{Old: o, New: o, Now: at.wall})
		if got := rowsOf(out.Reminders); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if a, b := out.Reminders[0].Event, out.Reminders[1].Event; a.Told != b.Told || a.Params["lead"] != "600" || b.Params["lead"] != "600" || a.Params["start"] != c.newYork {
			t.Errorf("%s: %+v and %+v", name, a, b)
		}
	}
}

// TestOverForEverybody: a change is told as long as it concerns anybody, once, and its times are right on every wall.
func TestOverForEverybody(t *testing.T) {
	noon := []string{meeting("DTSTART:20260302T120000", "DTEND:20260302T130000")}
	moved := []string{meeting("DTSTART:20260302T123000", "DTEND:20260302T133000")}
	afternoon := time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC) // over in Seoul, to come in New York
	for name, c := range map[string]struct {
		old, new []string
		now      time.Time
		want     string
	}{
		"invited":                  {nil, noon, afternoon, "created 2026-03-02T12:00:00"},
		"moved":                    {noon, moved, afternoon, "updated 2026-03-02T12:30:00 2026-03-02T12:00:00 time"},
		"cancelled":                {noon, nil, afternoon, "cancelled 2026-03-02T12:00:00"},
		"over in New York, too":    {noon, nil, afternoon.Add(12 * time.Hour), ""},
		"fixed to Seoul's time":    {noon, []string{meeting("DTSTART;TZID=Asia/Seoul:20260302T220000", "DTEND;TZID=Asia/Seoul:20260302T230000")}, afternoon, "updated 2026-03-02T13:00:00Z 2026-03-02T12:00:00 time"},
		"fixed to New York's time": {noon, []string{meeting("DTSTART;TZID=America/New_York:20260302T120000", "DTEND;TZID=America/New_York:20260302T130000")}, now, "updated 2026-03-02T17:00:00Z 2026-03-02T12:00:00 time"},
		"written in another way":   {noon, []string{meeting("DTSTART:20260302T120000", "DURATION:PT1H", "-DTEND")}, now, ""},
	} {
		out := both(t, Change{Old: object(t, c.old...), New: object(t, c.new...), Now: c.now})
		if got := strings.Join(strings.Fields(says(out.Events, "start", "oldStart", "changed")), " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestManyZones: rows grow with zones, not with people, and a rule that is much work is not walked for each of them.
func TestManyZones(t *testing.T) {
	var owner Owner
	for i := range 24 {
		name := fmt.Sprintf("Etc/GMT%+d", i-12)
		owner.Zones = append(owner.Zones, Zone{name, zoneOf(t, name)})
	}
	r := NewReader()
	walls := func(rule string) map[string]string { // by zone
		t.Helper()
		o := object(t, meeting("DTSTART:19900303T120000", "-DTEND", "RRULE:"+rule, alarmOf("TRIGGER:-PT10M")))
		all := map[string]string{}
		for _, row := range r.Look(Change{Old: o, New: o, Owner: owner, Now: now}).Reminders {
			all[row.Local.Zone] += row.Local.Wall.Format(" 02T15:04")
		}
		if len(all) != len(owner.Zones) {
			t.Errorf("%s: reminders in %d zones", rule, len(all))
		}
		return all
	}
	for zone, days := range walls("FREQ=DAILY") {
		if n := strings.Count(days, "T11:50"); n < 34 || n > 35 || n != strings.Count(days, "T") {
			t.Errorf("every day: in %s at%s", zone, days)
		}
	}
	const much = "FREQ=HOURLY;BYHOUR=12;COUNT=1000000"
	o := object(t, meeting("DTSTART:19900303T120000", "-DTEND", "RRULE:"+much, alarmOf("TRIGGER:-PT10M")))
	l := r.open(Change{New: o, Owner: owner.in(owner.Zones[0]), Now: now}, &notes{})
	if l.rings(); l.new.b.left >= lookBudget-zoneBudget {
		t.Fatalf("only %d steps: it shows nothing", lookBudget-l.new.b.left)
	}
	all := walls(much)
	for zone, days := range all {
		if days != all["Etc/GMT+11"] || len(days) == 0 {
			t.Errorf("much work: in %s at%s, in another zone at%s", zone, days, all["Etc/GMT+11"])
		}
	}
}
