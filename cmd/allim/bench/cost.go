package bench

import (
	"context"
	"errors"
	"sync"
	"time"
)

// cost is what the hub spent on something.
type cost struct {
	took   time.Duration
	cpu    time.Duration
	peak   int64   // the greatest resident memory seen, in bytes
	growth float64 // of resident memory, from the start to the peak
}

// sampleEvery is how often memory is looked at.
const sampleEvery = 10 * time.Millisecond

// cost does something (nil: waits for d) and gives what the hub spent meanwhile.
func (w *world) cost(ctx context.Context, d time.Duration, do func() error) (c cost, err error) {
	pid := w.hub.PID()
	before, err := processor(pid)
	if err != nil {
		return c, err
	}
	resident, err := memory(pid, "VmRSS")
	if err != nil {
		return c, err
	}
	if do == nil {
		do = func() error { return pause(ctx, d) }
	}
	c.peak = resident
	stop := make(chan struct{})
	var sampler sync.WaitGroup
	sampler.Go(func() {
		t := time.NewTicker(sampleEvery)
		defer t.Stop()
		for {
			select {
			case <-stop:
				return
			case <-t.C:
				if now, err := memory(pid, "VmRSS"); err == nil {
					c.peak = max(c.peak, now)
				}
			}
		}
	})
	began := time.Now()
	err = do()
	c.took = time.Since(began)
	close(stop)
	sampler.Wait()
	after, e := processor(pid)
	c.cpu = after - before
	c.growth = float64(c.peak-resident) / float64(resident)
	return c, errors.Join(err, e)
}
