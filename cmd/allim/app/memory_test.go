package app

import (
	"runtime"
	"runtime/metrics"
	"testing"

	"allim.dev/allim/notify/notifytest"
)

func TestGarbagePercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 1 << 20: 400, 3 << 20: 400, 6 << 20: 200, 12 << 20: 100, 24 << 20: 50, 1 << 30: 50} {
		if got := garbagePercent(live); got != want {
			t.Errorf("with %d bytes in use %d %%, want %d %%", live, got, want)
		}
	}
}

// After each collection what is kept follows what is in use.
func TestSaveMemory(t *testing.T) {
	t.Setenv("GOGC", "")
	percent := func() int { // also has the next collection come
		runtime.GC()
		now := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(now)
		return int(now[0].Value.Uint64())
	}
	SaveMemory()
	big := make([]byte, 64<<20)
	notifytest.Until(t, "half of much", func() bool { return percent() == collectAt })
	runtime.KeepAlive(big)
	big = nil
	notifytest.Until(t, "more of less", func() bool { return percent() > collectAt })
}
