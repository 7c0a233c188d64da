package notify

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// told gives title and body as somebody reads them.
func told(e EventType, params map[string]string, locale, zone string, privacy Privacy) string {
	n := Notification{Template: string(e), Params: params, Privacy: privacy, CreatedAt: time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)}
	c := n.In(n.VariantFor(locale, zone, ""))
	return c.Title + " | " + c.Body
}

func TestCalendarWords(t *testing.T) {
	meeting := map[string]string{"title": "Budget", "place": "Room 3", "start": "2026-11-23T09:00:00Z", "end": "2026-11-23T10:30:00Z",
		"organizer": "Lee", "lead": "600"}
	with := func(pairs ...string) map[string]string {
		p := map[string]string{}
		for k, v := range meeting {
			p[k] = v
		}
		for i := 0; i < len(pairs); i += 2 {
			if p[pairs[i]] = pairs[i+1]; pairs[i+1] == "" {
				delete(p, pairs[i])
			}
		}
		return p
	}
	private := map[string]string{"start": "2026-11-23T09:00:00Z", "end": "2026-11-23T10:30:00Z", "private": "true", "lead": "0"}
	task := map[string]string{"title": "Report", "due": "2026-11-30", "allDay": "true", "organizer": "Lee"}
	for _, c := range []struct {
		event        EventType
		params       map[string]string
		locale, zone string
		want         string
	}{
		{CalendarReminder, meeting, "en", "Europe/London", "Budget | In 10 minutes · Mon 23 Nov, 09:00–10:30 · Room 3"},
		{CalendarReminder, meeting, "ko-KR", "Asia/Seoul", "Budget | 10분 후 · 11월 23일(월) 18:00~19:30 · Room 3"},
		{CalendarReminder, meeting, "en", "", "Budget | In 10 minutes · Mon 23 Nov, 09:00–10:30 UTC · Room 3"},
		{CalendarReminder, meeting, "en", "Pacific/Auckland", "Budget | In 10 minutes · Mon 23 Nov, 22:00–23:30 · Room 3"},
		{CalendarReminder, with("end", "2026-11-23T12:00:00Z"), "en", "Pacific/Auckland", "Budget | In 10 minutes · Mon 23 Nov, 22:00 – Tue 24 Nov, 01:00 · Room 3"},
		{CalendarReminder, with("late", "true"), "en", "Asia/Seoul", "Budget | Late reminder · Mon 23 Nov, 18:00–19:30 · Room 3"},
		{CalendarReminder, with("late", "true"), "ko", "Asia/Seoul", "Budget | 늦은 알림 · 11월 23일(월) 18:00~19:30 · Room 3"},
		{CalendarReminder, with("lead", "0", "place", ""), "ko", "Asia/Seoul", "Budget | 지금 · 11월 23일(월) 18:00~19:30"},
		{CalendarReminder, with("lead", "-5400"), "en", "UTC", "Budget | Began 1 hour 30 minutes ago · Mon 23 Nov, 09:00–10:30 · Room 3"},
		{CalendarReminder, with("lead", "90000"), "ko", "Asia/Seoul", "Budget | 1일 1시간 후 · 11월 23일(월) 18:00~19:30 · Room 3"},
		{CalendarReminder, with("start", "2026-12-24", "end", "2026-12-26", "allDay", "true"), "en", "Asia/Seoul", "Budget | Thu 24 Dec – Sat 26 Dec · Room 3"},
		{CalendarReminder, with("start", "2027-01-01", "end", "2027-01-01", "allDay", "true"), "ko", "Asia/Seoul", "Budget | 2027년 1월 1일(금) · Room 3"},
		{CalendarReminder, private, "en", "UTC", "Private event | Now · Mon 23 Nov, 09:00–10:30"},
		{CalendarReminder, private, "ko", "Asia/Seoul", "비공개 일정 | 지금 · 11월 23일(월) 18:00~19:30"},
		{CalendarReminder, nil, "ko", "Asia/Seoul", "일정 | 미리 알림"},
		{CalendarReminder, with("start", "soon"), "en", "UTC", "Budget | In 10 minutes · Room 3"},
		{CalendarCreated, meeting, "en", "UTC", "Budget | Lee invites you · Mon 23 Nov, 09:00–10:30 · Room 3"},
		{CalendarCreated, with("organizer", ""), "ko", "Asia/Seoul", "Budget | 새 일정 · 11월 23일(월) 18:00~19:30 · Room 3"},
		{CalendarUpdated, with("changed", "time", "oldStart", "2026-11-24T09:00:00Z", "oldEnd", "2026-11-24T10:00:00Z"), "en", "UTC",
			"Budget | Moved to Mon 23 Nov, 09:00–10:30, was Tue 24 Nov, 09:00–10:00"},
		{CalendarUpdated, with("changed", "time", "oldStart", "2026-11-24T09:00:00Z"), "ko", "Asia/Seoul",
			"Budget | 11월 24일(화) 18:00 → 11월 23일(월) 18:00~19:30(으)로 변경"},
		{CalendarUpdated, with("changed", "place,title", "oldPlace", "Room 1", "oldTitle", "Money"), "en", "UTC",
			"Budget | Place: Room 3, was Room 1 · Was called Money · Mon 23 Nov, 09:00–10:30"},
		{CalendarUpdated, with("changed", "place", "place", "", "oldPlace", "Room 1"), "ko", "Asia/Seoul",
			"Budget | 장소 Room 1 → 없음 · 11월 23일(월) 18:00~19:30"},
		{CalendarUpdated, with("changed", "mood"), "en", "UTC", "Budget | Changed · Mon 23 Nov, 09:00–10:30 · Room 3"},
		{CalendarCancelled, with("reason", "deleted"), "en", "UTC", "Budget | Cancelled · Mon 23 Nov, 09:00–10:30 · Room 3"},
		{CalendarCancelled, with("reason", "uninvited", "place", ""), "ko", "Asia/Seoul", "Budget | 초대가 취소됨 · 11월 23일(월) 18:00~19:30"},
		{TaskAssigned, task, "en", "Asia/Seoul", "Report | Lee gave you this task · due Mon 30 Nov"},
		{TaskAssigned, map[string]string{"title": "Report"}, "ko", "Asia/Seoul", "Report | 새 할 일"},
		{TaskUpdated, map[string]string{"title": "Report", "changed": "due", "due": "2026-11-30T08:00:00Z", "oldDue": "2026-11-29"}, "en", "Asia/Seoul",
			"Report | Due Mon 30 Nov, 17:00, was Sun 29 Nov"},
		{TaskUpdated, map[string]string{"title": "Report", "changed": "reopened"}, "ko", "", "Report | 다시 열림"},
		{TaskUpdated, map[string]string{"title": "Report", "changed": "due", "oldDue": "2026-11-29"}, "en", "", "Report | Due none, was Sun 29 Nov"},
		{TaskDue, map[string]string{"title": "Report", "due": "2026-11-23T08:00:00Z", "lead": "0"}, "en", "Asia/Seoul", "Report | Due now · Mon 23 Nov, 17:00"},
		{TaskDue, task, "ko", "Asia/Seoul", "Report | 마감 · 11월 30일(월)"},
		{TaskDue, map[string]string{"private": "true", "due": "2026-11-23T08:00:00Z", "late": "true"}, "ko", "Asia/Seoul", "비공개 할 일 | 기한이 지남 · 11월 23일(월) 17:00"},
		{TaskCompleted, task, "en", "", "Report | Completed"},
		{FeedPublished, map[string]string{"feed": "News", "title": "Holiday"}, "ko", "", "News | Holiday"},
	} {
		if got := told(c.event, c.params, c.locale, c.zone, PrivacyFull); got != c.want {
			t.Errorf("%s, %s, %q:\n got %s\nwant %s", c.event, c.locale, c.zone, got, c.want)
		}
	}
}

