package sqlite

import (
	"context"

	"allim.dev/allim/notify"
)

const (
	sqlLogEnd  = `SELECT ` + sqlInboxEnd
	sqlLogRows = `SELECT a.seq, a.kind, a.notification, u.id,
		a.kind=4 AND NOT EXISTS (SELECT 1 FROM audience b WHERE b.notification=a.notification AND b.seq<>a.seq AND b.shown=1)
		FROM audience a LEFT JOIN users u ON u.key=a.user WHERE a.seq>? AND a.seq<=? AND a.shown=1 ORDER BY a.seq LIMIT ?`
	sqlLogItem = `SELECT ` + sqlNotificationColumns + ` FROM notifications n WHERE n.seq=?`
)

// InboxRows implements notify.InboxLog. The end is read first: what comes behind it meanwhile is read the next time.
func (s *Store) InboxRows(ctx context.Context, after notify.Cursor, limit int) ([]notify.InboxRow, notify.Cursor, error) {
	next := notify.Cursor{Epoch: s.epoch}
	rows, err := read(ctx, s, "read the inbox log", func(q querier) ([]notify.InboxRow, error) {
		if err := q.row(sqlLogEnd).Scan(&next.Seq); err != nil || limit <= 0 {
			return nil, err
		}
		all, err := collect(q, scanLogRow, sqlLogRows, after.Seq, next.Seq, limit)
		if err != nil {
			return nil, err
		}
		if len(all) >= limit {
			next.Seq = all[len(all)-1].Seq
		}
		return s.logItems(q, all)
	})
	return rows, next, err
}

// logRow is a row of the log with what its item is read by.
type logRow struct {
	notify.InboxRow
	notification int64
	forAll       bool
}

func scanLogRow(r scanner) (l logRow, err error) {
	var kind int
	var user *string
	if err = r.Scan(&l.Seq, &kind, &l.notification, &user, &l.forAll); err == nil && user != nil && kind <= toDevice {
		l.User = *user
	}
	return l, err
}

func (s *Store) logItems(q querier, all []logRow) ([]notify.InboxRow, error) {
	rows := make([]notify.InboxRow, len(all))
	for i, l := range all {
		rows[i] = l.InboxRow
		if !l.forAll {
			continue
		}
		n, err := scanNotification(q.row(sqlLogItem, l.notification))
		if known, err := found(err); err != nil || !known {
			if err != nil {
				return nil, err
			}
			continue // swept meanwhile: the person's own look finds nothing either
		}
		rows[i].Item = &notify.InboxItem{Seq: l.Seq, Notification: n, CreatedAt: n.CreatedAt}
	}
	return rows, nil
}
