package notify

import (
	"testing"
	"time"
)

// What a look has found is known for as long as an offer of it may come, and no longer than twice twice that.
func TestLooked(t *testing.T) {
	start := time.Unix(1000, 0)
	l := looked{now: map[int64]struct{}{}}
	l.forget(start)
	l.note(7)
	for _, step := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {offerLife, true}, {2 * offerLife, true}, {2*offerLife + 1, true}, {4 * offerLife, true}, {5 * offerLife, false}} {
		l.forget(start.Add(step.after))
		if got := l.found(7); got != step.want {
			t.Errorf("%s after it was found: %t", step.after, got)
		}
	}
	if l.found(8) {
		t.Error("a walk that no look has found")
	}
}

func TestUnderwayFree(t *testing.T) {
	u := newUnderway[int64]()
	free := func(want bool, when string) {
		t.Helper()
		if got := u.free(1); got != want {
			t.Errorf("%s it is free: %t", when, got)
		}
	}
	free(true, "at first")
	u.claim(1)
	free(false, "claimed")
	u.release(1)
	free(false, "given back since the look")
	u.look(time.Unix(1000, 0))
	free(true, "after another look")
}
