package sqlite

import (
	"context"

	"allim.dev/allim/notify"
)

const (
	sqlDropState     = `DELETE FROM account_state WHERE account=?`
	sqlDropReminders = `DELETE FROM reminders WHERE account=?`
	sqlDropUnplanned = `DELETE FROM events WHERE account=? AND planned=0`
	sqlAnyEvent      = `SELECT 1 FROM events WHERE account=? LIMIT 1`
	sqlDeleteAccount = `DELETE FROM accounts WHERE key=?`
	sqlBuryAccount   = `UPDATE accounts SET state=2, state_since=?, login=NULL, secret=NULL, health='{}' WHERE key=?`
)

// DeleteAccount implements notify.AccountStore.
func (s *Store) DeleteAccount(ctx context.Context, id string) error {
	return s.change(ctx, "delete account", func(t *tx) error {
		row, err := scanAccount(t.row(sqlAccount, uid(id)))
		if err != nil {
			return missing(err, notify.CodeUnknownAccount, "there is no account %q", id)
		}
		t.committed(func() { s.follow.changed() })
		return t.buryAccount(row.key)
	})
}

// buryAccount removes an account with its state and unplanned events; a bare row stays while there are planned events,
// with its users, so that the erasure of a person finds what it saw.
func (t *tx) buryAccount(key int64) error {
	for _, q := range []string{sqlDropState, sqlDropReminders, sqlDropUnplanned} {
		if err := t.run(q, key); err != nil {
			return err
		}
	}
	var one int
	kept, err := found(t.row(sqlAnyEvent, key).Scan(&one))
	if err != nil {
		return err
	}
	if kept {
		return t.run(sqlBuryAccount, ms(t.now), key)
	}
	return t.run(sqlDeleteAccount, key)
}

const sqlSetHealth = `UPDATE accounts SET health=? WHERE id=? AND state=0`

// SetHealth implements notify.AccountStore.
func (s *Store) SetHealth(ctx context.Context, reports map[string]notify.Health) error {
	return s.change(ctx, "set health", func(t *tx) error {
		for id, h := range reports {
			if err := t.run(sqlSetHealth, toJSON(h), uid(id)); err != nil {
				return err
			}
		}
		return nil
	})
}
