package app

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"allim.dev/allim/notify/notifytest"
)

func TestGarbagePercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 1 << 20: 400, 3 << 19: 400, 3 << 20: 200, 6 << 20: 100, 12 << 20: 50, 1 << 30: 50} {
		if got := garbagePercent(live, false); got != want {
			t.Errorf("with %d bytes in use %d %%, want %d %%", live, got, want)
		}
	}
	for live, want := range map[uint64]int{0: 400, 7 << 20: 400, 14 << 20: 200, 28 << 20: 100, 56 << 20: 50, 1 << 30: 50} {
		if got := garbagePercent(live, true); got != want {
			t.Errorf("under load, with %d bytes in use %d %%, want %d %%", live, got, want)
		}
	}
}

// Load is what lasts: not one burst of it.
func TestUnderLoad(t *testing.T) {
	var c collector
	now, made := time.Unix(1000, 0), uint64(0)
	for i, step := range []struct {
		after time.Duration
		bytes uint64
		want  bool
	}{{0, 5 << 20, false}, {100 * time.Millisecond, 6 << 20, false}, {100 * time.Millisecond, 6 << 20, false}, {4850 * time.Millisecond, 250 << 20, true},
		{100 * time.Millisecond, 28 << 20, true}, {time.Second, 28 << 20, false}, {100 * time.Millisecond, 12 << 20, false}} {
		now, made = now.Add(step.after), made+step.bytes
		if got := c.busy(made, now); got != step.want {
			t.Errorf("step %d: under load is %t", i, got)
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
	notifytest.Until(t, "half of much", func() bool { return percent() <= collectAt*11/10 }) // small changes are not worth a stop
	runtime.KeepAlive(big)
	big = nil
	notifytest.Until(t, "more of less", func() bool { return percent() > collectAt*11/10 })
}
