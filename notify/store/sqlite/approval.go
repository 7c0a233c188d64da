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
		if n.State != notify.StateAwaitingApproval {
			return n, notify.Errorf(notify.CodeWrongState, "the notification is %s; it does not wait for an approval", n.State)
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
