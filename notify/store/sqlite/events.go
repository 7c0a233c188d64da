package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"allim.dev/allim/notify"
)

const sqlLoad = `SELECT name, value FROM account_state WHERE account=(SELECT key FROM accounts WHERE id=?)`

// Load implements notify.EventStore.
func (s *Store) Load(ctx context.Context, account string) (map[string][]byte, error) {
	return read(ctx, s, "load state", func(q querier) (map[string][]byte, error) {
		type pair struct {
			name  string
			value []byte
		}
		pairs, err := collect(q, func(r scanner) (p pair, err error) {
			err = r.Scan(&p.name, &p.value)
			return p, err
		}, sqlLoad, uid(account))
		state := make(map[string][]byte, len(pairs))
		for _, p := range pairs {
			state[p.name] = p.value
		}
		return state, err
	})
}

const (
	sqlRecordInto  = `SELECT key FROM accounts WHERE id=? AND source=? AND state=0`
	sqlInsertEvent = `INSERT INTO events (id, account, key, type, at, seen_at, told, url, params, recorded_at, zone, wall, only, planned)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (account, key) DO NOTHING`
	sqlPutState = `INSERT INTO account_state (account, name, value) VALUES (?, ?, ?)
		ON CONFLICT (account, name) DO UPDATE SET value=excluded.value`
	sqlForgetState    = `DELETE FROM account_state WHERE account=? AND name=?`
	sqlTouchAccount   = `UPDATE accounts SET last_active=? WHERE key=?`
	sqlDropObject     = `DELETE FROM reminders WHERE account=? AND object=?`
	sqlInsertReminder = `INSERT INTO reminders (account, object, recurrence_id, alarm, fire_at, until, zone, wall, event) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
)

// Record implements notify.EventStore.
func (s *Store) Record(ctx context.Context, source string, b notify.Batch) ([]notify.Event, error) {
	return write(ctx, s, "record", func(t *tx) ([]notify.Event, error) {
		if err := t.owns("source/"+source, b.Epoch); err != nil {
			return nil, err
		}
		var account int64
		if err := t.row(sqlRecordInto, uid(b.Account), source).Scan(&account); err != nil {
			return nil, missing(err, notify.CodeUnknownAccount, "there is no account %q at %s", b.Account, source)
		}
		fresh, err := t.insertEvents(source, account, b)
		if err != nil {
			return nil, err
		}
		if err := t.putState(account, b.State); err != nil {
			return nil, err
		}
		return fresh, t.putReminders(account, b.Reminders)
	})
}

func (t *tx) insertEvents(source string, account int64, b notify.Batch) ([]notify.Event, error) {
	var fresh []notify.Event
	for _, e := range b.Events {
		e.Source, e.Account = source, b.Account
		stored, created, err := t.insertEvent(account, e)
		if err != nil {
			return nil, err
		}
		if created {
			fresh = append(fresh, stored)
		}
	}
	if fresh == nil {
		return nil, nil
	}
	return fresh, t.run(sqlTouchAccount, ms(t.now), account)
}

// insertEvent stores one event, unless its account has one of the same key, and gives it as stored, with its id.
func (t *tx) insertEvent(account int64, e notify.Event) (notify.Event, bool, error) {
	return t.insertEventFor(account, e, nil)
}

// insertEventFor is insertEvent for one person of the account (only: the key), or for all (nil).
func (t *tx) insertEventFor(account int64, e notify.Event, only any) (notify.Event, bool, error) {
	e.ID, e.At, e.SeenAt = notify.NewID(), stored(e.At), stored(e.SeenAt)
	zone, wall := localColumns(e.Local)
	n, err := t.changed(sqlInsertEvent, uid(e.ID), account, e.Key, string(e.Type), ms(e.At), ms(e.SeenAt), e.Told, e.URL,
		toJSON(e.Params), ms(t.now), zone, wall, only)
	return e, n > 0, err
}

func (t *tx) putState(account int64, state map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(state)) {
		var err error
		if value := state[name]; value == nil {
			err = t.run(sqlForgetState, account, name)
		} else {
			err = t.run(sqlPutState, account, name, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// putReminders replaces the reminders of the named objects.
func (t *tx) putReminders(account int64, objects map[notify.Object][]notify.Reminder) error {
	for _, object := range slices.Sorted(maps.Keys(objects)) {
		if err := t.run(sqlDropObject, account, string(object)); err != nil {
			return err
		}
		for _, r := range objects[object] {
			zone, wall := localColumns(r.Local)
			err := t.run(sqlInsertReminder, account, string(object), r.RecurrenceID, r.Alarm, ms(r.FireAt), ms(r.Until), zone, wall, toJSON(r.Event))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	sqlEventColumns = `SELECT e.id, a.source, a.id, e.key, e.type, e.at, e.seen_at, e.told, e.url, e.params, e.zone, e.wall FROM events e JOIN accounts a ON a.key=e.account `
	sqlEvent        = sqlEventColumns + `WHERE e.id=?`
	sqlUnplanned    = sqlEventColumns + `WHERE e.seq IN (SELECT seq FROM events WHERE planned=0 ORDER BY seq LIMIT ?) ORDER BY e.seq`
)

func scanEvent(r scanner) (notify.Event, error) {
	var e notify.Event
	var when, seen, wall int64
	var zone *string
	var params string
	err := r.Scan((*id)(&e.ID), &e.Source, (*id)(&e.Account), &e.Key, &e.Type, &when, &seen, &e.Told, &e.URL, &params, &zone, &wall)
	if err != nil {
		return e, err
	}
	e.At, e.SeenAt, e.Local = at(when), at(seen), localOf(zone, wall)
	if err := json.Unmarshal([]byte(params), &e.Params); err != nil {
		return e, fmt.Errorf("params of event %s: %w", e.ID, err)
	}
	return e, nil
}

// Unplanned implements notify.EventStore.
func (s *Store) Unplanned(ctx context.Context, limit int) ([]notify.Event, error) {
	return read(ctx, s, "list unplanned events", func(q querier) ([]notify.Event, error) {
		return collect(q, scanEvent, sqlUnplanned, limit)
	})
}

// Event implements notify.EventStore.
func (s *Store) Event(ctx context.Context, id string) (notify.Event, error) {
	return read(ctx, s, "read event", func(q querier) (notify.Event, error) {
		e, err := scanEvent(q.row(sqlEvent, uid(id)))
		return e, missing(err, notify.CodeNotFound, "there is no event %q", id)
	})
}
