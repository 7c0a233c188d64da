package api

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// When keys were last used is for people who tidy up: it may be half a minute behind, and beyond maxTouched keys in that
// time it is left out.
const (
	touchEvery   = 30 * time.Second
	touchTimeout = 10 * time.Second
	maxTouched   = 10_000
)

// touches stores when keys were last used, all of half a minute at once.
type touches struct {
	store  notify.KeyStore
	clock  notify.Clock
	log    *slog.Logger
	cancel context.CancelFunc
	done   chan struct{}

	mu   sync.Mutex
	used map[string]time.Time
}

func startTouches(store notify.KeyStore, clock notify.Clock, log *slog.Logger) *touches {
	ctx, cancel := context.WithCancel(context.Background())
	t := &touches{store: store, clock: clock, log: log, cancel: cancel, done: make(chan struct{}), used: map[string]time.Time{}}
	go t.run(ctx)
	return t
}

func (t *touches) touch(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.used[id]; known || len(t.used) < maxTouched {
		t.used[id] = t.clock.Now()
	}
}

func (t *touches) run(ctx context.Context) {
	defer close(t.done)
	for {
		timer := t.clock.NewTimer(touchEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
			t.flush(ctx, touchTimeout)
		}
	}
}

func (t *touches) flush(ctx context.Context, timeout time.Duration) {
	t.mu.Lock()
	used := t.used
	t.used = map[string]time.Time{}
	t.mu.Unlock()
	if len(used) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := t.store.TouchKeys(ctx, used); err != nil && !errors.Is(err, context.Canceled) {
		t.log.Warn("when keys were last used could not be stored", "keys", len(used), "error", err)
	}
}

// close ends the goroutine and stores what is left.
func (t *touches) close(timeout time.Duration) error {
	t.cancel()
	<-t.done
	t.flush(context.Background(), timeout)
	return nil
}
