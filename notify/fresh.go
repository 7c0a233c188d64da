package notify

import "time"

// Fresh is a small walk that was accepted a moment ago, with all its targets: what the dispatcher would read from the
// store at once is handed on in memory.
type Fresh struct {
	Walk    Walk
	Targets []Target
}

// offered is a fresh walk that waits for its lane.
type offered struct {
	n  Notification
	f  Fresh
	at time.Time
}

const (
	offersKept = 1024 // for each lane; what does not fit is found in the store
	// offerLife is how long an offer is good for: until then its devices may be handed over or removed as they may between
	// a reading and a push; after it the store is asked.
	offerLife = time.Second
)

// offer passes the walks of an accepted notification on to their lanes; false: the lanes are to look into the store.
func (h *Hub) offer(n Notification) bool {
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
		if !l.take(offered{n: n, f: f, at: h.clock.Now()}) {
			h.bus.Wake(SubjectLane(f.Walk.Lane))
		}
	}
	return true
}

// take keeps an offer while this hub runs the lane and its queue in the store is empty: what waits there came before.
func (l *lane) take(o offered) bool {
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

// gatherOffers adds offered walks to the batch. One that a look into the store may have shown is left to the store, or it
// could be sent twice.
func (r *laneRun) gatherOffers(b *batch, size int, now time.Time) {
	for b.size < size {
		select {
		case o := <-r.offers:
			w := o.f.Walk
			age := now.Sub(o.at)
			if w.ID <= r.seen || age < 0 || age > offerLife || !r.walks.claim(w.ID) {
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
