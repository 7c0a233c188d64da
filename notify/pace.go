package notify

import (
	"sync"
	"time"
)

// Pace is how fast a notification goes.
type Pace struct {
	PerSecond float64   // deliveries settled a second, since it began or went on; 0: not known
	DoneAt    time.Time // when it will be done if it goes on so; zero: not known
}

// Began is when a notification was to start: at its posting, its SendAt or its approval.
func (n Notification) Began() time.Time {
	if n.ExpiresAt.IsZero() {
		return n.CreatedAt
	}
	return n.ExpiresAt.Add(-n.TTL)
}

// PaceSince tells how fast it went since a moment when so many deliveries were over.
func (n Notification) PaceSince(from time.Time, settled int64, now time.Time) (p Pace) {
	done, took := n.Counts.settled()-settled, now.Sub(from)
	if n.State != StateSending || done <= 0 || took <= 0 {
		return p
	}
	p.PerSecond = float64(done) / took.Seconds()
	if left := n.Counts.Pending; left > 0 {
		p.DoneAt = now.Add(time.Duration(float64(took) * float64(left) / float64(done))).Truncate(time.Second)
	}
	return p
}

// paces remembers where notifications went on after a pause, so that the time they stood still does not count. It is
// forgotten at a restart: then the pace is that since the beginning.
type paces struct {
	mu   sync.Mutex
	from map[string]stand
}

// stand is how far a notification was at a moment.
type stand struct {
	at      time.Time
	settled int64
}

const pacesKept = 1000

func (p *paces) resumed(n Notification, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.from == nil || len(p.from) >= pacesKept {
		p.from = map[string]stand{}
	}
	p.from[n.ID] = stand{now, n.Counts.settled()}
}

// Pace tells how fast a notification goes.
func (h *Hub) Pace(n Notification) Pace {
	h.paces.mu.Lock()
	s, ok := h.paces.from[n.ID]
	h.paces.mu.Unlock()
	if !ok {
		s.at = n.Began()
	}
	return n.PaceSince(s.at, s.settled, h.clock.Now())
}
