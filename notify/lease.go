package notify

import (
	"context"
	"time"
)

// leaseTTL is how long a lease lasts without renewal: another hub takes over after that. Renewed at a third of it.
const leaseTTL = 15 * time.Second

// withLease runs f while this hub holds the lease of name: it waits for the lease, renews it, ends f's context when the
// lease is lost, and begins again, until ctx ends. f has returned when withLease returns.
func (h *Hub) withLease(ctx context.Context, name string, f func(ctx context.Context, epoch Epoch) error) error {
	for wait := time.Second; ctx.Err() == nil; {
		epoch, err := h.store.Lease(ctx, name, h.opts.Holder, leaseTTL, h.clock.Now())
		if err != nil {
			h.log.Debug("lease not to be had yet", "lease", name, "error", err)
			h.pause(ctx, wait)
			continue
		}
		if err := h.holding(ctx, name, epoch, f); err != nil && ctx.Err() == nil {
			h.log.Warn("a part of the hub failed and begins again", "part", name, "error", err)
			h.pause(ctx, wait)
		}
	}
	release, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	return h.store.Release(release, name, h.opts.Holder)
}

// holding runs f and renews beside it.
func (h *Hub) holding(ctx context.Context, name string, epoch Epoch, f func(context.Context, Epoch) error) error {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- f(ctx, epoch) }()
	defer cancel()
	for {
		t := h.clock.NewTimer(leaseTTL / 3)
		select {
		case err := <-done:
			t.Stop()
			return err
		case <-t.C():
		}
		now, err := h.store.Lease(ctx, name, h.opts.Holder, leaseTTL, h.clock.Now())
		if now != epoch && (err == nil || CodeOf(err) == CodeStaleEpoch) {
			h.log.Warn("lease lost", "lease", name)
			cancel()
			return <-done
		}
	}
}

// pause waits for d or the end of ctx.
func (h *Hub) pause(ctx context.Context, d time.Duration) {
	t := h.clock.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C():
	}
}
