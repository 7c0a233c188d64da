package notify

import "strings"

// The words of calendars and tasks. Their params are those of connectors/ical (its doc.go); derived here, in the reader's
// language and time zone, are:
//
//	when     the start and end, or the due time
//	details  when and where: "Mon 23 Nov, 18:00–19:00 · Room 3"
//	in, ago  how long from the reminder's moment to the start, or since; now instead of both at the start itself
//	changes  what changed: "Moved to …, was …"

var (
	eventTitle = map[string][]string{
		"en": {"{title}", "{?private}Private event", "Event"},
		"ko": {"{title}", "{?private}비공개 일정", "일정"},
	}
	taskTitle = map[string][]string{
		"en": {"{title}", "{?private}Private task", "Task"},
		"ko": {"{title}", "{?private}비공개 할 일", "할 일"},
	}
)

// discreet are the words of the levels that do not tell what it is: who it is from, and that there is something.
func discreet(title map[string][]string, lang string, body []string, any, some string) levels {
	return levels{
		PrivacyFull:   {title[lang], body},
		PrivacySender: {[]string{"{organizer}", any}, []string{some}},
		PrivacyNone:   {[]string{some}, []string{""}},
	}
}

func event(en, ko levels) template {
	return template{derive: deriveCalendar, zoned: true, by: map[string]levels{"en": en, "ko": ko}}
}

// calendarWords are keyed by event type.
var calendarWords = map[string]template{
	string(CalendarCreated): event(
		discreet(eventTitle, "en", []string{"{organizer} invites you · {details}", "{organizer} invites you", "New in your calendar · {details}",
			"New in your calendar"}, "Calendar", "New event"),
		discreet(eventTitle, "ko", []string{"{organizer}님의 초대 · {details}", "{organizer}님의 초대", "새 일정 · {details}", "새 일정"},
			"일정", "새 일정이 있습니다")),
	string(CalendarUpdated): event(
		discreet(eventTitle, "en", []string{"{changes}", "Changed · {details}", "Changed"}, "Calendar", "An event has changed"),
		discreet(eventTitle, "ko", []string{"{changes}", "변경됨 · {details}", "변경됨"}, "일정", "일정이 변경되었습니다")),
	string(CalendarCancelled): event(
		discreet(eventTitle, "en", []string{"{?uninvited}You are not invited any more · {details}", "{?uninvited}You are not invited any more",
			"Cancelled · {details}", "Cancelled"}, "Calendar", "An event was cancelled"),
		discreet(eventTitle, "ko", []string{"{?uninvited}초대가 취소됨 · {details}", "{?uninvited}초대가 취소됨", "취소됨 · {details}", "취소됨"},
			"일정", "일정이 취소되었습니다")),
	string(CalendarReminder): event(
		discreet(eventTitle, "en", []string{"{?late}Late reminder · {details}", "{?late}Late reminder", "In {in} · {details}",
			"{?now}Now · {details}", "Began {ago} ago · {details}", "{details}", "Reminder"}, "Calendar", "Event reminder"),
		discreet(eventTitle, "ko", []string{"{?late}늦은 알림 · {details}", "{?late}늦은 알림", "{in} 후 · {details}",
			"{?now}지금 · {details}", "{ago} 전 시작 · {details}", "{details}", "미리 알림"}, "일정", "일정 미리 알림")),
	string(TaskAssigned): event(
		discreet(taskTitle, "en", []string{"{organizer} gave you this task · due {details}", "{organizer} gave you this task",
			"New task · due {details}", "New task"}, "Tasks", "New task"),
		discreet(taskTitle, "ko", []string{"{organizer}님이 맡긴 할 일 · 기한 {details}", "{organizer}님이 맡긴 할 일", "새 할 일 · 기한 {details}",
			"새 할 일"}, "할 일", "새 할 일이 있습니다")),
	string(TaskUpdated): event(
		discreet(taskTitle, "en", []string{"{changes}", "Changed · due {details}", "Changed"}, "Tasks", "A task has changed"),
		discreet(taskTitle, "ko", []string{"{changes}", "변경됨 · 기한 {details}", "변경됨"}, "할 일", "할 일이 변경되었습니다")),
	string(TaskDue): event(
		discreet(taskTitle, "en", []string{"{?late}Was due · {details}", "{?late}Was due", "Due in {in} · {details}", "{?now}Due now · {details}",
			"Overdue for {ago} · {details}", "Due · {details}", "Due"}, "Tasks", "A task is due"),
		discreet(taskTitle, "ko", []string{"{?late}기한이 지남 · {details}", "{?late}기한이 지남", "{in} 후 마감 · {details}", "{?now}지금 마감 · {details}",
			"{ago} 전에 마감 · {details}", "마감 · {details}", "마감"}, "할 일", "할 일 마감 알림")),
	string(TaskCompleted): event(
		discreet(taskTitle, "en", []string{"Completed"}, "Tasks", "A task was completed"),
		discreet(taskTitle, "ko", []string{"완료됨"}, "할 일", "할 일이 완료되었습니다")),
}

