package sqlite

import (
	"context"

	"allim.dev/allim/notify"
)

const (
	sqlHolderOfIdentity = `SELECT u.id, EXISTS (SELECT 1 FROM devices d WHERE d.user=u.key AND d.state<2)
		FROM identities i JOIN users u ON u.key=i.user WHERE i.kind=? AND i.value=?`
	sqlHolderOfToken = `SELECT d.key, u.id FROM devices d INDEXED BY devices_token JOIN users u ON u.key=d.user
		WHERE d.token_hash=? AND d.lane=? AND d.token=? AND d.state<2`
	sqlLanesOn = `SELECT key FROM lanes WHERE platform=? ORDER BY key`
)

// Holders implements notify.OldIDStore.
func (s *Store) Holders(ctx context.Context, kind string, platforms []notify.Platform, ids []string) ([]notify.Holder, error) {
	return snapshot(ctx, s, "find holders", func(q querier) ([]notify.Holder, error) {
		var lanes []int64
		for _, p := range platforms {
			list, err := collect(q, scanLaneKey, sqlLanesOn, p)
			if err != nil {
				return nil, err
			}
			lanes = append(lanes, list...)
		}
		out := make([]notify.Holder, len(ids))
		for i, id := range ids {
			h := &out[i]
			known, err := found(q.row(sqlHolderOfIdentity, kind, id).Scan(&h.User, &h.Live))
			for _, lane := range lanes {
				if err != nil || known {
					break
				}
				var key int64
				if known, err = found(q.row(sqlHolderOfToken, tokenHash(lane, id), lane, packToken(id)).Scan(&key, &h.User)); known {
					h.Device, h.Live = s.deviceID(key), true
				}
			}
			if err != nil {
				return nil, err
			}
		}
		return out, nil
	})
}

func scanLaneKey(r scanner) (key int64, err error) {
	err = r.Scan(&key)
	return key, err
}
