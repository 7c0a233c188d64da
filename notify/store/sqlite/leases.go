package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"allim.dev/allim/notify"
)

const (
	sqlLease    = `SELECT holder, epoch, expires_at FROM leases WHERE name=?`
	sqlPutLease = `INSERT INTO leases (name, holder, epoch, expires_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET holder=excluded.holder, epoch=excluded.epoch, expires_at=excluded.expires_at`
	sqlRelease = `UPDATE leases SET holder='' WHERE name=? AND holder=?`
	sqlEpoch   = `SELECT epoch FROM leases WHERE name=? AND holder<>''`
)

// Lease implements notify.OpsStore. A holder that comes late keeps its epoch while nobody else has taken the lease.
func (s *Store) Lease(ctx context.Context, name, holder string, ttl time.Duration, now time.Time) (notify.Epoch, error) {
	return write(ctx, s, "lease", func(t *tx) (notify.Epoch, error) {
		var by string
		var epoch, expires int64
		if _, err := found(t.row(sqlLease, name).Scan(&by, &epoch, &expires)); err != nil {
			return 0, err
		}
		if by != holder {
			if by != "" && ms(now) < expires {
				return 0, notify.Errorf(notify.CodeStaleEpoch, "the lease %s is held by another hub", name)
			}
			epoch++
		}
		delete(t.epochs, name)
		return notify.Epoch(epoch), t.run(sqlPutLease, name, holder, epoch, ms(now.Add(ttl)))
	})
}

// Release implements notify.OpsStore.
func (s *Store) Release(ctx context.Context, name, holder string) error {
	return s.change(ctx, "release", func(t *tx) error {
		delete(t.epochs, name)
		return t.run(sqlRelease, name, holder)
	})
}

// freeLeases gives back what a hub that was killed still holds: who has the folder's lock knows that nobody else lives. Its
// epochs stay refused.
func freeLeases(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, `UPDATE leases SET holder='' WHERE holder<>''`); err != nil {
		return fmt.Errorf("free leases: %w", err)
	}
	return nil
}

// owns checks that a write comes from the lease's holder.
func (t *tx) owns(name string, epoch notify.Epoch) error {
	now, ok := t.epochs[name]
	if !ok {
		var err error
		if ok, err = found(t.row(sqlEpoch, name).Scan(&now)); err != nil {
			return err
		}
		if ok {
			t.epochs[name] = now
		}
	}
	if !ok || now != epoch {
		return notify.Errorf(notify.CodeStaleEpoch, "this hub does not own %s any more", name)
	}
	return nil
}
