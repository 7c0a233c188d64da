package h2

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// chunk is how many requests are made and written at once.
const chunk = 64

// item is a request that is to be sent.
type item struct {
	index int
	try   uint8 // 1: the first
	req   Request
}

// call is a batch on its way. Its run loop, in the goroutine of Do, makes requests and hands them to connections; they
// come back through answer, or through requeue to be sent again.
type call struct {
	client *Client
	batch  Batch
	ctx    context.Context

	left      atomic.Int64 // requests without a reply
	stopped   atomic.Bool  // no more are begun
	cancelled atomic.Bool  // ctx ended
	wake      chan struct{}

	// The run loop's own.
	ready  *[chunk]item // made and not sent: ready[from:to]
	from   int
	to     int
	most   int       // the greatest to there was
	next   int       // the first that was not begun
	due    time.Time // when the permit that was taken for it is due; zero: none was taken
	failed int       // the client's failures that it knows of

	mu    sync.Mutex
	again []item // to be sent again, without their requests

	waits bool // it stands in the client's line; guarded by the client's mu
}

var readyPool = sync.Pool{New: func() any { return new([chunk]item) }}

// Do sends the requests of a batch, in about their order and many at a time, and returns when Done was called for each.
// When ctx ends, those left get its error.
func (c *Client) Do(ctx context.Context, b Batch) {
	if b.N <= 0 {
		return
	}
	k := &call{client: c, batch: b, ctx: ctx, wake: make(chan struct{}, 1), ready: readyPool.Get().(*[chunk]item)}
	k.left.Store(int64(b.N))
	c.mu.Lock()
	k.failed = c.failures
	c.mu.Unlock()
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { defer close(ended); k.cancel() })
	k.run()
	if !stop() {
		<-ended
	}
	c.leave(k)
	for i := range k.most { // nothing of it may be held by the pool, but for the room of Own
		own := k.ready[i].req.Own
		clear(own[:cap(own)])
		k.ready[i] = item{req: Request{Own: own[:0]}}
	}
	readyPool.Put(k.ready)
}

// run sends until everything has its reply.
func (k *call) run() {
	for k.left.Load() > 0 {
		if k.stopped.Load() || k.ctx.Err() != nil {
			k.giveUp()
		} else if k.from == k.to {
			k.fill()
		}
		if k.from == k.to {
			if k.left.Load() > 0 && k.idle() {
				k.client.leave(k) // it needs no room now: others may
				k.sleep()
			}
			continue
		}
		conn, err := k.client.pick(k)
		switch {
		case err != nil:
			k.refuse(err)
		case conn == nil:
			<-k.wake
		default:
			k.from += conn.send(k, k.ready[k.from:k.to])
		}
	}
}

// idle tells whether there is nothing to be made at present: all are begun, or the next one's permit is not due.
func (k *call) idle() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.again) == 0 && (k.next >= k.batch.N || !k.due.IsZero())
}

// sleep waits until something may have changed, or until the next permit is due.
func (k *call) sleep() {
	if k.due.IsZero() || k.next >= k.batch.N {
		<-k.wake
		return
	}
	timer := k.client.opts.Clock.NewTimer(k.due.Sub(k.client.opts.Clock.Now()))
	defer timer.Stop()
	select {
	case <-k.wake:
	case <-timer.C():
	}
}

// fill makes the next requests: first those that are to be sent again.
func (k *call) fill() {
	k.from, k.to = 0, 0
	k.mu.Lock()
	n := min(len(k.again), chunk)
	for _, it := range k.again[:n] {
		k.add(it.index, it.try)
	}
	k.again = append(k.again[:0], k.again[n:]...)
	k.mu.Unlock()
	for k.to < chunk && k.next < k.batch.N && k.permitted() {
		k.add(k.next, 1)
		k.next++
	}
	if k.to == 0 {
		return
	}
	if k.batch.Before != nil {
		if err := k.batch.Before(k.ctx); err != nil {
			k.refuse(err)
			return
		}
	}
	k.make()
}

// make has the requests made that were added.
func (k *call) make() {
	to := k.to
	k.to, k.most = 0, max(k.most, to)
	for i := range to {
		it := k.ready[i]
		it.req.Path, it.req.Authorization, it.req.Shared, it.req.Body, it.req.Tag = "", "", nil, nil, ""
		it.req.Own = it.req.Own[:0]
		if err := k.batch.Fill(it.index, &it.req); err != nil {
			k.ready[i] = it
			k.answer(it.index, &Reply{Err: err, Unsent: true})
			continue
		}
		k.ready[i] = k.ready[k.to] // their room changes places too
		k.ready[k.to] = it
		k.to++
	}
}

func (k *call) add(index int, try uint8) {
	k.ready[k.to].index, k.ready[k.to].try = index, try
	k.to++
}

// permitted tells whether the pace allows one more request now.
func (k *call) permitted() bool {
	if k.batch.Permit == nil {
		return true
	}
	if k.due.IsZero() {
		d := k.batch.Permit()
		if d <= 0 {
			return true
		}
		k.due = k.client.opts.Clock.Now().Add(d)
		return false
	}
	if k.client.opts.Clock.Now().Before(k.due) {
		return false
	}
	k.due = time.Time{}
	return true
}

// refuse answers the next request with an error; those that were made with it are made anew.
func (k *call) refuse(err error) {
	it := k.ready[k.from]
	k.mu.Lock()
	for i := k.from + 1; i < k.to; i++ {
		k.again = append(k.again, item{index: k.ready[i].index, try: k.ready[i].try})
	}
	k.mu.Unlock()
	k.from, k.to = 0, 0
	k.answer(it.index, &Reply{Err: err, Unsent: true})
}

// giveUp answers everything that is not under way.
func (k *call) giveUp() {
	err := k.ctx.Err()
	if err == nil {
		err = ErrStopped
	}
	for ; k.from < k.to; k.from++ {
		k.answer(k.ready[k.from].index, &Reply{Err: err, Unsent: true})
	}
	k.mu.Lock()
	again := k.again
	k.again = nil
	k.mu.Unlock()
	for _, it := range again {
		k.answer(it.index, &Reply{Err: err, Unsent: true})
	}
	for ; k.next < k.batch.N; k.next++ {
		k.answer(k.next, &Reply{Err: err, Unsent: true})
	}
}

// answer gives a request its reply.
func (k *call) answer(index int, r *Reply) Next {
	next := k.batch.Done(index, r)
	stop := next&Stop != 0 && k.stopped.CompareAndSwap(false, true)
	if k.left.Add(-1) == 0 || stop {
		k.signal()
	}
	return next
}

// requeue has a request sent again.
func (k *call) requeue(index int, try uint8) {
	k.mu.Lock()
	k.again = append(k.again, item{index: index, try: try})
	k.mu.Unlock()
	k.signal()
}

// signal wakes the run loop.
func (k *call) signal() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// cancel ends everything that is under way, because ctx ended.
func (k *call) cancel() {
	k.cancelled.Store(true) // before any connection is looked at: send looks at it under the connection's lock
	k.client.mu.Lock()
	list := append([]*conn(nil), k.client.conns...)
	k.client.mu.Unlock()
	for _, c := range list {
		c.cancel(k)
	}
	k.signal()
}
