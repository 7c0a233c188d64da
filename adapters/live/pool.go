package live

import (
	"bytes"
	"sync"
)

// The things that a worker is to do with a connection, as bits; held: it is queued or in a worker's hand.
const (
	todoHeld  uint32 = 1 << iota
	todoOwn          // something for its person
	todoAll          // something for everybody, or for a topic
	todoMarks        // the person has read something somewhere
	todoBeat
	todoRead  // the client has sent something
	todoWrite // the socket takes more
	todoSlow  // it did not take all in time
	todoGone  // the client has left
	todoStop  // the hub stops
)

// pool is a few workers for all taken over connections. Its queue is bounded by their number: each stands in it once.
type pool struct {
	mu          sync.Mutex
	some        sync.Cond
	first, last *parked
	stopped     bool
	wg          sync.WaitGroup
}

// desk is a worker's own memory, so that a connection needs none while nothing happens.
type desk struct {
	out  bytes.Buffer
	in   [4096]byte
	turn *turn
}

func startPool(workers int) *pool {
	p := &pool{}
	p.some.L = &p.mu
	for range workers {
		p.wg.Go(p.work)
	}
	return p
}

// call has a worker do the things soon.
func (w *pool) call(p *parked, things uint32) {
	if p.todo.Or(things|todoHeld)&todoHeld == 0 {
		w.push(p)
	}
}

func (w *pool) push(p *parked) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == nil {
		w.first = p
	} else {
		w.last.next = p
	}
	w.last = p
	w.some.Signal()
}

// pop waits for a connection; nil at the end.
func (w *pool) pop() *parked {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.first == nil && !w.stopped {
		w.some.Wait()
	}
	p := w.first
	if p == nil {
		return nil
	}
	if w.first = p.next; w.first == nil {
		w.last = nil
	}
	p.next = nil
	return p
}

func (w *pool) work() {
	d := &desk{turn: newTurn()}
	for {
		p := w.pop()
		if p == nil {
			return
		}
		p.do(p.todo.Swap(todoHeld)&^todoHeld, d)
		if d.out.Cap() > 4*maxWrite { // one large item
			d.out = bytes.Buffer{}
		}
		if !p.todo.CompareAndSwap(todoHeld, 0) {
			w.push(p) // there is more, behind the others
		}
	}
}

// close ends the workers when the queue is empty.
func (w *pool) close() {
	w.mu.Lock()
	w.stopped = true
	w.some.Broadcast()
	w.mu.Unlock()
	w.wg.Wait()
}
