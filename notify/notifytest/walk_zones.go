package notifytest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// zoned is the walk of reminders that are on each person's own wall.
func zoned() map[string]func(*house) {
	tests := map[string]func(*house){
		"a floating time fired for all before its zones were known": firedForAll,
		"people of many zones and one topic":                        manyZones,
	}
	for name, test := range map[string]func(*zones){
		"a floating time comes to each person by their own clock":  zonesApart,
		"who goes west is not told twice":                          zonesWest,
		"who goes east is told at once of what the clock skipped":  zonesEast,
		"who moves before it fires is told in the new zone":        zonesBefore,
		"who moves while a reminder waits to be planned is told":   zonesBetween,
		"who comes and goes is told while there":                   zonesJoined,
		"what stands in the inbox stays there when a person moves": zonesInbox,
	} {
		tests[name+", in a shared account"] = func(h *house) { test(newZones(h, false)) }
		tests[name+", in a topic"] = func(h *house) { test(newZones(h, true)) }
	}
	return tests
}

const (
	seoul   = "Asia/Seoul"
	newYork = "America/New_York"
)

// zones is a calendar that kim in Seoul, lee in New York and choi, of no zone (so of UTC), have together: as an account, or as
// members of a topic.
type zones struct {
	*house
	topic   bool
	watch   notify.Watch
	account notify.Account
	sent    int
}

// zonesStart is a Tuesday, midnight in UTC: 09:00 in Seoul, 19:00 of Monday in New York.
var zonesStart = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

func newZones(h *house, topic bool) *zones {
	h.t.Helper()
	z := &zones{house: h, topic: topic}
	h.clock.Set(zonesStart)
	for id, zone := range map[string]string{"kim": seoul, "lee": newYork, "choi": ""} {
		z.lives(id, zone)
	}
	if topic {
		for _, id := range []string{"kim", "lee", "choi"} {
			z.joins(id)
		}
		z.watch, z.account = h.feed()
	} else {
		z.account, z.watch = h.account("shared", "kim", "lee", "choi"), h.watch()
	}
	return z
}

// lives makes a person in a zone, with a phone.
func (z *zones) lives(id, zone string) {
	z.t.Helper()
	z.moves(id, zone)
	z.device(id, phones, id)
}

func (z *zones) moves(id, zone string) {
	z.t.Helper()
	if _, _, err := z.hub.PutUser(z.ctx(), notify.User{ID: id, Locale: "en", TimeZone: zone}); err != nil {
		z.t.Fatal(err)
	}
}

func (z *zones) joins(id string) {
	z.t.Helper()
	if z.topic {
		if err := z.store.AddMember(z.ctx(), "staff", id); err != nil {
			z.t.Fatal(err)
		}
		return
	}
	z.house.account("shared", append(slices.Clone(z.account.Users), id)...)
}

// again starts the hub once more.
func (z *zones) again() {
	z.t.Helper()
	z.restart()
	z.watch = z.house.watch()
}

// reminds puts rows of one floating object for zones: reminders at these times of the wall, of a meeting that ends an hour
// after the last one.
func (z *zones) reminds(object notify.Object, in []string, walls ...time.Time) {
	z.t.Helper()
	z.house.put(z.watch, z.account.ID, object, rowsIn(z.house, object, in, walls...)...)
}

func rowsIn(h *house, object notify.Object, in []string, walls ...time.Time) (rows []notify.Reminder) {
	for _, zone := range in {
		loc := must[*time.Location](h.t)(time.LoadLocation(zone))
		moment := func(w time.Time) time.Time {
			return time.Date(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), 0, loc).UTC()
		}
		for i, w := range walls {
			e := reminderOf(object)
			e.Told = fmt.Sprint("reminder of ", object, i)
			rows = append(rows, notify.Reminder{Alarm: fmt.Sprint(i), FireAt: moment(w), Until: moment(walls[len(walls)-1].Add(time.Hour)),
				Local: &notify.Local{Zone: zone, Wall: w}, Event: e})
		}
	}
	return rows
}

