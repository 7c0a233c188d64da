package sqlite

import (
	"context"
	"errors"
	"sync"

	engine "zombiezen.com/go/sqlite"
)

// reader is the pool of read-only connections, each with its prepared statements. In WAL mode a read sees everything
// that was committed before it began, and waits for nobody.
type reader struct {
	open   func() (*conn, error)
	idle   chan *conn // nil: one that is not opened yet
	size   int
	once   sync.Once
	closed chan struct{}
}

func newReader(open func() (*conn, error), size int) *reader {
	r := &reader{open: open, idle: make(chan *conn, size), size: size, closed: make(chan struct{})}
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
				err = errors.Join(err, c.close())
			}
		}
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
		c, err := r.open()
		if err != nil {
			r.idle <- nil
			return nil, err
		}
		return c, nil
	case <-r.closed:
		return nil, unavailable("the store is closed", nil)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// done gives a connection back; one that has failed is closed.
func (r *reader) done(c *conn, failed bool) {
	if failed {
		_ = c.close() // the failure is told
		c = nil
	}
	r.idle <- c
}

// read runs a read whose statements need not see the same moment.
func read[T any](ctx context.Context, s *Store, what string, do func(querier) (T, error)) (T, error) {
	var zero T
	c, err := s.r.take(ctx)
	if err != nil {
		return zero, storeError(what, err)
	}
	defer s.r.done(c, false)
	v, err := during(ctx, c, do)
	if err != nil {
		return zero, storeError(what, err)
	}
	return v, nil
}

// during runs do, and ends statements when ctx ends.
func during[T any](ctx context.Context, c *conn, do func(querier) (T, error)) (T, error) {
	c.c.SetInterrupt(ctx.Done())
	defer c.c.SetInterrupt(nil)
	v, err := do(c)
	if err != nil && ctx.Err() != nil && engine.ErrCode(err) == engine.ResultInterrupt {
		err = ctx.Err()
	}
	return v, err
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
	if err := c.exec(`BEGIN`, nil); err != nil {
		return zero, storeError(what, err)
	}
	v, err := during(ctx, c, do)
	if e := c.exec(`COMMIT`, nil); e != nil {
		return zero, storeError(what, e)
	}
	failed = false
	if err != nil {
		return zero, storeError(what, err)
	}
	return v, nil
}
