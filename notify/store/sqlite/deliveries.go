package sqlite

import (
	"context"
	"slices"
	"time"

	"allim.dev/allim/notify"
)

// States of a stored delivery. Both of the first two are pending: what was never tried is reached by its walk, what was
// tried or replayed by its time. A confirmed one is an accepted one with a receipt.
const (
	stateFresh = iota
	stateRetry
	stateAccepted
	stateFailed
	stateGone
	stateExpired
	stateSuppressed
)

const (
	sqlRowColumns = `d.notification, d.device, d.walk, n.id, u.id, l.app, l.platform, d.state, d.attempt, d.next_at, d.expires_at,
		d.reason, d.created_at, d.updated_at, coalesce(r.received_at, 0), coalesce(r.opened_at, 0)`
	sqlRowFrom = `SELECT ` + sqlRowColumns + ` FROM deliveries d JOIN notifications n ON n.seq=d.notification JOIN users u ON u.key=d.user
		JOIN lanes l ON l.key=d.lane LEFT JOIN receipts r ON r.notification=d.notification AND r.device=d.device `
	sqlRow  = sqlRowFrom + `WHERE d.notification=? AND d.device=?`
	sqlRows = sqlRowFrom + `WHERE d.notification=?1 AND d.device>?2 AND (?3='' OR instr(?3, d.state || CASE WHEN r.device IS NULL THEN '-' ELSE '+' END)>0)
		ORDER BY d.device LIMIT ?4`
	sqlDead = sqlRowFrom + `WHERE d.state IN (3, 5) AND (d.notification, d.device)<(?, ?) ORDER BY d.notification DESC, d.device DESC LIMIT ?`
)

// storedStates gives the stored states that an outside state stands for, each with - (no receipt) or + (confirmed).
func storedStates(s notify.DeliveryState) (string, error) {
	switch s {
	case "":
		return "", nil
	case notify.DeliveryPending:
		return "0-0+1-1+", nil
	case notify.DeliveryAccepted:
		return "2-", nil
	case notify.DeliveryConfirmed:
		return "2+", nil
	case notify.DeliveryFailed:
		return "3-3+", nil
	case notify.DeliveryGone:
		return "4-4+", nil
	case notify.DeliveryExpired:
		return "5-5+", nil
	case notify.DeliverySuppressed:
		return "6-6+", nil
	}
	return "", notify.Errorf(notify.CodeInvalid, "there is no delivery state %q", s)
}

// storedState gives the number for a state that the hub hands in; attempts tell the two pending ones apart.
func storedState(s notify.DeliveryState, attempt int) (int, error) {
	switch s {
	case notify.DeliveryPending:
		if attempt > 0 {
			return stateRetry, nil
		}
		return stateFresh, nil
	case notify.DeliveryConfirmed:
		return stateAccepted, nil
	}
	i := slices.Index([]notify.DeliveryState{notify.DeliveryAccepted, notify.DeliveryFailed, notify.DeliveryGone,
		notify.DeliveryExpired, notify.DeliverySuppressed}, s)
	if i < 0 {
		return 0, notify.Errorf(notify.CodeInvalid, "there is no delivery state %q", s)
	}
	return stateAccepted + i, nil
}

// deliveryRow takes a row's columns.
type deliveryRow struct {
	notify.DeliveryRow
	seq                                                       int64
	state                                                     int
	next, expires, created, updated, received, opened, device int64
}

func (r *deliveryRow) dest() []any {
	return []any{&r.seq, &r.device, &r.Walk, (*id)(&r.Notification), &r.User, &r.Lane.App, &r.Lane.Platform, &r.state, &r.Attempt,
		&r.next, &r.expires, &r.Reason, &r.created, &r.updated, &r.received, &r.opened}
}

// deliveryState is the outside of a stored state.
func deliveryState(stored int) notify.DeliveryState {
	return [...]notify.DeliveryState{notify.DeliveryPending, notify.DeliveryPending, notify.DeliveryAccepted, notify.DeliveryFailed,
		notify.DeliveryGone, notify.DeliveryExpired, notify.DeliverySuppressed}[stored]
}

func (s *Store) delivery(r *deliveryRow) notify.DeliveryRow {
	d := r.DeliveryRow
	d.ID, d.Device, d.DeviceKey = notify.DeliveryID(r.seq, r.device), s.deviceID(r.device), r.device
	d.State = deliveryState(r.state)
	if r.state == stateAccepted && r.received != 0 {
		d.State = notify.DeliveryConfirmed
	}
	d.NextAt, d.ExpiresAt, d.CreatedAt, d.UpdatedAt = at(r.next), at(r.expires), at(r.created), at(r.updated)
	d.ConfirmedAt, d.OpenedAt = at(r.received), at(r.opened)
	return d
}

func (s *Store) scanDelivery(r scanner) (notify.DeliveryRow, error) {
	var row deliveryRow
	if err := r.Scan(row.dest()...); err != nil {
		return notify.DeliveryRow{}, err
	}
	return s.delivery(&row), nil
}

