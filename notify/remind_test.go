package notify

import (
	"testing"
	"time"
)

// What still makes sense is decided by how late it is, by its end, and by whether a later one is due as well.
func TestFire(t *testing.T) {
	due := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		late       time.Duration
		until      time.Time
		superseded bool
		want       Firing
	}{
		"in time":                   {want: FiredOnTime},
		"a minute late":             {late: time.Minute, want: FiredOnTime},
		"late":                      {late: time.Minute + time.Second, want: FiredLate},
		"two hours late":            {late: 2 * time.Hour, want: FiredLate},
		"too late":                  {late: 2*time.Hour + time.Second, want: FiredNot},
		"over":                      {late: time.Second, until: due, want: FiredNot},
		"late and not over":         {late: time.Hour, until: due.Add(time.Hour + time.Second), want: FiredLate},
		"late and over":             {late: time.Hour, until: due.Add(time.Hour), want: FiredNot},
		"followed in time":          {superseded: true, want: FiredOnTime},
		"followed by another, late": {late: time.Hour, superseded: true, want: FiredNot},
	} {
		d := DueReminder{Reminder: Reminder{FireAt: due, Until: c.until, Event: Event{Type: TaskDue, Params: map[string]string{"title": "x"}}},
			Superseded: c.superseded}
		now := due.Add(c.late)
		e, got := d.fire(now)
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if marked := e.Params[ParamLate] == "true"; marked != (got == FiredLate) {
			t.Errorf("%s: marked late is %v", name, marked)
		}
		if got != FiredNot && (e.Key != d.Key() || !e.At.Equal(due) || !e.SeenAt.Equal(now) || e.Params["title"] != "x") {
			t.Errorf("%s: event %+v", name, e)
		}
		if len(d.Event.Params) != 1 {
			t.Errorf("%s: the reminder itself was changed", name)
		}
	}
}

func TestReminderKey(t *testing.T) {
	base := DueReminder{Object: "a", Reminder: Reminder{RecurrenceID: "b", Alarm: "c", FireAt: time.UnixMilli(5)}}
	keys := map[string]bool{}
	for _, change := range []func(*DueReminder){func(*DueReminder) {}, func(d *DueReminder) { d.Object = "x" }, func(d *DueReminder) { d.RecurrenceID = "x" },
		func(d *DueReminder) { d.Alarm = "x" }, func(d *DueReminder) { d.FireAt = time.UnixMilli(6) }, func(d *DueReminder) { d.Object, d.RecurrenceID = "ab", "" }} {
		d := base
		change(&d)
		keys[d.Key()] = true
	}
	if len(keys) != 6 {
		t.Errorf("%d keys of six different firings", len(keys))
	}
	again := base
	again.FireAt, again.Event.Params, again.Until = base.FireAt.In(time.FixedZone("KST", 9*3600)), map[string]string{"title": "new"}, time.Now()
	if again.Key() != base.Key() {
		t.Error("the same firing has another key")
	}
}

func TestLifetime(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		e    Event
		want time.Duration
	}{
		{Event{Type: MailReceived}, DefaultTTL},
		{Event{Type: CalendarReminder}, DefaultTTL},
		{Event{Type: CalendarReminder, Params: map[string]string{"start": "2026-11-23"}}, DefaultTTL},
		{Event{Type: CalendarReminder, Params: map[string]string{"start": "2026-11-23T09:10:00Z", "end": "2026-11-23T10:10:00Z"}}, 70 * time.Minute},
		{Event{Type: CalendarReminder, Params: map[string]string{"start": "2026-11-23T09:10:00Z"}}, 10 * time.Minute},
		{Event{Type: CalendarReminder, Params: map[string]string{"start": "2026-11-30T09:10:00Z"}}, DefaultTTL},
		{Event{Type: CalendarReminder, Params: map[string]string{"start": "2026-11-23T08:00:00Z"}}, time.Minute},
	} {
		if got := lifetime(c.e, now); got != c.want {
			t.Errorf("%v: %s, want %s", c.e.Params, got, c.want)
		}
	}
}
