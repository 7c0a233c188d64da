package notify

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Third step of the walk: each lane takes targets from its walks and due retries, renders once per variant, and pushes
// them in batches. What becomes of them is settle.go's.

const (
	batchSize   = 256  // deliveries handed to an adapter at once
	maxInFlight = 4096 // deliveries of a lane under way; at this, the lane waits for outcomes
	idleLook    = 30 * time.Second
	soon        = time.Millisecond
	asideFor    = time.Minute // a walk that cannot be read is put aside: the others go on
)

// lane is the dispatcher of one app on one platform.
type lane struct {
	hub     *Hub
	name    Lane
	adapter Adapter
	payload *payloads
	guard   *guard
	far     distance // of the platform

	mu       sync.Mutex
	st       LaneState
	failures int  // of the whole lane, in a row
	mending  bool // works again; devices are being pardoned
	inFlight int  // deliveries under way
	big      int  // batches of big walks under way

	flights map[int64]*flight // big walks under way

	running atomic.Bool   // this hub owns the lane
	behind  atomic.Bool   // there may be more in the store than was offered
	offers  chan *offered // fresh walks
	// The store may have walks or retries that were not seen yet.
	againWalks, againRetries, againSleepers atomic.Bool

	walks    *underway[int64]
	sleepers *underway[int64] // by Sleepers.ID
	rows     *underway[string]
	paceAt   map[int64]time.Time // rate-capped walks: not before; the loop's own
	looked   looked              // the loop's own
	turn     bool                // who goes first into the next batch: walks or retries; the loop's own
	freed    chan struct{}       // a batch ended
	settled  chan *task          // tasks with all their outcomes
	changed  chan struct{}       // the lane's state is to be stored
}

func newLane(h *Hub, name Lane, a Adapter) *lane {
	return &lane{hub: h, name: name, adapter: a, payload: newPayloads(a), guard: newGuard(),
		st: LaneState{Lane: name, State: LaneOK}, walks: newUnderway[int64](), sleepers: newUnderway[int64](), rows: newUnderway[string](),
		paceAt: map[int64]time.Time{}, freed: make(chan struct{}, 1), flights: map[int64]*flight{},
		offers: make(chan *offered, offersKept), looked: looked{now: map[int64]struct{}{}}}
}

// run dispatches while this hub owns the lane.
func (l *lane) run(ctx context.Context) error {
	return l.hub.withLease(ctx, "lane/"+l.name.String(), func(ctx context.Context, epoch Epoch) error {
		r := &laneRun{lane: l, epoch: epoch, lost: make(chan struct{}), turns: turns{served: map[int64]int64{}}}
		return r.loop(ctx)
	})
}

// laneRun is the dispatcher during one lease.
type laneRun struct {
	*lane
	epoch    Epoch
	lost     chan struct{} // closed when a write said that the lease is lost
	lostOnce sync.Once
	pushes   sync.WaitGroup

	// The loop's own.
	lookWalks, lookRetries, lookSleepers bool      // into the store, at the next batch
	retryAt, wakeAt                      time.Time // the next retry, the next sleepers are due, as far as is known
	turns                                turns     // of the big walks
	sleepersWait                         bool      // for a big batch to end
}

func (r *laneRun) loop(ctx context.Context) error {
	sub := r.hub.bus.Subscribe(SubjectLane(r.name))
	defer sub.Close()
	// A task is settled once and holds its part of maxInFlight until it is stored: sending never blocks. The batch that
	// reaches the limit may exceed it by its own size; a task without targets counts as one.
	r.settled, r.changed = make(chan *task, maxInFlight+2*batchSize), make(chan struct{}, 1)
	var keepers sync.WaitGroup
	keepers.Go(func() { r.keepSettled(ctx) })
	keepers.Go(r.keepState)
	defer func() { // outcomes of the last moments are stored before the lease is given back
		r.pushes.Wait()
		close(r.settled)
		close(r.changed)
		keepers.Wait()
	}()
	r.dropOffers()
	r.behind.Store(true)
	r.running.Store(true)
	defer r.running.Store(false)
	r.lookAll()
	for {
		wait := r.fill(ctx)
		t := r.hub.clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-r.lost:
			t.Stop()
			return Errorf(CodeStaleEpoch, "the lease of lane %s is lost", r.name)
		case <-sub.C():
			r.lookAll()
		case <-r.freed:
		case <-t.C():
			r.lookAll()
		}
		t.Stop()
	}
}

// lookAll has the next batch look for everything.
func (r *laneRun) lookAll() { r.lookWalks, r.lookRetries, r.lookSleepers = true, true, true }

// fill starts batches while there is something to send and room for it, and tells when to look again at the latest.
func (r *laneRun) fill(ctx context.Context) time.Duration {
	wait := idleLook
	for ctx.Err() == nil {
		open, until := r.gate()
		if open == 0 {
			return min(wait, until)
		}
		b, next, err := r.gather(ctx, open)
		if err != nil {
			if ctx.Err() == nil {
				r.hub.log.Error("the lane cannot read its queue", "lane", r.name, "error", err)
			}
			return time.Second
		}
		wait = min(wait, next)
		if b == nil {
			return wait
		}
		r.start(ctx, b)
	}
	return wait
}

// gate tells how many deliveries the next batch may hold; 0: none before the given pause (or a batch's end).
func (r *laneRun) gate() (size int, until time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.hub.clock.Now()
	switch {
	case r.st.State == LanePaused:
		return 0, idleLook
	case r.st.NotBefore.After(now):
		return 0, r.st.NotBefore.Sub(now)
	case r.st.State != LaneOK && r.inFlight > 0: // one probe at a time
		return 0, idleLook
	case r.st.State != LaneOK:
		return probeSize, 0
	case r.inFlight >= maxInFlight:
		return 0, idleLook
	}
	return batchSize, 0
}

// start hands a batch to the adapter, in a goroutine that the loop waits for.
func (r *laneRun) start(ctx context.Context, b *batch) {
	r.mu.Lock()
	r.inFlight += b.size
	if b.big {
		r.big++
	}
	r.mu.Unlock()
	b.open.Store(int64(len(b.tasks)))
	r.pushes.Add(1)
	go func() {
		defer r.pushes.Done()
		r.push(ctx, b)
	}()
}

// free gives a stored task's part of maxInFlight back, and has the loop look again when there may be more to do: one slow
// delivery holds up neither the others of its batch nor what follows them.
func (r *laneRun) free(t *task) {
	ended := t.batch.open.Add(-1) == 0
	r.mu.Lock()
	full := r.inFlight >= maxInFlight
	r.inFlight -= t.weight()
	if ended && t.batch.big {
		r.big--
	}
	r.mu.Unlock()
	more, pending := !t.retry && !t.last, t.progress.Counts.settled() < int64(len(t.targets))
	if more || t.flight != nil {
		r.againWalks.Store(true)
	}
	if pending {
		r.againRetries.Store(true)
	}
	asleep := len(t.progress.Held) > 0 || t.walk.Sleepers != nil
	if asleep {
		r.againSleepers.Store(true)
	}
	if ended || full || more || pending || asleep {
		r.wake()
	}
}

// look has the loop look into the store again.
func (l *lane) look() {
	l.againWalks.Store(true)
	l.againRetries.Store(true)
	l.againSleepers.Store(true)
	l.wake()
}

// wake has the loop look again.
func (l *lane) wake() {
	select {
	case l.freed <- struct{}{}:
	default:
	}
}
