package notify

import (
	"context"
	"maps"
	"time"
)

// What goes into a lane's next batch.

// gather makes the next batch: due retries and walks, which go first in turn, so that neither holds up the other; of the
// walks the small ones, then a chunk of a big one; then sleepers of one. nil: nothing to send now.
func (r *laneRun) gather(ctx context.Context, size int) (*batch, time.Duration, error) {
	now := r.hub.clock.Now()
	b := &batch{}
	wait := idleLook
	if r.againWalks.Swap(false) {
		r.lookWalks = true
	}
	if r.againRetries.Swap(false) {
		r.lookRetries = true
	}
	if r.againSleepers.Swap(false) {
		r.lookSleepers = true
	}
	r.gatherOffers(b, size, now)
	order := []func(context.Context, *batch, int, time.Time) (time.Duration, error){r.gatherRetries, r.gatherWalks, r.gatherSleepers}
	if r.turn = !r.turn; !r.turn {
		order[0], order[1] = order[1], order[0]
	}
	for _, more := range order {
		next, err := more(ctx, b, size, now)
		if err != nil {
			r.release(b) // what was marked as under way is free again
			r.lookAll()
			r.behind.Store(true)
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
	if early := r.retryAt.Sub(now); !r.lookRetries && early > 0 && early <= idleLook { // the clock may jump back
		return early, nil
	}
	due, next, err := r.hub.store.DueRetries(ctx, r.name, now, size+r.rows.look(now))
	if err != nil {
		return 0, err
	}
	r.lookRetries = false
	for _, d := range due {
		if b.size >= size {
			r.lookRetries = true
			break
		}
		if r.rows.claim(d.Row.ID) {
			b.add(retryTask(d))
		}
	}
	wait := idleLook
	switch {
	case r.rows.stale():
		wait, r.lookRetries = soon, true
	case !next.IsZero():
		wait = min(max(next.Sub(now), soon), idleLook)
	}
	r.retryAt = now.Add(wait)
	return wait, nil
}

func (r *laneRun) gatherWalks(ctx context.Context, b *batch, size int, now time.Time) (time.Duration, error) {
	if b.size >= size {
		return idleLook, nil
	}
	if !r.lookWalks && len(r.paceAt) == 0 {
		return idleLook, nil
	}
	maps.DeleteFunc(r.paceAt, func(_ int64, at time.Time) bool { return !at.After(now) })
	limit := size + len(r.paceAt) + r.walks.look(now)
	walks, err := r.hub.store.Ready(ctx, r.name, now, limit)
	if err != nil {
		return 0, err
	}
	r.inTurn(walks)
	steps, err := r.steps(ctx, walks, size-b.size)
	if err != nil {
		return 0, err
	}
	wait, all := idleLook, len(walks) < limit
	r.lookWalks = !all
	for _, w := range walks {
		if b.size >= size || (!w.Small && b.size > 0) {
			r.lookWalks, all = true, all && !w.Small
			break // a chunk of a big walk is a batch of its own
		}
		if at := r.paceAt[w.ID]; at.After(now) {
			wait = min(wait, at.Sub(now))
			continue
		}
		more, err := r.gatherReady(ctx, b, w, steps, size)
		if err != nil {
			return 0, err
		}
		r.lookWalks = r.lookWalks || more
	}
	r.behind.Store(!all)
	if r.walks.stale() {
		wait, r.lookWalks = soon, true
	}
	return wait, nil
}

// fewTargets is the size of a walk up to which it is read together with others: most are of one or two devices.
const fewTargets = 10

// steps reads what the next small walks need, all at once: less than a third of the work (BenchmarkSteps).
func (r *laneRun) steps(ctx context.Context, walks []Walk, room int) (map[int64]Step, error) {
	var keys []int64
	for _, w := range walks {
		if len(keys) < room && w.Small && w.Counts.Targeted <= fewTargets && r.walks.free(w.ID) {
			keys = append(keys, w.ID)
		}
	}
	if len(keys) < 2 {
		return nil, nil
	}
	steps, err := r.hub.store.Steps(ctx, keys)
	if err != nil && ctx.Err() == nil && CodeOf(err) != CodeUnavailable {
		return nil, nil // one of them cannot be read: each by itself, and the bad one is put aside
	}
	return steps, err
}

// gatherReady adds a walk's next step to the batch, if it is not under way; more: it may have further ones at once. An
// error is the store's trouble, not this walk's.
func (r *laneRun) gatherReady(ctx context.Context, b *batch, w Walk, steps map[int64]Step, size int) (more bool, err error) {
	var f *flight
	if w.Small {
		if !r.walks.claim(w.ID) {
			return false, nil
		}
		r.looked.note(w.ID)
		if step, ok := steps[w.ID]; ok && step.Notification.Rate == 0 {
			b.add(walkTask(&step.Notification, w, step.Targets, true))
			return false, nil
		}
	} else if f = r.board(w); f == nil {
		return false, nil
	}
	t, err := r.gatherWalk(ctx, w, f, size)
	if f != nil {
		r.boarded(f, t)
	}
	switch {
	case err == nil:
		b.big = b.big || !w.Small
		b.add(t)
		if f != nil {
			r.turns.serve(w.ID)
		}
		return f != nil && !t.last, nil
	case ctx.Err() != nil || CodeOf(err) == CodeUnavailable:
		if f == nil {
			r.walks.release(w.ID)
		}
		return false, err
	}
	r.hub.log.Error("a walk cannot be read and is put aside for a while", "lane", r.name, "walk", w.ID, "error", err)
	if until := r.hub.clock.Now().Add(asideFor); f != nil {
		r.passed(f, nil, until)
	} else {
		r.walks.aside(w.ID, until)
	}
	return false, nil
}

// gatherWalk reads the walk's next targets.
func (r *laneRun) gatherWalk(ctx context.Context, w Walk, f *flight, size int) (t *task, err error) {
	var n Notification
	if f != nil && f.n.ID != "" { // f.n and f.next are written by this loop alone
		n = f.n
	} else if n, err = r.hub.store.Notification(ctx, w.Notification); err != nil {
		return nil, err
	}
	limit := SmallAudience + 1
	if f != nil {
		limit, f.n = size, n
		w.Position = max(w.Position, f.next)
	}
	if n.Rate > 0 {
		limit = min(limit, n.Rate)
	}
	targets, err := r.hub.store.Next(ctx, w, limit)
	if err != nil {
		return nil, err
	}
	if n.Rate > 0 {
		r.paceAt[w.ID] = r.hub.clock.Now().Add(time.Second * time.Duration(len(targets)) / time.Duration(n.Rate))
	}
	if len(targets) < limit {
		delete(r.paceAt, w.ID)
	}
	return walkTask(&n, w, targets, len(targets) < limit), nil
}
