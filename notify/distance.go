package notify

import (
	"slices"
	"sync"
	"time"
)

// How many chunks of broadcasts a lane has under way. What is under way when the hub is killed is sent again, so it is no more
// than a platform needs that is as far away as this one: with a near one, 768 deliveries of one broadcast keep both sides busy.
const (
	fewestBatches = 4
	mostBatches   = 8                     // a broadcast never fills the lane
	batchEach     = 10 * time.Millisecond // of distance takes one more
	distanceOf    = 16                    // batches
)

// distance is how long a platform takes to answer when nothing waits: the soonest first answer to the last batches. The later
// answers to a batch have waited for each other.
type distance struct {
	mu    sync.Mutex
	first [distanceOf]time.Duration
	n     int
}

// note takes the time to the first delivery of a batch that was accepted.
func (d *distance) note(took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.first[d.n%distanceOf] = took
	d.n++
}

// chunksOf gives how many of them one broadcast may have, so that a slow one leaves room for another.
func chunksOf(batches int) int { return batches * 3 / 4 }

// batches gives how many chunks of broadcasts may be under way.
func (d *distance) batches() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.n == 0 {
		return fewestBatches
	}
	soonest := slices.Min(d.first[:min(d.n, distanceOf)])
	return min(mostBatches, fewestBatches+int(soonest/batchEach))
}
