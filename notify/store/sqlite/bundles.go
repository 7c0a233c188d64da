package sqlite

import (
	"context"
	"slices"
	"time"

	"allim.dev/allim/notify"
)

// sqlBundleRows looks at the newest rows only, along the indexes: a bundle has at most 500 mails. ?1 user key, ?2 the reason, ?3 since when. SQLite takes the bare columns of a group from the row with the
// max (https://sqlite.org/lang_select.html, section 2.5).
const sqlBundleRows = `WITH mine AS MATERIALIZED (SELECT d.notification, d.state, d.next_at, d.updated_at, d.created_at, d.reason
		FROM (SELECT notification FROM (SELECT DISTINCT notification FROM deliveries INDEXED BY deliveries_user
				WHERE` + sqlIndexed + ` ORDER BY notification DESC LIMIT 2000)
			UNION SELECT notification FROM (SELECT notification FROM audience INDEXED BY audience_user WHERE user=?1 ORDER BY seq DESC LIMIT 2000)) told
		CROSS JOIN deliveries d ON d.notification=told.notification AND d.user=?1
		ORDER BY d.notification DESC LIMIT 2000),
	begun(at) AS (SELECT min(?3, coalesce(min(created_at), ?3)) FROM mine WHERE state=1)
	SELECT n.id, m.state, m.reason, m.next_at, max(m.updated_at) FROM mine m CROSS JOIN notifications n ON n.seq=m.notification AND n.event IS NOT NULL
	WHERE m.state=1 OR (m.state=2 OR m.state=6 AND m.reason=?2) AND m.updated_at>=(SELECT at FROM begun)
	GROUP BY n.seq ORDER BY n.seq DESC LIMIT 600`

// BundleRows implements notify.BundleStore.
func (s *Store) BundleRows(ctx context.Context, user, suppressed string, since time.Time) ([]notify.BundleRow, error) {
	return snapshot(ctx, s, "find a bundle", func(q querier) ([]notify.BundleRow, error) {
		key, err := userKey(q, user)
		if err != nil {
			return nil, err
		}
		rows, err := collect(q, func(r scanner) (b notify.BundleRow, err error) {
			var state int
			var next, updated int64
			err = r.Scan((*id)(&b.Notification), &state, &b.Reason, &next, &updated)
			b.State, b.NextAt, b.UpdatedAt = deliveryState(state), at(next), at(updated)
			return b, err
		}, sqlBundleRows, key, suppressed, ms(since))
		slices.Reverse(rows)
		return rows, err
	})
}