// Everything that a stricter level must not tell is in these params.
func TestWordsKeepPrivacy(t *testing.T) {
	params := map[string]string{"title": "SECRET", "place": "SECRET", "start": "2026-11-23T09:00:00Z", "due": "2026-11-23T09:00:00Z", "organizer": "Lee",
		"changed": "title,place", "oldTitle": "SECRET", "oldPlace": "SECRET", "summary": "SECRET", "feed": "Lee", "fromName": "Lee", "subject": "SECRET"}
	for _, name := range allTemplates() {
		if name == posted || name == bundleTemplate { // of many: they name senders only, tested in notifytest
			continue
		}
		for _, lang := range []string{"en", "ko"} {
			full, sender, none := told(EventType(name), params, lang, "UTC", PrivacyFull), told(EventType(name), params, lang, "UTC", PrivacySender),
				told(EventType(name), params, lang, "UTC", PrivacyNone)
			if !strings.Contains(full, "SECRET") {
				t.Errorf("%s in %s does not tell what it is: %s", name, lang, full)
			}
			if strings.Contains(sender+none, "SECRET") || strings.Contains(sender+none, "23") || strings.Contains(none, "Lee") || !strings.Contains(sender, "Lee") {
				t.Errorf("%s in %s tells %q to sender, %q to none", name, lang, sender, none)
			}
			if strings.HasPrefix(sender, " |") || strings.HasPrefix(none, " |") {
				t.Errorf("%s in %s has no title: %q, %q", name, lang, sender, none)
			}
		}
	}
}

func allTemplates() (names []string) {
	for name := range calendarWords {
		names = append(names, name)
	}
	for name := range noticeWords {
		names = append(names, name)
	}
	return names
}

// Every sort of event has words, in both languages, and a variant has a time zone only where the words show a time.
func TestEveryEventHasWords(t *testing.T) {
	for _, e := range []EventType{MailReceived, CalendarCreated, CalendarUpdated, CalendarCancelled, CalendarReminder, TaskAssigned, TaskUpdated,
		TaskDue, TaskCompleted, FeedPublished} {
		if !(*Templates)(nil).Has(string(e)) {
			t.Errorf("%s has no words", e)
		}
	}
	for _, name := range allTemplates() {
		tmpl, _ := templateNamed(name)
		var all []string
		for _, lang := range languages {
			if len(tmpl.by[lang]) == 0 {
				t.Errorf("%s has no words in %s", name, lang)
			}
			for _, w := range tmpl.by[lang] {
				all = append(append(all, w.title...), w.body...)
			}
		}
		times := slices.ContainsFunc(all, func(p string) bool {
			return strings.Contains(p, "{when}") || strings.Contains(p, "{details}") || strings.Contains(p, "{changes}")
		})
		if times && !tmpl.zoned {
			t.Errorf("%s shows times, but its variants have no time zone", name)
		}
	}
	n := Notification{Template: string(MailReceived), Privacy: PrivacyFull}
	if v := n.VariantFor("ko", "Asia/Seoul", ""); v.TimeZone != "" {
		t.Error("a mail's notice depends on the time zone")
	}
	n = Notification{Template: string(CalendarReminder), Privacy: PrivacyNone}
	if v := n.VariantFor("ko", "Asia/Seoul", ""); v.TimeZone != "" {
		t.Error("a notice that shows no time depends on the time zone")
	}
}
