package sqlite

import (
	"context"

	"allim.dev/allim/notify"
)

const (
	sqlToPlan      = `SELECT e.seq, e.planned, a.key, a.state FROM events e JOIN accounts a ON a.key=e.account WHERE e.id=?`
	sqlMarkPlanned = `UPDATE events SET planned=1 WHERE seq=?`
	sqlToTell      = `SELECT u.key, u.id FROM account_users a JOIN users u ON u.key=a.user WHERE a.account=? ORDER BY u.key`
	sqlMarkTold    = `INSERT OR IGNORE INTO told (user, told, at) VALUES (?, ?, ?)`
)

// Plan implements notify.EventStore. build is also asked when the account has no users at all: a feed tells a topic.
func (s *Store) Plan(ctx context.Context, eventID string, lanes []notify.Lane,
	build func(e notify.Event, users []string) *notify.Notification) (*notify.Notification, error) {
	return write(ctx, s, "plan", func(t *tx) (*notify.Notification, error) {
		var seq, account int64
		var planned, state int
		if err := t.row(sqlToPlan, uid(eventID)).Scan(&seq, &planned, &account, &state); err != nil {
			return nil, missing(err, notify.CodeNotFound, "there is no event %q", eventID)
		}
		if planned != 0 {
			return nil, nil
		}
		if err := t.run(sqlMarkPlanned, seq); err != nil || state != accountWatched {
			return nil, err // nobody is told of what went
		}
		e, err := scanEvent(t.row(sqlEvent, uid(eventID)))
		if err != nil {
			return nil, err
		}
		users, anybody, err := t.markTold(account, e)
		if err != nil || (len(users) == 0 && anybody) {
			return nil, err
		}
		n := build(e, users)
		if n == nil {
			return nil, nil
		}
		return t.acceptBuilt(s, *n, e, lanes)
	})
}

// markTold gives the account's users who were not told of the thing yet, and marks them; anybody says whether the
// account has users at all.
func (t *tx) markTold(account int64, e notify.Event) (users []string, anybody bool, err error) {
	type user struct {
		key int64
		id  string
	}
	all, err := collect(t, func(r scanner) (u user, err error) {
		err = r.Scan(&u.key, &u.id)
		return u, err
	}, sqlToTell, account)
	if err != nil {
		return nil, false, err
	}
	told := toldHash(e)
	for _, u := range all {
		n, err := t.changed(sqlMarkTold, u.key, told, ms(t.now))
		if err != nil {
			return nil, false, err
		}
		if n > 0 {
			users = append(users, u.id)
		}
	}
	return users, len(all) > 0, nil
}

// acceptBuilt accepts an event's notification. Who is not known any more, such as a topic without members, is skipped:
// an event must not be planned for ever.
func (t *tx) acceptBuilt(s *Store, n notify.Notification, e notify.Event, lanes []notify.Lane) (*notify.Notification, error) {
	n.Partial = true
	if n.Event == "" {
		n.Event = e.ID
	}
	a, entries, err := t.resolve(s, n)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	n, err = t.store(s, a, entries, lanes)
	if err != nil {
		return nil, err
	}
	return &n, nil
}
