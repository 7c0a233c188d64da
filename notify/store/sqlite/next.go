package sqlite

import (
	"context"

	"allim.dev/allim/notify"
)

const (
	// sqlMembersOf gives the people of an audience: those who were named, and those who were members of its topics before
	// it was accepted and still are; of a local reminder, those of them who were in its zone when it fired (sqlOfWhom).
	sqlMembersOf = `WITH who(user) AS (
		SELECT user FROM audience WHERE notification=?1 AND kind<2
		UNION SELECT m.user FROM audience a CROSS JOIN members m ON m.topic=a.ref AND m.joined<a.seq WHERE a.notification=?1 AND a.kind=3 AND a.zone IS NULL
		UNION SELECT u.key FROM audience a CROSS JOIN users u INDEXED BY users_zone ON u.time_zone=a.zone AND u.zone_mark<a.wall
			CROSS JOIN members m ON m.topic=a.ref AND m.user=u.key AND m.joined<a.seq WHERE a.notification=?1 AND a.kind=3 AND a.zone IS NOT NULL
			AND NOT EXISTS (SELECT 1 FROM moves v WHERE v.user=u.key AND v.until>=a.event)
		UNION SELECT v.user FROM audience a CROSS JOIN moves v INDEXED BY moves_until ON v.until>=a.event AND v.zone=a.zone AND v.mark<a.wall
			CROSS JOIN members m ON m.topic=a.ref AND m.user=v.user AND m.joined<a.seq WHERE a.notification=?1 AND a.kind=3 AND a.zone IS NOT NULL
			AND NOT EXISTS (SELECT 1 FROM moves w WHERE w.user=v.user AND w.until>=a.event AND w.until<v.until))`

	// sqlAudienceRange gives a lane's key, whether the audience is everybody, and its rows' numbers, which stand together.
	sqlAudienceRange = `SELECT coalesce((SELECT key FROM lanes WHERE app=?1 AND platform=?2), 0),
		EXISTS (SELECT 1 FROM audience WHERE notification=?3 AND kind=4),
		coalesce((SELECT min(seq) FROM audience WHERE notification=?3), 0), coalesce((SELECT max(seq) FROM audience WHERE notification=?3), 0)`

	// The parameters of all ways: ?1 notification, ?2 lane, ?3 position, ?4 last key, ?5 limit, ?6 and ?7 the audience's rows.
	sqlTargetColumns = `SELECT ` + sqlDeviceColumns + `, u.locale, u.time_zone, u.preferences `
	sqlTargetJoins   = ` CROSS JOIN users u ON u.key=d.user CROSS JOIN lanes l ON l.key=d.lane `
	// sqlInRange leaves out devices whose delivery is settled already, or waits for its retry.
	sqlInRange = ` d.key>?3 AND d.key<=?4 AND d.lane=?2 AND d.state<2
		AND NOT EXISTS (SELECT 1 FROM deliveries x WHERE x.notification=?1 AND x.device=d.key AND x.state>0) `
	sqlBelongs = ` (EXISTS (SELECT 1 FROM audience a INDEXED BY audience_user WHERE a.user=d.user AND a.seq BETWEEN ?6 AND ?7 AND (a.kind<2 OR a.ref=d.key))
			OR EXISTS (SELECT 1 FROM members m INDEXED BY members_user CROSS JOIN audience a INDEXED BY audience_topic
				ON a.ref=m.topic AND a.kind=3 AND a.seq BETWEEN ?6 AND ?7 AND a.seq>m.joined CROSS JOIN users z ON z.key=m.user
				WHERE m.user=d.user AND ` + sqlOfWhom + `)) `

	// A small audience: along the rows that were made at its acceptance.
	sqlNextSmall = sqlTargetColumns + `FROM deliveries x CROSS JOIN devices d ON d.key=x.device AND d.user=x.user ` + sqlTargetJoins + `
		WHERE x.notification=?1 AND x.device>?3 AND x.device<=?4 AND x.lane=?2 AND x.state=0 AND d.state<2
			AND (?8 OR ` + sqlBelongs + `) ORDER BY x.device LIMIT ?5`
	// Everybody: along the lane's devices.
	sqlNextAll = sqlTargetColumns + `FROM devices d INDEXED BY devices_lane ` + sqlTargetJoins + `WHERE` + sqlInRange + `ORDER BY d.key LIMIT ?5`
	// Not so many: from the people to their devices.
	sqlNextFew = sqlMembersOf + sqlTargetColumns + `FROM (
			SELECT d.key AS key FROM who CROSS JOIN devices d INDEXED BY devices_user ON d.user=who.user WHERE` + sqlInRange + `
			UNION SELECT d.key FROM audience a CROSS JOIN devices d ON d.key=a.ref WHERE a.notification=?1 AND a.kind=2 AND d.user=a.user AND` + sqlInRange + `
			ORDER BY 1 LIMIT ?5) picked CROSS JOIN devices d ON d.key=picked.key` + sqlTargetJoins + `ORDER BY d.key`
	// Many: along the lane's devices, asking for each whether its owner belongs to the audience.
	sqlNextMany = sqlTargetColumns + `FROM devices d INDEXED BY devices_lane ` + sqlTargetJoins + `WHERE` + sqlInRange + `AND` + sqlBelongs + `
		ORDER BY d.key LIMIT ?5`
)

// sqlNextWoken goes along the keys of sleepers, asking for each whether its owner belongs to the audience (?9: it is everybody).
const sqlNextWoken = sqlTargetColumns + `FROM json_each(?8) CROSS JOIN devices d ON d.key=json_each.value` + sqlTargetJoins + `WHERE` + sqlInRange + `AND (?9 OR` +
	sqlBelongs + `) ORDER BY d.key LIMIT ?5`

// Next implements notify.WalkStore.
func (s *Store) Next(ctx context.Context, w notify.Walk, limit int) ([]notify.Target, error) {
	return read(ctx, s, "read the audience", func(q querier) ([]notify.Target, error) {
		var lane, first, last int64
		var all bool
		if err := q.row(sqlAudienceRange, w.Lane.App, string(w.Lane.Platform), w.Seq).Scan(&lane, &all, &first, &last); err != nil {
			return nil, err
		}
		args := []any{w.Seq, lane, w.Position, w.Last, limit}
		switch {
		case w.Sleepers != nil:
			return collect(q, s.scanTarget, sqlNextWoken, w.Seq, lane, 0, w.Last, limit, first, last, asJSON(w.Sleepers.Keys), all)
		case w.Small:
			return collect(q, s.scanTarget, sqlNextSmall, append(args, first, last, all)...)
		case all:
			return collect(q, s.scanTarget, sqlNextAll, args...)
		case few(w, limit):
			return collect(q, s.scanTarget, sqlNextFew, args...)
		}
		return collect(q, s.scanTarget, sqlNextMany, append(args, first, last)...)
	})
}

// few tells which way is shorter. Going from the people, every page reads the whole audience: targets times pages. Going
// along the devices, all pages together read every device once, of which there are at most Last.
func few(w notify.Walk, limit int) bool {
	targets := w.Counts.Targeted
	return targets*(targets/int64(max(limit, 1))+1) <= w.Last
}

func (s *Store) scanTarget(r scanner) (notify.Target, error) {
	var row deviceRow
	var t notify.Target
	var wishes string
	if err := r.Scan(append(row.dest(), &t.UserLocale, &t.UserTimeZone, &wishes)...); err != nil {
		return t, err
	}
	t.Device = s.device(&row)
	var err error
	t.Preferences, err = s.wishes.of(wishes)
	return t, err
}
