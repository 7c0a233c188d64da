package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
)

// Names in the table meta.
const (
	metaSalt  = "salt"        // makes this store's device ids its own
	metaEpoch = "inbox_epoch" // see notify.Cursor
	metaFloor = "inbox_floor" // the greatest number of an inbox item that was swept
)

// loadMeta reads what is fixed when the file is made, and makes it.
func (s *Store) loadMeta(ctx context.Context, db *sql.DB) error {
	var salt, epoch [8]byte
	for _, b := range [][]byte{salt[:], epoch[:4]} {
		if _, err := rand.Read(b); err != nil {
			return fmt.Errorf("no randomness: %w", err)
		}
	}
	_, err := db.ExecContext(ctx, `INSERT OR IGNORE INTO meta (name, value) VALUES (?, ?), (?, ?), (?, 0)`,
		metaSalt, salt[:], metaEpoch, hex.EncodeToString(epoch[:4]), metaFloor)
	if err != nil {
		return fmt.Errorf("write meta: %w", err)
	}
	err = db.QueryRowContext(ctx, `SELECT (SELECT value FROM meta WHERE name=?), (SELECT value FROM meta WHERE name=?)`,
		metaSalt, metaEpoch).Scan(&s.salt, &s.epoch)
	if err != nil {
		return fmt.Errorf("read meta: %w", err)
	}
	return nil
}
