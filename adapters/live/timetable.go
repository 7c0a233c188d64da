package live

import (
	"container/heap"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// timetable is one timer for all taken over connections: each has its place by when it is due next.
type timetable struct {
	clock notify.Clock
	due   func(*parked) // called for each that is due; it is no longer in the table then

	mu      sync.Mutex
	entries dueHeap
	timer   notify.Timer // for the first entry; nil: none
	closed  bool
	changed chan struct{} // the timer is another one
	stop    chan struct{}
	done    chan struct{}
}

func startTimetable(clock notify.Clock, due func(*parked)) *timetable {
	t := &timetable{clock: clock, due: due, changed: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go t.run()
	return t
}

// set gives p its place, or another one.
func (t *timetable) set(p *parked, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	p.dueAt = at.UnixNano()
	if p.place > 0 {
		heap.Fix(&t.entries, p.place-1)
	} else {
		heap.Push(&t.entries, p)
	}
	if t.timer == nil || p.place == 1 {
		t.wind()
	}
}

// remove takes p out, if it is in.
func (t *timetable) remove(p *parked) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.place > 0 {
		heap.Remove(&t.entries, p.place-1)
	}
	if len(t.entries) == 0 {
		t.wind()
	}
}

// wind sets the timer for the first entry. Called with mu held.
func (t *timetable) wind() {
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
	if len(t.entries) > 0 {
		t.timer = t.clock.NewTimer(time.Unix(0, t.entries[0].dueAt).Sub(t.clock.Now()))
	}
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

func (t *timetable) run() {
	defer close(t.done)
	for {
		var c <-chan time.Time // nil waits for ever
		t.mu.Lock()
		if t.timer != nil {
			c = t.timer.C()
		}
		t.mu.Unlock()
		select {
		case <-t.stop:
			return
		case <-t.changed:
		case <-c:
			t.fire()
		}
	}
}

func (t *timetable) fire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now().UnixNano()
	for len(t.entries) > 0 && t.entries[0].dueAt <= now {
		t.due(heap.Pop(&t.entries).(*parked))
	}
	t.wind()
}

// close ends the goroutine; nothing is due any more.
func (t *timetable) close() {
	close(t.stop)
	<-t.done
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.entries {
		p.place = 0
	}
	t.entries, t.closed = nil, true
	t.wind()
}

// dueHeap implements heap.Interface; a connection's place is its index plus one, 0 when it has none.
type dueHeap []*parked

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].dueAt < h[j].dueAt }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

// Push implements heap.Interface.
func (h *dueHeap) Push(v any) {
	p := v.(*parked)
	*h = append(*h, p)
	p.place = len(*h)
}

// Pop implements heap.Interface.
func (h *dueHeap) Pop() any {
	old := *h
	p := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	p.place = 0
	return p
}
