package caldav

import (
	"math/rand/v2"
	"time"
)

// Waits after trouble.
const (
	backoffFirst = 2 * time.Second
	backoffLast  = 10 * time.Minute
)

// retries plans the tries of one account after trouble.
type retries struct {
	failed  int // in a row
	refused int // logins in a row
}

// well forgets all trouble.
func (r *retries) well() { *r = retries{} }

// trouble gives a wait that doubles with each failure in a row, up to a bound; half of it is chance.
func (r *retries) trouble() time.Duration {
	d := backoffFirst << min(r.failed, 9)
	r.failed++
	return spread(min(d, backoffLast))
}

// refusedLogin gives a wait that is long enough that no server locks the account: few tries at first, then one a day.
func (r *retries) refusedLogin() time.Duration {
	lane := [...]time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 24 * time.Hour}
	d := lane[min(r.refused, len(lane)-1)]
	r.refused++
	return d + rand.N(d/10+1)
}

// spread gives between half of d and d.
func spread(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// early gives d or up to a tenth less: polls of many accounts drift apart, and none comes later than it should.
func early(d time.Duration) time.Duration { return d - rand.N(d/10+1) }
