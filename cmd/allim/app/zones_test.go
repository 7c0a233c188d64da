package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/connectors/caldav"
	"allim.dev/allim/connectors/caldav/caldavtest"
	"allim.dev/allim/connectors/feed"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/bus/mem"
	"allim.dev/allim/notify/notifytest"
	"allim.dev/allim/notify/store/sqlite"
)

// The whole way of what floats, from a calendar server to the phones of people in two time zones: one CalDAV account that both
// have, and one iCalendar feed for a topic of both.

const (
	inSeoul   = "Asia/Seoul"
	inNewYork = "America/New_York"
)

// team is kim in Seoul and lee in New York, told by a hub of a calendar that is theirs together.
type team struct {
	t       *testing.T
	dir     string
	clock   *notifytest.Clock
	phones  *notifytest.Adapter
	config  notify.SourceConfig
	connect func() (notify.Connector, error)
	put     func(objects ...string) // makes these the calendar's

	store notify.Store
	hub   *notify.Hub
	sent  int
}

// teams are the two ways to have a calendar together; the calendar holds objects, and is read before the function returns.
func teams(t *testing.T, now time.Time, test func(*team), objects ...string) {
	for name, source := range map[string]func(*team){"one account": (*team).caldav, "one feed": (*team).feed} {
		t.Run(name, func(t *testing.T) {
			x := &team{t: t, dir: t.TempDir(), clock: notifytest.NewClock(now), phones: notifytest.NewAdapter()}
			source(x)
			x.put(objects...)
			x.start()
			defer x.stop()
			for id, zone := range map[string]string{"kim": inSeoul, "lee": inNewYork} {
				x.moves(id, zone)
				if _, _, err := x.hub.RegisterDevice(t.Context(), notify.Device{User: id, App: "corp", Platform: notify.APNs, Token: id}); err != nil {
					t.Fatal(err)
				}
			}
			x.share()
			test(x)
		})
	}
}

// share gives both of them the calendar.
func (x *team) share() {
	x.t.Helper()
	for _, id := range []string{"kim", "lee"} {
		if err := x.store.AddMember(x.t.Context(), "staff", id); err != nil {
			x.t.Fatal(err)
		}
	}
	if x.config.Topic == "" {
		_, _, err := x.hub.AddAccount(x.t.Context(), notify.Account{Source: x.config.ID, Login: "team", Secret: "secret", Users: []string{"kim", "lee"}})
		if err != nil {
			x.t.Fatal(err)
		}
	}
}

func (x *team) caldav() {
	srv, err := caldavtest.New(caldavtest.Options{})
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(srv.Close)
	srv.AddUser("team", "secret")
	srv.AddCollection("team", caldavtest.Collection{Name: "work"})
	env := notifytest.ConnectorEnv("caldav", x.clock, func(s *caldav.Settings) {
		s.URL, s.Timeout, s.Reminders.Default = srv.URL(), 20*time.Second, 10*time.Minute
	})
	x.config, x.connect = env.Source, func() (notify.Connector, error) { return caldav.New(env) }
	x.put = func(objects ...string) {
		for _, o := range objects {
			_, uid, _ := strings.Cut(o, "UID:")
			uid, _, _ = strings.Cut(uid, "\r\n")
			srv.Put("team", "work", uid+".ics", calendarOf(o))
		}
	}
}

func (x *team) feed() {
	content := make(chan string, 1)
	content <- calendarOf()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body := <-content
		content <- body
		w.Header().Set("Content-Type", "text/calendar")
		_, _ = w.Write([]byte(body))
	}))
	x.t.Cleanup(srv.Close)
	env := notifytest.ConnectorEnv("feed", x.clock, func(s *feed.Settings) {
		s.URL, s.Poll, s.Reminder = srv.URL, time.Minute, 10*time.Minute
	})
	env.Source.Topic = "staff"
	x.config, x.connect = env.Source, func() (notify.Connector, error) { return feed.New(env) }
	var all []string
	x.put = func(objects ...string) {
		<-content
		all = append(all, objects...)
		content <- calendarOf(all...)
	}
}

func calendarOf(objects ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + strings.Join(objects, "") + "END:VCALENDAR\r\n"
}

func component(name string, lines ...string) string {
	return "BEGIN:" + name + "\r\nDTSTAMP:20260301T000000Z\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:" + name + "\r\n"
}

func alarm(trigger string) string {
	return "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:" + trigger + "\r\nEND:VALARM"
}

