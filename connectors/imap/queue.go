package imap

import "time"

// waiter is an account that waits at the gate.
type waiter struct {
	lastActive time.Time
	granted    chan struct{}
	index      int    // in the queue; -1: not there
	seq        uint64 // by arrival
}

// waiters is the queue: recently active first, then by arrival.
type waiters []*waiter

func (q waiters) Len() int { return len(q) }
func (q waiters) Less(i, j int) bool {
	if !q[i].lastActive.Equal(q[j].lastActive) {
		return q[i].lastActive.After(q[j].lastActive)
	}
	return q[i].seq < q[j].seq
}
func (q waiters) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push implements heap.Interface.
func (q *waiters) Push(x any) {
	w, ok := x.(*waiter)
	if !ok {
		panic("imap: not a waiter")
	}
	w.index = len(*q)
	*q = append(*q, w)
}

// Pop implements heap.Interface.
func (q *waiters) Pop() any {
	old := *q
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	w.index = -1
	return w
}
