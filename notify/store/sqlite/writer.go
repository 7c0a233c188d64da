package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

const (
	queueSize  = 8192 // writes that wait; what comes on top is refused
	groupSize  = 512  // writes in one transaction at most
	retryAfter = time.Second
)

// writer is the one goroutine that changes the file. It takes all waiting jobs, up to a bound, into one transaction. An
// error undoes only its own job's part: the transaction begins again with a savepoint for each. All are answered after
// the commit.
type writer struct {
	connect func() (*conn, error)
	clock   notify.Clock

	mu     sync.RWMutex // held shared while a job is put into the queue
	closed bool
	queue  chan *job
	done   chan struct{}

	// Owned by the goroutine.
	conn  *conn
	limit int  // of the next group: 1 after a transaction was lost, then doubling
	next  *job // taken from the queue, to be a transaction alone
}

// job is one caller's change.
type job struct {
	do   func(*tx) error // may run twice: what it leaves behind in the caller's variables is that of the last run
	done chan error      // gets one answer, after the commit
	// alone: it changes many pages, and is a transaction of its own. In a savepoint, SQLite would keep a copy of each of
	// them, and go through all copies at the end of each statement.
	alone bool
	// early: it is run before those of its group that are not; all of a group wait at once, so that no caller can tell.
	early bool

	mu    sync.Mutex // held while do runs: a caller who gives up waits for it, because do reads the caller's data
	given bool       // the caller has given up: do is not run any more
	err   error      // do's
	after []func()   // run by the writer after the commit, before the answer
}

func startWriter(connect func() (*conn, error), clock notify.Clock) *writer {
	w := &writer{connect: connect, clock: clock, queue: make(chan *job, queueSize), done: make(chan struct{}), limit: groupSize}
	go w.loop()
	return w
}

// close refuses further jobs and returns when all that were taken are answered.
func (w *writer) close() error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.done
	return nil
}

// submit runs a job in the writer and returns after the commit, or when ctx ends. Then do was not run, or it has ended,
// and its change may still be committed.
func (w *writer) submit(ctx context.Context, j *job) error {
	if err := w.enqueue(ctx, j); err != nil {
		return err
	}
	return j.wait(ctx)
}

// wait gives the job's answer.
func (j *job) wait(ctx context.Context) error {
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		j.mu.Lock()
		j.given = true
		j.mu.Unlock()
		return gaveUp(ctx.Err())
	}
}

func gaveUp(err error) error {
	return notify.Wrap(notify.CodeUnavailable, err, "the call ended before the store answered")
}

func newJob(do func(*tx) error) *job { return &job{do: do, done: make(chan error, 1)} }

func (w *writer) enqueue(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return gaveUp(err)
	}
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return unavailable("the store is closed", nil)
	}
	select {
	case w.queue <- j:
		return nil
	default:
		return unavailable("the store has more to write than it can take", nil)
	}
}

func unavailable(detail string, cause error) error {
	e := notify.Wrap(notify.CodeUnavailable, cause, detail)
	e.RetryAfter = retryAfter
	return e
}

func (w *writer) loop() {
	defer close(w.done)
	defer w.drop()
	for {
		group := w.gather()
		if group == nil {
			return
		}
		for len(group) > 0 {
			group = w.commit(group)
		}
	}
}

// gather waits for a job and takes what waits behind it, without waiting for more; nil at the end.
func (w *writer) gather() (group []*job) {
	first := w.next
	if w.next = nil; first == nil {
		if first = <-w.queue; first == nil {
			return nil
		}
	}
	for group = []*job{first}; !first.alone && len(group) < w.limit; {
		select {
		case j := <-w.queue:
			if j == nil { // closed: the next call finds it so, too
				return group
			}
			if j.alone {
				w.next = j
				return group
			}
			group = append(group, j)
		default:
			return group
		}
	}
	return group
}

// commit makes one transaction of the group and answers its jobs. When one job makes SQLite drop the transaction (a
// full disk), it and those before it are told so, and those after it are given back for another one.
func (w *writer) commit(group []*job) (rest []*job) {
	t, err := w.begin()
	switch {
	case err != nil:
		w.lose(group, err)
		return nil
	case len(group) == 1:
		w.commitOne(t, group[0])
		return nil
	}
	slices.SortStableFunc(group, func(a, b *job) int { return flag(b.early) - flag(a.early) })
	ran := len(group)
	if !t.runAll(group) {
		if t, err = w.beginAgain(t); err != nil {
			w.lose(group, err)
			return nil
		}
		ran, err = t.runCarefully(group)
	}
	if err == nil {
		err = t.run(`COMMIT`)
	}
	if err != nil {
		w.lose(group[:ran], err)
		return group[ran:]
	}
	for _, j := range group {
		w.answer(j)
	}
	return nil
}

