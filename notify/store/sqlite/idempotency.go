package sqlite

import (
	"bytes"
	"time"

	"allim.dev/allim/notify"
)

// idempotencyAge is how long a request is bound to its answer (contract: 24 h).
const idempotencyAge = 24 * time.Hour

const (
	// The row goes with its notification.
	sqlAnswered = `SELECT body_hash, state, targeted, created_at, notification FROM idempotency WHERE key_id=? AND key=? AND created_at>?`
	sqlRemember = `INSERT INTO idempotency (key_id, key, body_hash, notification, state, targeted, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (key_id, key) DO UPDATE SET body_hash=excluded.body_hash, notification=excluded.notification,
		state=excluded.state, targeted=excluded.targeted, created_at=excluded.created_at`
)

// answered gives the answer that the request had before, as it was then.
func (t *tx) answered(s *Store, idem notify.Idempotency) (n notify.Notification, replayed bool, err error) {
	var hash []byte
	var state int
	var targeted, created, seq int64
	err = t.row(sqlAnswered, idem.KeyID, idem.Key, ms(t.now.Add(-idempotencyAge))).Scan(&hash, &state, &targeted, &created, &seq)
	known, err := found(err)
	if err != nil || !known {
		return n, false, err
	}
	if !bytes.Equal(hash, idem.BodyHash) {
		return n, false, notify.Errorf(notify.CodeIdempotencyConflict,
			"the Idempotency-Key was used before with another body; use a new key for a new request")
	}
	if n, err = s.notification(t, sqlNotificationBySeq, seq); err != nil {
		return n, false, err
	}
	n.State, n.DoneAt = stateOf(state), time.Time{}
	n.Counts = notify.Counts{Targeted: targeted, Pending: targeted}
	if n.State == notify.StateDone {
		n.DoneAt = at(created)
	}
	return n, true, nil
}

// remember binds the request to its answer.
func (t *tx) remember(idem notify.Idempotency, n notify.Notification) error {
	return t.run(sqlRemember, idem.KeyID, idem.Key, idem.BodyHash, n.Seq, stateNumber(n.State), n.Counts.Targeted, ms(t.now))
}
