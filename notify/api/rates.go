package api

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"allim.dev/allim/notify"
)

// maxRates is how many keys' buckets are kept; when there are more, the full ones are dropped first, then all.
const maxRates = 16_384

// rates limits the requests of each key: a bucket that holds a second's worth and is filled steadily.
type rates struct {
	clock     notify.Clock
	perSecond int // 0: no limit
	mu        sync.Mutex
	buckets   map[string]*rate.Limiter
}

func newRates(clock notify.Clock, perSecond int) *rates {
	return &rates{clock: clock, perSecond: perSecond, buckets: map[string]*rate.Limiter{}}
}

// take counts one request of the key. CodeTooManyRequests names the limit and when to come again.
func (r *rates) take(key string) error {
	if r.perSecond <= 0 {
		return nil
	}
	now := r.clock.Now()
	res := r.bucket(key, now).ReserveN(now, 1)
	wait := res.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	res.CancelAt(now)
	err := notify.Errorf(notify.CodeTooManyRequests, "the key exceeds limits.requests_per_key, which is %d a second", r.perSecond)
	err.RetryAfter = max(wait, time.Second)
	return err
}

func (r *rates) bucket(key string, now time.Time) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b, ok := r.buckets[key]; ok {
		return b
	}
	if len(r.buckets) >= maxRates {
		for id, b := range r.buckets {
			if b.TokensAt(now) >= float64(r.perSecond) {
				delete(r.buckets, id)
			}
		}
	}
	if len(r.buckets) >= maxRates {
		clear(r.buckets)
	}
	b := rate.NewLimiter(rate.Limit(r.perSecond), r.perSecond)
	r.buckets[key] = b
	return b
}
