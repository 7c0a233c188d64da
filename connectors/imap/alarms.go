package imap

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// alarms call functions at given times, by one goroutine and one timer for all, so that a parked connection needs no
// timer of its own. The functions must be quick and must not block.
type alarms struct {
	clock notify.Clock
	kick  chan struct{}

	mu   sync.Mutex
	heap alarmHeap
}

type alarm struct {
	at    time.Time
	ring  func()
	index int // in the heap; -1: not there
}

func newAlarms(clock notify.Clock) *alarms {
	return &alarms{clock: clock, kick: make(chan struct{}, 1)}
}

// after rings once after d.
func (a *alarms) after(d time.Duration, ring func()) *alarm {
	al := &alarm{at: a.clock.Now().Add(d), ring: ring}
	a.mu.Lock()
	heap.Push(&a.heap, al)
	first := al.index == 0
	a.mu.Unlock()
	if first {
		select {
		case a.kick <- struct{}{}:
		default: // it is awake already
		}
	}
	return al
}

// stop takes an alarm back, if it has not rung.
func (a *alarms) stop(al *alarm) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if al.index >= 0 {
		heap.Remove(&a.heap, al.index)
	}
}

// run rings until ctx ends.
func (a *alarms) run(ctx context.Context) {
	for {
		wait, some := a.ringDue()
		var timer notify.Timer
		var fired <-chan time.Time
		if some {
			timer = a.clock.NewTimer(wait)
			fired = timer.C()
		}
		select {
		case <-ctx.Done():
		case <-a.kick:
		case <-fired:
		}
		if timer != nil {
			timer.Stop()
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// ringDue rings what is due and tells how long it is to the next.
func (a *alarms) ringDue() (wait time.Duration, some bool) {
	now := a.clock.Now()
	for {
		a.mu.Lock()
		if len(a.heap) == 0 {
			a.mu.Unlock()
			return 0, false
		}
		first := a.heap[0]
		if wait = first.at.Sub(now); wait > 0 {
			a.mu.Unlock()
			return wait, true
		}
		heap.Pop(&a.heap)
		a.mu.Unlock()
		first.ring()
	}
}

type alarmHeap []*alarm

func (h alarmHeap) Len() int           { return len(h) }
func (h alarmHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h alarmHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *alarmHeap) Push(x any) {
	al, ok := x.(*alarm)
	if !ok {
		panic("imap: not an alarm")
	}
	al.index = len(*h)
	*h = append(*h, al)
}

// Pop implements heap.Interface.
func (h *alarmHeap) Pop() any {
	old := *h
	al := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	al.index = -1
	return al
}
