package caldav

import (
	"net/http"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// gate holds back all accounts of a source while looking is of no use: while the server is away, while it wants to be
// left alone, and while the login that serves all is refused. Then one account at a time tries, so that a server that
// comes back is not trampled on, and a login that is wrong does not get locked.
type gate struct {
	clock  notify.Clock
	shared bool // one login for all

	mu      sync.Mutex
	reason  *trouble // why it is closed; nil: open
	opens   time.Time
	probing bool
	since   time.Time
	away    int // visits in a row that found no server
	refused int // visits in a row whose login was refused
	tries   retries
}

const (
	closeAway    = 3 // in a row
	closeRefused = 5
	probeFirst   = time.Second
	probeLast    = time.Minute // one connection a minute hurts nobody
)

// enter tells whether an account may be looked at now; leave must follow then. Else why not, and when to ask again.
func (g *gate) enter() (ok bool, reason *trouble, again time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	if g.reason == nil {
		return true, nil, time.Time{}
	}
	if g.probing {
		return false, g.reason, now.Add(spread(2 * probeFirst))
	}
	if now.Before(g.opens) {
		return false, g.reason, g.opens.Add(spread(probeFirst))
	}
	g.probing = true
	return true, nil, time.Time{}
}

// leave says how a look went.
func (g *gate) leave(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing = false
	now := g.clock.Now()
	switch t := asTrouble(err); t.kind {
	case kindUnreachable:
		if g.away++; g.away == closeAway {
			g.since = now
		}
		if g.away >= closeAway || g.reason != nil {
			g.close(t, min(probeFirst+now.Sub(g.since)/4, probeLast))
		}
	case kindAuth:
		if g.refused++; g.shared && (g.refused >= closeRefused || g.reason != nil) {
			g.close(t, g.tries.refusedLogin())
		}
	case kindBusy:
		if g.reason = nil; t.status == http.StatusServiceUnavailable && t.wait > 0 {
			g.close(t, t.wait)
		}
	case kindNetwork, kindSetup, kindStore:
		g.reason = nil // it may answer, at least
	default:
		g.reason, g.away, g.refused = nil, 0, 0
		g.tries.well()
	}
}

func (g *gate) close(t *trouble, wait time.Duration) {
	g.reason, g.opens = t, g.clock.Now().Add(wait)
}
