package ical

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/unicode"

	"allim.dev/allim/notify"
)

// The cases' numbers are those of the project's list of what a connector must get right.

// TestCase35_BadNeighbours: what is wrong with one costs that one, and is named with its line.
func TestCase35_BadNeighbours(t *testing.T) {
	data := append([]byte("\xef\xbb\xbf"), ics("BEGIN:VEVENT", "UID:good1", "DTSTART:20260303T010000Z", "this line has no colon and was not folded",
		"ATTENDEE;CN=\"Kim \"the boss\" Lee\":mailto:kim@example.com", "END:VEVENT",
		"BEGIN:VEVENT", "UID:bad1", "X;A=b", "DTSTART:20260303T010000Z", "END:VEVENT",
		"BEGIN:VEVENT", "UID:bad2", "DTSTART:tomorrow", "END:VEVENT",
		"BEGIN:VEVENT", "UID:bad3", "SUMMARY:no start", "END:VEVENT",
		"BEGIN:VEVENT", "UID:bad4", "DTSTART:20260303T010000Z",
		"BEGIN:VEVENT", "UID:good2", "DTSTART:20260303T010000Z", "X;A=\"b\"c:1", "END:VALARM", "END:VEVENT",
		"BEGIN:VTODO", "UID:good3", "END:VTODO")...)
	cal, err := Parse(data, "")
	if err != nil || !cal.Complete {
		t.Fatal(err, cal)
	}
	var uids, faults []string
	for _, o := range cal.Objects {
		uids = append(uids, o.UID)
	}
	for _, f := range cal.Faults {
		faults = append(faults, f.Error())
	}
	want := `line 11, VEVENT "bad1": a property with parameters has no colon and no value
line 14, VEVENT "bad2": DTSTART is no date and no date with time
line 18, VEVENT "bad3": has no DTSTART
line 25, VEVENT "bad4": has no END`
	want = strings.Replace(want, "line 14", "line 14", 1)
	if got := strings.Join(faults, "\n"); strings.Join(uids, " ") != "good1 good2 good3" || got != want {
		t.Errorf("%v\n%s\nwant\n%s", uids, got, want)
	}
}

// TestCase36_Nothing: what is cut short or no calendar never reads as one in which all is gone.
func TestCase36_Nothing(t *testing.T) {
	for name, data := range map[string][]byte{
		"empty": nil, "html": []byte("<!DOCTYPE html><html><body>Log in: please</body></html>"), "xml": []byte("<?xml version=\"1.0\"?><rss/>"),
		"text": []byte("BEGINNING: of nothing"),
	} {
		if cal, err := Parse(data, ""); notify.CodeOf(err) != notify.CodeMalformed {
			t.Errorf("%s: %+v %v", name, cal, err)
		}
	}
	whole := ics(meeting(), chore())
	for n := range whole {
		cal, err := Parse(whole[:n], "")
		if err == nil && cal.Complete && n < len(whole)-2 { // the last line's end does not matter
			t.Fatalf("cut at %d it still is complete: %s", n, whole[:n])
		}
	}
	if cal, err := Parse(ics("BEGIN:VEVENT", "X;A=b", "END:VEVENT"), ""); err != nil || len(cal.Objects) != 0 || len(cal.Faults) != 1 {
		t.Errorf("%+v %v", cal, err)
	}
	if _, err := Parse(make([]byte, MaxStream+1), ""); notify.CodeOf(err) != notify.CodeTooLarge {
		t.Error(err)
	}
}

