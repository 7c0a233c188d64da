package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	engine "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"allim.dev/allim/notify"
)

// conn is the writer's connection with its prepared statements and what it knows of the file.
type conn struct {
	c     *sql.Conn
	stmts map[string]*sql.Stmt
	lanes map[notify.Lane]int64 // keys; emptied when a job is undone
}

func newConn(c *sql.Conn) *conn {
	return &conn{c: c, stmts: map[string]*sql.Stmt{}, lanes: map[notify.Lane]int64{}}
}

// close closes the connection itself, instead of giving it back to the pool with a transaction open.
func (c *conn) close() {
	for _, s := range c.stmts {
		s.Close()
	}
	_ = c.c.Raw(func(any) error { return driver.ErrBadConn })
	c.c.Close()
}

func (c *conn) stmt(query string) (*sql.Stmt, error) {
	if s := c.stmts[query]; s != nil {
		return s, nil
	}
	s, err := c.c.PrepareContext(context.Background(), query)
	if err == nil {
		c.stmts[query] = s
	}
	return s, err
}

// tx is a transaction of the writer. Statements have no deadline: a group is not given up for one caller.
type tx struct {
	*conn
	now time.Time
	job *job // under way
}

// committed lets the writer call f after the commit, also when the caller has given up meanwhile.
func (t *tx) committed(f func()) { t.job.after = append(t.job.after, f) }

// querier reads within a transaction, or from a connection of the pool.
type querier interface {
	row(query string, args ...any) row
	rows(query string, args ...any) (*sql.Rows, error)
}

// row is the only row of an answer, or why there is none.
type row struct {
	r   *sql.Row
	err error
}

// Scan copies the columns; sql.ErrNoRows when there is no row.
func (r row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	return r.r.Scan(dest...)
}

func (t *tx) row(query string, args ...any) row {
	s, err := t.stmt(query)
	if err != nil {
		return row{err: err}
	}
	return row{r: s.QueryRowContext(context.Background(), args...)}
}

func (t *tx) rows(query string, args ...any) (*sql.Rows, error) {
	s, err := t.stmt(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(context.Background(), args...)
}

func (t *tx) exec(query string, args ...any) (sql.Result, error) {
	s, err := t.stmt(query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(context.Background(), args...)
}

// run executes a statement whose result does not matter.
func (t *tx) run(query string, args ...any) error {
	_, err := t.exec(query, args...)
	return err
}

// insert gives the new row's key.
func (t *tx) insert(query string, args ...any) (int64, error) {
	r, err := t.exec(query, args...)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

// changed tells how many rows a statement changed.
func (t *tx) changed(query string, args ...any) (int64, error) {
	r, err := t.exec(query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
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

// scanner is a row that is there: of *sql.Rows or of row.
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
	var se *engine.Error
	if errors.As(err, &se) {
		switch se.Code() & 0xff {
		case lib.SQLITE_FULL:
			return unavailable("the data folder's disk is full", err)
		case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
			return unavailable("the data file is busy", err)
		case lib.SQLITE_IOERR, lib.SQLITE_NOMEM, lib.SQLITE_CANTOPEN:
			return unavailable("the data file cannot be read or written", err)
		}
	}
	if errors.Is(err, sql.ErrConnDone) || err.Error() == "sql: database is closed" {
		return unavailable("the store is closed", err)
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

// change is write without a result.
func (s *Store) change(ctx context.Context, what string, do func(*tx) error) error {
	return storeError(what, s.w.submit(ctx, newJob(do)))
}
