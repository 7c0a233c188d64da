package sqlite

import (
	"context"

	"allim.dev/allim/notify"
)

const (
	sqlPutReceipt  = `INSERT INTO receipts (notification, device, received_at, opened_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
	sqlOpenReceipt = `UPDATE receipts SET opened_at=? WHERE notification=? AND device=? AND opened_at=0`
	sqlWhose       = `SELECT d.state, d.walk, u.id FROM deliveries d JOIN users u ON u.key=d.user WHERE d.notification=? AND d.device=?`
	// A delivery without a row: of a big walk of the device's lane that has the device in its range, to an audience that its
	// owner belongs to.
	sqlWhoseWalk = `SELECT w.id, u.id FROM devices v JOIN users u ON u.key=v.user JOIN walks w ON w.notification=?1 AND w.lane=v.lane
		WHERE v.key=?2 AND w.small=0 AND w.last>=?2 AND v.user IN (` + sqlMergedInto + `)`
)

// Confirm implements notify.NotificationStore.
func (s *Store) Confirm(ctx context.Context, user string, receipts []notify.Receipt) ([]error, error) {
	return write(ctx, s, "confirm", func(t *tx) ([]error, error) {
		errs := make([]error, len(receipts))
		for i, r := range receipts {
			err := t.confirm(user, r)
			if err != nil && !isAnswer(err) {
				return nil, err
			}
			errs[i] = err
		}
		return errs, nil
	})
}

func (t *tx) confirm(user string, r notify.Receipt) error {
	seq, device, ok := notify.ParseDeliveryID(r.Delivery)
	if !ok {
		return notify.Errorf(notify.CodeUnknownDelivery, "there is no delivery %q", r.Delivery)
	}
	state, walk, owner := stateAccepted, int64(0), ""
	known, err := found(t.row(sqlWhose, seq, device).Scan(&state, &walk, &owner))
	if err == nil && !known {
		known, err = found(t.row(sqlWhoseWalk, seq, device).Scan(&walk, &owner))
	}
	if err != nil {
		return err
	}
	if !known || (user != "" && owner != user) {
		return notify.Errorf(notify.CodeUnknownDelivery, "there is no delivery %q", r.Delivery)
	}
	if r.At.IsZero() {
		r.At = t.now
	}
	opened := int64(0)
	if r.Opened {
		opened = ms(r.At)
	}
	fresh, err := t.changed(sqlPutReceipt, seq, device, ms(r.At), opened)
	if err != nil {
		return err
	}
	if fresh == 0 {
		if r.Opened {
			return t.run(sqlOpenReceipt, opened, seq, device)
		}
		return nil
	}
	return t.countReceipt(seq, device, walk, state)
}

// countReceipt counts a delivery's first receipt. What the app has needs no further attempt.
func (t *tx) countReceipt(seq, device, walk int64, state int) error {
	y, err := t.tally(walk)
	if err != nil {
		return err
	}
	y.confirmed++
	if state < stateAccepted {
		if err := t.run(sqlSettleRow, stateAccepted, "", ms(t.now), seq, device); err != nil {
			return err
		}
		y.add(stateAccepted, 1)
	}
	return t.put(y)
}
