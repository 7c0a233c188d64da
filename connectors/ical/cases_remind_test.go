package ical

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// reminded gives an object's reminders as seen now by kim, in Seoul's time.
func reminded(t *testing.T, change func(*Change), parts ...string) []notify.Reminder {
	t.Helper()
	o := object(t, parts...)
	c := Change{Old: o, New: o, Owner: kim(t), Now: now}
	if change != nil {
		change(&c)
	}
	out := NewReader().Look(c)
	if len(out.Events) > 0 || len(out.Notes) > 0 {
		t.Errorf("nothing changed, and yet: %+v", out)
	}
	return out.Reminders
}

// TestCase40_ReminderMoves: a moved instance reminds at its new time only.
func TestCase40_ReminderMoves(t *testing.T) {
	alarm := alarmOf("TRIGGER:-PT10M")
	got := rings(reminded(t, nil, meeting("RRULE:FREQ=WEEKLY;COUNT=3", alarm), meeting("RECURRENCE-ID:20260310T010000Z", "DTSTART:20260311T050000Z", "DTEND:20260311T060000Z", alarm)), zoneOf(t, "Asia/Seoul"))
	if want := "03-03T09:50 03-11T13:50 03-17T09:50"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestCase45_TriggerKeepsTheWall: a day before is the same time on the wall, 24 hours before is not.
func TestCase45_TriggerKeepsTheWall(t *testing.T) {
	berlin := zoneOf(t, "Europe/Berlin")
	for trigger, want := range map[string]string{"-P1D": "03-28T09:00", "-PT24H": "03-28T08:00", "-P1DT1H": "03-28T08:00"} {
		got := rings(reminded(t, nil, meeting("DTSTART;TZID=Europe/Berlin:20260329T090000", "-DTEND", alarmOf("TRIGGER:"+trigger))), berlin)
		if got != want {
			t.Errorf("%s: %s, want %s", trigger, got, want)
		}
	}
}

// TestCase47_Alarms: all forms, exactly. Seoul is at 09:00 on March 2; the meeting is at 10:00 on the 3rd, for an hour.
func TestCase47_Alarms(t *testing.T) {
	for name, c := range map[string]struct {
		parts []string
		want  string
	}{
		"before the start":   {[]string{meeting(alarmOf("TRIGGER:-PT10M"))}, "03-03T09:50"},
		"at the start":       {[]string{meeting(alarmOf("TRIGGER:PT0S"))}, "03-03T10:00"},
		"after the start":    {[]string{meeting(alarmOf("TRIGGER:PT5M"))}, "03-03T10:05"},
		"before the end":     {[]string{meeting(alarmOf("TRIGGER;RELATED=END:-PT5M"))}, "03-03T10:55"},
		"start, said":        {[]string{meeting(alarmOf("TRIGGER;VALUE=DURATION;RELATED=START:-PT5M"))}, "03-03T09:55"},
		"two":                {[]string{meeting(alarmOf("TRIGGER:-PT10M"), alarmOf("TRIGGER:-PT5M"))}, "03-03T09:50 03-03T09:55"},
		"two at once":        {[]string{meeting(alarmOf("TRIGGER:-PT60M"), alarmOf("TRIGGER:-PT1H", "ACTION:EMAIL"))}, "03-03T09:00"},
		"repeated":           {[]string{meeting(alarmOf("TRIGGER:-PT30M", "REPEAT:3", "DURATION:PT5M"))}, "03-03T09:30 03-03T09:35 03-03T09:40 03-03T09:45"},
		"repeat without gap": {[]string{meeting(alarmOf("TRIGGER:-PT30M", "REPEAT:3"))}, "03-03T09:30"},
		"absolute":           {[]string{meeting(alarmOf("TRIGGER;VALUE=DATE-TIME:20260303T000000Z"))}, "03-03T09:00"},
		"absolute, series":   {[]string{meeting("RRULE:FREQ=DAILY", alarmOf("TRIGGER;VALUE=DATE-TIME:20260304T000000Z"))}, "03-04T09:00"},
		"absolute, repeated": {[]string{meeting("RRULE:FREQ=DAILY", alarmOf("TRIGGER;VALUE=DATE-TIME:20260304T000000Z", "REPEAT:1", "DURATION:PT1H"))}, "03-04T09:00 03-04T10:00"},
		"series":             {[]string{meeting("RRULE:FREQ=DAILY;COUNT=3", alarmOf("TRIGGER:-PT10M"))}, "03-03T09:50 03-04T09:50 03-05T09:50"},
		"weeks before":       {[]string{meeting("DTSTART:20260501T010000Z", "DTEND:20260501T020000Z", alarmOf("TRIGGER:-P4W"))}, "04-03T10:00"},
		"beyond the horizon": {[]string{meeting("DTSTART:20260501T010000Z", "DTEND:20260501T020000Z", alarmOf("TRIGGER:-PT10M"))}, ""},
		"acknowledged":       {[]string{meeting(alarmOf("TRIGGER:-PT10M", "ACKNOWLEDGED:20260303T005000Z"))}, ""},
		"acknowledged once":  {[]string{meeting("RRULE:FREQ=DAILY;COUNT=2", alarmOf("TRIGGER:-PT10M", "ACKNOWLEDGED:20260303T005100Z"))}, "03-04T09:50"},
		"Thunderbird's word": {[]string{meeting("RRULE:FREQ=DAILY;COUNT=2", "X-MOZ-LASTACK:20260303T005100Z", alarmOf("TRIGGER:-PT10M"))}, "03-04T09:50"},
		"snoozed": {[]string{meeting(alarmOf("UID:a", "TRIGGER:-PT10M", "ACKNOWLEDGED:20260303T005100Z"), alarmOf("UID:b", "RELATED-TO;RELTYPE=SNOOZE:a", "TRIGGER;VALUE=DATE-TIME:20260303T005600Z"))},
			"03-03T09:56"},
		"none, on purpose":          {[]string{meeting(alarmOf("ACTION:NONE", "TRIGGER;VALUE=DATE-TIME:19760401T005545Z"))}, ""},
		"past":                      {[]string{meeting(alarmOf("TRIGGER:-P3D"))}, ""},
		"all-day":                   {[]string{meeting("DTSTART;VALUE=DATE:20260304", "-DTEND", alarmOf("TRIGGER:-PT15H"))}, "03-03T09:00"},
		"task, before it is due":    {[]string{chore(alarmOf("TRIGGER;RELATED=END:-PT1H"))}, "03-04T14:00 03-04T15:00"},
		"task, relative to nothing": {[]string{chore(alarmOf("TRIGGER:-PT1H"))}, "03-04T14:00 03-04T15:00"},
		"task, before its start":    {[]string{chore("DTSTART:20260303T060000Z", alarmOf("TRIGGER:-PT1H"))}, "03-03T14:00 03-04T15:00"},
		"task of no time":           {[]string{chore("-DUE", alarmOf("TRIGGER;VALUE=DATE-TIME:20260303T005600Z"))}, "03-03T09:56"},
	} {
		if got := rings(reminded(t, nil, c.parts...), zoneOf(t, "Asia/Seoul")); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestDefaultReminder: the source's own, where the event says nothing of alarms; whole days at nine, where the person is.
func TestDefaultReminder(t *testing.T) {
	ten := func(c *Change) { c.Owner.Reminder = 10 * time.Minute }
	late := func(c *Change) { c.Owner.Reminder, c.Owner.AllDayAt = 10*time.Minute, 7*time.Hour+30*time.Minute }
	for name, c := range map[string]struct {
		change func(*Change)
		parts  []string
		want   string
	}{
		"none":               {nil, []string{meeting()}, ""},
		"ten minutes":        {ten, []string{meeting()}, "03-03T09:50"},
		"an own alarm":       {ten, []string{meeting(alarmOf("TRIGGER:-PT1H"))}, "03-03T09:00"},
		"an own alarm: none": {ten, []string{meeting(alarmOf("ACTION:NONE", "TRIGGER:-PT1H"))}, ""},
		"a day":              {ten, []string{meeting("DTSTART;VALUE=DATE:20260304", "-DTEND")}, "03-04T09:00"},
		"a day, earlier":     {late, []string{meeting("DTSTART;VALUE=DATE:20260304", "-DTEND")}, "03-04T07:30"},
		"days":               {ten, []string{meeting("DTSTART;VALUE=DATE:20260304", "-DTEND", "RRULE:FREQ=DAILY;COUNT=2")}, "03-04T09:00 03-05T09:00"},
		"a task":             {ten, []string{chore()}, "03-04T15:00"},
		"cancelled":          {ten, []string{meeting("STATUS:CANCELLED")}, ""},
		"declined":           {ten, []string{meeting("ATTENDEE;PARTSTAT=DECLINED:mailto:kim@example.com")}, ""},
		"delegated":          {ten, []string{meeting("ATTENDEE;PARTSTAT=DELEGATED:mailto:kim@example.com")}, ""},
		"tentative":          {ten, []string{meeting("ATTENDEE;PARTSTAT=TENTATIVE:mailto:kim@example.com")}, "03-03T09:50"},
		"my own meeting":     {ten, []string{meeting("ORGANIZER:mailto:kim@example.com")}, "03-03T09:50"},
		"one declined": {ten, []string{meeting("RRULE:FREQ=DAILY;COUNT=3"), meeting("RECURRENCE-ID:20260304T010000Z", "DTSTART:20260304T010000Z", "DTEND:20260304T020000Z",
			"ATTENDEE;PARTSTAT=DECLINED:mailto:kim@example.com")}, "03-03T09:50 03-05T09:50"},
	} {
		if got := rings(reminded(t, c.change, c.parts...), zoneOf(t, "Asia/Seoul")); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestCase48_PastReminder: one whose moment has passed is there as long as Since wants it, and has the same identity then.
func TestCase48_PastReminder(t *testing.T) {
	parts := meeting("DTSTART:20260302T003000Z", "DTEND:20260302T013000Z", alarmOf("TRIGGER:-PT1H")) // half past nine; it is nine
	if got := reminded(t, nil, parts); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	since := func(c *Change) { c.Since = now.Add(-2 * time.Hour) }
	a := reminded(t, since, parts)
	b := reminded(t, func(c *Change) { since(c); c.Now = now.Add(10 * time.Minute) }, parts)
	if len(a) != 1 || len(b) != 1 || a[0].FireAt != b[0].FireAt || a[0].Alarm != b[0].Alarm || a[0].RecurrenceID != b[0].RecurrenceID || a[0].Event.Told != b[0].Event.Told {
		t.Errorf("%+v %+v", a, b)
	}
	if !a[0].Until.Equal(time.Date(2026, 3, 2, 1, 30, 0, 0, time.UTC)) {
		t.Errorf("until %s", a[0].Until)
	}
	if got := reminded(t, func(c *Change) { c.Since = now.Add(-20 * time.Minute) }, parts); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestReminderParams: what a reminder says, and how long it makes sense.
func TestReminderParams(t *testing.T) {
	list := reminded(t, nil, meeting("RRULE:FREQ=WEEKLY;COUNT=2", "-DTEND", alarmOf("TRIGGER:-PT10M")))
	r := list[0]
	want := "map[end:2026-03-03T01:00:00Z lead:600 organizer:Lee organizerAddress:lee@example.com place:Room 1 recurrence:20260303T010000Z start:2026-03-03T01:00:00Z title:Budget]"
	if got := fmt.Sprint(r.Event.Params); got != want || r.Event.Type != notify.CalendarReminder || r.RecurrenceID != "20260303T010000Z" || r.Alarm != "-PT10M" || !r.Event.At.IsZero() {
		t.Errorf("%+v\nwant %s", r, want)
	}
	if !r.Until.Equal(time.Date(2026, 3, 3, 1, 5, 0, 0, time.UTC)) { // a quarter of an hour after the moment at least
		t.Errorf("until %s", r.Until)
	}
	for _, c := range []struct{ due, want string }{
		{"DUE:20260304T060000Z", "map[due:2026-03-04T06:00:00Z lead:0 organizer:Lee organizerAddress:lee@example.com title:Report]"},
		{"DUE;VALUE=DATE:20260304", "map[allDay:true due:2026-03-04 organizer:Lee organizerAddress:lee@example.com title:Report]"},
	} {
		r := reminded(t, nil, chore(c.due))[0]
		if got := fmt.Sprint(r.Event.Params); got != c.want || r.Event.Type != notify.TaskDue || !r.Until.IsZero() {
			t.Errorf("%+v\nwant %s", r, c.want)
		}
	}
}

// TestCase50_MovedAfterItFired: the moved meeting's reminder is another one.
func TestCase50_MovedAfterItFired(t *testing.T) {
	later := func(c *Change) { c.Now, c.Since = now.Add(20*time.Minute), now }
	alarm := alarmOf("TRIGGER:-PT10M")
	a := reminded(t, later, meeting("DTSTART:20260302T002500Z", "DTEND:20260302T010000Z", alarm))
	b := reminded(t, later, meeting("DTSTART:20260302T020000Z", "DTEND:20260302T030000Z", alarm))
	if len(a) != 1 || len(b) != 1 || a[0].FireAt.Equal(b[0].FireAt) || a[0].Event.Told == b[0].Event.Told {
		t.Errorf("%+v %+v", a, b)
	}
}

// TestCase51_CalledOff: one cancel alert, none to who declined, and no reminder is left.
func TestCase51_CalledOff(t *testing.T) {
	alarm := alarmOf("TRIGGER:-PT10M")
	declined := "ATTENDEE;PARTSTAT=DECLINED:mailto:kim@example.com"
	series, instance := meeting("RRULE:FREQ=WEEKLY", alarm), meeting("RECURRENCE-ID:20260310T010000Z", "DTSTART:20260310T010000Z", "DTEND:20260310T020000Z")
	gone := strings.Replace(instance, "END:VEVENT", "STATUS:CANCELLED\nEND:VEVENT", 1)
	steps := []step{
		{name: "status", old: []string{meeting(alarm)}, new: []string{meeting("STATUS:CANCELLED", alarm)}, want: "cancelled cancelled"},
		{name: "deleted", old: []string{meeting(alarm)}, want: "cancelled deleted"},
		{name: "method", old: []string{meeting(alarm)}, new: []string{"BEGIN:VCALENDAR", "METHOD:CANCEL", meeting(alarm), "END:VCALENDAR"}, want: "cancelled cancelled"},
		{name: "I decline", old: []string{meeting(alarm)}, new: []string{meeting(declined, alarm)}},
		{name: "I decline what is called off", old: []string{meeting()}, new: []string{meeting(declined, "STATUS:CANCELLED")}},
		{name: "I declined, status", old: []string{meeting(declined)}, new: []string{meeting(declined, "STATUS:CANCELLED")}},
		{name: "I declined, deleted", old: []string{meeting(declined)}},
		{name: "my own", old: []string{meeting("ORGANIZER:mailto:kim@example.com")}, new: []string{meeting("ORGANIZER:mailto:kim@example.com", "STATUS:CANCELLED")}},
		{name: "the series", old: []string{series}, new: []string{meeting("RRULE:FREQ=WEEKLY", "STATUS:CANCELLED")}, want: "cancelled cancelled"},
		{name: "EXDATE", old: []string{series}, new: []string{meeting("RRULE:FREQ=WEEKLY", "EXDATE:20260310T010000Z", alarm)}, want: "cancelled cancelled"},
		{name: "EXDATE of a day", old: []string{series}, new: []string{meeting("RRULE:FREQ=WEEKLY", "EXDATE;VALUE=DATE:20260310", alarm)}, want: "cancelled cancelled"},
		{name: "EXDATE in the past", old: []string{meeting("DTSTART:20260203T010000Z", "-DTEND", "RRULE:FREQ=WEEKLY")}, new: []string{meeting("DTSTART:20260203T010000Z", "-DTEND", "RRULE:FREQ=WEEKLY", "EXDATE:20260210T010000Z")}},
		{name: "an instance", old: []string{series}, new: []string{series, gone}, want: "cancelled cancelled"},
		{name: "an instance, by message", old: []string{series}, new: []string{"BEGIN:VCALENDAR", "METHOD:CANCEL", instance, "END:VCALENDAR"}, want: "cancelled cancelled"},
		{name: "an instance, then EXDATE", old: []string{series, gone}, new: []string{meeting("RRULE:FREQ=WEEKLY", "EXDATE:20260310T010000Z", alarm)}},
		{name: "an instance moved", old: []string{series}, new: []string{series, meeting("RECURRENCE-ID:20260310T010000Z", "DTSTART:20260311T010000Z", "DTEND:20260311T020000Z")}, want: "updated time"},
		{name: "an instance's room", old: []string{series}, new: []string{series, strings.Replace(instance, "Room 1", "Room 2", 1)}, want: "updated place"},
		{name: "an instance's alarm", old: []string{series}, new: []string{series, strings.Replace(instance, "END:VEVENT", alarm+"\nEND:VEVENT", 1)}},
		{name: "moved back", old: []string{series, meeting("RECURRENCE-ID:20260310T010000Z", "DTSTART:20260311T010000Z", "DTEND:20260311T020000Z")}, new: []string{series}, want: "updated time"},
		{name: "on again", old: []string{meeting("RRULE:FREQ=WEEKLY", "EXDATE:20260310T010000Z")}, new: []string{meeting("RRULE:FREQ=WEEKLY")}, want: "created"},
		{name: "one more", old: []string{meeting("RRULE:FREQ=WEEKLY")}, new: []string{meeting("RRULE:FREQ=WEEKLY", "RDATE:20260311T010000Z")}, want: "created"},
		{name: "series and instance retitled", old: []string{series, instance}, new: []string{meeting("RRULE:FREQ=WEEKLY", "SUMMARY:New", alarm), strings.Replace(instance, "Budget", "New", 1)}, want: "updated title"},
		{name: "a holiday for all", old: []string{series}, new: []string{meeting("RRULE:FREQ=WEEKLY", "EXDATE:"+tuesdays(15), alarm)}, want: "updated time"},
		{name: "invited to many", new: many("DTSTART:20260303T010000Z"), want: "created"},
		{name: "many of those moved", old: many("DTSTART:20260303T010000Z"), new: many("DTSTART:20260303T020000Z"), want: "updated time"},
		{name: "many of those deleted", old: many("DTSTART:20260303T010000Z"), want: "cancelled deleted"},
		{name: "invited to one", new: []string{instance}, want: "created"},
		{name: "one of those cancelled", old: []string{instance}, new: []string{gone}, want: "cancelled cancelled"},
		{name: "the one deleted", old: []string{instance}, want: "cancelled deleted"},
		{name: "invited to all", old: []string{instance}, new: []string{series, instance}, want: "created"},
	}
	run(t, steps)
	for _, s := range steps[:4] {
		if s.new == nil {
			continue
		}
		if got := NewReader().Look(Change{Old: object(t, s.old...), New: object(t, s.new...), Owner: kim(t), Now: now}).Reminders; len(got) > 0 {
			t.Errorf("%s: still reminds %v", s.name, got)
		}
	}
}

// many are fifteen instances of a series of which no more is known.
func many(start string) []string {
	var list []string
	for i := range 15 {
		day := fmt.Sprintf("202604%02dT", i+1)
		list = append(list, strings.NewReplacer("20260303T", day, "UID", "RECURRENCE-ID:"+day+"010000Z\nUID").Replace(meeting(start, "DTEND:20260303T030000Z")))
	}
	return list
}

func tuesdays(n int) string {
	var list []string
	for i := range n {
		list = append(list, time.Date(2026, 3, 3+7*i, 1, 0, 0, 0, time.UTC).Format("20060102T150405Z"))
	}
	return strings.Join(list, ",")
}

// TestCase53_ThreeCalendars: the same meeting in the organizer's, the attendee's and a shared calendar is the same thing told,
// though each copy differs in what does not matter, and is cancelled in another way; other things are others.
func TestCase53_ThreeCalendars(t *testing.T) {
	mine := object(t, meeting(alarmOf("TRIGGER:-PT10M")))
	theirs := object(t, meeting("DTSTAMP:20260301T120000Z", "LAST-MODIFIED:20260301T120000Z", "X-A:1", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:kim@example.com", alarmOf("TRIGGER:-P0DT0H10M0S")))
	shared := object(t, meeting("DTSTART;TZID=Asia/Seoul:20260303T100000", alarmOf("TRIGGER:-PT10M"), alarmOf("TRIGGER:-PT5M")))
	moved := func(o *Object) *Object {
		return object(t, strings.NewReplacer("T010000Z", "T030000Z", "T020000Z", "T040000Z", "T100000", "T120000", "SUMMARY", "SEQUENCE:1\r\nSUMMARY").Replace(string(o.Bytes())))
	}
	told := map[string]bool{}
	note := func(old, new *Object) (n int) {
		out := NewReader().Look(Change{Old: old, New: new, Owner: kim(t), Now: now})
		for _, e := range out.Events {
			told[e.Told] = true
		}
		return len(out.Events)
	}
	for _, o := range []*Object{mine, theirs, shared} {
		if note(nil, o)+note(o, moved(o)) != 2 {
			t.Error("not told at all")
		}
	}
	cancelled := object(t, meeting("STATUS:CANCELLED", "SEQUENCE:4"))
	if note(mine, cancelled)+note(theirs, nil)+note(shared, cancelled) != 3 || len(told) != 3 {
		t.Errorf("%d things told, want 3", len(told))
	}
	// One instance, marked in one calendar and taken out in the other.
	clear(told)
	series := meeting("RRULE:FREQ=WEEKLY")
	marked := object(t, series, meeting("RECURRENCE-ID:20260310T010000Z", "DTSTART:20260310T010000Z", "DTEND:20260310T020000Z", "STATUS:CANCELLED", "SEQUENCE:5"))
	if note(object(t, series), marked)+note(object(t, series), object(t, meeting("RRULE:FREQ=WEEKLY", "EXDATE:20260310T010000Z"))) != 2 || len(told) != 1 {
		t.Errorf("%d things told of one cancelled instance", len(told))
	}
	reminders := map[string]int{}
	for _, o := range []*Object{mine, theirs, shared} {
		for _, r := range reminded(t, nil, string(o.Bytes())) {
			reminders[r.FireAt.Format("15:04")+r.Event.Told]++
		}
	}
	if len(reminders) != 2 { // at ten to, and the shared calendar's own at five to
		t.Errorf("%v", reminders)
	}
	// Moved, moved back, moved again: three things, though the second state is the first again.
	clear(told)
	back := object(t, meeting("SEQUENCE:2"))
	again := object(t, meeting("SEQUENCE:3", "DTSTART:20260303T030000Z", "DTEND:20260303T040000Z"))
	if note(mine, moved(mine))+note(moved(mine), back)+note(back, again) != 3 || len(told) != 3 {
		t.Errorf("%d of 3 moves told", len(told))
	}
}

// TestKeys: the same change gives the same key, another one another, so that a replay after a crash is no second event.
func TestKeys(t *testing.T) {
	keys := map[string]bool{}
	for range 2 {
		for _, c := range [][2]*Object{{nil, object(t, meeting())}, {object(t, meeting()), object(t, meeting("SUMMARY:A"))}, {object(t, meeting()), object(t, meeting("SUMMARY:B"))},
			{object(t, meeting("SUMMARY:A")), object(t, meeting("SUMMARY:B"))}, {object(t, meeting()), nil}} {
			for _, e := range NewReader().Look(Change{Old: c[0], New: c[1], Owner: kim(t), Now: now}).Events {
				keys[e.Key] = true
			}
		}
	}
	if len(keys) != 5 {
		t.Errorf("%d keys", len(keys))
	}
}

// TestCase54_Private: what is private or confidential shows its time and nothing else, in whatever is told of it.
func TestCase54_Private(t *testing.T) {
	for _, class := range []string{"PRIVATE", "CONFIDENTIAL", "x-secret"} {
		old := meeting("CLASS:"+class, "RRULE:FREQ=WEEKLY", "URL:https://example.com/secret", alarmOf("TRIGGER:-PT10M"))
		changed := strings.NewReplacer("Budget", "Layoffs", "Room 1", "Room 7").Replace(old)
		instance := meeting("RECURRENCE-ID:20260310T010000Z", "SUMMARY:Layoffs II", "DTSTART:20260310T030000Z", "DTEND:20260310T040000Z", alarmOf("TRIGGER:-PT10M"))
		var events []notify.Event
		look := func(a, b *Object) {
			out := NewReader().Look(Change{Old: a, New: b, Owner: kim(t), Now: now})
			events = append(events, out.Events...)
			for _, r := range out.Reminders {
				events = append(events, r.Event)
			}
		}
		look(nil, object(t, old))
		look(object(t, old), object(t, changed))
		look(object(t, old), object(t, changed, instance))
		look(object(t, old), nil)
		look(nil, object(t, chore("CLASS:"+class)))
		if len(events) < 10 {
			t.Errorf("%s: only %d events", class, len(events))
		}
		for _, e := range events {
			for name := range e.Params {
				if !slices.Contains([]string{"start", "end", "oldStart", "oldEnd", "due", "changed", "reason", "lead", "recurring", "recurrence", "private"}, name) {
					t.Errorf("%s: %s has the param %s", class, e.Type, name)
				}
			}
			if e.Params["private"] != "true" || e.URL != "" {
				t.Errorf("%s: %+v", class, e)
			}
		}
	}
}

// TestCase56_Tasks: due, moved, done, done no more, and none after that.
func TestCase56_Tasks(t *testing.T) {
	done := chore("STATUS:COMPLETED", "COMPLETED:20260302T000000Z")
	daily, instance := chore("RRULE:FREQ=DAILY;COUNT=3"), chore("RECURRENCE-ID:20260305T060000Z", "DUE:20260305T060000Z", "STATUS:COMPLETED")
	run(t, []step{
		{name: "due moved", old: []string{chore()}, new: []string{chore("DUE:20260305T060000Z")}, want: "task.updated due"},
		{name: "due at another time, as a day", old: []string{chore()}, new: []string{chore("DUE;VALUE=DATE:20260304")}, want: "task.updated due"},
		{name: "due now", old: []string{chore("-DUE")}, new: []string{chore()}, want: "task.updated due"},
		{name: "due never", old: []string{chore()}, new: []string{chore("-DUE")}, want: "task.updated due"},
		{name: "start moved", old: []string{chore("DTSTART:20260302T060000Z")}, new: []string{chore("DTSTART:20260303T060000Z")}},
		{name: "by duration", old: []string{chore()}, new: []string{chore("-DUE", "DTSTART:20260304T050000Z", "DURATION:PT1H")}},
		{name: "title, place", old: []string{chore()}, new: []string{chore("SUMMARY:R", "LOCATION:L")}, want: "task.updated title,place"},
		{name: "done", old: []string{chore()}, new: []string{done}, want: "task.completed"},
		{name: "done, by COMPLETED", old: []string{chore()}, new: []string{chore("COMPLETED:20260302T000000Z")}, want: "task.completed"},
		{name: "done, by percent", old: []string{chore("PERCENT-COMPLETE:50")}, new: []string{chore("PERCENT-COMPLETE:100")}, want: "task.completed"},
		{name: "more done", old: []string{chore("PERCENT-COMPLETE:50")}, new: []string{chore("PERCENT-COMPLETE:60")}},
		{name: "done by me", old: []string{chore()}, new: []string{chore("STATUS:COMPLETED", "ATTENDEE;PARTSTAT=COMPLETED:mailto:kim@example.com")}},
		{name: "my part done", old: []string{chore()}, new: []string{chore("ATTENDEE;PARTSTAT=COMPLETED:mailto:kim@example.com")}},
		{name: "done, then moved", old: []string{done}, new: []string{strings.Replace(done, "0304T06", "0305T06", 1)}},
		{name: "done, then deleted", old: []string{done}},
		{name: "not done after all", old: []string{done}, new: []string{chore("STATUS:NEEDS-ACTION")}, want: "task.updated reopened"},
		{name: "cancelled", old: []string{chore()}, new: []string{chore("STATUS:CANCELLED")}, want: "task.updated cancelled"},
		{name: "deleted", old: []string{chore()}, want: "task.updated cancelled"},
		{name: "overdue, new", new: []string{chore("DUE:20260201T060000Z")}, want: "task.assigned"},
		{name: "one of a series done", old: []string{daily}, new: []string{daily, instance}, want: "task.completed"},
	})
	// Retitled, done, and to be done again: each is told, though the last state is one that was told before.
	told := map[string]bool{}
	chain := []*Object{object(t, chore()), object(t, chore("SUMMARY:R")), object(t, chore("SUMMARY:R", "STATUS:COMPLETED")), object(t, chore("SUMMARY:R"))}
	for i, o := range chain[1:] {
		for _, e := range NewReader().Look(Change{Old: chain[i], New: o, Owner: kim(t), Now: now}).Events {
			told[e.Told] = true
		}
	}
	if len(told) != 3 {
		t.Errorf("%d of 3 things told", len(told))
	}
	for name, c := range map[string]struct {
		parts []string
		want  string
	}{
		"due":             {[]string{chore()}, "03-04T15:00"},
		"a day":           {[]string{chore("DUE;VALUE=DATE:20260304")}, "03-04T09:00"},
		"duration":        {[]string{chore("-DUE", "DTSTART:20260304T050000Z", "DURATION:PT2H")}, "03-04T16:00"},
		"start only":      {[]string{chore("-DUE", "DTSTART:20260304T050000Z")}, ""},
		"done":            {[]string{done}, ""},
		"my part done":    {[]string{chore("ATTENDEE;PARTSTAT=COMPLETED:mailto:kim@example.com")}, ""},
		"percent":         {[]string{chore("PERCENT-COMPLETE:100")}, ""},
		"one of them":     {[]string{daily, instance}, "03-04T15:00 03-06T15:00"},
		"series with due": {[]string{chore("DTSTART:20260304T050000Z", "RRULE:FREQ=DAILY;COUNT=2")}, "03-04T15:00 03-05T15:00"},
	} {
		if got := rings(reminded(t, nil, c.parts...), zoneOf(t, "Asia/Seoul")); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestCase57_Assigned: by others it is told, one's own is not.
func TestCase57_Assigned(t *testing.T) {
	bare := chore("-ORGANIZER", "-ATTENDEE")
	run(t, []step{
		{name: "new", new: []string{chore()}, want: "task.assigned"},
		{name: "attendee added", old: []string{chore("ATTENDEE:mailto:park@example.com")}, new: []string{chore("ATTENDEE:mailto:park@example.com", "ATTENDEE+:mailto:kim@example.com")}, want: "task.assigned"},
		{name: "attendee, no organizer", new: []string{chore("-ORGANIZER")}, want: "task.assigned"},
		{name: "attendee added to my bare one", old: []string{bare}, new: []string{chore("-ORGANIZER")}, want: "task.assigned"},
		{name: "taken away", old: []string{chore()}, new: []string{chore("ATTENDEE:mailto:park@example.com")}, want: "task.updated cancelled"},
		{name: "my own", new: []string{bare}},
		{name: "my own, for me", new: []string{chore("ORGANIZER:mailto:kim@example.com")}},
		{name: "my own, done", old: []string{bare}, new: []string{chore("-ORGANIZER", "-ATTENDEE", "STATUS:COMPLETED")}},
		{name: "into the team's list", new: []string{bare}, change: foreign, want: "task.assigned"},
		{name: "in the team's list, done", old: []string{bare}, new: []string{chore("-ORGANIZER", "-ATTENDEE", "STATUS:COMPLETED")}, change: foreign, want: "task.completed"},
		{name: "mine for park, done", old: []string{chore("ORGANIZER:mailto:kim@example.com", "ATTENDEE:mailto:park@example.com")},
			new: []string{chore("ORGANIZER:mailto:kim@example.com", "ATTENDEE;PARTSTAT=COMPLETED:mailto:park@example.com", "STATUS:COMPLETED")}, want: "task.completed"},
		{name: "I decline", old: []string{chore()}, new: []string{chore("ATTENDEE;PARTSTAT=DECLINED:mailto:kim@example.com")}},
	})
}