// at sets the clock and checks who is told of what then, as "kim lunch", "late" added.
func (z *zones) at(now time.Time, want ...string) {
	z.t.Helper()
	z.clock.Set(now)
	z.settled(want...)
}

func (z *zones) settled(want ...string) {
	z.t.Helper()
	Until(z.t, "all that is due to be told", func() bool { return z.rests() })
	var got []string
	for _, s := range z.phones().Sent()[z.sent:] {
		got = append(got, z.of(s))
		z.sent++
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		z.t.Errorf("at %s told %q, want %q", z.clock.Now().Format(time.RFC3339), got, want)
	}
}

// of writes what was sent to whom.
func (z *zones) of(s Sent) string {
	title, body, _ := strings.Cut(string(s.Delivery.Payload.Body), "\n")
	if strings.HasPrefix(body, "Late") {
		title += " late"
	}
	return s.Delivery.Device.User + " " + title
}

// rests tells whether nothing is due, waits to be planned, or is under way.
func (z *zones) rests() bool {
	f := must[notify.Fired](z.t)(z.store.FireReminders(z.ctx(), z.clock.Now(), 0, nil)) // fires none, and gives the next one
	left := must[[]notify.Event](z.t)(z.store.Unplanned(z.ctx(), 1))
	if !f.Next.IsZero() && !f.Next.After(z.clock.Now()) || len(left) > 0 {
		return false
	}
	for _, n := range must[[]notify.Notification](z.t)(z.store.Notifications(z.ctx(), notify.NotificationFilter{}, notify.Page{Limit: 1000})) {
		if n.State != notify.StateDone {
			return false
		}
	}
	return true
}

// on is a time of the wall of the first day.
func on(hour, minute int) time.Time {
	return zonesStart.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
}

// from gives the moment at which a clock that is ahead of UTC by some hours shows a time.
func from(wall time.Time, ahead int) time.Time { return wall.Add(-time.Duration(ahead) * time.Hour) }

var three = []string{"", newYork, seoul}

func zonesApart(z *zones) {
	z.reminds("lunch", three, on(12, 0))
	z.reminds("call", []string{""}, on(1, 0)) // of people in Seoul and New York nobody
	z.house.meeting(z.watch, z.account.ID, "fixed", on(2, 0))
	z.at(on(1, 0), "choi call")
	z.at(on(2, 0), "choi fixed", "kim fixed", "lee fixed")
	z.at(from(on(12, 0), 9).Add(-time.Second))
	z.at(from(on(12, 0), 9), "kim lunch")
	z.again()
	z.at(from(on(12, 0), 0).Add(-time.Second))
	z.at(from(on(12, 0), 0), "choi lunch")
	z.reminds("lunch", three, on(12, 0)) // the connector was not sure
	z.again()
	z.at(from(on(12, 0), -5).Add(-time.Second))
	z.at(from(on(12, 0), -5), "lee lunch")
	z.again()
	z.at(from(on(12, 0), -5).Add(time.Hour))
}

func zonesWest(z *zones) {
	z.reminds("lunch", three, on(12, 0))
	z.reminds("tea", three, on(16, 0))
	z.at(from(on(12, 0), 9), "kim lunch")
	z.moves("kim", newYork)
	z.again()
	z.at(on(12, 0), "choi lunch")
	z.at(on(16, 0), "choi tea")
	z.at(from(on(12, 0), -5), "lee lunch")
	z.at(from(on(16, 0), -5), "kim tea", "lee tea")
}

