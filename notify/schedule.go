package notify

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// What happens by the clock: scheduled notifications, retirement of dead devices, sweeping of what is old.

const (
	houseEvery  = time.Minute      // retirement, metrics
	sweepEvery  = time.Hour        // retention
	sweepLimit  = 5000             // rows of each sort in one transaction
	goneWindow  = 10 * time.Minute // a device is retired when its platform's word has stood this long
	startAtOnce = time.Millisecond
)

// schedule runs the timers until ctx ends.
func (h *Hub) schedule(ctx context.Context) error {
	sub := h.bus.Subscribe(SubjectTimers)
	defer sub.Close()
	var house, sweep time.Time
	for ctx.Err() == nil {
		now := h.clock.Now()
		wait := min(houseEvery, h.startScheduled(ctx, now))
		if !now.Before(house) || house.Sub(now) > houseEvery { // the clock may jump back
			h.keepHouse(ctx, now)
			house = now.Add(houseEvery)
		}
		if !now.Before(sweep) || sweep.Sub(now) > sweepEvery {
			h.sweep(ctx, now)
			sweep = now.Add(sweepEvery)
		}
		t := h.clock.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-sub.C():
		case <-t.C():
		}
		t.Stop()
	}
	return nil
}

// startScheduled starts what is due and gives the pause until the next.
func (h *Hub) startScheduled(ctx context.Context, now time.Time) time.Duration {
	lanes, next, err := h.store.StartScheduled(ctx, now, h.names)
	if err != nil {
		if ctx.Err() == nil {
			h.log.Error("scheduled notifications could not be started; another try follows", "error", err)
		}
		return time.Second
	}
	for _, l := range lanes {
		h.bus.Wake(SubjectLane(l))
	}
	if len(lanes) > 0 {
		h.bus.Wake(SubjectInboxAll)
	}
	if next.IsZero() {
		return houseEvery
	}
	return max(next.Sub(now), startAtOnce)
}

// keepHouse retires devices whose time has come, measures the queues, and tries again what failed.
func (h *Hub) keepHouse(ctx context.Context, now time.Time) {
	h.sample(ctx, now)
	if h.unsynced.Swap(false) {
		h.syncAccounts(ctx)
	}
	for _, name := range h.names {
		l := h.lanes[name]
		labels := []string{name.App, string(name.Platform)}
		if l.state().State != LaneMisconfigured {
			n, err := h.store.RetireDevices(ctx, name, now.Add(-goneWindow))
			switch {
			case err != nil && ctx.Err() == nil:
				h.log.Error("devices not retired", "lane", name, "error", err)
			case n > 0:
				h.log.Info("devices retired by their platform's word", "lane", name, "devices", n)
			}
		}
		if depth, err := h.store.QueueDepth(ctx, name); err == nil {
			h.metrics.depth.WithLabelValues(labels...).Set(float64(depth))
		}
		if e, ok := l.adapter.(Expirer); ok && !e.CredentialExpiry().IsZero() {
			left := e.CredentialExpiry().Sub(now)
			h.metrics.expiry.WithLabelValues(labels...).Set(left.Seconds())
			h.expiries.look(name, e.CredentialExpiry(), now)
		}
	}
}

// sweep removes what is older than the retention, a bounded piece at a time.
func (h *Hub) sweep(ctx context.Context, now time.Time) {
	for ctx.Err() == nil {
		more, err := h.store.Sweep(ctx, now, h.opts.Retention, sweepLimit)
		if err != nil && ctx.Err() == nil {
			h.log.Error("old records not removed; another try follows in an hour", "error", err)
		}
		if err != nil || !more {
			return
		}
	}
}

func sortedLanes(adapters map[Lane]Adapter) []Lane {
	lanes := make([]Lane, 0, len(adapters))
	for l := range adapters {
		lanes = append(lanes, l)
	}
	slices.SortFunc(lanes, func(a, b Lane) int { return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Platform, b.Platform)) })
	return lanes
}
