package sqlite

import (
	"context"

	"allim.dev/allim/notify"
)

const (
	// sqlItems gives the rows of the inbox log that are a person's (?1: user key, ?2: since when a member of all, ?3: after), each
	// notification by the first of its rows that the person sees. The rows of a notification stand together, first the
	// personal ones, then topics, then all.
	sqlItems = `SELECT a.seq AS seq, a.notification AS notification FROM audience a INDEXED BY audience_user WHERE a.user=?1 AND a.seq>?3 AND a.shown=1
		UNION ALL
		SELECT a.seq, a.notification FROM members m CROSS JOIN audience a INDEXED BY audience_topic ON a.ref=m.topic AND a.kind=3 AND a.seq>max(?3, m.joined)
			CROSS JOIN users z ON z.key=?1 WHERE m.user=?1 AND a.shown=1 AND ` + sqlOfWhom + ` AND NOT ` + sqlSeenBefore + `
		UNION ALL
		SELECT a.seq, a.notification FROM audience a INDEXED BY audience_all WHERE a.kind=4 AND a.seq>max(?3, ?2) AND a.shown=1 AND NOT ` + sqlSeenBefore
	sqlFirstRow   = `(SELECT min(f.seq) FROM audience f WHERE f.notification=a.notification)`
	sqlSeenBefore = `(EXISTS (SELECT 1 FROM audience p INDEXED BY audience_user WHERE p.user=?1 AND p.shown=1 AND p.seq<a.seq AND p.seq>=` + sqlFirstRow + `)
		OR EXISTS (SELECT 1 FROM members k CROSS JOIN audience b INDEXED BY audience_topic ON b.ref=k.topic AND b.kind=3 AND b.seq>k.joined
			AND b.seq<a.seq AND b.seq>=` + sqlFirstRow + ` WHERE k.user=?1))`
	sqlInbox = `SELECT items.seq, ` + sqlNotificationColumns + ` FROM (` + sqlItems + `) items CROSS JOIN notifications n ON n.seq=items.notification
		WHERE n.expires_at>?4 ORDER BY items.seq LIMIT ?5`
	// A reader, the log's end and what was swept of it. An item that comes after the end was read is not lost: the next
	// cursor is the last item's, or, without one, this end.
	sqlReader = `SELECT key, joined, ` + sqlInboxEnd + `, (SELECT value FROM meta WHERE name='` + metaFloor + `') FROM users WHERE id=?`
)

// Inbox implements notify.InboxStore.
func (s *Store) Inbox(ctx context.Context, user string, after notify.Cursor, limit int) (notify.InboxPage, error) {
	return read(ctx, s, "read inbox", func(q querier) (page notify.InboxPage, err error) {
		var key, joined, end, floor int64
		if err := q.row(sqlReader, user).Scan(&key, &joined, &end, &floor); err != nil {
			return page, missing(err, notify.CodeUnknownUser, "there is no user %q", user)
		}
		from := after.Seq
		if after != (notify.Cursor{}) && (after.Epoch != s.epoch || from < floor || from > end) {
			from, page.Resync = 0, true
		}
		page.Items, err = collect(q, scanItem, sqlInbox, key, joined, from, ms(s.clock.Now()), limit)
		if err != nil {
			return page, err
		}
		page.Next = notify.Cursor{Epoch: s.epoch, Seq: end}
		if n := len(page.Items); n > 0 {
			page.Next.Seq = page.Items[n-1].Seq
		}
		return page, nil
	})
}

func scanItem(r scanner) (i notify.InboxItem, err error) {
	var seq int64
	n, err := scanNotification(front{r, &seq})
	if err != nil {
		return i, err
	}
	n.To = notify.Audience{}
	return notify.InboxItem{Seq: seq, Notification: n, CreatedAt: n.CreatedAt}, nil
}

// front scans one column before those that the scan function it is given to knows of.
type front struct {
	scanner
	first any
}

// Scan implements scanner.
func (f front) Scan(dest ...any) error { return f.scanner.Scan(append([]any{f.first}, dest...)...) }

// InboxEnd implements notify.InboxStore.
func (s *Store) InboxEnd(ctx context.Context, user string) (notify.Cursor, error) {
	return read(ctx, s, "read inbox", func(q querier) (notify.Cursor, error) {
		var key, joined, end, floor int64
		err := q.row(sqlReader, user).Scan(&key, &joined, &end, &floor)
		return notify.Cursor{Epoch: s.epoch, Seq: end}, missing(err, notify.CodeUnknownUser, "there is no user %q", user)
	})
}
