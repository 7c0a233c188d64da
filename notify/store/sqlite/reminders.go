package sqlite

import (
	"context"
	"encoding/json"
	"time"

	"allim.dev/allim/notify"
)

const (
	sqlDueColumns   = `SELECT r.key, r.account, a.state, a.source, a.id, r.object, r.recurrence_id, r.alarm, r.fire_at, r.until, r.zone, r.wall, r.event `
	sqlDueReminders = sqlDueColumns + `FROM reminders r JOIN accounts a ON a.key=r.account WHERE r.fire_at<=? ORDER BY r.fire_at, r.key LIMIT ?`

	sqlLaterReminder = `SELECT 1 FROM reminders WHERE account=? AND object=? AND recurrence_id=? AND fire_at>? AND fire_at<=?
		AND event->>'Type'=? AND zone IS ? LIMIT 1`
	sqlFiredForAll  = `SELECT 1 FROM events WHERE account=? AND key=?`
	sqlDropReminder = `DELETE FROM reminders WHERE key=?`
	sqlNextReminder = `SELECT fire_at FROM reminders ORDER BY fire_at LIMIT 1`
)

// dueRow is a due reminder with its row's own words.
type dueRow struct {
	key, account int64
	state        int
	fireAt       int64
	broken       bool // its event cannot be read: it must not hold up the others
	notify.DueReminder
}

func scanDue(r scanner) (d dueRow, err error) {
	var until, wall int64
	var zone *string
	var event string
	err = r.Scan(&d.key, &d.account, &d.state, &d.Source, (*id)(&d.Account), &d.Object, &d.RecurrenceID, &d.Alarm, &d.fireAt, &until, &zone, &wall, &event)
	if err != nil {
		return d, err
	}
	d.FireAt, d.Until, d.Local = at(d.fireAt), at(until), localOf(zone, wall)
	d.broken = json.Unmarshal([]byte(event), &d.Event) != nil
	return d, nil
}

// localOf reads the columns zone and wall, and localColumns gives them.
func localOf(zone *string, wall int64) *notify.Local {
	if zone == nil {
		return nil
	}
	return &notify.Local{Zone: *zone, Wall: at(wall)}
}

func localColumns(l *notify.Local) (zone any, wall int64) {
	if l == nil {
		return nil, 0
	}
	return l.Zone, ms(l.Wall)
}

// FireReminders implements notify.ReminderStore.
func (s *Store) FireReminders(ctx context.Context, now time.Time, limit int,
	decide func(notify.DueReminder) (notify.Event, notify.Firing)) (notify.Fired, error) {
	return write(ctx, s, "fire reminders", func(t *tx) (notify.Fired, error) {
		f := notify.Fired{Outcomes: map[notify.Firing]int{}}
		due, err := collect(t, scanDue, sqlDueReminders, ms(now), limit)
		if err != nil {
			return f, err
		}
		f.Count = len(due)
		for i := range due {
			if due[i].Superseded, err = t.superseded(&due[i], now); err != nil {
				return f, err
			}
			if err := t.fire(&f, due[i], decide); err != nil {
				return f, err
			}
		}
		var next int64
		_, err = found(t.row(sqlNextReminder).Scan(&next))
		f.Next = at(next)
		return f, err
	})
}

// superseded tells whether a later reminder of the same sort is due as well. That of a task's due time is of another sort
// than its alarms.
func (t *tx) superseded(d *dueRow, now time.Time) (bool, error) {
	var one int
	zone, _ := localColumns(d.Local)
	return found(t.row(sqlLaterReminder, d.account, string(d.Object), d.RecurrenceID, d.fireAt, ms(now), string(d.Event.Type), zone).Scan(&one))
}

// firedForAll tells whether a local reminder fired for everybody before its object had a row for each zone.
func (t *tx) firedForAll(d *dueRow) (bool, error) {
	if d.Local == nil {
		return false, nil
	}
	var one int
	return found(t.row(sqlFiredForAll, d.account, d.KeyForAll()).Scan(&one))
}

// fire makes an event of one due reminder, or drops it; its row goes.
func (t *tx) fire(f *notify.Fired, d dueRow, decide func(notify.DueReminder) (notify.Event, notify.Firing)) error {
	e, outcome := notify.Event{}, notify.FiredNot
	before, err := t.firedForAll(&d)
	if err != nil {
		return err
	}
	if d.state == accountWatched && !d.broken && !before {
		e, outcome = decide(d.DueReminder)
	}
	f.Outcomes[outcome]++
	if outcome != notify.FiredNot {
		e.Source, e.Account = d.Source, d.Account
		e, created, err := t.insertEvent(d.account, e)
		if err != nil {
			return err
		}
		if created {
			f.Events = append(f.Events, e)
		}
	}
	return t.run(sqlDropReminder, d.key)
}
