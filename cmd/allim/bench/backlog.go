package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"allim.dev/allim/cmd/allim/bench/simulator"
)

// backlog watches the pushes that are owed for what was accepted: a hub that takes more than it can send is no quick one.
type backlog struct {
	sim      *simulator.Simulator
	each     int64        // pushes of a request; 0: nothing is owed
	requests atomic.Int64 // accepted
	most     int64        // owed at a look
}

const (
	backlogEvery = 250 * time.Millisecond
	// drainPatience is how long the platform may wait for the last push.
	drainPatience = time.Minute
)

// during looks now and then while do runs.
func (b *backlog) during(ctx context.Context, do func() error) error {
	watch, stop := context.WithCancel(ctx)
	defer stop()
	var failed error
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for failed == nil && pause(watch, backlogEvery) == nil {
			_, failed = b.look(ctx)
		}
	})
	err := do()
	stop()
	watcher.Wait()
	return errors.Join(err, failed)
}

// look gives what is owed. The platform is asked last: what it takes meanwhile makes the figure smaller, never greater.
func (b *backlog) look(ctx context.Context) (owed int64, err error) {
	if b.each == 0 {
		return 0, nil
	}
	due := b.requests.Load() * b.each
	st, err := b.sim.Stats(ctx)
	if err != nil {
		return 0, err
	}
	owed = max(0, due-st.Accepted)
	b.most = max(b.most, owed)
	return owed, nil
}

// drain waits until the platform has everything, and gives how many seconds that took.
func (b *backlog) drain(ctx context.Context) (float64, error) {
	for began := time.Now(); ; {
		owed, err := b.look(ctx)
		took := time.Since(began)
		switch {
		case err != nil:
			return 0, err
		case owed == 0:
			return took.Seconds(), nil
		case took > drainPatience:
			return 0, fmt.Errorf("%d pushes were still owed %s after the last request was accepted", owed, drainPatience)
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return 0, err
		}
	}
}
