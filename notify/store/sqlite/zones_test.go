package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/fstest"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
	"allim.dev/allim/schemas"
)

// oldFile makes the data file of a hub that knew no zones of reminders: with kim and lee in two zones, a shared account, and
// a reminder and a planned event of it.
func oldFile(t *testing.T, dir string, fireAt time.Time) {
	t.Helper()
	files := fstest.MapFS{}
	names, err := fs.Glob(schemas.SQL(), "*.sql")
	if err != nil || len(names) < 5 {
		t.Fatal(names, err)
	}
	for _, name := range names[:4] {
		text, err := fs.ReadFile(schemas.SQL(), name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: text}
	}
	if err := openIn(t, dir).Close(); err != nil { // makes the folder and its key
		t.Fatal(err)
	}
	for _, name := range []string{"allim.db", "allim.db-wal", "allim.db-shm"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	db := raw(t, dir)
	if err := migrateWith(t.Context(), db, "old", files); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		`INSERT INTO users (key, id, name, locale, time_zone, joined, created_at, updated_at) VALUES (1, 'kim', '', 'en', 'Asia/Seoul', 0, 1, 1), (2, 'lee', '', 'en', 'America/New_York', 0, 1, 1)`,
		`INSERT INTO accounts (key, id, source, login, explicit, state, state_since, last_active, created_at, health) VALUES (1, 'acct', 'cal', 'team', 1, 0, 1, 0, 1, '{}')`,
		`INSERT INTO account_users VALUES (1, 1), (1, 2)`,
		`INSERT INTO topics (key, name) VALUES (1, 'staff')`, `INSERT INTO members VALUES (1, 1, 0), (1, 2, 0)`,
		`INSERT INTO events (seq, id, account, key, type, at, seen_at, told, url, params, recorded_at, planned) VALUES (7, 'old', 1, 'k', 'calendar.created', 1, 1, '', '', '{}', 1, 1)`,
		`INSERT INTO notifications (seq, id, state, created_at, expires_at, send_at, done_at, event, doc) VALUES (3, 'n', 4, 1, 4000000000000, 0, 1, 'old', '{}')`,
		`INSERT INTO audience (seq, notification, kind, ref, shown) VALUES (5, 3, 3, 1, 1)`,
	} {
		if _, err := db.Exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	_, err = db.Exec(`INSERT INTO reminders (account, object, recurrence_id, alarm, fire_at, until, event) VALUES (1, 'o', 'r', 'a', ?, 0, ?)`,
		ms(fireAt), toJSON(notify.Event{Type: notify.CalendarReminder, Told: "old mark", Params: map[string]string{"title": "Lunch"}}))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestOldReminders: a file of before there were zones is brought to this version in its place. What it holds is for all, as it
// was, and rows that take the place of what fired are not told again.
func TestOldReminders(t *testing.T) {
	dir, clock := t.TempDir(), notifytest.NewClock(time.Time{})
	due := clock.Now().Add(time.Minute)
	oldFile(t, dir, due)
	s := openIn(t, dir, func(o *Options) { o.Clock = clock })
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, user := range []string{"kim", "lee"} {
		if page, err := s.Inbox(t.Context(), user, notify.Cursor{}, 10); err != nil || len(page.Items) != 1 {
			t.Errorf("the inbox of %s: %+v, %v", user, page, err)
		}
	}
	clock.Set(due)
	fire := func() []notify.Event {
		t.Helper()
		f, err := s.FireReminders(t.Context(), clock.Now(), 10, func(d notify.DueReminder) (notify.Event, notify.Firing) {
			e := d.Event
			e.Key, e.SeenAt, e.At, e.Local = d.Key(), clock.Now(), d.FireAt, d.Local
			return e, notify.FiredOnTime
		})
		if err != nil {
			t.Fatal(err)
		}
		return f.Events
	}
	plan := func(e notify.Event) (users []string) {
		t.Helper()
		_, err := s.Plan(t.Context(), e.ID, nil, func(_ notify.Event, u []string) *notify.Notification { users = u; return nil })
		if err != nil {
			t.Fatal(err)
		}
		return users
	}
	events := fire()
	if len(events) != 1 || events[0].Local != nil || events[0].Params["title"] != "Lunch" {
		t.Fatalf("fired %+v", events)
	}
	if users := plan(events[0]); len(users) != 2 {
		t.Errorf("told %q, want both", users)
	}
	epoch, err := s.Lease(t.Context(), "source/cal", "hub", time.Hour, clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	row := func(zone string, at time.Time) notify.Reminder {
		return notify.Reminder{RecurrenceID: "r", Alarm: "a", FireAt: at, Local: &notify.Local{Zone: zone, Wall: due},
			Event: notify.Event{Type: notify.CalendarReminder, Told: "new mark"}}
	}
	later := due.Add(14 * time.Hour)
	batch := notify.Batch{Account: "acct", Epoch: epoch, Reminders: map[notify.Object][]notify.Reminder{"o": {row("Asia/Seoul", due), row("America/New_York", later)}}}
	if _, err := s.Record(t.Context(), "cal", batch); err != nil {
		t.Fatal(err)
	}
	if events := fire(); len(events) != 0 {
		t.Errorf("told again: %+v", events)
	}
	clock.Set(later)
	if events = fire(); len(events) != 1 || events[0].Local == nil || events[0].Local.Zone != "America/New_York" || !events[0].Local.Wall.Equal(due) {
		t.Fatalf("fired %+v", events)
	}
	if got, err := s.Event(t.Context(), events[0].ID); err != nil || got.Local == nil || *got.Local != *events[0].Local {
		t.Errorf("stored as %+v, %v", got, err)
	}
	if users := plan(events[0]); len(users) != 1 || users[0] != "lee" {
		t.Errorf("told %q, want lee", users)
	}
}

// BenchmarkZonedTopic is one zone's notice of a floating reminder to a topic of 100,000 people in 40 zones, and what a person
// costs who goes to another zone.
func BenchmarkZonedTopic(b *testing.B) {
	const people, zones = 100_000, 40
	s := opened(b, func(o *Options) { o.Synchronous = Normal })
	feed, _, err := s.PutAccount(b.Context(), notify.Account{Source: "cal", Login: "feed", Topic: "staff", Explicit: true})
	if err != nil {
		b.Fatal(err)
	}
	err = s.changeAlone(b.Context(), "fill", func(t *tx) error {
		for _, q := range []string{
			`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<` + strconv.Itoa(people) + `) INSERT INTO users
				(key, id, name, locale, time_zone, joined, created_at, updated_at) SELECT i, 'u'||i, '', '', 'Zone/'||(i%` + strconv.Itoa(zones) + `), 0, 1, 1 FROM n`,
			`INSERT INTO topics (key, name) VALUES (1, 'staff')`, `INSERT INTO members SELECT 1, key, 0 FROM users`,
		} {
			if err := t.run(q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	event := notify.Event{Type: notify.CalendarReminder, SeenAt: now, At: now}
	b.Run("notice of a zone", func(b *testing.B) {
		for i := range b.N {
			e := event
			e.Key, e.Local = notify.NewID(), &notify.Local{Zone: "Zone/" + strconv.Itoa(i%zones), Wall: now.Add(30 * time.Hour)}
			e, err := write(b.Context(), s, "record", func(t *tx) (e2 notify.Event, err error) {
				e2, _, err = t.insertEvent(1, e)
				return e2, err
			})
			if err != nil {
				b.Fatal(err)
			}
			n, err := s.Plan(b.Context(), e.ID, []notify.Lane{phone()}, func(notify.Event, []string) *notify.Notification {
				return &notify.Notification{To: notify.Audience{Topics: []string{"staff"}}, TTL: time.Hour}
			})
			if err != nil || n == nil {
				b.Fatal(n, err)
			}
		}
	})
	b.Run("person who moves", func(b *testing.B) {
		for i := range b.N {
			if _, err := s.PutUser(b.Context(), notify.User{ID: "u" + strconv.Itoa(1+i%people), TimeZone: "Zone/" + strconv.Itoa(i/people%zones)}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("zones of all", func(b *testing.B) {
		for range b.N {
			accounts, err := s.WatchedAccounts(b.Context(), "cal")
			if err != nil || len(accounts) != 1 || len(accounts[0].Zones) != zones || accounts[0].ID != feed.ID {
				b.Fatal(accounts, err)
			}
		}
	})
}
