package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
)

// reader is the pool of read-only connections, each with its prepared statements. In WAL mode a read sees everything
// that was committed before it began, and waits for nobody.
type reader struct {
	db     *sql.DB
	idle   chan *conn // nil: one that is not opened yet
	size   int
	once   sync.Once
	closed chan struct{}
}

func newReader(db *sql.DB, size int) *reader {
	db.SetMaxOpenConns(size)
	r := &reader{db: db, idle: make(chan *conn, size), size: size, closed: make(chan struct{})}
	for range size {
		r.idle <- nil
	}
	return r
}

// close waits for the reads under way and refuses further ones.
func (r *reader) close() (err error) {
	r.once.Do(func() {
		close(r.closed)
		for range r.size {
			if c := <-r.idle; c != nil {
				c.close()
			}
		}
		err = r.db.Close()
	})
	return err
}

// take gives a connection for one call; done gives it back.
func (r *reader) take(ctx context.Context) (*conn, error) {
	select {
	case <-r.closed:
		return nil, unavailable("the store is closed", nil)
	default:
	}
	select {
	case c := <-r.idle:
		if c != nil {
			return c, nil
		}
		sc, err := r.db.Conn(ctx)
		if err != nil {
			r.idle <- nil
			return nil, fmt.Errorf("connect: %w", err)
		}
		return newConn(sc), nil
	case <-r.closed:
		return nil, unavailable("the store is closed", nil)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// done gives a connection back; one that has failed is closed.
func (r *reader) done(c *conn, failed bool) {
	if failed {
		c.close()
		c = nil
	}
	r.idle <- c
}

// view is a querier on a connection of the pool, for one call.
type view struct {
	*conn
	ctx context.Context
}

func (v *view) row(query string, args ...any) row {
	s, err := v.stmt(query)
	if err != nil {
		return row{err: err}
	}
	return row{r: s.QueryRowContext(v.ctx, args...)}
}

func (v *view) rows(query string, args ...any) (*sql.Rows, error) {
	s, err := v.stmt(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(v.ctx, args...)
}

// read runs a read whose statements need not see the same moment.
func read[T any](ctx context.Context, s *Store, what string, do func(querier) (T, error)) (T, error) {
	var zero T
	c, err := s.r.take(ctx)
	if err != nil {
		return zero, storeError(what, err)
	}
	defer s.r.done(c, false)
	v, err := do(&view{conn: c, ctx: ctx})
	if err != nil {
		return zero, storeError(what, err)
	}
	return v, nil
}

// snapshot runs a read of several statements that must see the same moment.
func snapshot[T any](ctx context.Context, s *Store, what string, do func(querier) (T, error)) (T, error) {
	var zero T
	c, err := s.r.take(ctx)
	if err != nil {
		return zero, storeError(what, err)
	}
	failed := true
	defer func() { s.r.done(c, failed) }()
	if err := c.mark(`BEGIN`); err != nil {
		return zero, storeError(what, err)
	}
	v, err := do(&view{conn: c, ctx: ctx})
	if e := c.mark(`COMMIT`); e != nil {
		return zero, storeError(what, e)
	}
	failed = false
	if err != nil {
		return zero, storeError(what, err)
	}
	return v, nil
}

// mark begins or ends a snapshot: quick, whatever becomes of the call's context.
func (c *conn) mark(query string) error {
	s, err := c.stmt(query)
	if err != nil {
		return err
	}
	_, err = s.ExecContext(context.Background())
	return err
}
