package notify

import (
	"context"
	"sync"
	"time"
)

// The hub's own history: a few numbers a minute, kept in the store, for those who run it.

// The names of samples.
const (
	SampleEvents   = "events"   // seen, by source
	SampleAccepted = "accepted" // deliveries that a platform took, by lane
	SampleFailed   = "failed"   // given up, by lane
	SampleDepth    = "depth"    // waiting, by lane
	SampleLatency  = "latency"  // milliseconds from seen to accepted, the longest of the minute, by source
)

// tally counts between two samples.
type tally struct {
	mu  sync.Mutex
	now map[[2]string]float64 // by name and label
}

func (t *tally) add(name, label string, by float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now == nil {
		t.now = map[[2]string]float64{}
	}
	t.now[[2]string{name, label}] += by
}

// most keeps the greatest value.
func (t *tally) most(name, label string, value float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now == nil {
		t.now = map[[2]string]float64{}
	}
	key := [2]string{name, label}
	t.now[key] = max(t.now[key], value)
}

// take gives what was counted, and begins anew.
func (t *tally) take() map[[2]string]float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.now
	t.now = nil
	return out
}

// counted adds an outcome to the history.
func (h *Hub) counted(l Lane, s DeliveryState) {
	switch s {
	case DeliveryAccepted:
		h.tally.add(SampleAccepted, l.String(), 1)
	case DeliveryFailed, DeliveryExpired:
		h.tally.add(SampleFailed, l.String(), 1)
	}
}

// sample stores what was counted since the last one. What the store does not take is lost: it is for looking at only.
func (h *Hub) sample(ctx context.Context, now time.Time) {
	at := now.Truncate(time.Minute)
	var samples []Sample
	for key, v := range h.tally.take() {
		samples = append(samples, Sample{At: at, Name: key[0], Label: key[1], Value: v})
	}
	for _, name := range h.names {
		if depth, err := h.store.QueueDepth(ctx, name); err == nil && depth > 0 {
			samples = append(samples, Sample{At: at, Name: SampleDepth, Label: name.String(), Value: float64(depth)})
		}
	}
	if len(samples) == 0 {
		return
	}
	if err := h.store.PutSamples(ctx, samples); err != nil && ctx.Err() == nil {
		h.log.Warn("the hub's history has a gap", "error", err)
	}
}