// beginAgain undoes the transaction and opens another one.
func (w *writer) beginAgain(t *tx) (*tx, error) {
	t.forget()
	if t.c.AutocommitEnabled() { // SQLite has undone it
		w.drop()
	} else if err := t.run(`ROLLBACK`); err != nil {
		w.drop()
	}
	return w.begin()
}

// answer answers a job whose transaction was committed.
func (w *writer) answer(j *job) {
	w.limit = min(groupSize, 2*w.limit)
	if j.err == nil {
		for _, f := range j.after {
			f()
		}
	}
	j.done <- j.err
}

// commitOne needs no savepoint: what is undone is the transaction.
func (w *writer) commitOne(t *tx, j *job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.given {
		j.err = context.Canceled // nobody listens
	} else {
		j.err = t.guarded(j)
	}
	if j.err == nil {
		j.err = t.insertAllKept()
	}
	if j.err == nil {
		if err := t.run(`COMMIT`); err != nil {
			w.lose([]*job{j}, err)
			return
		}
		w.answer(j)
		return
	}
	t.forget()
	if err := t.run(`ROLLBACK`); err != nil { // SQLite has done so itself
		w.drop()
	}
	j.done <- j.err
}

// lose answers the jobs of a transaction that is lost. The connection goes with it, and the next groups are small, so
// that one job that cannot be written does not take others with it again.
func (w *writer) lose(group []*job, err error) {
	w.drop()
	w.limit = 1
	for _, j := range group {
		if isAnswer(j.err) { // its own answer does not depend on the commit
			j.done <- j.err
			continue
		}
		j.done <- storeError("commit", err)
	}
}

// begin opens a transaction, on a new connection when there is none.
func (w *writer) begin() (*tx, error) {
	if w.conn == nil {
		c, err := w.connect()
		if err != nil {
			return nil, err
		}
		w.conn = c
	}
	t := &tx{conn: w.conn, now: w.clock.Now()}
	if err := t.run(`BEGIN IMMEDIATE`); err != nil {
		w.drop()
		return nil, err
	}
	return t, nil
}

// drop closes the connection with whatever transaction it is in; the next group gets a new one.
func (w *writer) drop() {
	if w.conn != nil {
		_ = w.conn.close() // its transaction is undone in any case
		w.conn = nil
	}
}

// runAll runs the jobs without savepoints, for which SQLite would keep a copy of every page that a job changes. false: one
// has failed after it had written something, and all is to be undone.
func (t *tx) runAll(group []*job) bool {
	for _, j := range group {
		if !t.runPlain(j) {
			return false
		}
	}
	return t.insertAllKept() == nil
}

func (t *tx) runPlain(j *job) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.given {
		return true
	}
	t.wrote = false
	j.err = t.guarded(j)
	return (j.err == nil || !t.wrote) && !t.c.AutocommitEnabled() // SQLite may have dropped the transaction itself
}

// runCarefully runs the jobs in a savepoint each, and tells how many; an error means that the transaction is lost.
func (t *tx) runCarefully(group []*job) (ran int, err error) {
	for err == nil && ran < len(group) {
		err = t.runJob(group[ran])
		ran++
	}
	return ran, err
}

// runJob runs one job in a savepoint. Its own error is kept in the job; the returned one means that the transaction is
// lost.
func (t *tx) runJob(j *job) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.err, j.after = nil, nil
	if j.given {
		return nil
	}
	if err := t.run(`SAVEPOINT job`); err != nil {
		j.err = err
		return err
	}
	if j.err = t.guarded(j); j.err == nil {
		j.err = t.insertAllKept()
	}
	if j.err != nil {
		t.forget() // some may be undone
		if err := t.run(`ROLLBACK TO job`); err != nil {
			return errors.Join(j.err, err)
		}
	}
	return t.run(`RELEASE job`)
}

// guarded turns a panic into the caller's error: the others in the group have nothing to do with it.
func (t *tx) guarded(j *job) (err error) {
	t.job = j
	defer func() {
		if v := recover(); v != nil {
			err = notify.Wrap(notify.CodeInternal, fmt.Errorf("panic: %v\n%s", v, debug.Stack()), "the store failed on this write")
		}
	}()
	return j.do(t)
}

// isAnswer tells whether err was said by the job itself and not by the engine.
func isAnswer(err error) bool {
	var e *notify.Error
	return errors.As(err, &e)
}