// deriveCalendar adds the params that depend on the reader.
func deriveCalendar(params map[string]string, r reader) map[string]string {
	out := make(map[string]string, len(params)+6)
	for k, v := range params {
		out[k] = v
	}
	out["when"] = r.span(params["start"], params["end"])
	if out["when"] == "" {
		out["when"] = r.span(params["due"], "")
	}
	out["details"] = joined(out["when"], params["place"])
	out["in"], out["ago"], out["now"] = r.lead(params["lead"], params["allDay"] != "")
	out["changes"] = r.changes(params, out["when"])
	if params["reason"] == "uninvited" {
		out["uninvited"] = "true"
	}
	return out
}

// changeWords say what changed: {new} and {old} are what it is and was. Without an old value the second is taken.
var changeWords = map[string]map[string][2]string{
	"en": {
		"time": {"Moved to {new}, was {old}", "Moved to {new}"}, "due": {"Due {new}, was {old}", "Due {new}"},
		"place": {"Place: {new}, was {old}", "Place: {new}"}, "title": {"Was called {old}", "Renamed"},
		"reopened": {"Reopened", "Reopened"}, "cancelled": {"Cancelled", "Cancelled"},
	},
	"ko": {
		"time": {"{old} → {new}(으)로 변경", "{new}(으)로 변경"}, "due": {"기한 {old} → {new}", "기한 {new}"},
		"place": {"장소 {old} → {new}", "장소 {new}"}, "title": {"이전 제목: {old}", "제목 변경"},
		"reopened": {"다시 열림", "다시 열림"}, "cancelled": {"취소됨", "취소됨"},
	},
}

// noValue are the words for what is not there any more, such as a place.
var noValue = map[string]string{"en": "none", "ko": "없음"}

// changes says what changed, in the order of the connector, and when it is where that did not change.
func (r reader) changes(params map[string]string, when string) string {
	changed := strings.Split(params["changed"], ",")
	var parts []string
	timed := false
	for _, what := range changed {
		patterns, known := changeWords[r.lang][strings.TrimSpace(what)]
		if !known {
			continue
		}
		p := map[string]string{"new": noValue[r.lang]}
		switch what {
		case "time":
			p["new"], p["old"], timed = when, r.span(params["oldStart"], params["oldEnd"]), true
		case "due":
			p["new"], p["old"], timed = or(when, noValue[r.lang]), r.span(params["oldDue"], ""), true
		case "place":
			p["new"], p["old"] = or(params["place"], noValue[r.lang]), params["oldPlace"]
		case "title":
			p["old"] = params["oldTitle"]
		}
		parts = append(parts, fill(patterns[:], p))
	}
	if len(parts) > 0 && !timed {
		parts = append(parts, when)
	}
	return joined(parts...)
}

// or gives s, or what stands for its absence.
func or(s, none string) string {
	if s == "" {
		return none
	}
	return s
}

// joined joins what is there.
func joined(parts ...string) string {
	var there []string
	for _, p := range parts {
		if p != "" {
			there = append(there, p)
		}
	}
	return strings.Join(there, " · ")
}
