package notify

import (
	"context"
	"maps"
	"time"
)

// What goes into a lane's next batch.

// gather makes the next batch: due retries and walks, which go first in turn, so that neither holds up the other; of the
// walks the small ones, then a chunk of a big one. nil: nothing to send now.
func (r *laneRun) gather(ctx context.Context, size int) (*batch, time.Duration, error) {
	now := r.hub.clock.Now()
	b := &batch{}
	wait := idleLook
	order := []func(context.Context, *batch, int, time.Time) (time.Duration, error){r.gatherRetries, r.gatherWalks}
	if r.turn = !r.turn; !r.turn {
		order[0], order[1] = order[1], order[0]
	}
	for _, more := range order {
		next, err := more(ctx, b, size, now)
		if err != nil {
			r.release(b) // what was marked as under way is free again
			return nil, 0, err
		}
		wait = min(wait, next)
	}
	if len(b.tasks) == 0 {
		return nil, wait, nil
	}
	return b, wait, nil
}

func (r *laneRun) gatherRetries(ctx context.Context, b *batch, size int, now time.Time) (time.Duration, error) {
	if b.big || b.size >= size {
		return idleLook, nil
	}
	due, next, err := r.hub.store.DueRetries(ctx, r.name, now, size+r.rows.look(now))
	if err != nil {
		return 0, err
	}
	for _, d := range due {
		if b.size < size && r.rows.claim(d.Row.ID) {
			b.add(retryTask(d))
		}
	}
	switch {
	case r.rows.stale():
		return soon, nil
	case next.IsZero():
		return idleLook, nil
	}
	return max(next.Sub(now), soon), nil
}

func (r *laneRun) gatherWalks(ctx context.Context, b *batch, size int, now time.Time) (time.Duration, error) {
	if b.size >= size {
		return idleLook, nil
	}
	maps.DeleteFunc(r.paceAt, func(_ int64, at time.Time) bool { return !at.After(now) })
	walks, err := r.hub.store.Ready(ctx, r.name, now, size+len(r.paceAt)+r.walks.look(now))
	if err != nil {
		return 0, err
	}
	wait := idleLook
	for _, w := range walks {
		if b.size >= size || (!w.Small && b.size > 0) {
			break // a chunk of a big walk is a batch of its own
		}
		if at := r.paceAt[w.ID]; at.After(now) {
			wait = min(wait, at.Sub(now))
			continue
		}
		if !r.claim(w) {
			continue
		}
		err := r.gatherWalk(ctx, b, w, size)
		switch {
		case err == nil:
		case ctx.Err() != nil || CodeOf(err) == CodeUnavailable: // the store's trouble, not this walk's
			r.walks.release(w.ID)
			return 0, err
		default:
			r.hub.log.Error("a walk cannot be read and is put aside for a while", "lane", r.name, "walk", w.ID, "error", err)
			r.walks.aside(w.ID, now.Add(asideFor))
		}
	}
	if r.walks.stale() {
		wait = soon
	}
	return wait, nil
}

// claim marks the walk as under way; false when it is already, or is big and there is no room for big ones.
func (r *laneRun) claim(w Walk) bool {
	if !w.Small {
		r.mu.Lock()
		full := r.big >= bigBatches
		r.mu.Unlock()
		if full {
			return false
		}
	}
	return r.walks.claim(w.ID)
}

// gatherWalk adds the walk's next targets to the batch.
func (r *laneRun) gatherWalk(ctx context.Context, b *batch, w Walk, size int) error {
	n, err := r.hub.store.Notification(ctx, w.Notification)
	if err != nil {
		return err
	}
	limit := SmallAudience + 1
	if !w.Small {
		limit = size
	}
	if n.Rate > 0 {
		limit = min(limit, n.Rate)
	}
	targets, err := r.hub.store.Next(ctx, w, limit)
	if err != nil {
		return err
	}
	if n.Rate > 0 {
		r.paceAt[w.ID] = r.hub.clock.Now().Add(time.Second * time.Duration(len(targets)) / time.Duration(n.Rate))
	}
	if len(targets) < limit {
		delete(r.paceAt, w.ID)
	}
	b.big = b.big || !w.Small
	b.add(walkTask(n, w, targets, len(targets) < limit))
	return nil
}
