package notify

import (
	"slices"
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

// A walk is taken from its offer once, and not at all when a look has found it before: it may be done already. What is too
// old is left to the store.
func TestTakeOffers(t *testing.T) {
	start := time.Unix(1000, 0)
	l := &lane{walks: newUnderway[int64](), offers: make(chan *offered, 9), looked: looked{now: map[int64]struct{}{}}}
	r := &laneRun{lane: l}
	r.looked.forget(start)
	if _, err := r.gatherReady(t.Context(), &batch{}, Walk{ID: 2, Small: true}, map[int64]Step{2: {}}, 100); err != nil {
		t.Fatal(err)
	}
	l.walks.release(2) // sent, and stored
	for _, o := range []struct {
		walk int64
		age  time.Duration
	}{{1, 0}, {2, 0}, {1, 0}, {3, offerLife + 1}, {4, offerLife}, {5, -time.Millisecond}} {
		l.offers <- &offered{n: &Notification{}, f: Fresh{Walk: Walk{ID: o.walk, Small: true}}, since: start.Add(-o.age)}
	}
	l.walks.look(start) // another look has begun since
	b := &batch{}
	r.gatherOffers(b, 100, start)
	var got []int64
	for _, x := range b.tasks {
		got = append(got, x.walk.ID)
	}
	if want := []int64{1, 4, 5}; !slices.Equal(got, want) {
		t.Errorf("walks %v were taken, want %v", got, want)
	}
	if !r.lookWalks || !l.behind.Load() {
		t.Error("nobody looks into the store for what was too old")
	}
}
