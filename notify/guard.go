package notify

import (
	"sync"
	"time"
)

// The guard against killing tokens for a fault of ours: when most of a lane's devices fail as dead or misfiled within
// minutes, it is the configuration that is wrong (wrong environment, revoked key, lost VAPID key).
const (
	guardWindow = 5 * time.Minute
	guardSample = 20  // devices at least
	guardShare  = 0.5 // of those heard of in the window
)

// guard counts a lane's distinct devices by what was last heard of them within the window.
type guard struct {
	mu    sync.Mutex
	began time.Time
	bad   map[int64]struct{}
	good  map[int64]struct{}
}

// guardKeeps bounds the memory: past it, the window begins anew.
const guardKeeps = 50_000

func newGuard() *guard { return &guard{bad: map[int64]struct{}{}, good: map[int64]struct{}{}} }

// note takes one verdict and tells whether the guard trips.
func (g *guard) note(device int64, v Verdict, now time.Time) (tripped bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.began) > guardWindow || now.Before(g.began) || len(g.bad)+len(g.good) > guardKeeps {
		g.began = now
		clear(g.bad)
		clear(g.good)
	}
	switch v {
	case Accepted:
		g.good[device] = struct{}{}
		delete(g.bad, device)
	case Gone, Suspect:
		g.bad[device] = struct{}{}
		delete(g.good, device)
	default:
		return false
	}
	bad, all := float64(len(g.bad)), float64(len(g.bad)+len(g.good))
	return bad >= guardSample && bad > guardShare*all
}

// reset begins a new window after the guard tripped.
func (g *guard) reset() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.began = time.Time{}
}