// Deliveries implements notify.NotificationStore. The cursor is the last row's id.
func (s *Store) Deliveries(ctx context.Context, notification string, state notify.DeliveryState, p notify.Page) ([]notify.DeliveryRow, error) {
	return snapshot(ctx, s, "list deliveries", func(q querier) ([]notify.DeliveryRow, error) {
		states, err := storedStates(state)
		if err != nil {
			return nil, err
		}
		var seq, after int64
		if err := q.row(sqlSeqOf, uid(notification)).Scan(&seq); err != nil {
			return nil, missing(err, notify.CodeUnknownNotification, "there is no notification %q", notification)
		}
		if p.After != "" {
			_, device, ok := notify.ParseDeliveryID(p.After)
			if !ok {
				return nil, notify.Errorf(notify.CodeInvalid, badCursor)
			}
			after = device
		}
		return collect(q, s.scanDelivery, sqlRows, seq, after, states, limitOf(p))
	})
}

// Delivery implements notify.NotificationStore.
func (s *Store) Delivery(ctx context.Context, id string) (notify.DeliveryRow, error) {
	return read(ctx, s, "read delivery", func(q querier) (notify.DeliveryRow, error) {
		return s.oneDelivery(q, id)
	})
}

func (s *Store) oneDelivery(q querier, id string) (notify.DeliveryRow, error) {
	seq, device, ok := notify.ParseDeliveryID(id)
	if !ok {
		return notify.DeliveryRow{}, unknownDelivery(id)
	}
	d, err := s.scanDelivery(q.row(sqlRow, seq, device))
	return d, missing(err, notify.CodeUnknownDelivery, "no delivery %q is stored", id)
}

func unknownDelivery(id string) error {
	return notify.Errorf(notify.CodeUnknownDelivery, "no delivery %q is stored", id)
}

// Dead implements notify.NotificationStore: failed and expired deliveries, those of the newest notification first. The
// cursor is the last row's id.
func (s *Store) Dead(ctx context.Context, p notify.Page) ([]notify.DeliveryRow, error) {
	return read(ctx, s, "list dead deliveries", func(q querier) ([]notify.DeliveryRow, error) {
		seq, device := int64(1)<<62, int64(0)
		if p.After != "" {
			var ok bool
			if seq, device, ok = notify.ParseDeliveryID(p.After); !ok {
				return nil, notify.Errorf(notify.CodeInvalid, badCursor)
			}
		}
		return collect(q, s.scanDelivery, sqlDead, seq, device, limitOf(p))
	})
}

const (
	sqlReplay = `UPDATE deliveries SET state=1, next_at=?, expires_at=?, updated_at=? WHERE notification=? AND device=?`
	sqlReopen = `UPDATE notifications SET state=2, done_at=0 WHERE seq=? AND state=4`

	sqlStillTheirs = `SELECT v.state FROM deliveries d JOIN devices v ON v.key=d.device AND v.user=d.user
		WHERE d.notification=? AND d.device=? AND v.state<2`
)

// Replay implements notify.NotificationStore. A notification that was done is sending again until the delivery is
// settled; one that was cancelled stays so: CodeWrongState.
func (s *Store) Replay(ctx context.Context, delivery string, expires time.Time) (notify.DeliveryRow, error) {
	return write(ctx, s, "replay", func(t *tx) (notify.DeliveryRow, error) {
		d, err := s.oneDelivery(t, delivery)
		if err != nil {
			return d, err
		}
		if d.State != notify.DeliveryFailed && d.State != notify.DeliveryExpired {
			return d, notify.Errorf(notify.CodeWrongState, "the delivery is %s; only failed and expired ones can be replayed", d.State)
		}
		seq, device, _ := notify.ParseDeliveryID(delivery)
		if err := t.mayReopen(seq, device); err != nil {
			return d, err
		}
		if err := t.run(sqlReplay, ms(t.now), ms(expires), ms(t.now), seq, device); err != nil {
			return d, err
		}
		state, err := storedState(d.State, d.Attempt)
		if err != nil {
			return d, err
		}
		if err := t.reopen(seq, d.Walk, state); err != nil {
			return d, err
		}
		return s.oneDelivery(t, delivery)
	})
}

// mayReopen refuses to replay what nobody would pick up.
func (t *tx) mayReopen(seq, device int64) error {
	var state int
	if err := t.row(`SELECT state FROM notifications WHERE seq=?`, seq).Scan(&state); err != nil {
		return err
	}
	if state == numCancelled {
		return notify.Errorf(notify.CodeWrongState, "the notification was cancelled")
	}
	err := t.row(sqlStillTheirs, seq, device).Scan(&state)
	known, err := found(err)
	if err == nil && !known {
		err = notify.Errorf(notify.CodeWrongState, "the device is not there any more, or has another owner")
	}
	return err
}
