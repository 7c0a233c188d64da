package sqlite

import (
	"context"

	"allim.dev/allim/notify"
)

const (
	sqlToPlan      = `SELECT e.seq, e.planned, e.only, a.key, a.state, a.topic FROM events e JOIN accounts a ON a.key=e.account WHERE e.id=?`
	sqlMarkPlanned = `UPDATE events SET planned=1 WHERE seq=?`
	sqlToTell      = `SELECT u.key, u.id FROM account_users a JOIN users u ON u.key=a.user WHERE a.account=? ORDER BY u.key`
	// Those who were in a zone (?3) when an event (?2) was recorded.
	sqlToTellIn = `SELECT z.key, z.id FROM account_users u JOIN users z ON z.key=u.user WHERE u.account=?1
		AND ?3=coalesce((SELECT v.zone FROM moves v WHERE v.user=z.key AND v.until>=?2 ORDER BY v.until LIMIT 1), z.time_zone) ORDER BY z.key`
	// One person (?2), while they have the account or are a member of its topic.
	sqlToTellOne = `SELECT u.key, u.id FROM users u WHERE u.key=?2 AND (EXISTS (SELECT 1 FROM account_users x WHERE x.account=?1 AND x.user=?2)
		OR EXISTS (SELECT 1 FROM topics t JOIN members m ON m.topic=t.key WHERE t.name=?3 AND m.user=?2))`
	sqlHasUsers = `SELECT 1 FROM account_users WHERE account=? LIMIT 1`
	sqlMarkTold = `INSERT OR IGNORE INTO told (user, told, at) VALUES (?, ?, ?)`
)

// toPlan is an event with its row's own words.
type toPlan struct {
	seq, account int64
	only         *int64 // the one user whom it is for
	topic        text   // of the account
	notify.Event
}

// Plan implements notify.EventStore. build is also asked when the account has no users at all: a feed tells a topic.
func (s *Store) Plan(ctx context.Context, eventID string, lanes []notify.Lane,
	build func(e notify.Event, users []string) *notify.Notification) (*notify.Notification, error) {
	return write(ctx, s, "plan", func(t *tx) (*notify.Notification, error) {
		var e toPlan
		var planned, state int
		if err := t.row(sqlToPlan, uid(eventID)).Scan(&e.seq, &planned, &e.only, &e.account, &state, &e.topic); err != nil {
			return nil, missing(err, notify.CodeNotFound, "there is no event %q", eventID)
		}
		if planned != 0 {
			return nil, nil
		}
		if err := t.run(sqlMarkPlanned, e.seq); err != nil || state != accountWatched {
			return nil, err // nobody is told of what went
		}
		var err error
		if e.Event, err = scanEvent(t.row(sqlEvent, uid(eventID))); err != nil {
			return nil, err
		}
		users, anybody, err := t.markTold(e)
		if err != nil || (len(users) == 0 && anybody) {
			return nil, err
		}
		n := build(e.Event, users)
		if n == nil {
			return nil, nil
		}
		if e.only != nil {
			n.To = notify.Audience{Users: users}
		}
		return t.acceptBuilt(s, *n, e, lanes)
	})
}

// markTold gives the people whom the event is for and who were not told of the thing yet, and marks them; anybody says
// whether the account has users at all.
func (t *tx) markTold(e toPlan) (users []string, anybody bool, err error) {
	type user struct {
		key int64
		id  string
	}
	query, args := sqlToTell, []any{e.account}
	switch {
	case e.only != nil:
		query, args, anybody = sqlToTellOne, []any{e.account, *e.only, string(e.topic)}, true
	case e.Local != nil:
		query, args = sqlToTellIn, []any{e.account, e.seq, e.Local.Zone}
	}
	all, err := collect(t, func(r scanner) (u user, err error) {
		err = r.Scan(&u.key, &u.id)
		return u, err
	}, query, args...)
	if err != nil {
		return nil, false, err
	}
	told := toldHash(e.Event)
	for _, u := range all {
		n, err := t.changed(sqlMarkTold, u.key, told, ms(t.now))
		if err != nil {
			return nil, false, err
		}
		if n > 0 {
			users = append(users, u.id)
		}
	}
	if len(all) == 0 && !anybody {
		var one int
		anybody, err = found(t.row(sqlHasUsers, e.account).Scan(&one))
		return nil, anybody, err
	}
	return users, true, nil
}

// acceptBuilt accepts an event's notification. Who is not known any more, such as a topic without members, is skipped:
// an event must not be planned for ever.
func (t *tx) acceptBuilt(s *Store, n notify.Notification, e toPlan, lanes []notify.Lane) (*notify.Notification, error) {
	n.Partial = true
	if n.Event == "" {
		n.Event = e.ID
	}
	a, entries, err := t.resolve(s, n)
	if err == nil && e.Local != nil {
		entries, err = t.narrow(entries, e)
	}
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	n, err = t.store(s, a, entries, lanes)
	if err != nil {
		return nil, err
	}
	return &n, nil
}

const (
	sqlAnyThere = `SELECT 1 FROM users u INDEXED BY users_zone CROSS JOIN members m ON m.topic=?1 AND m.user=u.key WHERE u.time_zone=?2 AND u.zone_mark<?3
		AND NOT EXISTS (SELECT 1 FROM moves v WHERE v.user=u.key AND v.until>=?4) LIMIT 1`
	sqlAnyLeft = `SELECT 1 FROM moves v INDEXED BY moves_until CROSS JOIN members m ON m.topic=?1 AND m.user=v.user WHERE v.until>=?4 AND v.zone=?2 AND v.mark<?3
		AND NOT EXISTS (SELECT 1 FROM moves w WHERE w.user=v.user AND w.until>=?4 AND w.until<v.until) LIMIT 1`
)

// narrow makes the topics of a local reminder's audience those of its members who are in its zone; a topic with none of
// them is left out.
func (t *tx) narrow(entries []entry, e toPlan) ([]entry, error) {
	var kept []entry
	for _, x := range entries {
		if x.kind == toTopic {
			x.of = &e
			there, err := t.anyOf(x.ref, e)
			if err != nil {
				return nil, err
			}
			if !there {
				continue
			}
		}
		kept = append(kept, x)
	}
	return kept, nil
}

// anyOf tells whether a topic has a member whom a local reminder is for.
func (t *tx) anyOf(topic int64, e toPlan) (bool, error) {
	for _, q := range []string{sqlAnyThere, sqlAnyLeft} {
		var one int
		there, err := found(t.row(q, topic, e.Local.Zone, ms(e.Local.Wall), e.seq).Scan(&one))
		if err != nil || there {
			return there, err
		}
	}
	return false, nil
}
