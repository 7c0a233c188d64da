package notifytest

import (
	"testing"
	"time"
)

// Patience is how long a test waits for something that should happen at once; generous, because it is only used up
// when the test fails.
const Patience = 30 * time.Second

// Until waits until cond holds, looking every few milliseconds, and fails the test after Patience.
func Until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %s for: %s", Patience, what)
		}
	}
}

// Receive waits for a value on c and fails the test after Patience.
func Receive[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	select {
	case v := <-c:
		return v
	case <-deadline.C:
		t.Fatalf("waited %s for: %s", Patience, what)
		panic("unreachable")
	}
}
