package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	"allim.dev/allim/notify"
)

// states of a notification, in the order of their stored numbers.
func states() []notify.State {
	return []notify.State{notify.StateAwaitingApproval, notify.StateScheduled, notify.StateSending, notify.StatePaused,
		notify.StateDone, notify.StateCancelled}
}

const (
	numScheduled = 1
	numSending   = 2
	numDone      = 4
	numCancelled = 5
)

func stateNumber(s notify.State) int { return slices.Index(states(), s) }

func stateOf(n int) notify.State { return states()[n] }

const (
	sqlNotificationColumns = `n.seq, n.id, n.state, n.created_at, n.expires_at, n.send_at, n.done_at, n.event, n.doc`
	// The counts are summed over the walks: one or two for each notification.
	sqlCounted = `SELECT ` + sqlNotificationColumns + `, sum(w.targeted), sum(w.accepted), sum(w.confirmed), sum(w.failed), sum(w.gone),
		sum(w.expired), sum(w.suppressed) FROM notifications n LEFT JOIN walks w ON w.notification=n.seq `
	sqlNotificationByID  = sqlCounted + `WHERE n.id=? GROUP BY n.seq`
	sqlNotificationBySeq = sqlCounted + `WHERE n.seq=? GROUP BY n.seq`
)

func scanNotification(r scanner) (notify.Notification, error) {
	var row notificationRow
	if err := r.Scan(row.dest()...); err != nil {
		return notify.Notification{}, err
	}
	return row.notification()
}

// notificationRow is sqlNotificationColumns.
type notificationRow struct {
	n                            notify.Notification
	state                        int
	created, expires, send, done int64
	doc                          []byte
}

func (r *notificationRow) dest() []any {
	return []any{&r.n.Seq, (*id)(&r.n.ID), &r.state, &r.created, &r.expires, &r.send, &r.done, (*id)(&r.n.Event), &r.doc}
}

func (r *notificationRow) notification() (notify.Notification, error) {
	n := r.n
	n.State = stateOf(r.state)
	n.CreatedAt, n.ExpiresAt, n.SendAt, n.DoneAt = at(r.created), at(r.expires), at(r.send), at(r.done)
	if err := decodeDoc(r.doc, &n); err != nil {
		return n, fmt.Errorf("notification %s: %w", n.ID, err)
	}
	return n, nil
}

// scanCounted reads a notification with its counts.
func scanCounted(r scanner) (notify.Notification, error) {
	var c [7]sql.NullInt64
	n, err := scanNotification(also{r, []any{&c[0], &c[1], &c[2], &c[3], &c[4], &c[5], &c[6]}})
	n.Counts = withPending(notify.Counts{Targeted: c[0].Int64, Accepted: c[1].Int64, Confirmed: c[2].Int64, Failed: c[3].Int64,
		Gone: c[4].Int64, Expired: c[5].Int64, Suppressed: c[6].Int64})
	return n, err
}

// notification reads one with its counts and its audience.
func (s *Store) notification(q querier, query string, arg any) (notify.Notification, error) {
	n, err := scanCounted(q.row(query, arg))
	if err != nil {
		return n, err
	}
	return n, s.audience(q, n.Seq, &n.To)
}

// withPending derives what is not settled yet.
func withPending(c notify.Counts) notify.Counts {
	c.Pending = c.Targeted - settledOf(c)
	return c
}

func settledOf(c notify.Counts) int64 {
	return c.Accepted + c.Failed + c.Gone + c.Expired + c.Suppressed
}

// Notification implements notify.NotificationStore.
func (s *Store) Notification(ctx context.Context, id string) (notify.Notification, error) {
	return read(ctx, s, "read notification", func(q querier) (notify.Notification, error) {
		n, err := s.notification(q, sqlNotificationByID, uid(id))
		return n, missing(err, notify.CodeUnknownNotification, "there is no notification %q", id)
	})
}

const (
	sqlSeqOf  = `SELECT seq FROM notifications WHERE id=?`
	sqlNewest = sqlCounted + `WHERE n.seq<?1 AND (?2<0 OR n.state=?2) AND (?3 IS NULL OR n.event=?3) GROUP BY n.seq ORDER BY n.seq DESC LIMIT ?4`
	// With a user: those that name the person, or have a stored delivery for one of the person's devices.
	sqlNewestOf = sqlCounted + `WHERE n.seq IN (SELECT notification FROM audience WHERE user=?5 UNION SELECT notification FROM deliveries WHERE user=?5 AND (state<>2 OR named=0))
		AND n.seq<?1 AND (?2<0 OR n.state=?2) AND (?3 IS NULL OR n.event=?3) GROUP BY n.seq ORDER BY n.seq DESC LIMIT ?4`
	sqlNewestOfEvent = sqlCounted + `WHERE n.event=?3 AND n.seq<?1 AND (?2<0 OR n.state=?2) GROUP BY n.seq ORDER BY n.seq DESC LIMIT ?4`
	sqlNewestRare    = sqlCounted + `WHERE n.state NOT IN (2, 4) AND n.state=?2 AND n.seq<?1 AND ?3 IS NULL GROUP BY n.seq ORDER BY n.seq DESC LIMIT ?4`
	sqlNewestSending = sqlCounted + `WHERE n.seq IN (SELECT notification FROM walks INDEXED BY walks_open WHERE state<3) AND n.state=?2 AND n.seq<?1 AND ?3 IS NULL
		GROUP BY n.seq ORDER BY n.seq DESC LIMIT ?4`
)

// Notifications implements notify.NotificationStore. The cursor is the last one's id.
func (s *Store) Notifications(ctx context.Context, f notify.NotificationFilter, p notify.Page) ([]notify.Notification, error) {
	return snapshot(ctx, s, "list notifications", func(q querier) ([]notify.Notification, error) {
		before := int64(math.MaxInt64)
		if p.After != "" {
			if err := q.row(sqlSeqOf, uid(p.After)).Scan(&before); err != nil {
				return nil, missing(err, notify.CodeInvalid, badCursor)
			}
		}
		list, err := collectNotifications(q, f, before, limitOf(p))
		if err != nil {
			return nil, err
		}
		for i := range list {
			if err := s.audience(q, list[i].Seq, &list[i].To); err != nil {
				return nil, err
			}
		}
		return list, nil
	})
}

func collectNotifications(q querier, f notify.NotificationFilter, before int64, limit int) ([]notify.Notification, error) {
	state := -1
	if f.State != "" {
		if state = stateNumber(f.State); state < 0 {
			return nil, notify.Errorf(notify.CodeInvalid, "there is no state %q", f.State)
		}
	}
	var event any
	if f.Event != "" {
		event = uid(f.Event)
	}
	if f.User != "" {
		user, err := userKey(q, f.User)
		if err != nil {
			return nil, err
		}
		return collect(q, scanCounted, sqlNewestOf, before, state, event, limit, user)
	}
	query := sqlNewest
	switch {
	case f.Event != "":
		query = sqlNewestOfEvent
	case state == numSending:
		query = sqlNewestSending
	case state >= 0 && state != numDone:
		query = sqlNewestRare
	}
	return collect(q, scanCounted, query, before, state, event, limit)
}