func zonesEast(z *zones) {
	two := []string{newYork, seoul}
	z.reminds("coffee", two, on(9, 10))
	z.reminds("lunch", two, on(10, 20), on(10, 50)) // until 11:50
	z.reminds("tea", two, on(16, 0))
	z.at(from(on(9, 10), 9), "kim coffee")
	z.at(from(on(10, 20), 9), "kim lunch")
	z.at(from(on(10, 50), 9), "kim lunch")
	z.at(from(on(11, 0), 9))
	z.moves("lee", seoul)       // from 21:00 of the day before
	z.settled("lee lunch late") // the last of both; coffee is over
	z.moves("lee", seoul)
	z.again()
	z.at(from(on(16, 0), 9), "kim tea", "lee tea")
	z.at(from(on(15, 0), -5)) // what comes there at 9:10 and so on is nobody's
	z.moves("lee", newYork)
	z.again()
	z.at(from(on(16, 0), -5))
}

func zonesBefore(z *zones) {
	z.reminds("lunch", three, on(12, 0))
	z.at(from(on(11, 59), 9))
	z.moves("kim", newYork)
	z.moves("lee", seoul)
	z.at(from(on(12, 0), 9), "lee lunch")
	z.moves("kim", "Asia/Tokyo") // where there are no rows yet: it is noon there, too
	z.settled("kim lunch")
	z.moves("kim", newYork)
	z.at(on(12, 0), "choi lunch")
	z.at(from(on(12, 0), -5))
}

func zonesBetween(z *zones) {
	z.reminds("lunch", three, on(12, 0))
	z.stop()
	z.store = z.open(z.t, z.dir, z.clock)
	z.clock.Set(from(on(12, 0), 9))
	fired := must[notify.Fired](z.t)(z.store.FireReminders(z.ctx(), z.clock.Now(), 10, func(d notify.DueReminder) (notify.Event, notify.Firing) {
		e := d.Event
		e.Key, e.At, e.SeenAt, e.Local = d.Key(), d.FireAt, z.clock.Now(), d.Local
		return e, notify.FiredOnTime
	}))
	if len(fired.Events) != 1 || fired.Events[0].Local == nil || fired.Events[0].Local.Zone != seoul {
		z.t.Fatalf("fired %+v", fired)
	}
	for id, zone := range map[string]string{"kim": newYork, "lee": seoul} {
		if _, err := z.store.PutUser(z.ctx(), notify.User{ID: id, Locale: "en", TimeZone: zone}); err != nil {
			z.t.Fatal(err)
		}
	}
	if err := z.store.Close(); err != nil {
		z.t.Fatal(err)
	}
	z.start()
	z.watch = z.house.watch()
	z.settled("kim lunch", "lee lunch") // kim was there; lee came a moment later
	z.at(on(12, 0), "choi lunch")
	z.at(from(on(12, 0), -5))
}

func zonesJoined(z *zones) {
	z.reminds("lunch", three, on(12, 0))
	z.lives("park", newYork)
	z.lives("late", seoul)
	z.at(from(on(12, 0), 9), "kim lunch")
	z.joins("park")
	z.joins("late") // after it
	z.at(from(on(12, 0), 0), "choi lunch")
	if err := z.hub.DeleteUser(z.ctx(), "lee"); err != nil {
		z.t.Fatal(err)
	}
	z.at(from(on(12, 0), -5), "park lunch")
}

func zonesInbox(z *zones) {
	z.reminds("lunch", three, on(12, 0))
	z.at(from(on(12, 0), 9), "kim lunch")
	for _, zone := range []string{newYork, "", seoul} {
		z.moves("kim", zone)
		page := must[notify.InboxPage](z.t)(z.store.Inbox(z.ctx(), "kim", notify.Cursor{}, 10))
		if len(page.Items) != 1 || page.Items[0].Notification.Params["title"] != "lunch" {
			z.t.Errorf("in %q the inbox of kim is %+v", zone, page.Items)
		}
	}
	page := must[notify.InboxPage](z.t)(z.store.Inbox(z.ctx(), "lee", notify.Cursor{}, 10))
	if len(page.Items) != 0 {
		z.t.Errorf("lee's inbox has kim's lunch: %+v", page.Items)
	}
	if changed := must[[]string](z.t)(z.store.MarkInbox(z.ctx(), "lee", z.noticeIDs(), true, z.clock.Now())); len(changed) != 0 {
		z.t.Errorf("lee has read what is kim's: %v", changed)
	}
	if changed := must[[]string](z.t)(z.store.MarkInbox(z.ctx(), "kim", z.noticeIDs(), true, z.clock.Now())); len(changed) != 1 {
		z.t.Errorf("kim has read %v", changed)
	}
}

