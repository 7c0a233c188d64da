package caldav

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/connectors/caldav/caldavtest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// fires gives when kim's reminders fire, from the clock's start on.
func (r *rig) fires() []time.Duration {
	var l []time.Duration
	for _, x := range r.watch.Reminders("id-" + kim) {
		l = append(l, x.FireAt.Sub(start))
	}
	return l
}

func (r *rig) firesAt(want ...time.Duration) {
	r.t.Helper()
	if got := r.fires(); !slices.Equal(got, want) {
		r.t.Fatalf("reminders at %v, want %v", got, want)
	}
}

const alarm10 = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT10M\r\nEND:VALARM"

// in is a moment after the clock's start.
func in(d time.Duration) time.Time { return start.Add(d) }

// TestRemindersFollowTheirObject is cases 48, 50 and 51: planned at the first look, moved and taken away with their object,
// planned anew after a move; one that is past when the meeting is made is planned all the same, so that it is told late.
func TestRemindersFollowTheirObject(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.put("a.ics", meeting("a", "A", in(5*time.Hour), alarm10))
	r.put("b.ics", meeting("b", "B", in(6*time.Hour), alarm10))
	r.well()
	r.firesAt(5*time.Hour-10*time.Minute, 6*time.Hour-10*time.Minute)
	r.put("a.ics", meeting("a", "A", in(7*time.Hour), alarm10))
	r.poll()
	r.firesAt(6*time.Hour-10*time.Minute, 7*time.Hour-10*time.Minute)
	r.put("b.ics", meeting("b", "B", in(6*time.Hour), "STATUS:CANCELLED", alarm10))
	r.poll()
	r.firesAt(7*time.Hour - 10*time.Minute)
	r.srv.Delete(kim, "work", "a.ics")
	r.poll()
	r.firesAt()
	r.expect("calendar.updated A", "calendar.cancelled B", "calendar.cancelled A")
	r.put("c.ics", meeting("c", "C", in(9*time.Minute), alarm10)) // its reminder's moment was 4 minutes ago
	r.poll()
	r.firesAt(-time.Minute)
	declined := strings.Replace(meeting("d", "D", in(8*time.Hour), alarm10), "NEEDS-ACTION", "DECLINED", 1)
	r.put("d.ics", declined)
	r.poll()
	r.firesAt(-time.Minute)
}

// TestDefaultReminder is for events that bring no alarm of their own.
func TestDefaultReminder(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.set = func(s *Settings) { s.Reminders.Default = 15 * time.Minute }
	r.put("a.ics", meeting("a", "A", in(5*time.Hour), alarm10))
	r.put("b.ics", meeting("b", "B", in(6*time.Hour)))
	r.well()
	r.firesAt(5*time.Hour-10*time.Minute, 6*time.Hour-15*time.Minute)
	r.stop()
	r.set = func(s *Settings) { s.Reminders.Default = time.Hour } // another default is a new plan, without a fetch
	fetched := r.srv.Count("REPORT calendar-multiget")
	r.well()
	r.firesAt(5*time.Hour-10*time.Minute, 5*time.Hour)
	if r.srv.Count("REPORT calendar-multiget") != fetched {
		t.Error("it asked the server for what it has")
	}
}

// TestHorizonMovesOn: once a day what has come within 35 days is planned, from what is stored.
func TestHorizonMovesOn(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.put("far.ics", meeting("far", "Far", in(36*24*time.Hour), alarm10))
	r.put("series.ics", meeting("series", "Series", in(time.Hour), "RRULE:FREQ=WEEKLY", alarm10))
	r.well()
	week := 7 * 24 * time.Hour
	first := []time.Duration{50 * time.Minute, 50*time.Minute + week, 50*time.Minute + 2*week, 50*time.Minute + 3*week, 50*time.Minute + 4*week}
	r.firesAt(first...)
	fetched := r.srv.Count("REPORT calendar-multiget") + r.srv.Count("GET")
	r.tick(36 * time.Hour)
	r.firesAt(append(first[1:], 50*time.Minute+5*week, 36*24*time.Hour-10*time.Minute)...)
	if r.srv.Count("REPORT calendar-multiget")+r.srv.Count("GET") != fetched {
		t.Error("it asked the server for what it has")
	}
	puts := r.watch.Puts()
	r.poll()
	if r.watch.Puts() != puts {
		t.Error("planned again at the next poll")
	}
}

// TestEachInTheirOwnZone is case 46: floating times and all-day events are in the zone of the person whose calendar it is,
// and follow when the person moves.
func TestEachInTheirOwnZone(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.srv.AddUser(lee, "secret")
	r.srv.AddCollection(lee, caldavtest.Collection{Name: "work"})
	floating := calendar("BEGIN:VEVENT", "UID:f", "DTSTAMP:20261101T000000Z", "SUMMARY:F", "DTSTART:20261124T120000", "DURATION:PT1H", alarm10, "END:VEVENT")
	r.srv.Put(kim, "work", "f.ics", floating)
	r.srv.Put(lee, "work", "f.ics", floating)
	other := home(lee)
	other.TimeZone = "Europe/Berlin"
	r.watch.SetAccounts(home(kim), other)
	r.start()
	at := func(id string) time.Time {
		list := r.watch.Reminders(id)
		if len(list) != 1 {
			return time.Time{}
		}
		return list[0].FireAt
	}
	seoul, berlin := time.Date(2026, 11, 24, 2, 50, 0, 0, time.UTC), time.Date(2026, 11, 24, 10, 50, 0, 0, time.UTC)
	notifytest.Until(t, "each their own", func() bool { return at("id-"+kim).Equal(seoul) && at("id-"+lee).Equal(berlin) })
	moved := home(kim)
	moved.TimeZone = "Europe/Berlin"
	r.watch.SetAccounts(moved, other)
	notifytest.Until(t, "kim moved", func() bool { return at("id-" + kim).Equal(berlin) })
}

