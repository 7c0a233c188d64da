package sqlite

import (
	"context"
	"fmt"

	"allim.dev/allim/notify"
)

// Bulk is many records to be put at once.
type Bulk struct {
	Users   []notify.User
	Devices []notify.Device // of these users, or of known ones
}

// Put stores all of it in one transaction: for filling a store from a list, a few thousand at a time, while nothing is
// under way to the devices. The errors are those of PutUser and PutDevice; then nothing is stored.
func (s *Store) Put(ctx context.Context, b Bulk) error {
	return s.changeAlone(ctx, "put many", func(t *tx) error {
		for _, u := range b.Users {
			p, err := t.putUser(u)
			if err != nil {
				return fmt.Errorf("user %s: %w", u.ID, err)
			}
			if p.changed {
				t.committed(func() { s.follow.changed(p.key) })
			}
		}
		for _, d := range b.Devices {
			if _, _, err := t.putDevice(d); err != nil {
				return fmt.Errorf("a device of user %s: %w", d.User, err)
			}
		}
		return nil
	})
}
