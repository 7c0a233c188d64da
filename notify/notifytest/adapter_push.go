package notifytest

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// count tells how many outcomes have the verdict.
func count(outcomes []notify.Outcome, v notify.Verdict) int {
	n := 0
	for _, o := range outcomes {
		if o.Verdict == v {
			n++
		}
	}
	return n
}

func testSettledOnce(t *testing.T, r *adapterRun) {
	for _, n := range []int{0, 1, 2000} {
		before := r.Accepted()
		got := r.push(t.Context(), r.deliveries(0, n))
		if ok := count(got, notify.Accepted); ok != n || r.Accepted()-before != n {
			t.Errorf("of %d, %d were settled as accepted and the platform accepted %d", n, ok, r.Accepted()-before)
		}
	}
}

// slack is how far a time may be off by that of a busy machine, where the platform said it as a date: a hundredth, and a
// second at least where that is little.
func slack(d time.Duration) time.Duration {
	if d < time.Minute {
		return 0
	}
	return max(d/100, time.Second)
}

func testTable(t *testing.T, r *adapterRun) {
	for n, c := range r.Table {
		c.Break(n)
		list := r.deliveries(n, 1)
		list[0].Attempt = max(c.Attempt, 1)
		if !c.Registered.IsZero() {
			list[0].Device.RegisteredAt = c.Registered
		}
		now := r.Clock.Now()
		got := r.push(t.Context(), list)[0]
		if got.Verdict != c.Verdict || got.WholeLane != c.WholeLane || !strings.Contains(got.Reason, c.Reason) {
			t.Errorf("%s: got %+v, want %s, whole lane %v, reason %q", c.Name, got, c.Verdict, c.WholeLane, c.Reason)
		}
		wait := got.At.Sub(now)
		switch left := c.NotBefore == 0 && c.NotAfter == 0; {
		case left && !got.At.IsZero():
			t.Errorf("%s: again in %s, want it left to the hub", c.Name, wait)
		case !left && (wait < c.NotBefore-slack(c.NotBefore) || wait > c.NotAfter+slack(c.NotAfter)):
			t.Errorf("%s: again in %s, want %s to %s", c.Name, wait, c.NotBefore, c.NotAfter)
		}
		if got.Verdict != notify.Retry && !got.At.IsZero() {
			t.Errorf("%s: %s with a time to try again", c.Name, got.Verdict)
		}
	}
}

func testOneBad(t *testing.T, r *adapterRun) {
	for _, c := range r.Table {
		if c.Verdict == notify.Misconfigured || c.WholeLane {
			continue
		}
		c.Break(0)
		list := r.deliveries(0, 50)
		if !c.Registered.IsZero() {
			list[0].Device.RegisteredAt = c.Registered
		}
		if got := r.push(t.Context(), list); count(got[1:], notify.Accepted) != 49 {
			t.Errorf("%s: only %d of 49 others were accepted", c.Name, count(got[1:], notify.Accepted))
		}
		// The fault may have been meant for more than one attempt: the next case starts with a device that works.
		Until(t, "the device works again", func() bool {
			return r.push(t.Context(), r.deliveries(0, 1))[0].Verdict == notify.Accepted
		})
	}
}

func testLostAnswer(t *testing.T, r *adapterRun) {
	r.LoseAnswer(0)
	list := r.deliveries(0, 1)
	for range 3 { // at once by the adapter itself, or by the hub
		got := r.push(t.Context(), list)[0]
		if got.Verdict == notify.Accepted {
			break
		}
		if got.Verdict != notify.Retry {
			t.Fatalf("a lost answer is settled as %+v, want a retry", got)
		}
		list[0].Attempt++
	}
	if r.Accepted() < 1 {
		t.Fatal("it never got through")
	}
	if r.IDs == nil {
		return
	}
	for _, id := range r.IDs() {
		if id != list[0].ID {
			t.Errorf("it was sent under the id %s, want %s", id, list[0].ID)
		}
	}
	if len(r.IDs()) != 2 {
		t.Errorf("the platform accepted it %d times, want the lost one and its repeat", len(r.IDs()))
	}
}

func testStalled(t *testing.T, r *adapterRun) {
	r.Stall(0)
	got := r.push(t.Context(), r.deliveries(0, 20))
	if got[0].Verdict != notify.Retry || got[0].WholeLane {
		t.Errorf("the stalled one: %+v, want a retry of its own", got[0])
	}
	if n := count(got[1:], notify.Accepted); n != 19 {
		t.Errorf("of 19 others %d were accepted", n)
	}
}

func testContextEnds(t *testing.T, r *adapterRun) {
	r.push(t.Context(), r.deliveries(0, 10)) // connections are open
	r.Stall(-1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan []notify.Outcome, 1)
	go func() { done <- r.push(ctx, r.deliveries(0, 3000)) }()
	Until(t, "pushes are under way", func() bool { return r.UnderWay() > 0 })
	start := time.Now()
	cancel()
	got := Receive(t, "Push returns", done)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("Push took %s to end", took)
	}
	for i, o := range got {
		if o.Verdict != notify.Retry || o.WholeLane {
			t.Fatalf("delivery %d: %+v, want a retry that says nothing about the lane", i, o)
		}
	}
}

func testContextEnded(t *testing.T, r *adapterRun) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := r.push(ctx, r.deliveries(0, 100))
	if count(got, notify.Retry) != 100 || r.Accepted() != 0 {
		t.Errorf("%d of 100 are to be tried again, %d were accepted", count(got, notify.Retry), r.Accepted())
	}
}

func testConcurrent(t *testing.T, r *adapterRun) {
	var wg sync.WaitGroup
	for k := range 8 {
		list := r.deliveries(k*300, 300)
		wg.Add(1)
		go func() {
			defer wg.Done()
			got := r.push(t.Context(), list)
			for i, o := range got {
				if o.Verdict != notify.Accepted {
					t.Errorf("push %d: delivery %d of 300: %s %s", k, i, o.Verdict, o.Reason)
				}
			}
		}()
	}
	wg.Wait()
	if r.Accepted() != 2400 {
		t.Errorf("the platform accepted %d, want 2400", r.Accepted())
	}
}

func testBounded(t *testing.T, r *adapterRun) {
	r.push(t.Context(), r.deliveries(0, 10)) // what is made once is there
	list := r.deliveries(0, 20000)
	r.Stall(-1)
	base := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan []notify.Outcome, 1)
	go func() { done <- r.push(ctx, list) }()
	most, last, still := 0, -1, 0
	Until(t, "the number of pushes under way stands", func() bool {
		if len(done) > 0 {
			return true // the adapter gave the platform up
		}
		most = max(most, runtime.NumGoroutine()-base)
		if now := r.UnderWay(); now == last && now > 0 {
			still++
		} else {
			last, still = now, 0
		}
		return still == 25
	})
	cancel()
	Receive(t, "Push returns", done)
	if most > r.MaxGoroutines {
		t.Errorf("%d goroutines for 20000 deliveries, want at most %d", most, r.MaxGoroutines)
	}
}
