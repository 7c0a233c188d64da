package notify

import (
	"context"
	"time"
)

// Who is in quiet hours when a big walk passes is not kept as a delivery: some hundreds of devices with the same end of
// their quiet hours are one row, of sleepers. At that time the walk comes back to them as to a chunk of its own: whoever left the
// audience or lost the device meanwhile is passed over, wishes are asked anew, and only what goes wrong gets a row. A crash
// in between sends a chunk again under the same ids.

// gatherSleepers makes a batch of sleepers whose time has come, if nothing else goes first.
func (r *laneRun) gatherSleepers(ctx context.Context, b *batch, size int, now time.Time) (time.Duration, error) {
	if b.size > 0 || b.big {
		return idleLook, nil
	}
	if early := r.wakeAt.Sub(now); !r.lookSleepers && early > 0 && early <= idleLook { // the clock may jump back
		return early, nil
	}
	due, next, err := r.hub.store.DueSleepers(ctx, r.name, now, 1+len(r.paceAt)+r.sleepers.look(now))
	if err != nil {
		return 0, err
	}
	room := r.far.batches()
	r.mu.Lock()
	full := r.big >= room
	r.mu.Unlock()
	if r.sleepersWait = full && len(due) > 0; r.sleepersWait { // the end of a batch looks again, and its place is left to them
		return idleLook, nil
	}
	r.lookSleepers = false
	wait := idleLook
	if !next.IsZero() {
		wait = min(max(next.Sub(now), soon), idleLook)
	}
	for _, w := range due {
		if at := r.paceAt[w.ID]; at.After(now) {
			wait = min(wait, at.Sub(now))
			continue
		}
		w.Sleepers.Keys = w.Sleepers.Keys[:min(size, len(w.Sleepers.Keys))] // a lane that fails takes few, to see whether it works
		taken, err := r.wakeUp(ctx, b, w, now)
		if err != nil {
			return 0, err
		}
		if taken {
			r.lookSleepers = true
			break
		}
	}
	if r.sleepers.stale() {
		wait, r.lookSleepers = soon, true
	}
	r.wakeAt = now.Add(wait)
	return wait, nil
}

// wakeUp makes the batch of those of the sleepers that are still to be told, if they are not under way. An error is the
// store's trouble, not these sleepers'.
func (r *laneRun) wakeUp(ctx context.Context, b *batch, w Walk, now time.Time) (taken bool, err error) {
	if !r.sleepers.claim(w.Sleepers.ID) {
		return false, nil
	}
	t, err := r.woken(ctx, w)
	switch {
	case err == nil:
		if t.n.Rate > 0 {
			r.paceAt[w.ID] = now.Add(time.Second * time.Duration(len(t.targets)) / time.Duration(t.n.Rate))
		}
		b.big = true
		b.add(t)
		return true, nil
	case ctx.Err() != nil || CodeOf(err) == CodeUnavailable:
		r.sleepers.release(w.Sleepers.ID)
		return false, err
	}
	r.hub.log.Error("sleepers cannot be read and are put aside for a while", "lane", r.name, "walk", w.ID, "error", err)
	r.sleepers.aside(w.Sleepers.ID, now.Add(asideFor))
	return false, nil
}

func (r *laneRun) woken(ctx context.Context, w Walk) (*task, error) {
	n, err := r.hub.store.Notification(ctx, w.Notification)
	if err != nil {
		return nil, err
	}
	targets, err := r.hub.store.Next(ctx, w, len(w.Sleepers.Keys)+1)
	if err != nil {
		return nil, err
	}
	t := walkTask(&n, w, targets, false)
	t.last, t.missing = true, len(w.Sleepers.Keys)-len(targets)
	t.progress.Position, t.progress.Woken = 0, w.Sleepers
	return t, nil
}

// keepsRow tells whether what became of a delivery is stored as a row: all of small audiences and of retries, of big ones
// what went wrong. What was not told by the person's wish did not go wrong, nor what ran out of time asleep.
func (t *task) keepsRow(v Verdict) bool {
	switch {
	case t.walk.Small || t.retry:
		return true
	case v == Accepted || v == suppressed || v == held:
		return false
	}
	return v != expired || t.walk.Sleepers == nil
}
