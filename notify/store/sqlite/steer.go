package sqlite

import (
	"context"
	"time"

	"allim.dev/allim/notify"
)

const (
	sqlSetState = `UPDATE notifications SET state=?, done_at=? WHERE seq=?`
	sqlDue      = `SELECT seq FROM notifications WHERE state=1 AND send_at<=? ORDER BY send_at LIMIT 100`
	sqlNextDue  = `SELECT coalesce(min(send_at), 0) FROM notifications WHERE state=1`
	sqlDropRows = `DELETE FROM audience WHERE notification=?`
	sqlEntries  = `SELECT kind, ref, coalesce(user, 0), coalesce(label, '') FROM audience WHERE notification=? ORDER BY seq`
	sqlLanesOf  = `SELECT l.app, l.platform FROM walks w JOIN lanes l ON l.key=w.lane WHERE w.notification=?`
)

// StartScheduled implements notify.NotificationStore.
func (s *Store) StartScheduled(ctx context.Context, now time.Time, lanes []notify.Lane) (started []notify.Lane, next time.Time, err error) {
	due, err := read(ctx, s, "look for scheduled", func(q querier) (int64, error) {
		return nextDue(q)
	})
	if err != nil || due == 0 || due > ms(now) {
		return nil, at(due), err
	}
	type answer struct {
		lanes map[notify.Lane]bool
		next  int64
	}
	a, err := writeAlone(ctx, s, "start scheduled", func(t *tx) (a answer, err error) {
		a.lanes = map[notify.Lane]bool{}
		seqs, err := collect(t, scanOne[int64], sqlDue, ms(now))
		if err != nil {
			return a, err
		}
		for _, seq := range seqs {
			if err := t.startOne(s, seq, lanes, a.lanes); err != nil {
				return a, err
			}
		}
		a.next, err = nextDue(t)
		return a, err
	})
	for _, l := range lanes {
		if a.lanes[l] {
			started = append(started, l)
		}
	}
	return started, at(a.next), err
}

func nextDue(q querier) (next int64, err error) {
	err = q.row(sqlNextDue).Scan(&next)
	return next, err
}

// startOne starts a scheduled notification. Its inbox items get new numbers: readers have passed the old ones.
func (t *tx) startOne(s *Store, seq int64, lanes []notify.Lane, started map[notify.Lane]bool) error {
	n, err := s.notification(t, sqlNotificationBySeq, seq)
	if err != nil {
		return err
	}
	entries, err := collect(t, scanEntry, sqlEntries, seq)
	if err != nil {
		return err
	}
	r := &resolver{seen: map[[2]int64]bool{}, shown: map[int64]bool{}}
	for _, e := range entries {
		r.add(e)
	}
	if err := t.run(sqlDropRows, seq); err != nil {
		return err
	}
	if err := t.insertAudience(seq, r.entries, !n.Silent); err != nil {
		return err
	}
	if err := t.run(sqlSetState, numSending, 0, seq); err != nil {
		return err
	}
	if _, err := t.startWalks(s, n, r.entries, lanes); err != nil {
		return err
	}
	on, err := collect(t, scanLane, sqlLanesOf, seq)
	for _, l := range on {
		started[l] = true
	}
	return err
}

func scanEntry(r scanner) (e entry, err error) {
	err = r.Scan(&e.kind, &e.ref, &e.user, &e.label)
	return e, err
}

func scanLane(r scanner) (l notify.Lane, err error) {
	err = r.Scan(&l.App, &l.Platform)
	return l, err
}

const (
	sqlStateOf   = `SELECT seq, state FROM notifications WHERE id=?`
	sqlHoldWalks = `UPDATE walks SET state=1 WHERE notification=? AND state=0`
	sqlFreeWalks = `UPDATE walks SET state=0 WHERE notification=? AND state=1`
	sqlEndWalks  = `UPDATE walks SET state=3, suppressed=targeted-accepted-failed-gone-expired WHERE notification=?`
	sqlEndRows   = `UPDATE deliveries SET state=6, reason='the notification was cancelled', updated_at=? WHERE notification=? AND state<2`
)

// SetState implements notify.NotificationStore.
func (s *Store) SetState(ctx context.Context, id string, to notify.State) (notify.Notification, error) {
	return writeAlone(ctx, s, "set state", func(t *tx) (n notify.Notification, err error) {
		var seq int64
		var now int
		if err := t.row(sqlStateOf, uid(id)).Scan(&seq, &now); err != nil {
			return n, missing(err, notify.CodeUnknownNotification, "there is no notification %q", id)
		}
		if from := stateOf(now); from != to {
			if err := t.steer(seq, from, to); err != nil {
				return n, err
			}
		}
		return s.notification(t, sqlNotificationBySeq, seq)
	})
}

// steer goes from one state to another, where there is a way.
func (t *tx) steer(seq int64, from, to notify.State) error {
	ended := from == notify.StateDone || from == notify.StateCancelled
	switch {
	case from == notify.StateSending && to == notify.StatePaused:
		if err := t.run(sqlHoldWalks, seq); err != nil {
			return err
		}
	case from == notify.StatePaused && to == notify.StateSending:
		if err := t.run(sqlFreeWalks, seq); err != nil {
			return err
		}
	case to == notify.StateCancelled && !ended:
		if err := t.run(sqlEndRows, ms(t.now), seq); err != nil {
			return err
		}
		if err := t.run(sqlEndWalks, seq); err != nil {
			return err
		}
		return t.run(sqlSetState, numCancelled, ms(t.now), seq)
	default:
		return notify.Errorf(notify.CodeWrongState, "the notification is %s; it cannot become %s", from, to)
	}
	return t.run(sqlSetState, stateNumber(to), 0, seq)
}
