package notify_test

import (
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// TestPace: what is over a second, and when the rest will be; nothing where it cannot be known.
func TestPace(t *testing.T) {
	now := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	n := notify.Notification{State: notify.StateSending, CreatedAt: now.Add(-time.Hour), TTL: time.Hour, ExpiresAt: now.Add(time.Hour - 10*time.Second),
		Counts: notify.Counts{Targeted: 1000, Pending: 800, Accepted: 190, Failed: 10}}
	if b := n.Began(); !b.Equal(now.Add(-10 * time.Second)) {
		t.Errorf("it began %s: its approval does not count", b)
	}
	if p := n.PaceSince(n.Began(), 0, now); p.PerSecond != 20 || !p.DoneAt.Equal(now.Add(40*time.Second)) {
		t.Error(p)
	}
	if p := n.PaceSince(now.Add(-time.Second), 100, now); p.PerSecond != 100 || !p.DoneAt.Equal(now.Add(8*time.Second)) {
		t.Error("after a pause:", p)
	}
	for what, p := range map[string]notify.Pace{"nothing done since": n.PaceSince(n.Began(), 200, now), "no time passed": n.PaceSince(now, 0, now)} {
		if p != (notify.Pace{}) {
			t.Error(what, p)
		}
	}
	n.State = notify.StatePaused
	if p := n.PaceSince(n.Began(), 0, now); p != (notify.Pace{}) {
		t.Error("paused:", p)
	}
}
