package sqlite

import (
	"context"
	"errors"

	"allim.dev/allim/notify"
)

var _ notify.IngestStore = (*Store)(nil)

// errDry undoes a transaction that was only to be looked at.
var errDry = notify.Errorf(notify.CodeInternal, "a trial is not kept")

const (
	sqlIsTaken = `SELECT 1 FROM taken WHERE source=? AND key=?`
	sqlTake    = `INSERT INTO taken (source, key, at) VALUES (?, ?, ?)`
	sqlTaken   = `SELECT key FROM taken WHERE source=? ORDER BY key`
	sqlForget  = `DELETE FROM taken WHERE source=? AND key=?`
	sqlUserID  = `SELECT id FROM users WHERE key=?`
)

// AcceptAll implements notify.IngestStore.
func (s *Store) AcceptAll(ctx context.Context, p notify.Posting, lanes []notify.Lane) ([]notify.Acceptance, bool, error) {
	var accepted []notify.Acceptance
	var known bool
	j := newJob(func(t *tx) (err error) {
		accepted, known, err = t.acceptAll(s, p, lanes)
		if err == nil && p.Dry {
			err = errDry
		}
		return err
	})
	j.alone = manyRows(p.Items)
	if err := s.w.submit(ctx, j); err != nil && !errors.Is(err, errDry) {
		return nil, false, storeError("accept all", err)
	}
	return accepted, known, nil
}

// manyRows tells a posting that is a transaction of its own.
func manyRows(items []notify.Submission) bool {
	rows := len(items)
	for _, i := range items {
		to := i.Notification.To
		rows += len(to.Users) + len(to.Identities) + len(to.Devices)
	}
	return rows > bigList
}

func (t *tx) acceptAll(s *Store, p notify.Posting, lanes []notify.Lane) ([]notify.Acceptance, bool, error) {
	if p.Once.Key != "" {
		known, err := t.take(p.Once)
		if err != nil || known {
			return nil, known, err
		}
	}
	var faults notify.Faults
	accepted := make([]notify.Acceptance, 0, len(p.Items))
	for _, item := range p.Items {
		a, err := t.acceptItem(s, item, lanes, p.Dry)
		if err != nil && !faults.Add(item, err) {
			return nil, false, err
		}
		accepted = append(accepted, a)
	}
	return accepted, false, faults.Err(len(p.Items))
}

// take notes what is posted once; true when it was posted before.
func (t *tx) take(o notify.Once) (known bool, err error) {
	if err := t.owns("source/"+o.Source, o.Epoch); err != nil {
		return false, err
	}
	var one int
	known, err = found(t.row(sqlIsTaken, o.Source, o.Key).Scan(&one))
	if err != nil || known {
		return known, err
	}
	return false, t.run(sqlTake, o.Source, o.Key, ms(t.now))
}

func (t *tx) acceptItem(s *Store, item notify.Submission, lanes []notify.Lane, dry bool) (a notify.Acceptance, err error) {
	if item.Idempotency.Key != "" {
		a.Notification, a.Replayed, err = t.answered(s, item.Idempotency)
		if err != nil || a.Replayed {
			return a, err
		}
	}
	n, entries, err := t.resolve(s, item.Notification)
	if err != nil {
		return a, err
	}
	if a.Notification, err = t.store(s, n, entries, lanes); err != nil {
		return a, err
	}
	if item.Idempotency.Key != "" {
		if err := t.remember(item.Idempotency, a.Notification); err != nil {
			return a, err
		}
	}
	if dry {
		a.People, err = t.people(entries)
	}
	return a, err
}

// people gives the ids of the first users that an audience names.
func (t *tx) people(entries []entry) (ids []string, err error) {
	seen := map[int64]bool{}
	for _, e := range entries {
		if e.user == 0 || seen[e.user] {
			continue
		}
		if seen[e.user] = true; len(seen) > notify.SmallAudience {
			break
		}
		var id string
		if err := t.row(sqlUserID, e.user).Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// Taken implements notify.IngestStore.
func (s *Store) Taken(ctx context.Context, source string) ([]string, error) {
	return read(ctx, s, "list what was posted", func(q querier) ([]string, error) {
		return collect(q, scanOne[string], sqlTaken, source)
	})
}

// Forget implements notify.IngestStore.
func (s *Store) Forget(ctx context.Context, source string, keys []string) error {
	return s.change(ctx, "forget what was posted", func(t *tx) error {
		for _, k := range keys {
			if err := t.run(sqlForget, source, k); err != nil {
				return err
			}
		}
		return nil
	})
}
