package notify

import (
	"context"
	"time"
)

// Fourth step of the walk: what became of each delivery is gathered for its task, and stored with the walk's new
// position in one transaction. Only then may the walk go on.

// Verdicts of the hub's own, beside those of the adapters.
const (
	suppressed Verdict = "suppressed"
	expired    Verdict = "expired"
	held       Verdict = "held" // not now, by the person's own wish: until Outcome.At
)

// reasonStopped marks what was under way when the hub stopped: it is tried again at once, and is no failure.
const reasonStopped = "the hub stopped"

// settle takes an adapter's word on one delivery; it does not block.
func (r *laneRun) settle(t *task, i int, o Outcome) {
	now := r.hub.clock.Now()
	if o.Reason != reasonStopped {
		o = r.judge(o, t.targets[i].Device, now)
	}
	r.record(t, i, o, now)
}

// record adds one outcome to its task.
func (r *laneRun) record(t *task, i int, o Outcome, now time.Time) {
	row, change := r.conclude(t, i, o, now)
	r.hub.metrics.deliveries.WithLabelValues(r.name.App, string(r.name.Platform), string(o.Verdict)).Inc()
	if o.Verdict == Accepted {
		if s, ok := r.hub.latency.end(t.walk.Notification); ok {
			r.hub.metrics.latency.WithLabelValues(s.source).Observe(now.Sub(s.at).Seconds())
			r.hub.tally.most(SampleLatency, s.source, float64(now.Sub(s.at).Milliseconds()))
		}
	}
	t.mu.Lock()
	t.progress.Counts.count(row.State)
	r.hub.counted(r.name, row.State)
	switch {
	case t.keepsRow(o.Verdict):
		t.progress.Rows = append(t.progress.Rows, row)
	case o.Verdict == held:
		t.progress.Held = append(t.progress.Held, Held{Key: row.DeviceKey, At: row.NextAt})
	}
	if change != nil {
		t.progress.Devices = append(t.progress.Devices, *change)
	}
	t.mu.Unlock()
	r.finish(t)
}

// finish drops one hold on the task; the last one passes it on to be stored.
func (r *laneRun) finish(t *task) {
	if t.left.Add(-1) == 0 {
		r.settled <- t
	}
}

func (c *Counts) count(s DeliveryState) {
	switch s {
	case DeliveryAccepted:
		c.Accepted++
	case DeliveryFailed:
		c.Failed++
	case DeliveryGone:
		c.Gone++
	case DeliveryExpired:
		c.Expired++
	case DeliverySuppressed:
		c.Suppressed++
	}
}

// settled gives how many are no longer pending.
func (c Counts) settled() int64 { return c.Accepted + c.Failed + c.Gone + c.Expired + c.Suppressed }

// conclude turns an outcome into the delivery's row and what is learnt of the device.
func (r *laneRun) conclude(t *task, i int, o Outcome, now time.Time) (DeliveryRow, *DeviceChange) {
	d := t.targets[i].Device
	row := DeliveryRow{ID: DeliveryID(t.seq, d.Key), Walk: t.walk.ID, Notification: t.walk.Notification, Device: d.ID,
		DeviceKey: d.Key, User: d.User, Lane: r.name, Attempt: t.attempt + 1, Reason: o.Reason, CreatedAt: now, UpdatedAt: now,
		ExpiresAt: t.row.ExpiresAt}
	if t.retry {
		row.CreatedAt = t.row.CreatedAt
	}
	change := &DeviceChange{Key: d.Key, Verdict: o.Verdict, Reason: o.Reason, At: now, Registered: d.RegisteredAt}
	switch o.Verdict {
	case Accepted:
		row.State = DeliveryAccepted
		if d.State != DeviceSuspect {
			change = nil
		}
		return row, change
	case Gone:
		row.State = DeliveryGone
		return row, change
	case Suspect:
		// Kept until the guard's window has passed: if the fault is ours, it is sent after all; else it has failed.
		row.State, row.NextAt = DeliveryPending, now.Add(guardWindow)
		return row, change
	case Failed:
		row.State = DeliveryFailed
	case suppressed:
		row.State = DeliverySuppressed
	case expired:
		row.State = DeliveryExpired
	case held: // no attempt was made
		row.State, row.Attempt, row.NextAt = DeliveryPending, t.attempt, o.At
	case Misconfigured:
		row.State, row.NextAt = DeliveryPending, now.Add(probePause)
	default: // Retry
		r.again(&row, t, o, now)
	}
	return row, nil
}

// again plans the next attempt of a delivery, or gives it up.
func (r *laneRun) again(row *DeliveryRow, t *task, o Outcome, now time.Time) {
	row.State = DeliveryPending
	if o.Reason == reasonStopped {
		row.Attempt, row.NextAt = max(1, t.attempt), now
		return
	}
	if t.err != nil && CodeOf(t.err) != CodeUnknownNotification { // the store's trouble, not the delivery's
		row.Attempt, row.NextAt = max(1, t.attempt), now.Add(retryBase)
		return
	}
	at, ok := nextAttempt(row.Attempt, o.At, now, t.expires())
	switch {
	case ok:
		row.NextAt = at
	case row.Attempt >= maxAttempts:
		row.State = DeliveryFailed
	default:
		row.State = DeliveryExpired
	}
}

