package imap

import (
	"math/rand/v2"
	"time"
)

// backoff gives waits that grow up to a bound, with jitter: each between the one before and three times that, and at the
// bound between half of it and all of it. (The usual decorrelated jitter may fall back to the start at any time.)
type backoff struct {
	first, last time.Duration
	now         time.Duration
}

func (b *backoff) next() time.Duration {
	low := max(b.now, b.first)
	b.now = low + rand.N(2*low+1)
	if b.now > b.last {
		b.now = b.last/2 + rand.N(b.last/2+1)
	}
	return b.now
}

func (b *backoff) reset() { b.now = 0 }

// Waits of one account.
const (
	backoffFirst = time.Second
	backoffLast  = 10 * time.Minute
	steadyAfter  = 5 * time.Minute // a session that lived so long, with a good look, was no failure
)

// authLane plans the tries after a refused login: slow enough that no server locks the account.
type authLane struct {
	tries []time.Time // the last ones, at most authPerHour
	count int
}

// authPerHour bounds the refused logins of one account, or of one shared login.
const authPerHour = 3

// refused notes a refused login and tells when to try again.
func (a *authLane) refused(now time.Time) time.Duration {
	delays := [...]time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute}
	wait := 24 * time.Hour
	if a.count < len(delays) {
		wait = delays[a.count]
	}
	a.count++
	if a.tries = append(a.tries, now); len(a.tries) > authPerHour {
		a.tries = a.tries[1:]
	}
	if len(a.tries) == authPerHour {
		wait = max(wait, a.tries[0].Add(time.Hour).Sub(now))
	}
	return wait + rand.N(wait/10+1)
}

func (a *authLane) accepted() { *a = authLane{} }

// jitter gives d, give or take a tenth.
func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1)
}
