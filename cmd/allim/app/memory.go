package app

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// collectAt is how much garbage may come on top of what is in use before it is collected, in percent: half of Go's own
// default. A hub's work is SQLite and sockets; that costs a few percent of it and saves a third of the memory.
const collectAt = 50

// So much garbage may always come, up to collectMost percent: of the little that a small hub has in use, 50 % is so little
// that a busy one would collect fifty times a second and spend a sixth of its work on it.
const (
	collectFloor = 12 << 20 // bytes
	collectMost  = 400
)

// SaveMemory has the process keep less garbage; the variable GOGC says otherwise.
func SaveMemory() {
	if os.Getenv("GOGC") == "" {
		(&collector{}).tune()
	}
}

// collector sets how much garbage is kept, after each collection.
type collector struct{ percent int }

func (c *collector) tune() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	percent := collectAt
	if live[0].Value.Kind() == metrics.KindUint64 {
		percent = garbagePercent(live[0].Value.Uint64())
	}
	if change := percent - c.percent; 10*max(change, -change) > c.percent { // each setting stops the world for a moment
		c.percent = percent
		debug.SetGCPercent(percent)
	}
	runtime.AddCleanup(&collected{}, (*collector).tune, c)
}

// collected is found to be garbage by the next collection. It is too big to share its place with something that lives.
type collected struct{ _ [64]byte }

// garbagePercent gives how much garbage may come on top of what is in use, in percent of that.
func garbagePercent(live uint64) int {
	if live == 0 {
		return collectMost
	}
	return int(min(collectMost, max(collectAt, collectFloor*100/live)))
}
