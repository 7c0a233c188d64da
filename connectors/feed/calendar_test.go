package feed

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// ics writes a calendar of events, each "uid|title|start".
func ics(events ...string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nX-WR-CALNAME:Company\r\n")
	for _, e := range events {
		part := strings.Split(e, "|")
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20261101T000000Z\r\nSUMMARY:%s\r\nDTSTART:%s\r\nDURATION:PT1H\r\n"+
			"BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT10M\r\nEND:VALARM\r\nEND:VEVENT\r\n", part[0], part[1], part[2])
	}
	return b.String() + "END:VCALENDAR\r\n"
}

// calendarTells looks once and checks types and titles.
func (l *look) calendarTells(want ...string) {
	l.t.Helper()
	before := len(l.watch.Events())
	if err := l.w.round(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
	var got []string
	for _, e := range l.watch.Events()[before:] {
		got = append(got, string(e.Type)+" "+e.Params["title"])
	}
	if strings.Join(got, ",") != strings.Join(want, ",") {
		l.t.Errorf("told of %q, want %q", got, want)
	}
	if h := l.health(); h.State != notify.HealthPolling {
		l.t.Errorf("health %+v", h)
	}
}

// reminders keeps what the last batches put.
func (l *look) reminders() map[notify.Object][]notify.Reminder {
	kept := map[notify.Object][]notify.Reminder{}
	l.watch.Refuse(func(b notify.Batch) error {
		for o, list := range b.Reminders {
			if kept[o] = list; len(list) == 0 {
				delete(kept, o)
			}
		}
		return nil
	})
	return kept
}

// wantMoments checks all moments of kept reminders.
func wantMoments(t *testing.T, kept map[notify.Object][]notify.Reminder, want ...string) {
	t.Helper()
	got := map[string]bool{}
	for _, list := range kept {
		for _, r := range list {
			got[r.FireAt.UTC().Format("20060102T150405Z")] = true
		}
	}
	if len(got) != len(want) {
		t.Errorf("reminders at %v, want %v", got, want)
	}
	for _, w := range want {
		if !got[w] {
			t.Errorf("no reminder at %s, but at %v", w, got)
		}
	}
}

// An iCalendar address gives what CalDAV gives: new, moved and cancelled events, and their reminders.
func TestCalendar(t *testing.T) {
	l := newLook(t, nil)
	kept := l.reminders()
	l.site.says(ics("1|standup|20261124T090000Z"))
	l.calendarTells()
	wantMoments(t, kept, "20261124T085000Z")
	l.site.says(ics("1|standup|20261124T090000Z", "2|party|20261125T170000Z"))
	l.calendarTells("calendar.created party")
	wantMoments(t, kept, "20261124T085000Z", "20261125T165000Z")
	l.restart()
	l.site.says(ics("1|standup|20261124T100000Z", "2|party|20261125T170000Z"))
	l.calendarTells("calendar.updated standup")
	wantMoments(t, kept, "20261124T095000Z", "20261125T165000Z")
	if e := l.watch.Events()[1]; e.Params["changed"] != "time" {
		t.Errorf("changed %q", e.Params["changed"])
	}
	l.site.says(ics("2|party|20261125T170000Z"))
	l.calendarTells("calendar.cancelled standup")
	wantMoments(t, kept, "20261125T165000Z")
	l.later()
	l.calendarTells()
}

// Case 59: UIDs and stamps that are new at every answer.
func TestCalendarWithNewUIDs(t *testing.T) {
	l := newLook(t, nil)
	kept := l.reminders()
	for n := range 4 {
		body := ics(fmt.Sprintf("a%d|standup|20261124T090000Z", n), fmt.Sprintf("b%d|party|20261125T170000Z", n))
		l.site.says(strings.ReplaceAll(body, "DTSTAMP:20261101T000000Z", fmt.Sprintf("DTSTAMP:2026112%dT000000Z\r\nSEQUENCE:%d", n, n)))
		l.calendarTells()
		wantMoments(t, kept, "20261124T085000Z", "20261125T165000Z")
		if len(kept) != 2 {
			t.Errorf("%d objects have reminders", len(kept))
		}
		l.later()
	}
	l.site.says(ics("a9|standup|20261124T090000Z", "c|lunch|20261124T120000Z", "b9|party|20261125T170000Z"))
	l.calendarTells("calendar.created lunch")
}

// Case 36 for a feed: cut off, damaged or suddenly empty is not "all cancelled".
func TestCalendarIsNotEmptiedByAccident(t *testing.T) {
	l := newLook(t, nil)
	kept := l.reminders()
	whole := ics("1|standup|20261124T090000Z", "2|party|20261125T170000Z")
	l.site.says(whole)
	l.calendarTells()
	l.site.says(whole[:strings.Index(whole, "UID:2")])
	l.calendarTells()
	l.site.says(strings.Replace(whole, "DTSTART:20261125T170000Z", "DTSTART:what", 1))
	l.calendarTells()
	if n := strings.Join(l.health().Notes, " "); n == "" {
		t.Error("a damaged event is not in the health")
	}
	for range confirmEmpty - 1 {
		l.site.says(ics())
		l.calendarTells()
		l.later()
		if !strings.Contains(strings.Join(l.health().Notes, " "), "suddenly empty") {
			t.Errorf("notes %q", l.health().Notes)
		}
	}
	wantMoments(t, kept, "20261124T085000Z", "20261125T165000Z")
	l.site.says(whole)
	l.calendarTells()
	l.site.says(ics())
	for range confirmEmpty - 1 {
		l.calendarTells()
		l.later()
	}
	if l.round(); len(l.watch.Events()) != 2 { // it is really empty
		t.Errorf("%d events, want two cancelled ones", len(l.watch.Events()))
	}
	wantMoments(t, kept)
}

// Once a day reminders are made for the days that have come nearer, also when the server says "not modified".
func TestCalendarLooksAhead(t *testing.T) {
	l := newLook(t, nil)
	kept := l.reminders()
	l.site.says(ics("1|far|20261230T090000Z"))
	l.calendarTells()
	wantMoments(t, kept)
	for range 4 {
		l.clock.Advance(lookEvery)
		l.calendarTells()
	}
	wantMoments(t, kept, "20261230T085000Z")
}

// A feed that has become a calendar, and the other way round, begins anew in silence.
func TestKindChanges(t *testing.T) {
	l := newLook(t, func(s *Settings) { s.Reminder = 0 })
	kept := l.reminders()
	l.site.says(rss("1|first"))
	l.tells()
	l.site.says(ics("1|standup|20261124T090000Z"))
	l.tells()
	wantMoments(t, kept, "20261124T085000Z")
	l.site.says(rss("2|second", "1|first"))
	l.tells()
	wantMoments(t, kept)
	l.site.says(rss("3|third", "2|second", "1|first"))
	l.tells("third")
	l.site.url = strings.Replace(l.site.url, "/feed", "/another", 1)
	l.restart()
	l.site.says(rss("9|of another feed"))
	l.tells()
}

func TestCalendarZoneAndDefaultReminder(t *testing.T) {
	l := newLook(t, func(s *Settings) { s.TimeZone, s.Reminder = "Asia/Seoul", 30*time.Minute })
	kept := l.reminders()
	body := ics("1|standup|20261124T180000")
	from, to := strings.Index(body, "BEGIN:VALARM"), strings.Index(body, "END:VEVENT")
	l.site.says(body[:from] + body[to:])
	l.calendarTells()
	wantMoments(t, kept, "20261124T083000Z") // 17:30 in Seoul
}
