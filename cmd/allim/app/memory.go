package app

import (
	"os"
	"runtime/debug"
)

// collectAt is how much garbage may come on top of what is in use before it is collected, in percent: half of Go's own
// default. A hub's work is SQLite and sockets; that costs a few percent of it and saves a third of the memory.
const collectAt = 50

// SaveMemory has the process keep less garbage; the variable GOGC says otherwise.
func SaveMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
}
