package sqlite

import (
	"context"
	"math"
	"strconv"
	"time"

	"allim.dev/allim/notify"
)

const (
	sqlPutAct = `INSERT INTO audit (at, actor, act, subject, detail) VALUES (?, ?, ?, ?, ?)`
	sqlActs   = `SELECT seq, at, actor, act, subject, detail FROM audit WHERE seq<? ORDER BY seq DESC LIMIT ?`

	sqlPutSample = `INSERT INTO history (at, name, label, value) VALUES (?, ?, ?, ?)
		ON CONFLICT (name, label, at) DO UPDATE SET value=value+excluded.value`
	sqlHistory    = `SELECT at, name, label, value FROM history WHERE name=? AND at>=? ORDER BY at, label LIMIT 20000`
	sqlOldHistory = `DELETE FROM history WHERE (name, label, at) IN (SELECT name, label, at FROM history WHERE at<? LIMIT ?)`
	sqlOldActs    = `DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE at<? LIMIT ?)`
	sqlOldVisits  = `DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at<? LIMIT ?)`
	sqlOldInvites = `DELETE FROM invitations WHERE id IN (SELECT id FROM invitations WHERE expires_at<? LIMIT ?)`
)

// auditKept is how long the audit trail is kept, whatever the retention of what was told is.
const auditKept = 400 * 24 * time.Hour

// PutAct implements notify.AuditStore.
func (s *Store) PutAct(ctx context.Context, a notify.Act) error {
	return s.change(ctx, "put act", func(t *tx) error {
		return t.run(sqlPutAct, ms(a.At), a.Actor, a.Act, a.Subject, a.Detail)
	})
}

// Acts implements notify.AuditStore.
func (s *Store) Acts(ctx context.Context, p notify.Page) ([]notify.Act, error) {
	before := int64(math.MaxInt64)
	if p.After != "" {
		n, err := strconv.ParseInt(p.After, 10, 64)
		if err != nil {
			return nil, notify.Errorf(notify.CodeInvalid, badCursor)
		}
		before = n
	}
	return read(ctx, s, "list acts", func(q querier) ([]notify.Act, error) {
		return collect(q, func(r scanner) (a notify.Act, err error) {
			var when int64
			err = r.Scan(&a.Seq, &when, &a.Actor, &a.Act, &a.Subject, &a.Detail)
			a.At = at(when)
			return a, err
		}, sqlActs, before, limitOf(p))
	})
}

// PutSamples implements notify.AuditStore.
func (s *Store) PutSamples(ctx context.Context, samples []notify.Sample) error {
	return s.change(ctx, "put samples", func(t *tx) error {
		for _, x := range samples {
			if err := t.run(sqlPutSample, ms(x.At), x.Name, x.Label, x.Value); err != nil {
				return err
			}
		}
		return nil
	})
}

// History implements notify.AuditStore.
func (s *Store) History(ctx context.Context, name string, from time.Time) ([]notify.Sample, error) {
	return read(ctx, s, "read history", func(q querier) ([]notify.Sample, error) {
		return collect(q, func(r scanner) (x notify.Sample, err error) {
			var when int64
			err = r.Scan(&when, &x.Name, &x.Label, &x.Value)
			x.At = at(when)
			return x, err
		}, sqlHistory, name, ms(from))
	})
}

// sweepPeople removes sessions and invitations that have ended, and what is too old of the trail and the history.
func (t *tx) sweepPeople(now time.Time, old int64, limit int) (more bool, err error) {
	for _, step := range []struct {
		query  string
		before int64
	}{{sqlOldVisits, ms(now)}, {sqlOldInvites, ms(now)}, {sqlOldActs, ms(now.Add(-auditKept))}, {sqlOldHistory, old}} {
		n, err := t.changed(step.query, step.before, limit)
		if err != nil {
			return false, err
		}
		more = more || n == int64(limit)
	}
	return more, nil
}
