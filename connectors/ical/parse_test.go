package ical

import (
	"strings"
	"testing"
)

// ics makes a stream of lines with the iCalendar's line ends; a body without VCALENDAR gets one.
func ics(lines ...string) []byte {
	body := strings.Join(lines, "\n")
	if !strings.Contains(body, "BEGIN:VCALENDAR") {
		body = "BEGIN:VCALENDAR\nVERSION:2.0\n" + body + "\nEND:VCALENDAR"
	}
	return []byte(strings.ReplaceAll(body, "\n", "\r\n") + "\r\n")
}

// TestParse: objects by UID, whatever the order; what is written is read again as the same.
func TestParse(t *testing.T) {
	cal, err := Parse(ics("BEGIN:VEVENT", "UID:a", "RECURRENCE-ID:20260309T090000Z", "DTSTART:20260309T100000Z", "END:VEVENT",
		"BEGIN:VEVENT", "UID:a", "DTSTART:20260302T090000Z", "RRULE:FREQ=WEEKLY", `SUMMARY:One\, two\; thr`, " ee", "END:VEVENT",
		"BEGIN:VTODO", "UID:a", "DUE;VALUE=DATE:20260303", "END:VTODO"), "")
	if err != nil || len(cal.Objects) != 2 || !cal.Complete || len(cal.Faults) != 0 {
		t.Fatalf("%+v %v", cal, err)
	}
	o := cal.Objects[0]
	if o.Kind != KindEvent || o.master.text("SUMMARY") != "One, two; three" || len(o.overrides) != 1 {
		t.Errorf("%+v", o)
	}
	again, err := Parse(o.Bytes(), "")
	if err != nil || len(again.Objects) != 1 || string(again.Objects[0].Bytes()) != string(o.Bytes()) {
		t.Errorf("%s read again: %+v %v", o.Bytes(), again, err)
	}
}
