package notify

import (
	"maps"
	"sync"
	"time"
)

// underway is what a lane has in hand (walks, retries), so that it is not taken twice. The store is read without a lock:
// what was given back after the read began may have been read as it was before, and is not to be claimed from that read.
type underway[K comparable] struct {
	mu   sync.Mutex
	busy map[K]time.Time // not zero: put aside until then
	back map[K]struct{}  // given back since the last look
}

func newUnderway[K comparable]() *underway[K] {
	return &underway[K]{busy: map[K]time.Time{}, back: map[K]struct{}{}}
}

// look begins a read of the store, and tells how many are in hand or put aside.
func (u *underway[K]) look(now time.Time) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	clear(u.back)
	maps.DeleteFunc(u.busy, func(_ K, until time.Time) bool { return !until.IsZero() && !now.Before(until) })
	return len(u.busy)
}

// claim takes k in hand; false when it is already, or was given back since the look.
func (u *underway[K]) claim(k K) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.mayClaim(k) {
		return false
	}
	u.busy[k] = time.Time{}
	return true
}

// free tells whether k could be claimed.
func (u *underway[K]) free(k K) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.mayClaim(k)
}

func (u *underway[K]) mayClaim(k K) bool {
	_, busy := u.busy[k]
	_, back := u.back[k]
	return !busy && !back
}

// release gives k back.
func (u *underway[K]) release(k K) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.busy, k)
	u.back[k] = struct{}{}
}

// aside keeps k, which is in hand, from being claimed until then: taken at once, it would fail in the same way.
func (u *underway[K]) aside(k K, until time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.busy[k] = until
}

// stale tells whether something was given back since the look: what the read left out may be there now.
func (u *underway[K]) stale() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.back) > 0
}
