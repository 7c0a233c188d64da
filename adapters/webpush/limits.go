package webpush

import (
	"hash/maphash"
	"sync"
)

// smallPayload is what services behind a bridge take (Mozilla's on Android: some 2,700 bytes of plaintext).
const smallPayload = 2600

// maxLimits bounds what is remembered, in subscriptions.
const maxLimits = 50_000

// limits remembers which subscriptions refused a body as too large (413): they get smaller ones, without padding.
// It is only a saving: what is forgotten is learnt again.
type limits struct {
	seed  maphash.Seed
	mu    sync.RWMutex
	small map[uint64]struct{} // by a hash: a mix-up only means a smaller payload
}

func newLimits() *limits { return &limits{seed: maphash.MakeSeed(), small: map[uint64]struct{}{}} }

func (l *limits) hash(endpoint string) uint64 { return maphash.String(l.seed, endpoint) }

func (l *limits) isSmall(endpoint string) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if len(l.small) == 0 {
		return false
	}
	_, ok := l.small[l.hash(endpoint)]
	return ok
}

func (l *limits) learn(endpoint string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.small) >= maxLimits {
		for k := range l.small { // any one
			delete(l.small, k)
			break
		}
	}
	l.small[l.hash(endpoint)] = struct{}{}
}
