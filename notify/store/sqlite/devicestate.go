package sqlite

import (
	"context"
	"time"

	"allim.dev/allim/notify"
)

// What outcomes say about devices.
const (
	sqlClearDevice   = `UPDATE devices SET state=0, gone=0, reason=NULL, state_since=?2 WHERE key=?1 AND state=1 AND registered_at<=?3`
	sqlSuspectDevice = `UPDATE devices SET state_since=CASE WHEN state=1 AND gone>=?4 THEN state_since ELSE ?2 END,
		state=1, gone=max(gone, ?4), reason=?3 WHERE key=?1 AND state<2 AND registered_at<=?5`
	sqlRetire   = `UPDATE devices SET state=2, gone=0, state_since=? WHERE key=?`
	sqlToGone   = `SELECT key, user FROM devices INDEXED BY devices_suspect WHERE lane=? AND state=1 AND state_since<? AND gone=1`
	sqlPardon   = `UPDATE devices SET state=0, gone=0, reason=NULL, state_since=? WHERE key=?`
	sqlSuspects = `SELECT key, user FROM devices INDEXED BY devices_suspect WHERE lane=? AND state=1`
)

// learn changes a device by what an outcome said, unless the app has registered it again since. A suspicion keeps the
// time of its beginning; the platform's definite word begins a new one.
func (t *tx) learn(c notify.DeviceChange) error {
	if c.At.IsZero() {
		c.At = t.now
	}
	if c.Registered.IsZero() {
		c.Registered = c.At
	}
	switch c.Verdict {
	case notify.Accepted:
		return t.run(sqlClearDevice, c.Key, ms(c.At), ms(c.Registered))
	case notify.Gone, notify.Suspect:
		return t.run(sqlSuspectDevice, c.Key, ms(c.At), orNull(c.Reason), flag(c.Verdict == notify.Gone), ms(c.Registered))
	}
	return nil
}

// ownedDevice is a device with its owner, as keys.
type ownedDevice struct{ key, user int64 }

func scanOwned(r scanner) (d ownedDevice, err error) {
	err = r.Scan(&d.key, &d.user)
	return d, err
}

// RetireDevices implements notify.DeviceStore. Deliveries that still wait for a retired device become gone.
func (s *Store) RetireDevices(ctx context.Context, l notify.Lane, goneBefore time.Time) (int, error) {
	return writeAlone(ctx, s, "retire devices", func(t *tx) (int, error) {
		lane, err := t.lane(l)
		if err != nil {
			return 0, err
		}
		dead, err := collect(t, scanOwned, sqlToGone, lane, ms(goneBefore))
		if err != nil {
			return 0, err
		}
		for _, d := range dead {
			if err := t.run(sqlRetire, ms(t.now), d.key); err != nil {
				return 0, err
			}
			if err := t.settlePending(d, stateGone, "the device was retired"); err != nil {
				return 0, err
			}
		}
		return len(dead), nil
	})
}

// PardonDevices implements notify.DeviceStore.
func (s *Store) PardonDevices(ctx context.Context, l notify.Lane, since time.Time) (devices, deliveries int, err error) {
	type answer struct{ devices, deliveries int }
	a, err := writeAlone(ctx, s, "pardon devices", func(t *tx) (a answer, err error) {
		lane, err := t.lane(l)
		if err != nil {
			return a, err
		}
		suspects, err := collect(t, scanOwned, sqlSuspects, lane)
		if err != nil {
			return a, err
		}
		for _, d := range suspects {
			if err := t.run(sqlPardon, ms(t.now), d.key); err != nil {
				return a, err
			}
			n, err := t.revive(d, since)
			if err != nil {
				return a, err
			}
			a.deliveries += n
		}
		a.devices = len(suspects)
		return a, nil
	})
	return a.devices, a.deliveries, err
}
