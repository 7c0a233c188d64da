package sqlite

import (
	"time"

	"allim.dev/allim/notify"
)

// A person who comes to another time zone. The zones that they had stay in the table moves, by the number of the last event
// before they left: so it is known for whom a local reminder fired, also when that is asked later.

const (
	sqlZoneOf     = `SELECT id, time_zone, zone_mark FROM users WHERE key=?`
	sqlLastEvent  = `coalesce((SELECT seq FROM sqlite_sequence WHERE name='events'), 0)`
	sqlInsertMove = `INSERT OR IGNORE INTO moves (user, until, zone, mark, at) VALUES (?, ` + sqlLastEvent + `, ?, ?, ?)` // of two, the first had the events
	sqlSetMark    = `UPDATE users SET zone_mark=? WHERE key=?`
	// People without a zone are told by clocks that only their sources know.
	sqlZonelessWall = `SELECT coalesce(max(wall), 0) FROM events WHERE zone='' AND recorded_at>?`
	// ?1 user, ?2 zone, ?3 and ?4 walls: what is still to fire there, of the accounts that the person is told of.
	sqlSkipped = sqlDueColumns + `FROM (SELECT account AS account FROM account_users WHERE user=?1
			UNION SELECT w.key FROM members m CROSS JOIN topics t ON t.key=m.topic CROSS JOIN accounts w INDEXED BY accounts_topic ON w.topic=t.name WHERE m.user=?1) who
		CROSS JOIN reminders r INDEXED BY reminders_wall ON r.account=who.account AND r.zone=?2 AND r.wall>?3 AND r.wall<=?4
		CROSS JOIN accounts a ON a.key=r.account WHERE a.state=0 ORDER BY r.wall, r.key LIMIT ?5`

	// sqlOfWhom tells whether a user (z.key, z.time_zone, z.zone_mark) is one of those whom a row a of audience is for.
	sqlOfWhom = `(a.zone IS NULL OR coalesce((SELECT v.zone=a.zone AND v.mark<a.wall FROM moves v WHERE v.user=z.key AND v.until>=a.event
		ORDER BY v.until LIMIT 1), z.time_zone=a.zone AND z.zone_mark<a.wall))`
)

const (
	// aroundTheWorld is the greatest difference of two clocks, and some.
	aroundTheWorld = 27 * time.Hour
	// maxSkipped is how many reminders a person is told of at once when their clock jumps.
	maxSkipped = 200
)

// moveTo makes a zone the user's. What their clock has shown counts as told; what it skips is told now.
func (t *tx) moveTo(user int64, to string) error {
	var id, from string
	var old int64
	if err := t.row(sqlZoneOf, user).Scan(&id, &from, &old); err != nil || from == to {
		return err
	}
	mark := max(old, ms(notify.LatestWall(from, t.now)), ms(notify.LatestWall(to, t.now)))
	if from == "" {
		var wall int64
		if err := t.row(sqlZonelessWall, ms(t.now.Add(-aroundTheWorld))).Scan(&wall); err != nil {
			return err
		}
		mark = max(mark, wall)
	}
	if err := t.run(sqlInsertMove, user, from, old, ms(t.now)); err != nil {
		return err
	}
	if err := t.tellSkipped(user, id, old, from, to); err != nil {
		return err
	}
	return t.run(sqlSetMark, mark, user)
}

// tellSkipped records the reminders of the zone that a user leaves, whose time has passed in the other one, for them alone.
// Of several of one thing it is the last one.
func (t *tx) tellSkipped(user int64, id string, mark int64, from, to string) error {
	if to == "" {
		return nil
	}
	list, err := collect(t, scanDue, sqlSkipped, user, from, mark, ms(notify.LatestWall(to, t.now)), maxSkipped)
	if err != nil {
		return err
	}
	type thing struct {
		account            int64
		object, recurrence string
		sort               notify.EventType
	}
	last := map[thing]dueRow{}
	var order []thing
	for _, d := range list {
		of := thing{d.account, string(d.Object), d.RecurrenceID, d.Event.Type}
		if _, known := last[of]; !known {
			order = append(order, of)
		}
		last[of] = d
	}
	for _, of := range order {
		d := last[of]
		e, useful := d.Skipped(id, to, t.now)
		if d.broken || !useful {
			continue
		}
		if _, _, err := t.insertEventFor(d.account, e, user); err != nil {
			return err
		}
	}
	return nil
}