// noticeIDs are those of all events' notices.
func (z *zones) noticeIDs() (ids []string) {
	for _, n := range must[[]notify.Notification](z.t)(z.store.Notifications(z.ctx(), notify.NotificationFilter{}, notify.Page{Limit: 1000})) {
		if n.Event != "" {
			ids = append(ids, n.ID)
		}
	}
	return ids
}

// firedForAll: a row of before there were zones has fired for everybody; the rows that take its place are not told again.
func firedForAll(h *house) {
	z := newZones(h, false)
	old := notify.Reminder{RecurrenceID: "r", Alarm: "a", FireAt: from(on(12, 0), 9), Event: reminderOf("lunch")}
	z.house.put(z.watch, z.account.ID, "lunch", old)
	z.at(old.FireAt, "choi lunch", "kim lunch", "lee lunch")
	row := old
	row.Local, row.Event.Told = &notify.Local{Zone: seoul, Wall: on(12, 0)}, "another mark"
	z.house.put(z.watch, z.account.ID, "lunch", row)
	z.at(old.FireAt.Add(time.Minute))
}

// manyZones: many members of a topic in a few zones are a notice for each zone, with all of its people and nobody else.
func manyZones(h *house) {
	const people = 150 // of each zone: more than a small audience
	in := []string{"Asia/Tokyo", newYork, seoul}
	want := map[string]int{}
	h.clock.Set(zonesStart)
	for i := range people * len(in) {
		id := fmt.Sprint("person-", i)
		h.person(id, 1)
		if _, _, err := h.hub.PutUser(h.ctx(), notify.User{ID: id, Locale: "en", TimeZone: in[i%len(in)]}); err != nil {
			h.t.Fatal(err)
		}
		if err := h.store.AddMember(h.ctx(), "staff", id); err != nil {
			h.t.Fatal(err)
		}
		want[id] = 1
	}
	w, a := h.feed()
	if !slices.Equal(a.Zones, []string{newYork, "Asia/Seoul", "Asia/Tokyo"}) {
		h.t.Fatalf("the zones of the topic's people are %q", a.Zones)
	}
	h.put(w, a.ID, "lunch", rowsIn(h, "lunch", append(in, "Europe/Berlin"), on(12, 0))...) // nobody is there
	h.clock.Set(from(on(12, 0), 9))
	Until(h.t, "two zones", func() bool { return len(h.phones().Sent()) >= 2*people })
	h.clock.Set(from(on(12, 0), -5))
	Until(h.t, "the third", func() bool { return len(h.phones().Sent()) >= 3*people })
	got := map[string]int{}
	for _, s := range h.phones().Sent() {
		got[s.Delivery.Device.User]++
	}
	for id := range want {
		if got[id] != 1 {
			h.t.Errorf("%s was told %d times", id, got[id])
		}
	}
	list := must[[]notify.Notification](h.t)(h.store.Notifications(h.ctx(), notify.NotificationFilter{}, notify.Page{Limit: 1000}))
	if len(list) != len(in) {
		h.t.Errorf("%d notices, want one for each zone with people", len(list))
	}
	for _, n := range list {
		if c := h.done(n.ID); c.Targeted != people || c.Accepted != people {
			h.t.Errorf("counts %+v", c)
		}
	}
}
