package api

import (
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// The key cache's bounds: a key that was revoked elsewhere still works for keyLife, one revoked here for no time.
const (
	keyLife  = time.Second
	maxCache = 8192
)

// keyCache remembers the keys of the last second by the hash of their secrets, so that a busy sender costs one look-up
// a second. When it is full it starts again empty.
type keyCache struct {
	clock notify.Clock
	mu    sync.Mutex
	gen   uint64 // grows with every clear
	keys  map[string]cachedKey
}

type cachedKey struct {
	key   notify.Key
	until time.Time
}

func newKeyCache(clock notify.Clock) *keyCache {
	return &keyCache{clock: clock, keys: map[string]cachedKey{}}
}

func (k *keyCache) get(hash []byte) (notify.Key, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c, ok := k.keys[string(hash)]
	now := k.clock.Now()
	if !ok || !now.Before(c.until) || c.until.Sub(now) > keyLife { // the clock may jump back
		return notify.Key{}, false
	}
	return c.key, true
}

// generation is asked for before a look-up in the store and handed back with its result.
func (k *keyCache) generation() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.gen
}

// put remembers a key, unless the cache was cleared since its look-up began: it may have been revoked meanwhile.
func (k *keyCache) put(hash []byte, key notify.Key, generation uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if generation != k.gen {
		return
	}
	if len(k.keys) >= maxCache {
		clear(k.keys)
	}
	k.keys[string(hash)] = cachedKey{key, k.clock.Now().Add(keyLife)}
}

// clear forgets all keys: one was revoked.
func (k *keyCache) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.gen++
	clear(k.keys)
}
