package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	engine "zombiezen.com/go/sqlite"

	"allim.dev/allim/notify"
)

// tx is a transaction of the writer. Statements have no deadline: a group is not given up for one caller.
type tx struct {
	*conn
	now   time.Time
	job   *job // under way
	wrote bool // the job under way has written
}

// committed lets the writer call f after the commit, also when the caller has given up meanwhile.
func (t *tx) committed(f func()) { t.job.after = append(t.job.after, f) }

// querier reads within a transaction, or from a connection of the pool.
type querier interface {
	row(query string, args ...any) row
	rows(query string, args ...any) (*rows, error)
}

func (t *tx) row(query string, args ...any) row {
	if err := t.before(query); err != nil {
		return row{err: err}
	}
	return t.conn.row(query, args...)
}

func (t *tx) rows(query string, args ...any) (*rows, error) {
	if err := t.before(query); err != nil {
		return nil, err
	}
	return t.conn.rows(query, args...)
}

// run executes a statement whose result does not matter.
func (t *tx) run(query string, args ...any) error {
	if err := t.before(query); err != nil {
		return err
	}
	t.wrote = true
	return t.exec(query, args)
}

// before inserts what is kept, which the statement may need.
func (t *tx) before(query string) error {
	if looksElsewhere(query) {
		return nil
	}
	return t.insertAllKept()
}

// insert gives the new row's key.
func (t *tx) insert(query string, args ...any) (int64, error) {
	err := t.run(query, args...)
	return t.c.LastInsertRowID(), err
}

// changed tells how many rows a statement changed.
func (t *tx) changed(query string, args ...any) (int64, error) {
	err := t.run(query, args...)
	return int64(t.c.Changes()), err
}

// collect reads all rows of an answer.
func collect[T any](q querier, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.rows(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// scanner is a row that is there: of rows or of row.
type scanner interface{ Scan(dest ...any) error }

func scanOne[T any](r scanner) (v T, err error) {
	err = r.Scan(&v)
	return v, err
}

// found turns "no row" into false.
func found(err error) (bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// missing gives the answer for a row that is not there, and any other error as it is.
func missing(err error, code notify.Code, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return notify.Errorf(code, format, args...)
	}
	return err
}

// storeError makes an answer of the engine's trouble; answers stay what they are.
func storeError(what string, err error) error {
	var e *notify.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return gaveUp(err)
	}
	switch engine.ErrCode(err).ToPrimary() {
	case engine.ResultFull:
		return unavailable("the data folder's disk is full", err)
	case engine.ResultBusy, engine.ResultLocked:
		return unavailable("the data file is busy", err)
	case engine.ResultIOErr, engine.ResultNoMem, engine.ResultCantOpen:
		return unavailable("the data file cannot be read or written", err)
	case engine.ResultInterrupt:
		return gaveUp(err)
	}
	return notify.Wrap(notify.CodeInternal, err, "the store failed: "+what)
}

// write runs a change in the writer's next group and gives its result after the commit. The result is read only when
// the writer has answered: a caller who gives up does not race with it.
func write[T any](ctx context.Context, s *Store, what string, do func(*tx) (T, error)) (T, error) {
	var out, zero T
	err := s.w.submit(ctx, newJob(func(t *tx) (err error) {
		out, err = do(t)
		return err
	}))
	if err != nil {
		return zero, storeError(what, err)
	}
	return out, nil
}

// writeAlone is write for a change of many rows: it is a transaction of its own.
func writeAlone[T any](ctx context.Context, s *Store, what string, do func(*tx) (T, error)) (T, error) {
	var out, zero T
	err := s.changeAlone(ctx, what, func(t *tx) (err error) {
		out, err = do(t)
		return err
	})
	if err != nil {
		return zero, err
	}
	return out, nil
}

// changeAlone is change for many rows.
func (s *Store) changeAlone(ctx context.Context, what string, do func(*tx) error) error {
	j := newJob(do)
	j.alone = true
	return storeError(what, s.w.submit(ctx, j))
}

// writeEarly is write for a change whose rows are kept for a while: those of a group are written one after the other.
func writeEarly[T any](ctx context.Context, s *Store, what string, do func(*tx) (T, error)) (T, error) {
	var out, zero T
	j := newJob(func(t *tx) (err error) {
		out, err = do(t)
		return err
	})
	j.early = true
	if err := s.w.submit(ctx, j); err != nil {
		return zero, storeError(what, err)
	}
	return out, nil
}

// change is write without a result.
func (s *Store) change(ctx context.Context, what string, do func(*tx) error) error {
	return storeError(what, s.w.submit(ctx, newJob(do)))
}
