package sqlite

import (
	"time"
)

// Pending deliveries that are settled by something else than an attempt, and settled ones that become pending again.

type pendingRow struct{ seq, walk int64 }

func scanPending(r scanner) (p pendingRow, err error) {
	err = r.Scan(&p.seq, &p.walk)
	return p, err
}

// The deliveries to ?1 are found along the index, which has all but the accepted ones to who is named, and along the
// audience, which has those. (SQLite takes a partial index only where a condition is one of its own, word by word.)
const (
	sqlIndexed = ` user=?1 AND (state<>2 OR named=0)`
	sqlNamed   = ` user=?1 AND notification IN (SELECT notification FROM audience WHERE user=?1)`
)

const (
	sqlPendingOf = `SELECT notification, walk FROM deliveries WHERE user=? AND device=? AND state<2 AND state<>2`
	sqlSettleRow = `UPDATE deliveries SET state=?, reason=?, updated_at=? WHERE notification=? AND device=?`
	sqlGoneSince = `SELECT d.notification, d.walk FROM deliveries d JOIN notifications n ON n.seq=d.notification
		WHERE d.user=? AND d.device=? AND d.state=4 AND d.state<>2 AND d.updated_at>=? AND n.state<>5`
	sqlRetryAgain = `UPDATE deliveries SET state=1, next_at=?, updated_at=? WHERE notification=? AND device=?`
)

// suppressOf suppresses the owner's pending deliveries to the device.
func (t *tx) suppressOf(owner, device int64, reason string) error {
	return t.settlePending(ownedDevice{key: device, user: owner}, stateSuppressed, reason)
}

func (t *tx) settlePending(d ownedDevice, state int, reason string) error {
	rows, err := collect(t, scanPending, sqlPendingOf, d.user, d.key)
	if err != nil {
		return err
	}
	for _, p := range rows {
		if err := t.run(sqlSettleRow, state, reason, ms(t.now), p.seq, d.key); err != nil {
			return err
		}
		y, err := t.tally(p.walk)
		if err != nil {
			return err
		}
		y.add(state, 1)
		if err := t.put(y); err != nil {
			return err
		}
	}
	return nil
}

// revive makes the device's deliveries that became gone since the moment pending again.
func (t *tx) revive(d ownedDevice, since time.Time) (int, error) {
	rows, err := collect(t, scanPending, sqlGoneSince, d.user, d.key, ms(since))
	if err != nil {
		return 0, err
	}
	for _, p := range rows {
		if err := t.run(sqlRetryAgain, ms(t.now), ms(t.now), p.seq, d.key); err != nil {
			return 0, err
		}
		if err := t.reopen(p.seq, p.walk, stateGone); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}
