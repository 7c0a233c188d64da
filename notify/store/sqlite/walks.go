package sqlite

import (
	"context"
	"time"

	"allim.dev/allim/notify"
)

// States of a walk, as stored.
const (
	walkReady  = iota
	walkHeld   // its notification is paused
	walkEnding // at its end, with deliveries that are tried again
	walkClosed
)

const (
	sqlWalkColumns = `w.id, n.id, w.notification, l.app, l.platform, w.position, w.last, w.small, w.not_before, w.expires_at, w.targeted,
		w.accepted, w.confirmed, w.failed, w.gone, w.expired, w.suppressed`
	sqlReady = `SELECT ` + sqlWalkColumns + ` FROM lanes l CROSS JOIN walks w ON w.lane=l.key AND w.state=0 CROSS JOIN notifications n ON n.seq=w.notification
		WHERE l.app=? AND l.platform=? AND w.state<3 AND w.not_before<=? ORDER BY w.small DESC, w.id LIMIT ?`
	sqlDepth = `SELECT coalesce(sum(w.targeted-w.accepted-w.failed-w.gone-w.expired-w.suppressed), 0) FROM lanes l
		CROSS JOIN walks w ON w.lane=l.key AND w.state<3 WHERE l.app=? AND l.platform=?`
)

func scanWalk(r scanner) (notify.Walk, error) {
	var w notify.Walk
	var notBefore, expires int64
	c := &w.Counts
	err := r.Scan(&w.ID, (*id)(&w.Notification), &w.Seq, &w.Lane.App, &w.Lane.Platform, &w.Position, &w.Last, &w.Small, &notBefore,
		&expires, &c.Targeted, &c.Accepted, &c.Confirmed, &c.Failed, &c.Gone, &c.Expired, &c.Suppressed)
	w.NotBefore, w.ExpiresAt = at(notBefore), at(expires)
	w.Counts = withPending(w.Counts)
	return w, err
}

// Ready implements notify.WalkStore.
func (s *Store) Ready(ctx context.Context, l notify.Lane, now time.Time, limit int) ([]notify.Walk, error) {
	return read(ctx, s, "list walks", func(q querier) ([]notify.Walk, error) {
		return collect(q, scanWalk, sqlReady, l.App, string(l.Platform), ms(now), limit)
	})
}

// QueueDepth implements notify.WalkStore.
func (s *Store) QueueDepth(ctx context.Context, l notify.Lane) (int64, error) {
	return read(ctx, s, "count the queue", func(q querier) (depth int64, err error) {
		err = q.row(sqlDepth, l.App, string(l.Platform)).Scan(&depth)
		return depth, err
	})
}

// tally is a walk's counts while they are changed.
type tally struct {
	walk, seq           int64
	state, notification int // their stored states
	small               bool
	position, last      int64
	targeted, confirmed int64
	by                  [stateSuppressed + 1]int64 // by delivery state; the pending ones stay 0
}

const (
	sqlTally = `SELECT w.notification, w.state, n.state, w.small, w.position, w.last, w.targeted, w.confirmed, w.accepted, w.failed, w.gone, w.expired, w.suppressed
		FROM walks w JOIN notifications n ON n.seq=w.notification WHERE w.id=?`
	sqlPutTally = `UPDATE walks SET state=?, position=?, targeted=?, confirmed=?, accepted=?, failed=?, gone=?, expired=?, suppressed=? WHERE id=?`
	sqlAllDone  = `UPDATE notifications SET state=4, done_at=?2 WHERE seq=?1 AND state NOT IN (4, 5) AND NOT EXISTS (SELECT 1 FROM walks WHERE notification=?1 AND state<3)`
)

func (t *tx) tally(walk int64) (*tally, error) {
	y := &tally{walk: walk}
	err := t.row(sqlTally, walk).Scan(&y.seq, &y.state, &y.notification, &y.small, &y.position, &y.last, &y.targeted, &y.confirmed,
		&y.by[stateAccepted], &y.by[stateFailed], &y.by[stateGone], &y.by[stateExpired], &y.by[stateSuppressed])
	return y, err
}

func (y *tally) settled() (n int64) {
	for _, c := range y.by[stateAccepted:] {
		n += c
	}
	return n
}

// add counts a delivery's change of state; pending states are not counted.
func (y *tally) add(state int, n int64) {
	if state >= stateAccepted {
		y.by[state] += n
	}
}

// put writes the tally back, closes the walk when nothing is left of it, and the notification with its last walk.
func (t *tx) put(y *tally) error {
	if excess := y.settled() - y.targeted; excess > 0 {
		// What was under way when the notification was cancelled was counted as suppressed before it was sent.
		back := min(excess, y.by[stateSuppressed])
		if y.notification != numCancelled {
			back = 0
		}
		y.by[stateSuppressed] -= back
		y.targeted += excess - back
	}
	if y.state == walkEnding && y.settled() == y.targeted {
		y.state = walkClosed
	}
	err := t.run(sqlPutTally, y.state, y.position, y.targeted, y.confirmed, y.by[stateAccepted], y.by[stateFailed], y.by[stateGone],
		y.by[stateExpired], y.by[stateSuppressed], y.walk)
	if err != nil || y.state != walkClosed || y.notification == numCancelled || y.notification == numDone {
		return err
	}
	return t.run(sqlAllDone, y.seq, ms(t.now))
}

// reopen takes a settled delivery of the walk back into what is pending.
func (t *tx) reopen(seq, walk int64, from int) error {
	y, err := t.tally(walk)
	if err != nil {
		return err
	}
	y.add(from, -1)
	if y.state == walkClosed {
		y.state = walkEnding
	}
	if err := t.put(y); err != nil {
		return err
	}
	return t.run(sqlReopen, seq)
}
