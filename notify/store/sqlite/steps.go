package sqlite

import (
	"cmp"
	"context"
	"slices"

	"allim.dev/allim/notify"
)

// sqlSteps gives the targets of small walks, as sqlNextSmall does for one, each with its notification. ?1: their keys.
const sqlSteps = sqlTargetColumns + `, w.id, ` + sqlNotificationColumns + `
	FROM json_each(?1) CROSS JOIN walks w ON w.id=json_each.value CROSS JOIN notifications n ON n.seq=w.notification
	CROSS JOIN deliveries x ON x.notification=w.notification AND x.device>w.position AND x.device<=w.last AND x.lane=w.lane AND x.state=0
	CROSS JOIN devices d ON d.key=x.device AND d.user=x.user AND d.state<2` + sqlTargetJoins + `
	WHERE EXISTS (SELECT 1 FROM audience a WHERE a.notification=w.notification AND ` + sqlIsOf + `)`

// Steps implements notify.WalkStore.
func (s *Store) Steps(ctx context.Context, walks []int64) (map[int64]notify.Step, error) {
	return snapshot(ctx, s, "read walks", func(q querier) (map[int64]notify.Step, error) {
		rows, err := collect(q, s.scanStep, sqlSteps, asJSON(walks))
		if err != nil {
			return nil, err
		}
		steps := make(map[int64]notify.Step, len(walks))
		for _, r := range rows {
			step, known := steps[r.walk]
			if !known {
				step.Notification = r.n
				if err := s.audience(q, r.n.Seq, &step.Notification.To); err != nil {
					return nil, err
				}
			}
			step.Targets = append(step.Targets, r.target)
			steps[r.walk] = step
		}
		for _, step := range steps {
			slices.SortFunc(step.Targets, func(a, b notify.Target) int { return cmp.Compare(a.Device.Key, b.Device.Key) })
		}
		return steps, nil
	})
}

// stepRow is a walk's target with its notification.
type stepRow struct {
	walk   int64
	n      notify.Notification
	target notify.Target
}

func (s *Store) scanStep(r scanner) (row stepRow, err error) {
	var n notificationRow
	if row.target, err = s.scanTarget(also{r, append([]any{&row.walk}, n.dest()...)}); err != nil {
		return row, err
	}
	row.n, err = n.notification()
	return row, err
}
