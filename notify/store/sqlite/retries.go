package sqlite

import (
	"context"
	"time"

	"allim.dev/allim/notify"
)

const (
	// Retries of paused notifications wait.
	sqlDueRetries = `SELECT ` + sqlRowColumns + `, ` + sqlDueDeviceColumns + `, u2.locale, u2.time_zone, u2.preferences
		FROM lanes l CROSS JOIN deliveries d INDEXED BY deliveries_due ON d.lane=l.key AND d.state=1
		CROSS JOIN notifications n ON n.seq=d.notification AND n.state=2 CROSS JOIN users u ON u.key=d.user
		CROSS JOIN devices v ON v.key=d.device CROSS JOIN users u2 ON u2.key=v.user
		LEFT JOIN receipts r ON r.notification=d.notification AND r.device=d.device
		WHERE l.app=? AND l.platform=? AND d.next_at<=? ORDER BY d.next_at LIMIT ?`
	sqlDueDeviceColumns = `v.key, u2.id, l.app, l.platform, v.token, v.p256dh, v.auth, v.name, v.locale, v.time_zone,
		v.environment, v.state, v.reason, v.state_since, v.created_at, v.registered_at`
	sqlNextRetry = `SELECT d.next_at FROM lanes l CROSS JOIN deliveries d INDEXED BY deliveries_due ON d.lane=l.key AND d.state=1
		CROSS JOIN notifications n ON n.seq=d.notification AND n.state=2
		WHERE l.app=? AND l.platform=? AND d.next_at>? ORDER BY d.next_at LIMIT 1`
)

// DueRetries implements notify.WalkStore. When there are more due than limit, next is a time that has come already.
func (s *Store) DueRetries(ctx context.Context, l notify.Lane, now time.Time, limit int) (due []notify.Due, next time.Time, err error) {
	type answer struct {
		due  []notify.Due
		next int64
	}
	a, err := snapshot(ctx, s, "list retries", func(q querier) (a answer, err error) {
		a.due, err = collect(q, s.scanDue, sqlDueRetries, l.App, string(l.Platform), ms(now), limit+1)
		if err != nil {
			return a, err
		}
		if len(a.due) > limit {
			a.next = ms(a.due[limit].Row.NextAt)
			a.due = a.due[:limit]
			return a, nil
		}
		_, err = found(q.row(sqlNextRetry, l.App, string(l.Platform), ms(now)).Scan(&a.next))
		return a, err
	})
	return a.due, at(a.next), err
}

func (s *Store) scanDue(r scanner) (notify.Due, error) {
	var row deliveryRow
	var device deviceRow
	var d notify.Due
	var wishes string
	if err := r.Scan(append(append(row.dest(), device.dest()...), &d.Target.UserLocale, &d.Target.UserTimeZone, &wishes)...); err != nil {
		return d, err
	}
	d.Row, d.Seq, d.Target.Device = s.delivery(&row), row.seq, s.device(&device)
	var err error
	d.Target.Preferences, err = s.wishes.of(wishes)
	return d, err
}
