package push

import "sync"

// Health tells a platform that is unavailable from one that cannot take a single message just now: both say 503. It is the
// platform's word about itself unless most of its last answers were good ones.
type Health struct {
	mu    sync.Mutex
	score float64 // 0 to 1: the share of good answers, the newest weighing most
}

const (
	healthWeight  = 0.1 // of the newest answer: after seven bad ones in a row a healthy platform counts as unavailable
	healthyAbove  = 0.5
	healthSuccess = 1.0
)

// Good notes an answer that was no trouble of the platform's.
func (h *Health) Good() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.score += healthWeight * (healthSuccess - h.score)
}

// Unavailable notes a 503 and tells whether it is to be taken for the whole platform.
func (h *Health) Unavailable() (whole bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.score -= healthWeight * h.score
	return h.score <= healthyAbove
}
