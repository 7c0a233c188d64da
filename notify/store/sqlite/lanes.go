package sqlite

import (
	"context"

	"allim.dev/allim/notify"
)

const (
	sqlLaneKey    = `SELECT key FROM lanes WHERE app=? AND platform=?`
	sqlMakeLane   = `INSERT INTO lanes (app, platform) VALUES (?, ?)`
	sqlLaneStates = `SELECT app, platform, state, reason, since, not_before FROM lanes WHERE state<>'' ORDER BY app, platform`
	sqlSetLane    = `UPDATE lanes SET state=?, reason=?, since=?, not_before=? WHERE key=?`
)

// lane gives a lane's key; a new lane gets one.
func (t *tx) lane(l notify.Lane) (int64, error) {
	if key, ok := t.lanes[l]; ok {
		return key, nil
	}
	var key int64
	ok, err := found(t.row(sqlLaneKey, l.App, string(l.Platform)).Scan(&key))
	if err == nil && !ok {
		key, err = t.insert(sqlMakeLane, l.App, string(l.Platform))
	}
	if err != nil {
		return 0, err
	}
	t.lanes[l] = key
	return key, nil
}

// LaneStates implements notify.WalkStore.
func (s *Store) LaneStates(ctx context.Context) ([]notify.LaneState, error) {
	return read(ctx, s, "read lanes", func(q querier) ([]notify.LaneState, error) {
		return collect(q, func(r scanner) (st notify.LaneState, err error) {
			var since, notBefore int64
			err = r.Scan(&st.Lane.App, &st.Lane.Platform, &st.State, &st.Reason, &since, &notBefore)
			st.Since, st.NotBefore = at(since), at(notBefore)
			return st, err
		}, sqlLaneStates)
	})
}

// SetLaneState implements notify.WalkStore.
func (s *Store) SetLaneState(ctx context.Context, st notify.LaneState) error {
	return s.change(ctx, "set lane", func(t *tx) error {
		key, err := t.lane(st.Lane)
		if err != nil {
			return err
		}
		return t.run(sqlSetLane, st.State, st.Reason, ms(st.Since), ms(st.NotBefore), key)
	})
}
