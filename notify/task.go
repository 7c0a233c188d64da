package notify

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// batch is what is handed to an adapter at once: many small tasks, or one chunk of a big walk.
type batch struct {
	tasks []*task
	size  int // the tasks' weights
	big   bool
	open  atomic.Int64 // tasks not yet stored
}

func (b *batch) add(t *task) {
	b.tasks = append(b.tasks, t)
	b.size += t.weight()
}

// task is one step of a walk, or one retry: its outcomes are stored together.
type task struct {
	batch   *batch
	walk    Walk
	seq     int64 // the notification's number
	targets []Target
	last    bool    // the walk has no more targets after these
	flight  *flight // of a big walk
	done    bool    // the flight's: all outcomes are there
	retry   bool
	row     DeliveryRow // the retried row
	attempt int         // attempts made before
	missing int         // sleepers that are not to be told any more

	once sync.Once
	n    *Notification // shared
	err  error

	left     atomic.Int64
	mu       sync.Mutex
	progress Progress
}

// weight is the task's part of maxInFlight.
func (t *task) weight() int { return max(1, len(t.targets)) }

// item is one target of a task.
type item struct {
	task *task
	i    int
}

func walkTask(n *Notification, w Walk, targets []Target, last bool) *task {
	t := &task{walk: w, seq: w.Seq, targets: targets, last: last, n: n}
	t.once.Do(func() {})
	t.progress = Progress{Walk: w.ID, Lane: w.Lane, Done: last}
	if len(targets) > 0 {
		t.progress.Position = targets[len(targets)-1].Device.Key
	}
	if last {
		t.progress.Position = w.Last
	}
	return t
}

func retryTask(d Due) *task {
	return &task{walk: Walk{ID: d.Row.Walk, Notification: d.Row.Notification, Lane: d.Row.Lane, Small: true}, seq: d.Seq,
		targets: []Target{d.Target}, retry: true, row: d.Row, attempt: d.Row.Attempt,
		progress: Progress{Walk: d.Row.Walk, Lane: d.Row.Lane}}
}

// notification gives what is told, read once.
func (t *task) notification(ctx context.Context, s NotificationStore) (*Notification, error) {
	t.once.Do(func() {
		n, err := s.Notification(ctx, t.walk.Notification)
		t.n, t.err = &n, err
	})
	return t.n, t.err
}

// expires gives the delivery's deadline, when the notification was read.
func (t *task) expires() time.Time {
	if !t.row.ExpiresAt.IsZero() {
		return t.row.ExpiresAt
	}
	return t.n.ExpiresAt
}