func (x *team) start() {
	x.t.Helper()
	store, err := sqlite.Open(x.t.Context(), sqlite.Options{Dir: x.dir, Clock: x.clock, Log: notifytest.Quiet(), Synchronous: sqlite.Normal})
	if err != nil {
		x.t.Fatal(err)
	}
	connector, err := x.connect()
	if err != nil {
		x.t.Fatal(err)
	}
	x.store = store
	x.hub = notify.New(notify.Options{Store: store, Bus: mem.New(), Clock: x.clock, Log: notifytest.Quiet(),
		Lanes:   map[notify.Lane]notify.Adapter{{App: "corp", Platform: notify.APNs}: x.phones},
		Sources: []notify.Source{{Config: x.config, Connector: connector}}})
	if err := x.hub.Start(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
}

func (x *team) stop() {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), notifytest.Patience)
	defer cancel()
	if err := x.hub.Stop(ctx); err != nil {
		x.t.Error(err)
	}
	if err := x.store.Close(); err != nil {
		x.t.Error(err)
	}
}

func (x *team) again() { x.t.Helper(); x.stop(); x.start() }

func (x *team) moves(id, zone string) {
	x.t.Helper()
	_, _, err := x.hub.PutUser(x.t.Context(), notify.User{ID: id, Locale: "en", TimeZone: zone,
		Identities: []notify.Identity{{Kind: notify.KindEmail, Value: id + "@example.com"}}})
	if err != nil {
		x.t.Fatal(err)
	}
}

// next waits until the next reminder is that of a moment: the calendar was read, and its reminders were made for the zones
// that people have.
func (x *team) next(want string) {
	x.t.Helper()
	moment := utc(x.t, want)
	notifytest.Until(x.t, "the next reminder to be at "+want, func() bool { return x.due().Equal(moment) })
}

// due gives when the next reminder is, without firing any.
func (x *team) due() time.Time {
	x.t.Helper()
	f, err := x.store.FireReminders(x.t.Context(), x.clock.Now(), 0, nil)
	if err != nil {
		x.t.Fatal(err)
	}
	return f.Next
}

