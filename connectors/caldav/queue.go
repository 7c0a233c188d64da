package caldav

// queue is the accounts by the time of their next look (container/heap).
type queue []*account

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].next.Before(q[j].next) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	a, ok := x.(*account)
	if !ok {
		panic("caldav: not an account")
	}
	a.index = len(*q)
	*q = append(*q, a)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	old := *q
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	a.index = -1
	return a
}
