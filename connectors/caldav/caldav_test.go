package caldav

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"allim.dev/allim/connectors/caldav/caldavtest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	kim = "kim@example.com"
	lee = "lee@example.com"
)

func home(login string) notify.Account {
	return notify.Account{ID: "id-" + login, Login: login, Secret: "secret", Users: []string{login}, TimeZone: "Asia/Seoul"}
}

// rig is a connector against a fault server, with a clock that is turned by hand: every poll is asked for.
type rig struct {
	t     *testing.T
	srv   *caldavtest.Server
	watch *notifytest.Watch
	clock *notifytest.Clock
	set   func(*Settings)
	alter func(*connector)
	run   *notifytest.Running
}

// start of the tests' clock: a Monday, 18:00 in Seoul.
var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// newRig starts a server with kim's calendar "work"; the connector is started by start.
func newRig(t *testing.T, o caldavtest.Options) *rig {
	t.Helper()
	srv, err := caldavtest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv.AddUser(kim, "secret")
	srv.AddCollection(kim, caldavtest.Collection{Name: "work", Title: "Work"})
	r := &rig{t: t, srv: srv, watch: notifytest.NewWatch(home(kim)), clock: notifytest.NewClock(start), set: func(*Settings) {},
		alter: func(*connector) {}}
	t.Cleanup(func() {
		srv.Heal()
		r.stop()
		srv.Close()
		for _, b := range r.watch.Broken() {
			t.Errorf("a rule of notify.Event is broken: %s", b)
		}
	})
	return r
}

func (r *rig) connector() notify.Connector {
	r.t.Helper()
	c, err := New(notifytest.ConnectorEnv("caldav", r.clock, func(s *Settings) {
		s.URL, s.Timeout = r.srv.URL(), 20*time.Second
		r.set(s)
	}))
	if err != nil {
		r.t.Fatal(err)
	}
	own, ok := c.(*connector)
	if !ok {
		r.t.Fatalf("it is a %T", c)
	}
	r.alter(own)
	return own
}

func (r *rig) start() {
	r.t.Helper()
	r.run = notifytest.StartConnector(r.connector(), r.watch)
}

func (r *rig) stop() {
	r.t.Helper()
	if r.run != nil {
		if err := r.run.Stop(); err != nil {
			r.t.Errorf("Run returned %v", err)
		}
		r.run = nil
	}
}

func (r *rig) health() notify.Health { return r.watch.Health("id-" + kim) }

// well starts the connector, where it does not run, and waits until the account was seen whole.
func (r *rig) well() {
	r.t.Helper()
	if r.run == nil {
		r.clock.Advance(time.Second) // so that what was reported before is not taken for news
		r.start()
	}
	before := r.health().LastOKAt
	notifytest.Until(r.t, fmt.Sprintf("a good look; health %+v", r.health()), func() bool {
		h := r.health()
		return h.State == notify.HealthPolling && !h.LastOKAt.Before(before) && h.LastOKAt.Equal(r.clock.Now())
	})
}

// poll turns the clock to the next poll, and returns when that is over.
func (r *rig) poll() {
	r.t.Helper()
	r.tick(time.Minute)
}

// tick turns the clock by d, and returns when the poll that is due then is over.
func (r *rig) tick(d time.Duration) {
	r.t.Helper()
	r.idle() // else a timer that is made in this moment would be of the time before
	looks := r.looks()
	r.clock.Advance(d)
	notifytest.Until(r.t, "the look to begin", func() bool { return r.looks() > looks })
	r.idle()
}

// looks counts what was asked of the server: every look asks for the home at least.
func (r *rig) looks() int { return r.srv.Count("PROPFIND") }

// idle waits until the connector waits for its next poll: its two timers run, the queue's and the accounts'.
func (r *rig) idle() {
	r.t.Helper()
	notifytest.Until(r.t, "the connector to rest", func() bool { return r.clock.Waiting() >= 2 && !r.clock.Next().Before(r.clock.Now()) })
}

func (r *rig) put(name, data string)    { r.srv.Put(kim, "work", name, data) }
func (r *rig) state() map[string][]byte { return r.watch.State("id-" + kim) }

// stored gives what is stored of kim's objects, by the last part of the address.
func (r *rig) stored() map[string]*objectState {
	all := map[string]*objectState{}
	for key, value := range r.state() {
		if strings.HasPrefix(key, "o/") {
			o := decodeObject(value)
			all[o.Href[strings.LastIndexByte(o.Href, '/')+1:]] = o
		}
	}
	return all
}

func (r *rig) names() string { return strings.Join(slices.Sorted(maps.Keys(r.stored())), " ") }

// told gives the events so far, as "type title".
func (r *rig) told() []string {
	var l []string
	for _, e := range r.watch.Events() {
		l = append(l, string(e.Type)+" "+e.Params["title"])
	}
	return l
}

// expect fails unless exactly these were told, in any order.
func (r *rig) expect(want ...string) {
	r.t.Helper()
	have := r.told()
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		r.t.Fatalf("told of %q, want %q", have, want)
	}
}

// meeting is an event that somebody else invites kim to, an hour long.
func meeting(uid, title string, at time.Time, more ...string) string {
	return calendar("BEGIN:VEVENT", "UID:"+uid, "DTSTAMP:20261101T000000Z", "SUMMARY:"+title,
		"DTSTART:"+at.UTC().Format("20060102T150405Z"), "DTEND:"+at.UTC().Add(time.Hour).Format("20060102T150405Z"),
		"ORGANIZER;CN=Lee:mailto:"+lee, "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:"+kim, strings.Join(append(more, "END:VEVENT"), "\r\n"))
}

func calendar(lines ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCALENDAR\r\n"
}

// tomorrow is the day after the clock's start, at the given hour in UTC.
func tomorrow(hour int) time.Time { return time.Date(2026, 11, 24, hour, 0, 0, 0, time.UTC) }

// TestNewMeeting is the ordinary case: silent about what is there, one PROPFIND while nothing happens, told of what comes.
func TestNewMeeting(t *testing.T) {
	r := newRig(t, caldavtest.Options{})
	r.put("old.ics", meeting("old", "Old", tomorrow(1)))
	r.well()
	r.expect()
	propfinds, reports := r.srv.Count("PROPFIND"), r.srv.Count("REPORT")
	r.poll()
	r.poll()
	if n, m := r.srv.Count("PROPFIND")-propfinds, r.srv.Count("REPORT")-reports; n != 2 || m != 0 {
		t.Errorf("two polls without news: %d PROPFIND and %d REPORT, want 2 and 0", n, m)
	}
	puts := r.watch.Puts()
	r.poll()
	if r.watch.Puts() != puts {
		t.Error("a poll without news was stored")
	}
	r.put("new.ics", meeting("new", "New", tomorrow(2)))
	r.poll()
	r.expect("calendar.created New")
	if h := r.health(); h.State != notify.HealthPolling || h.LastError != "" || len(h.Notes) > 0 || h.LastEventAt.IsZero() {
		t.Errorf("health %+v", h)
	}
	if r.names() != "new.ics old.ics" {
		t.Errorf("stored: %s", r.names())
	}
}
