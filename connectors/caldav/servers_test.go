package caldav

import (
	"testing"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
	"allim.dev/allim/notify/notifytest/davserver"
)

// real is a connector against a real server, polling each second.
type real struct {
	t     *testing.T
	srv   *davserver.Server
	watch *notifytest.Watch
	run   *notifytest.Running
	auth  Auth
	path  string
}

func newReal(t *testing.T, srv *davserver.Server, account notify.Account) *real {
	r := &real{t: t, srv: srv, watch: notifytest.NewWatch(account), auth: Auth{Method: methodPassword}}
	t.Cleanup(r.stop)
	return r
}

func (r *real) start() {
	r.t.Helper()
	c, err := New(notifytest.ConnectorEnv("caldav", notify.SystemClock{}, func(s *Settings) {
		s.URL, s.Poll, s.Timeout, s.Auth, s.Home = r.srv.URL, time.Second, time.Minute, r.auth, r.path
		s.Reminders.Default = 10 * time.Minute
	}))
	if err != nil {
		r.t.Fatal(err)
	}
	r.run = notifytest.StartConnector(c, r.watch)
}

func (r *real) stop() {
	r.t.Helper()
	if r.run != nil {
		if err := r.run.Stop(); err != nil {
			r.t.Errorf("Run returned %v", err)
		}
		r.run = nil
	}
}

// told waits until n events were told, and gives the types and titles.
func (r *real) told(want ...string) {
	r.t.Helper()
	notifytest.Until(r.t, "events", func() bool { return len(r.watch.Events()) >= len(want) })
	for i, e := range r.watch.Events() {
		if got := string(e.Type) + " " + e.Params["title"]; i >= len(want) || got != want[i] {
			r.t.Fatalf("event %d is %q; want %q; health %+v", i, got, want, r.watch.Health("id-"+kim))
		}
	}
}

func (r *real) well() {
	r.t.Helper()
	notifytest.Until(r.t, "a good look", func() bool {
		h := r.watch.Health("id-" + kim)
		return h.State == notify.HealthPolling && !h.LastOKAt.IsZero()
	})
}

// lifeOfMeetings goes through what happens in a calendar, with the connector stopped and started between any two steps.
func (r *real) lifeOfMeetings(calendar string) {
	r.t.Helper()
	day := time.Now().Add(48 * time.Hour).Truncate(time.Hour)
	r.srv.Put(kim, calendar, "old.ics", meeting("old", "Old", day))
	step := func(what func(), want ...string) {
		r.t.Helper()
		what()
		r.told(want...)
		r.stop()
		r.start()
	}
	r.start()
	r.well()
	step(func() { r.srv.Put(kim, calendar, "new.ics", meeting("new", "New", day)) }, "calendar.created New")
	r.srv.Put(kim, calendar, "two.ics", meeting("two", "Two", day))
	r.told("calendar.created New", "calendar.created Two")
	r.srv.Delete(kim, calendar, "old.ics")
	notifytest.Until(r.t, "the object to be gone", func() bool {
		n := 0
		for k := range r.watch.State("id-" + kim) {
			if len(k) > 2 && k[:2] == "o/" {
				n++
			}
		}
		return n == 2
	})
}

func TestRadicale(t *testing.T) {
	r := newReal(t, davserver.Radicale(t, kim), home(kim))
	r.srv.AddCalendar(kim, "work")
	r.lifeOfMeetings("work")
	c, err := New(notifytest.ConnectorEnv("caldav", notify.SystemClock{}, func(s *Settings) { s.URL = r.srv.URL }))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.(*connector).Check(t.Context()); err != nil {
		t.Error(err)
	}
	text, err := c.(*connector).ListAccount(t.Context(), home(kim))
	if err != nil {
		t.Error(err)
	}
	t.Log(text)
}

func TestXandikos(t *testing.T) {
	r := newReal(t, davserver.Xandikos(t, kim), home(kim))
	r.lifeOfMeetings("calendar")
}

// TestRadicaleReader: one login that may read everything sees everybody's calendars.
func TestRadicaleReader(t *testing.T) {
	r := newReal(t, davserver.Radicale(t, kim), notify.Account{ID: "id-" + kim, Login: kim})
	r.auth = Auth{Method: methodProxy, User: davserver.Reader, Password: davserver.ReaderPassword}
	r.path = "/{login}/"
	r.srv.AddCalendar(kim, "work")
	r.start()
	r.well()
	r.srv.Put(kim, "work", "new.ics", meeting("new", "New", time.Now().Add(48*time.Hour)))
	r.told("calendar.created New")
}
