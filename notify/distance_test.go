package notify

import (
	"testing"
	"time"
)

func TestDistance(t *testing.T) {
	var d distance
	for _, step := range []struct {
		took time.Duration
		n    int
		want int
	}{{0, 0, 4}, {25 * time.Millisecond, 1, 6}, {time.Second, 3, 6}, {9 * time.Millisecond, 1, 4}, {time.Second, 15, 4}, {time.Second, 1, 8},
		{40 * time.Millisecond, 1, 8}, {30 * time.Millisecond, 1, 7}} {
		for range step.n {
			d.note(step.took)
		}
		if got := d.batches(); got != step.want {
			t.Errorf("after %d times %s: %d, want %d", step.n, step.took, got, step.want)
		}
	}
	if chunksOf(fewestBatches) != 3 || chunksOf(mostBatches) != 6 {
		t.Error("one broadcast may have three quarters of the room")
	}
}