// TestCase37_Hostile: rejected without a panic, in work that grows with the input only (see also the fuzz tests).
func TestCase37_Hostile(t *testing.T) {
	mega := strings.Repeat("a", 1<<20)
	nested := strings.Repeat("BEGIN:VEVENT\r\n", 1_000_000)
	deep := strings.Repeat("BEGIN:X-A\r\n", 1_000_000)
	for name, c := range map[string]struct {
		data string
		want string
	}{
		"no colon":              {"BEGIN:VEVENT\r\nUID:a\r\nX;A=b\r\nDTSTART:20260101\r\nEND:VEVENT", "no colon"},
		"parameter":             {"BEGIN:VEVENT\r\nUID:a\r\nX;A=" + mega + ":b\r\nDTSTART:20260101\r\nEND:VEVENT", "longer than 16 KiB"},
		"quoted parameter":      {"BEGIN:VEVENT\r\nUID:a\r\nX;A=\"" + mega + "\":b\r\nDTSTART:20260101\r\nEND:VEVENT", "longer than 16 KiB"},
		"open quotes":           {"BEGIN:VEVENT\r\nUID:a\r\nX" + strings.Repeat(`;A="`, 5000) + ":b\r\nDTSTART:20260101\r\nEND:VEVENT", "longer than 16 KiB"},
		"folded parameter":      {"BEGIN:VEVENT\r\nUID:a\r\nX;A=" + strings.Repeat("a\r\n ", 1<<18) + ":b\r\nDTSTART:20260101\r\nEND:VEVENT", "longer than 16 KiB"},
		"many parameters":       {"BEGIN:VEVENT\r\nUID:a\r\nX" + strings.Repeat(";A=b", 1000) + ":b\r\nDTSTART:20260101\r\nEND:VEVENT", "more than 64"},
		"value":                 {"BEGIN:VEVENT\r\nUID:a\r\nEXDATE:" + mega + "\r\nDTSTART:20260101\r\nEND:VEVENT", "EXDATE is longer than 128 KiB"},
		"nested":                {nested, "more than 50 components have no END"},
		"deep":                  {deep, "nested deeper than 8"},
		"many properties":       {"BEGIN:VEVENT\r\nUID:a\r\nDTSTART:20260101\r\n" + strings.Repeat("EXDATE:1\r\n", 30_000) + "END:VEVENT", "more than 20000 properties"},
		"many overrides":        {strings.Repeat("BEGIN:VEVENT\r\nUID:a\r\nDTSTART:20260101\r\nRECURRENCE-ID:20260101\r\nEND:VEVENT\r\n", 100) + manyOverrides(6000), "changes more than 5000"},
		"a name without an end": {"BEGIN:VEVENT\r\n" + mega, "ends in the middle"},
	} {
		cal, err := Parse([]byte("BEGIN:VCALENDAR\r\n"+c.data+"\r\nEND:VCALENDAR\r\n"), "")
		if c.want == "ends in the middle" {
			cal, err = Parse([]byte("BEGIN:VCALENDAR\r\n"+c.data), "")
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var faults []string
		for _, f := range cal.Faults {
			faults = append(faults, f.Error())
		}
		if got := strings.Join(faults, "\n"); !strings.Contains(got, c.want) || len(cal.Faults) > maxFaults || name != "many overrides" && len(cal.Objects) > 0 {
			t.Errorf("%s: %.300s, want %q (%d objects)", name, got, c.want, len(cal.Objects))
		}
	}
	// A long attachment is nothing to complain of.
	if cal, err := Parse(ics("BEGIN:VEVENT", "UID:a", "DTSTART:20260101", "ATTACH;ENCODING=BASE64;VALUE=BINARY:"+mega, "DESCRIPTION:"+mega, "END:VEVENT"), ""); err != nil || len(cal.Faults) > 0 || len(cal.Objects[0].Bytes()) > 300 {
		t.Errorf("%+v %v", cal.Faults, err)
	}
}

func manyOverrides(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:a\r\nDTSTART:20260101\r\nRECURRENCE-ID:%d0101\r\nEND:VEVENT\r\n", 1000+i)
	}
	return b.String()
}