// quarantined tells whether a retried row waited only to see whether its device was dead or we were wrong, and the
// device is still under the same suspicion: it has failed, no request is needed to know.
func quarantined(row DeliveryRow, d Device) bool {
	return d.State == DeviceSuspect && row.Reason != "" && row.Reason == d.StateReason
}

// keepSettled stores finished tasks in groups until the channel is closed. It goes on after the lane's context has
// ended, so that the last outcomes are stored, too; the store's own closing ends it then.
func (r *laneRun) keepSettled(ctx context.Context) {
	for t := range r.settled {
		group := []*task{t}
	more:
		for len(group) < batchSize {
			select {
			case t, ok := <-r.settled:
				if !ok {
					break more
				}
				group = append(group, t)
			default:
				break more
			}
		}
		r.store(ctx, r.entries(group))
	}
}

const (
	advanceTimeout = 10 * time.Second
	advanceTries   = 5
	advancePause   = 5 * time.Second        // between tries at most
	stopPause      = 100 * time.Millisecond // the same, while the hub stops
	// notStoredFor is how long a task is put aside whose outcomes the store refuses: it would be sent again and again.
	notStoredFor = time.Hour
)

// store advances the tasks' walks until the store has taken them. While it is full or busy, the lane waits: to let go of
// what was sent would be to send it again. Two things end that. The hub stops: then the targets come again from the old
// position at the next start, with the same delivery ids. Or the store fails on one task: that one is put aside.
func (r *laneRun) store(ctx context.Context, group []entry) {
	for try := 1; len(group) > 0; try++ {
		errs := r.advance(group)
		left := group[:0:0]
		for i, err := range errs {
			e := group[i]
			switch code := CodeOf(err); {
			case err == nil:
				r.letGo(e)
			case code == CodeStaleEpoch:
				r.lostOnce.Do(func() { close(r.lost) })
				r.letGo(e)
			case try >= advanceTries && (code != CodeUnavailable || ctx.Err() != nil):
				r.hub.log.Error("outcomes not stored; their deliveries are repeated under the same ids",
					"lane", r.name, "walk", e.progress.Walk, "error", err)
				r.putAside(e, r.hub.clock.Now().Add(notStoredFor))
			default:
				left = append(left, e)
			}
		}
		if group = left; len(group) > 0 {
			if try == advanceTries {
				r.hub.log.Error("the store takes no outcomes; the lane waits for it", "lane", r.name, "tasks", len(group))
			}
			r.beforeRetry(ctx, try)
		}
	}
}

func (r *laneRun) advance(group []entry) []error {
	ctx, cancel := context.WithTimeout(context.Background(), advanceTimeout)
	defer cancel()
	progress := make([]Progress, len(group))
	for i, e := range group {
		e.progress.Epoch = r.epoch
		progress[i] = e.progress
	}
	return r.hub.store.Advance(ctx, progress)
}

// beforeRetry waits; the stop ends a long wait and leaves short ones.
func (r *laneRun) beforeRetry(ctx context.Context, try int) {
	limit := advancePause
	if ctx.Err() != nil {
		limit = stopPause
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.Background(), limit)
		defer cancel()
	}
	r.hub.pause(ctx, backoff(try, 100*time.Millisecond, limit))
}

// letGo makes the walk or row free for the next look.
func (r *laneRun) letGo(e entry) {
	if f := e.tasks[0].flight; f != nil {
		r.passed(f, e.tasks, time.Time{})
	} else {
		r.release(&batch{tasks: e.tasks})
	}
	for _, t := range e.tasks {
		r.free(t)
	}
}

// putAside lets go of the tasks, but not yet of their walk or row.
func (r *laneRun) putAside(e entry, until time.Time) {
	switch t := e.tasks[0]; {
	case t.flight != nil:
		r.passed(t.flight, e.tasks, until)
		if waiting, _ := r.finished(t.flight); len(waiting) > 0 { // behind it: sent again as well
			r.passed(t.flight, waiting, until)
			for _, w := range waiting {
				r.free(w)
			}
		}
	case t.retry:
		r.rows.aside(t.row.ID, until)
	case t.walk.Sleepers != nil:
		r.sleepers.aside(t.walk.Sleepers.ID, until)
	default:
		r.walks.aside(t.walk.ID, until)
	}
	for _, t := range e.tasks {
		r.free(t)
	}
}

func (r *laneRun) release(b *batch) {
	for _, t := range b.tasks {
		switch {
		case t.flight != nil:
			r.passed(t.flight, []*task{t}, time.Time{})
		case t.retry:
			r.rows.release(t.row.ID)
		case t.walk.Sleepers != nil:
			r.sleepers.release(t.walk.Sleepers.ID)
		default:
			r.walks.release(t.walk.ID)
		}
	}
}
