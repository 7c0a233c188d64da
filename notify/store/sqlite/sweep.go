package sqlite

import (
	"context"
	"time"
)

const (
	sqlOldEvents  = `SELECT seq, planned, recorded_at FROM events ORDER BY seq LIMIT ?`
	sqlOldTold    = `SELECT seq, 1, at FROM told ORDER BY seq LIMIT ?`
	sqlOldMoves   = `SELECT seq, 1, at FROM moves ORDER BY seq LIMIT ?`
	sqlOldAnswers = `SELECT seq, 1, created_at FROM idempotency ORDER BY seq LIMIT ?`
	sqlOldNotices = `SELECT seq, state, done_at, created_at FROM notifications ORDER BY seq`

	sqlTrimRows     = `DELETE FROM deliveries WHERE notification=?1 AND device IN (SELECT device FROM deliveries WHERE notification=?1 LIMIT ?2)`
	sqlTrimSleepers = `DELETE FROM sleepers WHERE seq IN (SELECT s.seq FROM walks w JOIN sleepers s ON s.walk=w.id WHERE w.notification=?1 LIMIT ?2)`
	sqlTrimReceipts = `DELETE FROM receipts WHERE notification=?1 AND device IN (SELECT device FROM receipts WHERE notification=?1 LIMIT ?2)`
	sqlTrimMarks    = `DELETE FROM marks WHERE seq IN (SELECT seq FROM marks WHERE notification=?1 LIMIT ?2)`
	sqlTrimAudience = `DELETE FROM audience WHERE seq IN (SELECT seq FROM audience WHERE notification=?1 ORDER BY seq LIMIT ?2)`
	sqlRaiseFloor   = `UPDATE meta SET value=max(value, coalesce((SELECT max(seq) FROM audience WHERE notification=?), 0)) WHERE name='` + metaFloor + `'`

	sqlGoneAccounts = `SELECT key FROM accounts WHERE state>0 AND state=1 AND state_since<? LIMIT ?`
	sqlBareAccounts = `SELECT key FROM accounts a WHERE state>0 AND state=2 AND NOT EXISTS (SELECT 1 FROM events e WHERE e.account=a.key) LIMIT ?`
)

// goneKept is how long an account keeps its state after its identity went.
const goneKept = 24 * time.Hour

// Sweep implements notify.OpsStore. Rows are read in the order of their making: it stops at the first that is young.
func (s *Store) Sweep(ctx context.Context, now time.Time, retention time.Duration, limit int) (more bool, err error) {
	return writeAlone(ctx, s, "sweep", func(t *tx) (bool, error) {
		old := ms(now.Add(-retention))
		any := false
		for _, step := range []func() (bool, error){
			func() (bool, error) { return t.sweepLog(sqlOldEvents, `DELETE FROM events WHERE seq=?`, old, limit) },
			func() (bool, error) { return t.sweepLog(sqlOldTold, `DELETE FROM told WHERE seq=?`, old, limit) },
			func() (bool, error) { return t.sweepLog(sqlOldMoves, `DELETE FROM moves WHERE seq=?`, old, limit) },
			func() (bool, error) {
				return t.sweepLog(sqlOldAnswers, `DELETE FROM idempotency WHERE seq=?`, ms(now.Add(-idempotencyAge)), limit)
			},
			func() (bool, error) { return t.sweepNotices(old, limit) },
			func() (bool, error) { return t.sweepAccounts(now, limit) },
			func() (bool, error) { return t.sweepPeople(now, old, limit) },
		} {
			more, err := step()
			if err != nil {
				return false, err
			}
			any = any || more
		}
		return any, nil
	})
}

// sweepLog removes the oldest rows of a table, except those that are still needed (second column 0).
func (t *tx) sweepLog(list, remove string, old int64, limit int) (more bool, err error) {
	type line struct{ seq, over, made int64 }
	lines, err := collect(t, func(r scanner) (l line, err error) {
		err = r.Scan(&l.seq, &l.over, &l.made)
		return l, err
	}, list, limit)
	if err != nil {
		return false, err
	}
	removed := 0
	for _, l := range lines {
		if l.made >= old {
			break
		}
		if l.over == 0 {
			continue
		}
		if err := t.run(remove, l.seq); err != nil {
			return false, err
		}
		removed++
	}
	return removed > 0 && len(lines) == limit, nil
}

// sweepNotices removes ended notifications, a bounded number of rows at a time.
func (t *tx) sweepNotices(old int64, limit int) (more bool, err error) {
	ended, err := t.oldNotices(old, limit)
	if err != nil {
		return false, err
	}
	budget := int64(limit)
	for _, seq := range ended {
		if budget, err = t.trim(seq, budget); err != nil {
			return false, err
		}
		if budget <= 0 {
			return true, nil
		}
		if err := t.dropNotification(seq); err != nil {
			return false, err
		}
	}
	return len(ended) == limit, nil
}

func (t *tx) oldNotices(old int64, limit int) ([]int64, error) {
	rows, err := t.rows(sqlOldNotices)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ended []int64
	for len(ended) < limit && rows.Next() {
		var seq, state, done, created int64
		if err := rows.Scan(&seq, &state, &done, &created); err != nil {
			return nil, err
		}
		if created >= old {
			break
		}
		if state >= numDone && done < old {
			ended = append(ended, seq)
		}
	}
	return ended, rows.Err()
}

// trim removes up to budget rows that hang on the notification, and gives what is left of the budget: 0 when there may
// be more.
func (t *tx) trim(seq, budget int64) (int64, error) {
	if err := t.run(sqlRaiseFloor, seq); err != nil {
		return 0, err
	}
	for _, q := range []string{sqlTrimRows, sqlTrimSleepers, sqlTrimReceipts, sqlTrimMarks, sqlTrimAudience} {
		n, err := t.changed(q, seq, budget)
		if err != nil {
			return 0, err
		}
		if budget -= n; budget <= 0 {
			return 0, nil
		}
	}
	return budget, nil
}

// sweepAccounts forgets accounts whose identity went a day ago, and bare ones whose last event is gone.
func (t *tx) sweepAccounts(now time.Time, limit int) (more bool, err error) {
	gone, err := collect(t, scanOne[int64], sqlGoneAccounts, ms(now.Add(-goneKept)), limit)
	if err != nil {
		return false, err
	}
	for _, key := range gone {
		if err := t.buryAccount(key); err != nil {
			return false, err
		}
	}
	bare, err := collect(t, scanOne[int64], sqlBareAccounts, limit)
	if err != nil {
		return false, err
	}
	for _, key := range bare {
		if err := t.run(sqlDeleteAccount, key); err != nil {
			return false, err
		}
	}
	return len(gone) == limit || len(bare) == limit, nil
}