// TestCase37_Work: the hostile inputs are refused for a handful of allocations each: what was not wanted was never copied.
func TestCase37_Work(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		most float64
	}{
		"no colon":  {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nX;A=b\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", 50},
		"parameter": {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nX;A=" + strings.Repeat("a", 1<<20) + ":\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", 50},
		"deep":      {"BEGIN:VCALENDAR\r\n" + strings.Repeat("BEGIN:X-A\r\n", 1_000_000), 100},
		"nested":    {"BEGIN:VCALENDAR\r\n" + strings.Repeat("BEGIN:VEVENT\r\n", 1_000_000), 10_000},
	} {
		data := []byte(c.data)
		if n := testing.AllocsPerRun(1, func() { _, _ = Parse(data, "") }); n > c.most {
			t.Errorf("%s: %v allocations, want at most %v", name, n, c.most)
		}
	}
}

// TestEncodings: all of them come out as the same valid UTF-8, whatever was said of them.
func TestEncodings(t *testing.T) {
	const title, place = "주간 회의: 예산", "3층 대회의실"
	plainText := ics("BEGIN:VEVENT", "UID:k", "DTSTART:20260303T010000Z", "SUMMARY:"+title, "LOCATION:"+place, "END:VEVENT")
	euckr, err := korean.EUCKR.NewEncoder().Bytes(plainText)
	if err != nil {
		t.Fatal(err)
	}
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes(plainText)
	if err != nil {
		t.Fatal(err)
	}
	inTheMiddle := bytes.Replace(plainText, []byte("회의:"), []byte("\xed\x9a\r\n \x8c의:"), 1) // folded within a character
	for name, c := range map[string]struct {
		data    []byte
		charset string
	}{
		"UTF-8": {plainText, ""}, "with a mark": {append([]byte("\xef\xbb\xbf"), plainText...), "utf-8"}, "UTF-8 that claims to be EUC-KR": {plainText, "euc-kr"},
		"EUC-KR": {euckr, "euc-kr"}, "CP949 by another name": {euckr, "MS949"}, "raw EUC-KR": {euckr, ""}, "EUC-KR that claims to be UTF-8": {euckr, "UTF-8"},
		"UTF-16": {utf16, ""}, "folded in the middle": {inTheMiddle, "utf-8"}, "bare line feeds": {bytes.ReplaceAll(plainText, []byte("\r\n"), []byte("\n")), ""},
		"bare carriage returns": {bytes.ReplaceAll(plainText, []byte("\r\n"), []byte("\r")), ""},
	} {
		cal, err := Parse(c.data, c.charset)
		if err != nil || len(cal.Objects) != 1 || len(cal.Faults) > 0 {
			t.Errorf("%s: %+v %v", name, cal, err)
			continue
		}
		again, err := Parse(cal.Objects[0].Bytes(), "") // what is kept is UTF-8, folded by bytes
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []*Object{cal.Objects[0], again.Objects[0]} {
			if o.master.text("SUMMARY") != title || o.master.text("LOCATION") != place {
				t.Errorf("%s: %q %q", name, o.master.text("SUMMARY"), o.master.text("LOCATION"))
			}
		}
	}
}

// TestCase39_SameMeaning: a new etag with the same meaning is silent, and has the same hash.
func TestCase39_SameMeaning(t *testing.T) {
	base := []string{meeting("RRULE:FREQ=WEEKLY;BYDAY=TU", "EXDATE:20260310T010000Z,20260317T010000Z", alarmOf("TRIGGER:-PT15M"))}
	other := []string{meeting("DTSTAMP:20260302T000000Z", "SEQUENCE:3", "LAST-MODIFIED:20260302T000000Z", "X-MOZ-LASTACK:20260301T000000Z", "X-APPLE:1",
		"RRULE:BYDAY=tu;FREQ=WEEKLY;", "EXDATE:20260317T010000Z,20260310T010000Z", "ATTENDEE;PARTSTAT=ACCEPTED;CN=Kim:mailto:kim@example.com",
		"DESCRIPTION:something", alarmOf("TRIGGER:-PT15M", "ACKNOWLEDGED:20260301T000000Z", "UID:x"))}
	if a, b := object(t, base...).Hash(), object(t, other...).Hash(); a != b {
		t.Error("the hashes differ")
	}
	run(t, []step{{name: "same", old: base, new: other}})
	for _, more := range []string{"SUMMARY:Other", "DTEND:20260303T030000Z", "STATUS:CANCELLED", "EXDATE:20260324T010000Z", "RRULE:FREQ=DAILY", "CLASS:PRIVATE"} {
		if a, b := object(t, meeting()).Hash(), object(t, meeting(more)).Hash(); a == b {
			t.Errorf("%s does not change the hash", more)
		}
	}
}

// TestCase39_RuleRewritten: another way to write the same future is no change; another future is one.
func TestCase39_RuleRewritten(t *testing.T) {
	weekly := meeting("RRULE:FREQ=WEEKLY")
	run(t, []step{
		{name: "by day", old: []string{weekly}, new: []string{meeting("RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;WKST=SU")}},
		{name: "another start, same days", old: []string{weekly}, new: []string{meeting("DTSTART:20260106T010000Z", "DTEND:20260106T020000Z", "RRULE:FREQ=WEEKLY")}},
		{name: "daily by weekday", old: []string{weekly}, new: []string{meeting("RRULE:FREQ=DAILY;INTERVAL=7")}},
		{name: "another day", old: []string{weekly}, new: []string{meeting("RRULE:FREQ=WEEKLY;BYDAY=TU,TH")}, want: "updated time"},
		{name: "every other week", old: []string{weekly}, new: []string{meeting("RRULE:FREQ=WEEKLY;INTERVAL=2")}, want: "updated time"},
		{name: "begins to recur", old: []string{meeting()}, new: []string{weekly}, want: "updated time"},
		{name: "ended", old: []string{meeting("DTSTART:20260203T010000Z", "DTEND:20260203T020000Z", "RRULE:FREQ=WEEKLY")},
			new: []string{meeting("DTSTART:20260203T010000Z", "DTEND:20260203T020000Z", "RRULE:FREQ=WEEKLY;UNTIL=20260224T010000Z")}, want: "cancelled cancelled"},
		{name: "over", old: []string{meeting("DTSTART:20260203T010000Z", "RRULE:FREQ=WEEKLY;COUNT=2", "-DTEND")}},
	})
}
