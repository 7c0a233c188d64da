package notify

import (
	"context"
	"sync"
	"time"
)

// Second step of the walk: an event becomes a notification for those who were not told of it yet.

const (
	planQueue   = 4096 // events waiting in memory; what does not fit is found again in the store
	planChunk   = 500  // events read from the store at once
	planWorkers = 64   // so that their transactions are committed as groups
	// The pause before the store is read again after an error.
	planPauseBase, planPauseCap = time.Second, time.Minute
)

// planner turns recorded events into notifications. Its queue is a short cut: the truth is the store's list of
// unplanned events, which is read at start, when the queue ran over, and after an error.
type planner struct {
	queue  chan Event
	lookup chan struct{} // the store has some that are not in the queue
	stuck  int           // events that failed at the last look into the store
	rounds int           // looks in a row at which some failed
}

func newPlanner() *planner {
	return &planner{queue: make(chan Event, planQueue), lookup: make(chan struct{}, 1)}
}

// offer passes an event on without ever blocking.
func (p *planner) offer(e Event) {
	select {
	case p.queue <- e:
	default:
		p.again()
	}
}

func (p *planner) again() {
	select {
	case p.lookup <- struct{}{}:
	default:
	}
}

// planAll plans until ctx ends.
func (h *Hub) planAll(ctx context.Context) error {
	g := newGroup(h.log)
	for range planWorkers {
		g.run("plan", h.planQueued)
	}
	h.planner.again()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-h.planner.lookup:
			h.planStored(ctx)
		}
	}
	return g.stop(context.WithoutCancel(ctx))
}

func (h *Hub) planQueued(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-h.planner.queue:
			_ = h.plan(ctx, e) // logged there; planStored tries again
		}
	}
}

// planStored plans what the store has left over. Planning an event twice is a no-op. One that fails does not hold up
// the others; all that failed come again after a pause, which grows while nothing gets better.
func (h *Hub) planStored(ctx context.Context) {
	limit := planChunk + h.planner.stuck // those that failed stand before the others
	events, err := h.store.Unplanned(ctx, limit)
	if err != nil && ctx.Err() == nil {
		h.log.Error("events wait to be planned, but the store does not give them", "error", err)
	}
	stuck := 0
	left := events
	for size := 1; len(left) > 0 && CodeOf(err) != CodeUnavailable && ctx.Err() == nil; size = planWorkers { // else the store's trouble, not the events'
		group := left[:min(size, len(left))]
		left = left[len(group):]
		for _, fault := range h.planTogether(ctx, group) {
			if fault != nil && CodeOf(err) != CodeUnavailable {
				err, stuck = fault, stuck+1
			}
		}
	}
	if err == nil {
		h.planner.stuck, h.planner.rounds = 0, 0
	} else {
		h.planner.stuck, h.planner.rounds = min(stuck, planQueue), h.planner.rounds+1
		h.pause(ctx, backoff(h.planner.rounds, planPauseBase, planPauseCap))
	}
	if err != nil || len(events) == limit {
		h.planner.again()
	}
}

// planTogether plans events side by side, so that their transactions are committed as one, and gives an error for each.
func (h *Hub) planTogether(ctx context.Context, events []Event) []error {
	faults := make([]error, len(events))
	var wg sync.WaitGroup
	for i, e := range events {
		wg.Go(func() { faults[i] = h.plan(ctx, e) })
	}
	wg.Wait()
	return faults
}

// plan is one event's step; with an error it stays unplanned for now.
func (h *Hub) plan(ctx context.Context, e Event) error {
	since := h.clock.Now()
	n, err := h.store.Plan(ctx, e.ID, h.names, h.compose)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case CodeOf(err) == CodeNotFound: // its account was removed meanwhile
		return nil
	case err != nil:
		h.log.Error("event not planned; another try follows", "event", e.ID, "type", e.Type, "error", err)
		h.planner.again()
		return err
	}
	if n != nil {
		h.latency.begin(n.ID, e.Source, e.SeenAt)
		h.log.Debug("planned", "event", e.ID, "notification", n.ID, "targets", n.Counts.Targeted)
		h.wakeFor(*n, since)
	}
	return nil
}

// compose makes the notification that tells users of e; nil when nobody is to be told. Pure, but for the time.
func (h *Hub) compose(e Event, users []string) *Notification {
	w := h.sources[e.Source]
	if w == nil { // the source was taken out of the configuration while the event waited
		return nil
	}
	to := Audience{Users: users}
	if w.source.Topic != "" {
		to = Audience{Topics: []string{w.source.Topic}, Users: users}
	}
	if to.Empty() {
		return nil
	}
	now := h.clock.Now()
	ttl := lifetime(e, now)
	n := &Notification{
		ID: NewID(), To: to, Event: e.ID, Template: string(e.Type), Params: e.Params, Privacy: w.source.Privacy,
		Priority: PriorityHigh, TTL: ttl, State: StateSending, CreatedAt: now, ExpiresAt: now.Add(ttl),
		Partial: true,
		Content: Content{URL: e.URL, Sound: "default", Category: string(e.Type), Thread: e.Source,
			Data: map[string]string{"event": e.ID, "type": string(e.Type), "source": e.Source}},
	}
	return n
}

// wakeFor tells the lanes and the open pages that there is something for them, which was not there yet at the moment since.
func (h *Hub) wakeFor(n Notification, since time.Time) {
	if n.State != StateDone && !h.offer(n, since) {
		for _, l := range h.lanesFor(n.To) {
			h.bus.Wake(SubjectLane(l))
		}
	}
	if n.State == StateScheduled {
		h.bus.Wake(SubjectTimers)
		return
	}
	for _, u := range n.To.Users {
		h.bus.Wake(SubjectInbox(u))
	}
	if n.To.All || len(n.To.Topics)+len(n.To.Identities)+len(n.To.Devices) > 0 {
		h.bus.Wake(SubjectInboxAll)
	}
}

// lanesFor gives the lanes that the audience may have devices on.
func (h *Hub) lanesFor(a Audience) []Lane {
	lanes := make([]Lane, 0, len(h.names))
	for _, l := range h.names {
		if a.Includes(l) {
			lanes = append(lanes, l)
		}
	}
	return lanes
}
