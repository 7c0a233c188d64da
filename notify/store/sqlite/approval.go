package sqlite

import (
	"context"
	"time"

	"allim.dev/allim/notify"
)

const sqlApprove = `UPDATE notifications SET state=?, expires_at=? WHERE seq=?`

// Approve implements notify.ApprovalStore.
func (s *Store) Approve(ctx context.Context, id string, now time.Time, lanes []notify.Lane) (notify.Notification, error) {
	return writeAlone(ctx, s, "approve", func(t *tx) (notify.Notification, error) {
		n, err := s.notification(t, sqlNotificationByID, uid(id))
		if err != nil {
			return n, missing(err, notify.CodeUnknownNotification, "there is no notification %q", id)
		}
		if err := awaits(n.State); err != nil {
			return n, err
		}
		start := now
		if n.SendAt.After(now) {
			start = n.SendAt
		}
		if err := t.run(sqlApprove, numScheduled, ms(start.Add(n.TTL)), n.Seq); err != nil {
			return n, err
		}
		if !n.SendAt.After(now) {
			if err := t.startOne(s, n.Seq, lanes, map[notify.Lane]bool{}); err != nil {
				return n, err
			}
		}
		return s.notification(t, sqlNotificationBySeq, n.Seq)
	})
}

// Refuse implements notify.ApprovalStore.
func (s *Store) Refuse(ctx context.Context, id string) (notify.Notification, error) {
	return writeAlone(ctx, s, "refuse", func(t *tx) (n notify.Notification, err error) {
		var seq int64
		var now int
		if err := t.row(sqlStateOf, uid(id)).Scan(&seq, &now); err != nil {
			return n, missing(err, notify.CodeUnknownNotification, "there is no notification %q", id)
		}
		if err := awaits(stateOf(now)); err != nil {
			return n, err
		}
		if err := t.steer(seq, notify.StateAwaitingApproval, notify.StateCancelled); err != nil {
			return n, err
		}
		return s.notification(t, sqlNotificationBySeq, seq)
	})
}

func awaits(s notify.State) error {
	if s != notify.StateAwaitingApproval {
		return notify.Errorf(notify.CodeWrongState, "the notification is %s; it does not wait for an approval", s)
	}
	return nil
}
