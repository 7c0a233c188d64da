package push

import (
	"sync"
	"sync/atomic"
)

// Each calls f for 0 to n-1, from at most workers goroutines at a time, and returns when all calls have returned. f gives
// false to begin no more of them; Each gives how many were begun: 0 to begun-1.
func Each(n, workers int, f func(i int) bool) (begun int) {
	var next atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range min(n, max(workers, 1)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !stop.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if !f(i) {
					stop.Store(true)
				}
			}
		}()
	}
	wg.Wait()
	return min(int(next.Load()), n)
}
