package ical

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// now is a Monday, 09:00 in Seoul.
var now = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

func zoneOf(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// kim is who the tests are told: in Seoul, with two addresses.
func kim(t *testing.T) Owner {
	return Owner{Addresses: []string{"kim@example.com", "mailto:kim.ji@example.com"}, Zone: zoneOf(t, "Asia/Seoul")}
}

// meeting is a VEVENT by lee with kim; more lines replace those of the same name, or "-NAME" drops one.
func meeting(more ...string) string {
	return block("VEVENT", []string{"UID:m1", "DTSTAMP:20260301T000000Z", "DTSTART:20260303T010000Z", "DTEND:20260303T020000Z",
		"SUMMARY:Budget", "LOCATION:Room 1", "ORGANIZER;CN=Lee:mailto:lee@example.com", "ATTENDEE;PARTSTAT=NEEDS-ACTION:MAILTO:Kim@Example.com"}, more)
}

// chore is a VTODO by lee for kim.
func chore(more ...string) string {
	return block("VTODO", []string{"UID:t1", "DTSTAMP:20260301T000000Z", "DUE:20260304T060000Z", "SUMMARY:Report",
		"ORGANIZER;CN=Lee:mailto:lee@example.com", "ATTENDEE:mailto:kim@example.com"}, more)
}

func block(name string, lines, more []string) string {
	nameOf := func(l string) string { return l[:strings.IndexAny(l+":", ":;")] }
	for _, m := range more {
		if drop, ok := strings.CutPrefix(m, "-"); ok {
			lines = slices.DeleteFunc(lines, func(l string) bool { return nameOf(l) == drop })
			continue
		}
		n := nameOf(m)
		at := -1
		if !slices.Contains([]string{"EXDATE", "BEGIN", "RDATE", "ATTENDEE+"}, n) {
			at = slices.IndexFunc(lines, func(l string) bool { return nameOf(l) == n })
		}
		m = strings.Replace(m, "ATTENDEE+", "ATTENDEE", 1)
		if at >= 0 {
			lines[at] = m
		} else {
			lines = append(lines, m)
		}
	}
	return "BEGIN:" + name + "\n" + strings.Join(lines, "\n") + "\nEND:" + name
}

func alarmOf(lines ...string) string { return block("VALARM", []string{"ACTION:DISPLAY"}, lines) }

// object parses one object; of no lines it is none.
func object(t *testing.T, parts ...string) *Object {
	t.Helper()
	if len(parts) == 0 {
		return nil
	}
	cal, err := Parse(ics(parts...), "")
	if err != nil || len(cal.Objects) != 1 || len(cal.Faults) > 0 {
		t.Fatalf("%v %+v", err, cal)
	}
	return cal.Objects[0]
}

// says writes an outcome's events in short: type, and the params named.
func says(events []notify.Event, params ...string) string {
	var all []string
	for _, e := range events {
		s := strings.TrimPrefix(string(e.Type), "calendar.")
		for _, p := range params {
			s += " " + e.Params[p]
		}
		all = append(all, strings.TrimSpace(s))
	}
	return strings.Join(all, "; ")
}

// rings writes the reminders' moments in a zone.
func rings(list []notify.Reminder, loc *time.Location) string {
	var all []string
	for _, r := range list {
		all = append(all, r.FireAt.In(loc).Format("01-02T15:04"))
	}
	return strings.Join(all, " ")
}

type step struct {
	name     string
	old, new []string
	change   func(*Change)
	want     string // type and Params["changed"] or ["reason"]
}

// run looks at each step and compares what it says.
func run(t *testing.T, steps []step, params ...string) {
	t.Helper()
	if len(params) == 0 {
		params = []string{"changed", "reason"}
	}
	r := NewReader()
	for _, s := range steps {
		c := Change{Old: object(t, s.old...), New: object(t, s.new...), Owner: kim(t), Now: now}
		if s.change != nil {
			s.change(&c)
		}
		out := r.Look(c)
		if got := strings.Join(strings.Fields(says(out.Events, params...)), " "); got != s.want {
			t.Errorf("%s: %q, want %q (%+v)", s.name, got, s.want, out)
		}
		for _, e := range out.Events {
			check(t, s.name, e)
		}
	}
}

// check holds an event against what the domain asks of all.
func check(t *testing.T, name string, e notify.Event) {
	t.Helper()
	if e.Key == "" || len(e.Key) > 200 || e.Told == "" || e.At.IsZero() || e.At.After(now) {
		t.Errorf("%s: %+v", name, e)
	}
	for k, v := range e.Params {
		if v == "" || len(v) > 1024 {
			t.Errorf("%s: param %s is %q", name, k, v)
		}
	}
}

func foreign(c *Change) { c.Owner.Foreign = true }

// TestEvents: what is told of changes to a single event.
func TestEvents(t *testing.T) {
	run(t, []step{
		{name: "new", new: []string{meeting()}, want: "created"},
		{name: "first fetch", new: []string{meeting()}, change: func(c *Change) { c.Silent = true }, want: ""},
		{name: "past", new: []string{meeting("DTSTART:20260301T010000Z", "DTEND:20260301T020000Z")}, want: ""},
		{name: "under way", new: []string{meeting("DTSTART:20260301T230000Z", "DTEND:20260302T010000Z")}, want: "created"},
		{name: "years long", new: []string{meeting("DTSTART:20240301T010000Z", "DTEND:20280301T020000Z")}, want: "created"},
		{name: "mine", new: []string{meeting("ORGANIZER:mailto:KIM@example.com")}, want: ""},
		{name: "mine, by my assistant", new: []string{meeting(`ORGANIZER;SENT-BY="mailto:park@example.com":mailto:KIM@example.com`)}, want: "created"},
		{name: "nobody's, in my calendar", new: []string{meeting("-ORGANIZER", "-ATTENDEE")}, want: ""},
		{name: "nobody's, in a shared one", new: []string{meeting("-ORGANIZER", "-ATTENDEE")}, change: foreign, want: "created"},
		{name: "declined", new: []string{meeting("ATTENDEE;PARTSTAT=DECLINED:mailto:kim@example.com")}, want: ""},
		{name: "moved", old: []string{meeting()}, new: []string{meeting("DTSTART:20260303T030000Z", "DTEND:20260303T040000Z")}, want: "updated time"},
		{name: "longer", old: []string{meeting()}, new: []string{meeting("DTEND:20260303T040000Z")}, want: "updated time"},
		{name: "place", old: []string{meeting()}, new: []string{meeting("LOCATION:Room 2")}, want: "updated place"},
		{name: "title", old: []string{meeting()}, new: []string{meeting("SUMMARY:Budgets")}, want: "updated title"},
		{name: "all", old: []string{meeting()}, new: []string{meeting("SUMMARY:B", "LOCATION:C", "DTSTART:20260303T000000Z")}, want: "updated time,place,title"},
		{name: "moved, I declined", old: []string{meeting()}, new: []string{meeting("DTSTART:20260303T000000Z", "ATTENDEE;PARTSTAT=DECLINED:mailto:kim@example.com")}},
		{name: "moved into the past", old: []string{meeting()}, new: []string{meeting("DTSTART:20260203T000000Z", "DTEND:20260203T020000Z")}},
		{name: "written otherwise", old: []string{meeting()}, new: []string{meeting("-DTEND", "DTSTART;TZID=Asia/Seoul:20260303T100000", "DURATION:PT1H")}},
		{name: "cancelled", old: []string{meeting()}, new: []string{meeting("STATUS:CANCELLED")}, want: "cancelled cancelled"},
		{name: "cancelled and gone", old: []string{meeting("STATUS:CANCELLED")}},
		{name: "deleted", old: []string{meeting()}, want: "cancelled deleted"},
		{name: "deleted, past", old: []string{meeting("DTSTART:20260301T010000Z", "DTEND:20260301T020000Z")}},
		{name: "on again", old: []string{meeting("STATUS:CANCELLED")}, new: []string{meeting("STATUS:CONFIRMED")}, want: "created"},
		{name: "uninvited", old: []string{meeting()}, new: []string{meeting("ATTENDEE:mailto:park@example.com")}, want: "cancelled uninvited"},
		{name: "invited", old: []string{meeting("ATTENDEE:mailto:park@example.com")}, new: []string{meeting("ATTENDEE+:mailto:kim.ji@example.com")}, want: "created"},
		{name: "a reply", old: []string{meeting()}, new: []string{"BEGIN:VCALENDAR", "METHOD:REPLY", meeting("SUMMARY:x"), "END:VCALENDAR"}},
	})
}

// TestParams: the words' material, in full.
func TestParams(t *testing.T) {
	c := Change{Old: object(t, meeting()), Owner: kim(t), Now: now,
		New: object(t, meeting("DTSTART:20260303T030000Z", "DTEND:20260303T040000Z", "LOCATION:", "SUMMARY:예산\\, 2026", "URL:https://example.com/m1"))}
	e := NewReader().Look(c).Events[0]
	want := "map[changed:time,place,title end:2026-03-03T04:00:00Z oldEnd:2026-03-03T02:00:00Z oldPlace:Room 1 oldStart:2026-03-03T01:00:00Z " +
		"oldTitle:Budget organizer:Lee organizerAddress:lee@example.com start:2026-03-03T03:00:00Z title:예산, 2026]"
	if got := fmt.Sprint(e.Params); got != want || e.URL != "https://example.com/m1" {
		t.Errorf("%s %s\nwant %s", got, e.URL, want)
	}
}

// BenchmarkLook is what a poll pays for a changed weekly meeting: both versions parsed, compared, and its reminders made.
func BenchmarkLook(b *testing.B) {
	old := ics(meeting("DTSTART;TZID=Asia/Seoul:20240102T100000", "DTEND;TZID=Asia/Seoul:20240102T110000", "RRULE:FREQ=WEEKLY;BYDAY=TU,TH", "EXDATE;TZID=Asia/Seoul:20260305T100000", alarmOf("TRIGGER:-PT10M")))
	changed := []byte(strings.Replace(string(old), "Room 1", "Room 2", 1))
	r, owner := NewReader(), Owner{Addresses: []string{"kim@example.com"}, Zone: time.UTC}
	for b.Loop() {
		x, err := Parse(old, "")
		if err != nil {
			b.Fatal(err)
		}
		y, err := Parse(changed, "")
		if err != nil {
			b.Fatal(err)
		}
		if out := r.Look(Change{Old: x.Objects[0], New: y.Objects[0], Owner: owner, Now: now}); len(out.Events) != 1 || len(out.Reminders) == 0 {
			b.Fatalf("%+v", out)
		}
	}
}
