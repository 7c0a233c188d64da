package notify

import (
	"sync"
	"time"
)

// latency remembers when the events behind recent notifications were seen, for allim_event_latency_seconds. It forgets
// the oldest half when it is full: it only measures.
type latency struct {
	mu   sync.Mutex
	seen map[string]sighting
}

type sighting struct {
	source string
	at     time.Time
}

const latencyKeeps = 8192

func newLatency() *latency { return &latency{seen: map[string]sighting{}} }

func (l *latency) begin(notification, source string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seen) >= latencyKeeps {
		for k := range l.seen { // map order: any half will do
			if len(l.seen) < latencyKeeps/2 {
				break
			}
			delete(l.seen, k)
		}
	}
	l.seen[notification] = sighting{source, at}
}

// end gives the sighting once.
func (l *latency) end(notification string) (sighting, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, ok := l.seen[notification]
	delete(l.seen, notification)
	return s, ok
}
