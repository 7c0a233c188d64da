package app

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// collectAt is how much garbage may come on top of what is in use before it is collected, in percent: half of Go's own
// default. A hub's work is SQLite and sockets; that costs a few percent of it and saves a third of the memory.
const collectAt = 50

// So much garbage may always come, up to collectMost percent: of the little that a small hub has in use, 50 % is so little
// that it would collect all the time. A hub under load, which makes garbage at busyRate for busyAfter (its start does not), may
// keep more: at collectFloor it would collect dozens of times a second and spend a quarter of its work on that.
const (
	collectFloor = 6 << 20  // bytes
	busyFloor    = 28 << 20 // bytes
	busyRate     = 30 << 20 // bytes a second
	busyAfter    = 5 * time.Second
	collectMost  = 400
)

// SaveMemory has the process keep less garbage; the variable GOGC says otherwise.
func SaveMemory() {
	if os.Getenv("GOGC") == "" {
		(&collector{}).tune()
	}
}

// collector sets how much garbage is kept, after each collection.
type collector struct {
	percent int
	made    uint64    // bytes that were allocated until the last collection
	at      time.Time // of that
	quiet   time.Time // the last collection before which less than busyRate came
}

func (c *collector) tune() {
	heap := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(heap)
	percent := collectAt
	if heap[0].Value.Kind() == metrics.KindUint64 && heap[1].Value.Kind() == metrics.KindUint64 {
		percent = garbagePercent(heap[0].Value.Uint64(), c.busy(heap[1].Value.Uint64(), time.Now()))
	}
	if change := percent - c.percent; 10*max(change, -change) > c.percent { // each setting stops the world for a moment
		c.percent = percent
		debug.SetGCPercent(percent)
	}
	runtime.AddCleanup(&collected{}, (*collector).tune, c)
}

// busy tells at a collection, up to which so many bytes were allocated, whether the hub is under load.
func (c *collector) busy(made uint64, now time.Time) bool {
	if float64(made-c.made) < busyRate*now.Sub(c.at).Seconds() || c.quiet.IsZero() {
		c.quiet = now
	}
	c.made, c.at = made, now
	return now.Sub(c.quiet) >= busyAfter
}

// collected is found to be garbage by the next collection. It is too big to share its place with something that lives.
type collected struct{ _ [64]byte }

// garbagePercent gives how much garbage may come on top of what is in use, in percent of that.
func garbagePercent(live uint64, busy bool) int {
	if live == 0 {
		return collectMost
	}
	floor := uint64(collectFloor)
	if busy {
		floor = busyFloor
	}
	return int(min(collectMost, max(collectAt, floor*100/live)))
}
