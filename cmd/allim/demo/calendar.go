package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"allim.dev/allim/connectors/caldav/caldavtest"
	"allim.dev/allim/notify"
)

// The calendars of the play: everybody has one and a task list. What happens there waits for what happened before to be
// pushed, so that it is seen step by step, however slow the machine is: an invitation, its reminder, the meeting moved, a
// task, its time.

const (
	calendarSource = "calendar"
	calendarPoll   = time.Second
	meetings       = "meetings"
	tasks          = "tasks"
	// soon is how long after an invitation its reminder fires, and after a task is given it is due.
	soon = 3 * time.Second
	// ahead is how long before its start a meeting reminds.
	ahead = 10 * time.Minute
)

// calendarOf is one person's part in the play.
type calendarOf struct {
	meeting, task string // their words
	boss, address string
	n             int // meetings so far
	starts        time.Time
	act           int    // what comes next
	waits         string // the title whose push must have been seen before
	pushes        int    // how often it must have been seen
}

func calendarCast() map[string]*calendarOf {
	return map[string]*calendarOf{
		"kim":  {meeting: "분기 실적 회의", task: "출장비 정산", boss: "박서연", address: "seoyeon.park@example.com"},
		"alex": {meeting: "Quarterly review", task: "Sign the contract", boss: "Priya Shah", address: "priya@example.org"},
	}
}

// calendars starts the CalDAV server.
func (w *world) calendars() (err error) {
	if w.caldav, err = caldavtest.New(caldavtest.Options{}); err != nil {
		return err
	}
	w.undo("the calendar server", plain(func() error { w.caldav.Close(); return nil }))
	w.played = calendarCast()
	return nil
}

// registerCalendar gives a person a calendar and a task list.
func (w *world) registerCalendar(ctx context.Context, p person, password string) error {
	w.caldav.AddUser(p.email(), password)
	w.caldav.AddCollection(p.email(), caldavtest.Collection{Name: meetings, Title: "Meetings", Components: []string{"VEVENT"}})
	w.caldav.AddCollection(p.email(), caldavtest.Collection{Name: tasks, Title: "Tasks", Components: []string{"VTODO"}})
	_, _, err := w.app.Hub().AddAccount(ctx, notify.Account{Source: calendarSource, Login: p.email(), Secret: password, Users: []string{p.id}})
	return err
}

// calendarStep lets the next thing happen in every calendar whose last one was seen.
func (w *world) calendarStep(ctx context.Context) error {
	accounts, err := w.app.Store().Accounts(ctx, calendarSource, notify.Page{})
	if err != nil {
		return fmt.Errorf("read the calendars' accounts: %w", err)
	}
	watched := map[string]bool{}
	for _, a := range accounts {
		watched[a.Login] = !a.Health.LastOKAt.IsZero() // what was there before is not news
	}
	for _, p := range w.people {
		c := w.played[p.id]
		if watched[p.email()] && (c.waits == "" || w.ledger.pushesOf(p.id, c.waits) >= c.pushes) {
			w.calendarAct(p, c)
		}
	}
	return nil
}

// calendarAct is one step of one person's play.
func (w *world) calendarAct(p person, c *calendarOf) {
	now := w.opts.Clock.Now().Truncate(time.Second)
	meeting, task := fmt.Sprintf("%s %d", c.meeting, c.n+1), fmt.Sprintf("%s %d", c.task, c.n+1)
	switch c.act {
	case 0:
		c.starts = now.Add(ahead + soon)
		w.caldav.Put(p.email(), meetings, fmt.Sprintf("%d.ics", c.n), c.event(p, meeting, now, 0))
		w.ledger.happened(p.id, c.boss, meeting, "calendar")
		c.waits, c.pushes = meeting, 4 // the invitation and the reminder, on two devices
	case 1:
		c.starts = c.starts.Add(30 * time.Minute)
		w.caldav.Put(p.email(), meetings, fmt.Sprintf("%d.ics", c.n), c.event(p, meeting, now, 1))
		w.ledger.happened(p.id, c.boss, meeting, "calendar")
		c.pushes = 6
	case 2:
		w.caldav.Put(p.email(), tasks, fmt.Sprintf("%d.ics", c.n), c.todo(p, task, now))
		w.ledger.happened(p.id, c.boss, task, "task list")
		c.waits, c.pushes = task, 4 // the task and its time
	}
	if c.act++; c.act == 3 {
		c.act, c.n = 0, c.n+1
	}
}

// event writes a meeting (RFC 5545 section 3.6.1).
func (c *calendarOf) event(p person, title string, now time.Time, sequence int) string {
	return lines("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Allim//demo//EN", "BEGIN:VEVENT",
		fmt.Sprintf("UID:meeting-%d-%s@example.com", c.n, p.id), "DTSTAMP:"+utc(now), fmt.Sprint("SEQUENCE:", sequence), "SUMMARY:"+title,
		"DTSTART:"+utc(c.starts), "DTEND:"+utc(c.starts.Add(time.Hour)), "LOCATION:Room 3", "ORGANIZER;CN="+c.boss+":mailto:"+c.address,
		"ATTENDEE;PARTSTAT=NEEDS-ACTION;CN="+p.name+":mailto:"+p.email(),
		"BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:"+title, fmt.Sprintf("TRIGGER:-PT%dM", int(ahead/time.Minute)), "END:VALARM",
		"END:VEVENT", "END:VCALENDAR")
}

// todo writes a task (RFC 5545 section 3.6.2).
func (c *calendarOf) todo(p person, title string, now time.Time) string {
	return lines("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Allim//demo//EN", "BEGIN:VTODO",
		fmt.Sprintf("UID:task-%d-%s@example.com", c.n, p.id), "DTSTAMP:"+utc(now), "SUMMARY:"+title, "DUE:"+utc(now.Add(soon)),
		"ORGANIZER;CN="+c.boss+":mailto:"+c.address, "ATTENDEE;CN="+p.name+":mailto:"+p.email(), "END:VTODO", "END:VCALENDAR")
}

func lines(l ...string) string { return strings.Join(l, "\r\n") + "\r\n" }

func utc(t time.Time) string { return t.UTC().Format("20060102T150405Z") }
