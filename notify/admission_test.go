package notify

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// turned is a clock that stands still until it is set; timers are not needed here.
type turned struct {
	SystemClock
	now atomic.Int64
}

func (c *turned) Now() time.Time { return time.Unix(c.now.Load(), 0) }

// queued waits until n requests wait.
func (a *admission) queued(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		a.mu.Lock()
		waiting := a.waiting
		a.mu.Unlock()
		if waiting == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d wait, want %d", waiting, n)
		}
	}
}

// full gives an admission whose store is busy.
func full(t *testing.T, limit int) (*admission, *turned) {
	t.Helper()
	clock := &turned{}
	a := newAdmission(clock, limit)
	for range admitted {
		if _, err := a.enter(t.Context(), "busy"); err != nil {
			t.Fatal(err)
		}
	}
	return a, clock
}

// Who floods waits for itself; others have their turns between.
func TestAdmissionTakesTurns(t *testing.T) {
	a, _ := full(t, 64)
	order := make(chan string, 64)
	ask := func(name string, waiting int) {
		go func() {
			if _, err := a.enter(context.Background(), name); err != nil {
				order <- err.Error()
				return
			}
			order <- name
		}()
		a.queued(t, waiting)
	}
	for i := range 6 {
		ask("flood", i+1)
	}
	ask("quiet", 7)
	ask("other", 8)
	got := ""
	for range 8 {
		a.leave()
		got += (<-order)[:1]
	}
	if got != "fqofffff" {
		t.Errorf("the order is %s", got)
	}
	if len(a.callers) != 0 || len(a.turn) != 0 || a.waiting != 0 || a.inside != admitted {
		t.Errorf("left over: %+v", a)
	}
}

func TestAdmissionRefuses(t *testing.T) {
	a, clock := full(t, 8)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 16)
	wait := func(name string, waiting int) {
		go func() {
			_, err := a.enter(ctx, name)
			left <- err
		}()
		a.queued(t, waiting)
	}
	refused := func(name, setting string) {
		t.Helper()
		_, err := a.enter(t.Context(), name)
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeUnavailable || e.RetryAfter <= 0 || !strings.Contains(e.Detail, setting) {
			t.Errorf("%s: %v, want to be refused with a time and %q", name, err, setting)
		}
	}
	for i := range 6 { // alone, a caller may have the whole queue
		wait("flood", i+1)
	}
	wait("quiet", 7)
	refused("flood", "a quarter of limits.accept_queue, which is 8")
	wait("other", 8)
	refused("fourth", "limits.accept_queue allows, which is 8")
	clock.now.Add(10)
	a.leave()
	if err := <-left; err != nil {
		t.Fatal(err)
	}
	refused("fourth", "does not keep up")
	cancel()
	for range 7 {
		if err := <-left; CodeOf(err) != CodeUnavailable || !errors.Is(err, context.Canceled) {
			t.Errorf("who left: %v", err)
		}
	}
	for range admitted {
		a.leave()
	}
	if a.inside != 0 || a.waiting != 0 || len(a.callers) != 0 {
		t.Errorf("left over: inside %d, waiting %d, callers %d", a.inside, a.waiting, len(a.callers))
	}
}
