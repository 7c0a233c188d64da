package notify

import (
	"runtime"
	"time"
)

// Fresh is a small walk that was accepted a moment ago, with all its targets: what the dispatcher would read from the
// store at once is handed on in memory.
type Fresh struct {
	Walk    Walk
	Targets []Target
}

// Step is what a small walk that can be sent at once needs for it: all its targets.
type Step struct {
	Notification Notification // without its counts
	Targets      []Target
}

// offered is a fresh walk that waits for its lane.
type offered struct {
	n     *Notification
	f     Fresh
	since time.Time // before it was accepted
}

const (
	offersKept = 4096 // for each lane; what does not fit is found in the store
	// offerLife is how long an offer is good for: until then its devices may be handed over or removed as they may between
	// a reading and a push; after it the store is asked.
	offerLife = time.Second
)

// offer passes the walks of a notification that was not accepted yet at the moment since on to their lanes; false: the
// lanes are to look into the store.
func (h *Hub) offer(n Notification, since time.Time) bool {
	if len(n.Fresh) == 0 || n.Rate > 0 || n.State != StateSending {
		return false
	}
	fresh := n.Fresh
	n.Fresh = nil
	for _, f := range fresh {
		l := h.lanes[f.Walk.Lane]
		if l == nil {
			return false
		}
		if !l.take(&offered{n: &n, f: f, since: since}) {
			h.bus.Wake(SubjectLane(f.Walk.Lane))
		}
	}
	return true
}

// take keeps an offer while this hub runs the lane and its queue in the store is empty: what waits there came before.
func (l *lane) take(o *offered) bool {
	if !l.running.Load() || l.behind.Load() {
		return false
	}
	select {
	case l.offers <- o:
		l.wake()
		return true
	default:
		l.behind.Store(true)
		return false
	}
}

// gatherOffers adds offered walks to the batch. A commit accepts many at once, and each is offered by its own request: those
// that are about to be are let go first, so that they are one batch and few writes to the platform.
func (r *laneRun) gatherOffers(b *batch, size int, now time.Time) {
	r.looked.forget(now)
	for had := -1; b.size < size && b.size > had; {
		had = b.size
		r.takeOffers(b, size, now)
		if b.size > had {
			runtime.Gosched()
		}
	}
}

// takeOffers adds the walks that are offered now, but for those that a look into the store has found before.
func (r *laneRun) takeOffers(b *batch, size int, now time.Time) {
	for b.size < size {
		select {
		case o := <-r.offers:
			w := o.f.Walk
			if r.looked.found(w.ID) {
				continue
			}
			if age := now.Sub(o.since).Abs(); age > offerLife || // it may have come while this waited for a processor
				!r.walks.claim(w.ID) {
				r.lookWalks = true
				r.behind.Store(true)
				continue
			}
			b.add(walkTask(o.n, w, o.f.Targets, true))
		default:
			return
		}
	}
}

// looked are the small walks that a look into the store has found lately. One of them may be offered as well, a moment
// later, when it is done already. A walk is found after it was accepted: what is not older than offerLife when it comes as an
// offer was found less than that ago.
type looked struct {
	now, before map[int64]struct{}
	since       time.Time // of now
}

func (l *looked) note(walk int64) { l.now[walk] = struct{}{} }

func (l *looked) found(walk int64) bool {
	_, now := l.now[walk]
	_, before := l.before[walk]
	return now || before
}

// forget drops what no offer can mean any more: what was found more than twice offerLife ago, and is kept up to twice that.
func (l *looked) forget(now time.Time) {
	if now.Sub(l.since) > 2*offerLife {
		l.now, l.before, l.since = map[int64]struct{}{}, l.now, now
	}
}

// dropOffers forgets what was offered to an earlier lease.
func (r *laneRun) dropOffers() {
	for {
		select {
		case <-r.offers:
		default:
			return
		}
	}
}