func utc(t *testing.T, s string) time.Time {
	t.Helper()
	moment, err := time.Parse("20060102T150405Z", s)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// at sets the clock and checks whom what is told then: "kim: title · body".
func (x *team) at(moment string, want ...string) {
	x.t.Helper()
	x.clock.Set(utc(x.t, moment))
	x.tells(want...)
}

func (x *team) tells(want ...string) {
	x.t.Helper()
	notifytest.Until(x.t, "all that is due to be told", func() bool { return x.rests() && len(x.phones.Sent()) >= x.sent+len(want) })
	var got []string
	for _, s := range x.phones.Sent()[x.sent:] {
		got = append(got, s.Delivery.Device.User+": "+strings.Replace(string(s.Delivery.Payload.Body), "\n", " · ", 1))
		x.sent++
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		x.t.Errorf("at %s told\n%s\nwant\n%s", x.clock.Now().Format(time.RFC3339), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// rests tells whether nothing is due, waits to be planned, or is under way.
func (x *team) rests() bool {
	left, err := x.store.Unplanned(x.t.Context(), 1)
	list, fault := x.store.Notifications(x.t.Context(), notify.NotificationFilter{}, notify.Page{Limit: 1000})
	if due := x.due(); err != nil || fault != nil || len(left) > 0 || !due.IsZero() && !due.After(x.clock.Now()) {
		return false
	}
	return !slices.ContainsFunc(list, func(n notify.Notification) bool { return n.State != notify.StateDone })
}

var (
	lunch  = component("VEVENT", "UID:lunch", "SUMMARY:Lunch", "DTSTART:20261125T120000", "DTEND:20261125T130000", alarm("-PT10M"))
	holi   = component("VEVENT", "UID:holiday", "SUMMARY:Holiday", "DTSTART;VALUE=DATE:20261125")
	report = component("VTODO", "UID:report", "SUMMARY:Report", "DUE:20261125T180000")
	fixed  = component("VEVENT", "UID:fixed", "SUMMARY:Call", "DTSTART:20261125T150000Z", "DURATION:PT30M")
)

const (
	lunchSoon  = ": Lunch · In 10 minutes · Wed 25 Nov, 12:00–13:00"
	holidayIs  = ": Holiday · Wed 25 Nov"
	reportDue  = ": Report · Due now · Wed 25 Nov, 18:00"
	lateReport = ": Report · Was due · Wed 25 Nov, 18:00"
)

// TestZonesTogether: each is told at the time on their own wall, once, over restarts; what has a zone comes to both at once.
func TestZonesTogether(t *testing.T) {
	teams(t, utc(t, "20261124T030000Z"), func(x *team) {
		x.next("20261125T000000Z")
		x.at("20261124T235959Z")
		x.at("20261125T000000Z", "kim"+holidayIs)
		x.again()
		x.at("20261125T025000Z", "kim"+lunchSoon)
		x.at("20261125T090000Z", "kim"+reportDue)
		x.again()
		x.at("20261125T135959Z")
		x.at("20261125T140000Z", "lee"+holidayIs)
		x.at("20261125T145000Z", "kim: Call · In 10 minutes · Thu 26 Nov, 00:00–00:30", "lee: Call · In 10 minutes · Wed 25 Nov, 10:00–10:30")
		x.at("20261125T165000Z", "lee"+lunchSoon)
		x.again()
		x.at("20261125T230000Z", "lee"+reportDue)
		x.at("20261127T000000Z")
	}, lunch, holi, report, fixed)
}

// TestZonesMove: who moves is told by the clock of the new place, of nothing twice, and of what that clock skipped at once.
func TestZonesMove(t *testing.T) {
	teams(t, utc(t, "20261124T030000Z"), func(x *team) {
		x.next("20261125T000000Z")
		x.at("20261125T000000Z", "kim"+holidayIs)
		x.moves("kim", inNewYork) // before lunch: the rows of Seoul go
		x.next("20261125T140000Z")
		x.again()
		x.at("20261125T090000Z")
		x.moves("lee", "Asia/Tokyo") // 18:00 there: lunch is over, the rest is not
		x.tells("lee: Holiday · Late reminder · Wed 25 Nov", "lee"+reportDue)
		x.again()
		x.at("20261125T145000Z", "kim: Call · In 10 minutes · Wed 25 Nov, 10:00–10:30", "lee: Call · In 10 minutes · Thu 26 Nov, 00:00–00:30")
		x.at("20261125T165000Z", "kim"+lunchSoon)
		x.at("20261125T225959Z")
		x.moves("kim", "America/Chicago") // west again: one hour more to 18:00
		x.next("20261126T000000Z")
		x.at("20261125T235959Z")
		x.at("20261126T000000Z", "kim"+reportDue)
		x.moves("kim", "Pacific/Honolulu")
		x.at("20261126T040000Z")
		x.at("20261127T000000Z")
	}, lunch, holi, report, fixed)
}

// TestZonesGapAndFold: the nights in which New York's clocks change are nothing to Seoul.
func TestZonesGapAndFold(t *testing.T) {
	teams(t, utc(t, "20261030T000000Z"), func(x *team) {
		x.next("20261031T162000Z")
		x.at("20261031T162000Z", "kim: Fold · In 10 minutes · Sun 1 Nov, 01:30–02:30")
		x.again()
		x.at("20261101T052000Z", "lee: Fold · In 10 minutes · Sun 1 Nov, 01:30") // to 01:30 of standard time
		x.at("20261101T062000Z")
	}, component("VEVENT", "UID:fold", "SUMMARY:Fold", "DTSTART:20261101T013000", "DURATION:PT1H", alarm("-PT10M")))
	teams(t, utc(t, "20270312T000000Z"), func(x *team) {
		x.next("20270313T172000Z")
		x.at("20270313T172000Z", "kim: Gap · In 10 minutes · Sun 14 Mar, 02:30–03:30")
		x.again()
		x.at("20270314T061959Z")
		x.at("20270314T072000Z", "lee: Gap · In 10 minutes · Sun 14 Mar, 03:30–04:30") // at 03:20 of daylight saving time
		x.at("20270314T090000Z")
	}, component("VEVENT", "UID:gap", "SUMMARY:Gap", "DTSTART:20270314T023000", "DURATION:PT1H", alarm("-PT10M")))
}

// TestZonesChange: a change of what floats is told both of them once, as long as it is not over for both, with the time that
// is on the wall of each.
func TestZonesChange(t *testing.T) {
	party := func(start string, more ...string) string {
		return component("VEVENT", append([]string{"UID:party", "SUMMARY:Party", "DTSTART:20261124T" + start, "DURATION:PT1H",
			"ORGANIZER;CN=Boss:mailto:boss@example.com", "ATTENDEE:mailto:kim@example.com", "ATTENDEE:mailto:lee@example.com"}, more...)...)
	}
	teams(t, utc(t, "20261124T060000Z"), func(x *team) { // 15:00 in Seoul, 01:00 in New York
		x.next("20261125T000000Z")
		x.put(party("140000"))
		notifytest.Until(t, "the next poll to see it", func() bool {
			x.clock.Advance(time.Second)
			return len(x.phones.Sent()) >= x.sent+2
		})
		x.tells("kim: Party · Boss invites you · Tue 24 Nov, 14:00–15:00", "lee: Party · Boss invites you · Tue 24 Nov, 14:00–15:00")
		x.at("20261124T185000Z", "lee: Party · In 10 minutes · Tue 24 Nov, 14:00–15:00")
	}, holi)
}

// TestZonesLate: after a downtime each is told late of what is not over where they are.
func TestZonesLate(t *testing.T) {
	teams(t, utc(t, "20261124T030000Z"), func(x *team) {
		x.next("20261125T000000Z")
		x.stop()
		x.clock.Set(utc(t, "20261125T093000Z"))
		x.start()
		x.tells("kim" + lateReport)
		x.stop()
		x.clock.Set(utc(t, "20261125T170500Z"))
		x.start()
		x.tells("lee: Lunch · Late reminder · Wed 25 Nov, 12:00–13:00")
		x.at("20261125T230000Z", "lee"+reportDue)
	}, lunch, holi, report)
}
