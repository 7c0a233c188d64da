package sqlite

import (
	"context"
	"time"

	"allim.dev/allim/notify"
)

const (
	// sqlInInbox tells whether a notification (?1) stands in a person's (?2) inbox.
	sqlInInbox = `SELECT EXISTS (SELECT 1 FROM audience a WHERE a.notification=?1 AND a.shown=1 AND (a.kind=4 OR a.user=?2
		OR a.kind=3 AND EXISTS (SELECT 1 FROM members m CROSS JOIN users z ON z.key=m.user WHERE m.topic=a.ref AND m.user=?2 AND m.joined<a.seq
			AND ` + sqlOfWhom + `)))`
	sqlOldMark    = `SELECT seen_at, read_at FROM marks WHERE user=? AND notification=?`
	sqlDropMark   = `DELETE FROM marks WHERE user=? AND notification=?`
	sqlInsertMark = `INSERT INTO marks (user, notification, seen_at, read_at) VALUES (?, ?, ?, ?)`
	sqlOneMark    = `SELECT m.seen_at, m.read_at FROM marks m WHERE m.user=? AND m.notification=(SELECT seq FROM notifications WHERE id=?)`
	sqlMarksAfter = `SELECT m.seq, n.id, m.seen_at, m.read_at FROM marks m JOIN notifications n ON n.seq=m.notification
		WHERE m.user=? AND m.seq>? ORDER BY m.seq LIMIT ?`
	sqlMarksEnd = `SELECT coalesce(max(seq), 0) FROM marks WHERE user=?`
	sqlUnread   = `SELECT count(*) FROM (SELECT 1 FROM (` + sqlItems + `) items CROSS JOIN notifications n ON n.seq=items.notification
		WHERE n.expires_at>?4 AND NOT EXISTS (SELECT 1 FROM marks k WHERE k.user=?1 AND k.notification=n.seq AND k.read_at>0) LIMIT ?5)`
)

// MarkInbox implements notify.MarkStore.
func (s *Store) MarkInbox(ctx context.Context, user string, ids []string, readNow bool, now time.Time) ([]string, error) {
	return write(ctx, s, "mark inbox", func(t *tx) ([]string, error) {
		key, err := userKey(t, user)
		if err != nil {
			return nil, err
		}
		var changed []string
		for _, name := range ids {
			done, err := t.mark(key, name, readNow, now)
			if err != nil {
				return nil, err
			}
			if done {
				changed = append(changed, name)
			}
		}
		return changed, nil
	})
}

// mark stores one mark; false when there is nothing new to store.
func (t *tx) mark(user int64, name string, readNow bool, now time.Time) (bool, error) {
	var seq, seen, read int64
	var mine bool
	known, err := found(t.row(sqlSeqOf, uid(name)).Scan(&seq))
	if err != nil || !known {
		return false, err
	}
	if err := t.row(sqlInInbox, seq, user).Scan(&mine); err != nil || !mine {
		return false, err
	}
	if known, err = found(t.row(sqlOldMark, user, seq).Scan(&seen, &read)); err != nil {
		return false, err
	}
	if known && (read > 0 || !readNow) {
		return false, nil
	}
	if seen == 0 {
		seen = ms(now)
	}
	if readNow {
		read = ms(now)
	}
	if err := t.run(sqlDropMark, user, seq); err != nil {
		return false, err
	}
	return true, t.run(sqlInsertMark, user, seq, seen, read)
}

// Marks implements notify.MarkStore.
func (s *Store) Marks(ctx context.Context, user string, ids []string) (map[string]notify.Mark, error) {
	return snapshot(ctx, s, "read marks", func(q querier) (map[string]notify.Mark, error) {
		var key int64
		known, err := found(q.row(sqlUserKey, user).Scan(&key))
		if err != nil || !known {
			return nil, err
		}
		marks := make(map[string]notify.Mark, len(ids))
		for _, name := range ids {
			var seen, read int64
			known, err := found(q.row(sqlOneMark, key, uid(name)).Scan(&seen, &read))
			if err != nil {
				return nil, err
			}
			if known {
				marks[name] = notify.Mark{SeenAt: at(seen), ReadAt: at(read)}
			}
		}
		return marks, nil
	})
}

// MarksAfter implements notify.MarkStore.
func (s *Store) MarksAfter(ctx context.Context, user string, after int64, limit int) (marks []notify.ReadMark, end int64, err error) {
	type answer struct {
		marks []notify.ReadMark
		end   int64
	}
	a, err := snapshot(ctx, s, "read marks", func(q querier) (a answer, err error) {
		key, err := userKey(q, user)
		if err != nil {
			return a, err
		}
		if err := q.row(sqlMarksEnd, key).Scan(&a.end); err != nil || a.end <= after {
			return a, err
		}
		a.marks, err = collect(q, func(r scanner) (m notify.ReadMark, err error) {
			var seen, read int64
			err = r.Scan(&m.Seq, (*id)(&m.Notification), &seen, &read)
			m.Mark = notify.Mark{SeenAt: at(seen), ReadAt: at(read)}
			return m, err
		}, sqlMarksAfter, key, after, limit)
		return a, err
	})
	return a.marks, a.end, err
}

// Unread implements notify.MarkStore.
func (s *Store) Unread(ctx context.Context, user string, most int) (int, error) {
	return read(ctx, s, "count unread", func(q querier) (n int, err error) {
		var key, joined, end, floor int64
		if err := q.row(sqlReader, user).Scan(&key, &joined, &end, &floor); err != nil {
			return 0, missing(err, notify.CodeUnknownUser, "there is no user %q", user)
		}
		err = q.row(sqlUnread, key, joined, 0, ms(s.clock.Now()), most).Scan(&n)
		return n, err
	})
}
