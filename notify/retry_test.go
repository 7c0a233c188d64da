package notify

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBackoffGrowsWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 1000).Draw(t, "failures")
		want := time.Hour
		if n < 11 {
			want = min(5*time.Second<<(n-1), time.Hour)
		}
		if d := backoff(n, retryBase, retryCap); d < want/2 || d > want {
			t.Fatalf("after %d failures %s, want %s to %s", n, d, want/2, want)
		}
	})
}

func TestNextAttempt(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	if at, ok := nextAttempt(1, now.Add(time.Minute), now, now.Add(time.Hour)); !ok || at != now.Add(time.Minute) {
		t.Errorf("the platform's own time is not kept: %s, %v", at, ok)
	}
	if _, ok := nextAttempt(1, now.Add(2*time.Hour), now, now.Add(time.Hour)); ok {
		t.Error("a retry after the deadline")
	}
	if _, ok := nextAttempt(maxAttempts, time.Time{}, now, now.Add(24*365*time.Hour)); ok {
		t.Error("attempts without end")
	}
}

func TestGuard(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	g := newGuard()
	for i := range int64(guardSample - 1) {
		if g.note(i, Gone, now) {
			t.Fatal("tripped below the sample")
		}
		if g.note(1, Gone, now) && i == 0 {
			t.Fatal("one device counted twice")
		}
	}
	if !g.note(100, Suspect, now) {
		t.Error("all devices fail, and it does not trip")
	}
	g.reset()
	for i := range int64(1000) {
		v := Accepted
		if i%3 == 0 {
			v = Gone
		}
		if g.note(i, v, now) {
			t.Fatal("tripped though most devices are well")
		}
	}
	g.reset()
	for i := range int64(3 * guardSample) { // spread wider than the window
		if g.note(i, Gone, now.Add(time.Duration(i)*time.Minute)) {
			t.Fatal("tripped by deaths spread over an hour")
		}
	}
}
