package notify

import (
	"math/rand/v2"
	"time"
)

// Retries of one delivery: exponential with full jitter, within the notification's own time.
const (
	retryBase   = 5 * time.Second
	retryCap    = time.Hour
	maxAttempts = 30
	// onceGrace is how long the single attempt of a ttl 0 notification may wait for its turn.
	onceGrace = 30 * time.Second
)

// Pauses of a whole lane whose platform is in trouble and did not say for how long.
const (
	lanePauseBase = time.Second
	lanePauseCap  = 5 * time.Minute
)

// backoff gives the pause after the given number of failures (from 1): between half and the whole of base doubled
// each time, up to limit. The jitter spreads those who failed together.
func backoff(failures int, base, limit time.Duration) time.Duration {
	d := limit
	if shift := failures - 1; shift < 20 {
		d = min(base<<shift, limit)
	}
	return d/2 + rand.N(d/2+1)
}

// nextAttempt says when a delivery is tried again; ok is false when it is given up: at is then past its deadline, or
// the attempts are used up.
func nextAttempt(attempts int, notBefore, now, expires time.Time) (at time.Time, ok bool) {
	at = now.Add(backoff(attempts, retryBase, retryCap))
	if notBefore.After(at) {
		at = notBefore
	}
	return at, attempts < maxAttempts && at.Before(expires)
}
