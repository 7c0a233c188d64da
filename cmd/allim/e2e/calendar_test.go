package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify/notifytest/davserver"
)

// calendarPoll is how often the hub looks in these tests.
const calendarPoll = time.Second

// calendarWorld is one person with a calendar on a real server, a phone, and a hub that is killed and started again
// between any two things that happen.
type calendarWorld struct {
	*world
	srv      *davserver.Server
	calendar string
	kim      *person
	restarts int
	told     int
	slowest  time.Duration
}

func newCalendarWorld(t *testing.T, srv *davserver.Server, calendar, user string) *calendarWorld {
	t.Helper()
	kim := person{id: "kim", email: user, phone: fmt.Sprintf("%064x", 1)}
	w := &calendarWorld{world: &world{t: t, ledger: newLedger(0, 1), people: []person{kim}, byTok: map[string]int{kim.phone: 0}},
		srv: srv, calendar: calendar}
	w.kim = &w.people[0]
	dir := t.TempDir()
	section := w.startAPNs(dir, 0)
	w.hub = newHub(t, checked(t), fmt.Sprintf(`apps:
  - id: corp
%ssources:
  - id: calendar
    kind: caldav
    url: %s
    auth: {method: password}
    poll: %s
`, section, srv.URL, calendarPoll))
	w.hub.start()
	w.register()
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte(davserver.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	w.hub.allim("account", "add", "--source", "calendar", "--user", "kim", "--login", user, "--password-file", secret)
	w.polled()
	return w
}

// polled waits until the account was seen whole.
func (w *calendarWorld) polled() {
	w.t.Helper()
	until(w.t, 2*time.Minute, "the calendar to be watched", func() bool {
		return w.hub.metric(`allim_accounts{source="calendar",state="polling"}`) == 1
	})
}

// pushes gives what the phone shows: a push that came again with the same id took the first one's place.
func (w *calendarWorld) pushes() []string {
	var list []string
	seen := map[string]bool{}
	for _, e := range w.apns.Log().Entries() {
		if !e.Accepted || seen[e.ID] {
			continue
		}
		seen[e.ID] = true
		var body struct {
			APS struct {
				Alert struct{ Title, Body string }
			}
		}
		if err := json.Unmarshal(e.Body, &body); err != nil {
			w.t.Fatal(err)
		}
		list = append(list, body.APS.Alert.Title+": "+body.APS.Alert.Body)
	}
	return list
}

// expect waits for one more push, with the given texts in it, and then lets the hub die and come back.
func (w *calendarWorld) expect(since time.Time, texts ...string) {
	w.t.Helper()
	w.told++
	until(w.t, 2*time.Minute, fmt.Sprintf("push %d with %q", w.told, texts), func() bool { return len(w.pushes()) >= w.told })
	w.slowest = max(w.slowest, time.Since(since))
	list := w.pushes()
	w.t.Logf("%s after %s", list[w.told-1], time.Since(since).Round(time.Millisecond))
	if len(list) != w.told {
		w.t.Fatalf("the phone shows %q; want %d", list, w.told)
	}
	for _, text := range texts {
		if !strings.Contains(list[w.told-1], text) {
			w.t.Fatalf("the push is %q; want %q in it", list[w.told-1], text)
		}
	}
	w.restart()
}

// restart ends the hub in order or with kill -9, in turn, and starts it again.
func (w *calendarWorld) restart() {
	w.t.Helper()
	if w.restarts++; w.restarts%2 == 0 {
		w.hub.stop()
	} else {
		w.hub.kill()
	}
	w.hub.start()
	w.polled()
}

func (w *calendarWorld) put(name string, lines ...string) time.Time {
	w.t.Helper()
	w.srv.Put(w.kim.email, w.calendar, name+".ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n"+strings.Join(lines, "\r\n")+"\r\nEND:VCALENDAR\r\n")
	return time.Now()
}

// from is an object that Lee made for kim.
func (w *calendarWorld) from(component, uid, title string, more ...string) []string {
	head := []string{"BEGIN:" + component, "UID:" + uid, "DTSTAMP:20261101T000000Z", "SUMMARY:" + title,
		"ORGANIZER;CN=Lee:mailto:lee@example.org", "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:" + w.kim.email}
	return append(append(head, more...), "END:"+component)
}

func stamp(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// life is what happens to meetings and tasks; each is told once, within the poll and two seconds on a machine at rest.
func (w *calendarWorld) life() {
	w.t.Helper()
	day := time.Now().UTC().Truncate(24 * time.Hour).Add(50 * time.Hour)
	hours := func(at time.Time) []string {
		return []string{"DTSTART:" + stamp(at), "DTEND:" + stamp(at.Add(time.Hour))}
	}
	w.expect(w.put("plan", w.from("VEVENT", "plan", "Plan", hours(day)...)...), "Plan: ", "Lee invites you")
	w.expect(w.put("plan", w.from("VEVENT", "plan", "Plan", append(hours(day.Add(2*time.Hour)), "SEQUENCE:1")...)...), "Plan: Moved to")
	w.expect(w.put("plan", w.from("VEVENT", "plan", "Plan", append(hours(day.Add(2*time.Hour)), "SEQUENCE:2", "STATUS:CANCELLED")...)...), "Plan: Cancelled")

	series := w.from("VEVENT", "week", "Weekly", append(hours(day), "RRULE:FREQ=WEEKLY;COUNT=10")...)
	w.expect(w.put("week", series...), "Weekly: ", "Lee invites you")
	one := w.from("VEVENT", "week", "Weekly", append(hours(day.AddDate(0, 0, 7).Add(time.Hour)), "SEQUENCE:1", "RECURRENCE-ID:"+stamp(day.AddDate(0, 0, 7)))...)
	w.expect(w.put("week", append(slices.Clone(series), one...)...), "Weekly: Moved to")

	start := time.Now().Truncate(time.Second).Add(160 * time.Second)
	fires := start.Add(-150 * time.Second)
	w.expect(w.put("soon", w.from("VEVENT", "soon", "Soon", append(hours(start), "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x",
		"TRIGGER:-PT150S", "END:VALARM")...)...), "Soon: Lee invites you")
	w.expect(fires, "Soon: ")

	due := time.Now().Truncate(time.Second).Add(15 * time.Second)
	w.expect(w.put("task", w.from("VTODO", "task", "Report", "DUE:"+stamp(due), "STATUS:NEEDS-ACTION")...), "Report: Lee gave you this task")
	w.expect(due, "Report: ")
	w.expect(w.put("later", w.from("VTODO", "later", "Later", "DUE:"+stamp(day), "STATUS:NEEDS-ACTION")...), "Later: Lee gave you this task")
	w.expect(w.put("later", w.from("VTODO", "later", "Later", "DUE:"+stamp(day), "SEQUENCE:1", "STATUS:COMPLETED", "COMPLETED:"+stamp(time.Now()),
		"PERCENT-COMPLETE:100")...), "Later: Completed")

	w.srv.Delete(w.kim.email, w.calendar, "week.ics")
	w.expect(time.Now(), "Weekly: Cancelled")
	w.t.Logf("%d told, the slowest after %s", w.told, w.slowest.Round(time.Millisecond))
	limit := calendarPoll + 2*time.Second
	if os.Getenv(strict) == "" {
		limit *= 10
	}
	if w.slowest > limit {
		w.t.Errorf("the slowest was told after %s, the limit is %s", w.slowest, limit)
	}
	items, err := w.hub.inbox(w.kim.token)
	if err != nil || len(items) != w.told || len(w.pushes()) != w.told {
		w.t.Errorf("%d items in the inbox, %v; %d pushes; want %d of each", len(items), err, len(w.pushes()), w.told)
	}
}

// TestRadicaleCalendar: what happens to meetings and tasks on a real Radicale reaches the phone once each, though the hub is
// killed, or stopped, and started again between any two things.
func TestRadicaleCalendar(t *testing.T) {
	t.Parallel()
	const user = "kim@" + domain
	srv := davserver.Radicale(t, user)
	srv.AddCalendar(user, "work")
	w := newCalendarWorld(t, srv, "work", user)
	w.life()
	w.hub.stop()
	out, errText, code := w.hub.try("check", "-c", w.hub.conf(), "--online")
	if code != 0 || !strings.Contains(out, "source calendar") || !strings.Contains(out, "work (calendar and tasks)") {
		t.Errorf("allim check --online: exit status %d\n%s%s", code, out, errText)
	}
}

// TestXandikosCalendar is the same with Xandikos, whose sync tokens are git's and whose unknown tokens are errors 500.
func TestXandikosCalendar(t *testing.T) {
	t.Parallel()
	const user = "kim@" + domain
	newCalendarWorld(t, davserver.Xandikos(t, user), "calendar", user).life()
}