// TestOneMeetingInMany is case 53: the same meeting in one's own and in a shared calendar is one thing to be told of.
func TestOneMeetingInMany(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.srv.AddCollection(kim, caldavtest.Collection{Name: "team", Owner: lee})
	r.srv.AddUser(lee, "secret")
	r.srv.AddCollection(lee, caldavtest.Collection{Name: "work"})
	both := home(lee)
	both.Users, both.Addresses = []string{kim}, []string{kim}
	r.watch.SetAccounts(home(kim), both)
	r.start()
	r.idle()
	notifytest.Until(t, "both", func() bool {
		return r.health().State == notify.HealthPolling && r.watch.Health("id-"+lee).State == notify.HealthPolling
	})
	data := meeting("m", "M", tomorrow(3), alarm10)
	for _, where := range [][2]string{{kim, "work"}, {kim, "team"}, {lee, "work"}} {
		r.srv.Put(where[0], where[1], "m.ics", strings.Replace(data, "ORGANIZER;CN=Lee:mailto:"+lee, "ORGANIZER:mailto:boss@example.com", 1))
	}
	told := map[string]bool{}
	fires := map[string]bool{}
	notifytest.Until(t, "it in both accounts", func() bool {
		r.clock.Advance(10 * time.Second)
		for _, id := range []string{"id-" + kim, "id-" + lee} {
			for _, x := range r.watch.Reminders(id) {
				fires[id+x.Event.Told] = true
			}
		}
		accounts := map[string]bool{}
		for _, e := range r.watch.Events() {
			accounts[e.Account] = true
			told[e.Told] = true
		}
		return len(accounts) >= 1 && len(r.watch.Reminders("id-"+kim)) == 2 && len(r.watch.Reminders("id-"+lee)) == 1
	})
	if len(told) != 1 {
		t.Errorf("told marks %v: the person would be told %d times: %+v", told, len(told), r.watch.Events())
	}
	if n := map[string]bool{}; true {
		for k := range fires {
			n[strings.TrimPrefix(strings.TrimPrefix(k, "id-"+kim), "id-"+lee)] = true
		}
		if len(n) != 1 {
			t.Errorf("reminder marks %v", n)
		}
	}
}

// TestPrivateMeeting is case 54: what is stored of a private meeting's event has no title.
func TestPrivateMeeting(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.well()
	r.put("p.ics", meeting("p", "Doctor", tomorrow(3), "CLASS:PRIVATE", "LOCATION:Clinic", alarm10))
	r.poll()
	r.expect("calendar.created ")
	text := fmt.Sprint(r.watch.Events(), r.watch.Reminders("id-"+kim))
	if strings.Contains(text, "Doctor") || strings.Contains(text, "Clinic") {
		t.Errorf("it tells what is private: %s", text)
	}
}

// TestTasks is cases 56 and 57 as they come through a server.
func TestTasks(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.srv.AddCollection(kim, caldavtest.Collection{Name: "tasks", Components: []string{"VTODO"}})
	task := func(organizer string, more ...string) string {
		lines := append([]string{"BEGIN:VTODO", "UID:t", "DTSTAMP:20261101T000000Z", "SUMMARY:T"}, more...)
		if organizer != "" {
			lines = append(lines, "ORGANIZER:mailto:"+organizer, "ATTENDEE:mailto:"+kim)
		}
		return calendar(append(lines, "END:VTODO")...)
	}
	r.well()
	r.srv.Put(kim, "tasks", "t.ics", task(lee, "DUE:20261123T150000Z"))
	r.poll()
	r.expect("task.assigned T")
	r.firesAt(6 * time.Hour)
	r.srv.Put(kim, "tasks", "t.ics", task(lee, "DUE:20261123T170000Z", "SEQUENCE:1"))
	r.poll()
	r.expect("task.assigned T", "task.updated T")
	r.firesAt(8 * time.Hour)
	r.srv.Put(kim, "tasks", "t.ics", task(lee, "DUE:20261123T170000Z", "SEQUENCE:2", "STATUS:COMPLETED"))
	r.poll()
	r.expect("task.assigned T", "task.updated T", "task.completed T")
	r.firesAt()
	r.srv.Put(kim, "tasks", "own.ics", strings.Replace(task("", "DUE;VALUE=DATE:20261124"), "UID:t", "UID:own", 1))
	r.poll()
	r.expect("task.assigned T", "task.updated T", "task.completed T") // their own
	r.firesAt(15 * time.Hour)                                         // 9 o'clock in Seoul
}

// TestEventsNameTheirCalendar: people choose by it what they are told of. One without a name has that of its place.
func TestEventsNameTheirCalendar(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.srv.AddCollection(kim, caldavtest.Collection{Name: "private"})
	r.well()
	r.put("a.ics", meeting("a", "A", in(5*time.Hour), alarm10))
	r.srv.Put(kim, "private", "b.ics", meeting("b", "B", in(6*time.Hour), "CLASS:PRIVATE", alarm10))
	r.poll()
	var events, reminders []string
	for _, e := range r.watch.Events() {
		events = append(events, e.Params["calendar"])
	}
	for _, x := range r.watch.Reminders("id-" + kim) {
		reminders = append(reminders, x.Event.Params["calendar"])
	}
	slices.Sort(events)
	slices.Sort(reminders)
	if want := []string{"Work", "private"}; !slices.Equal(events, want) || !slices.Equal(reminders, want) {
		t.Errorf("events of %q, reminders of %q, want %q", events, reminders, want)
	}
}
