package push

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"allim.dev/allim/notify/notifytest"
)

// Each keeps to the limit of every host, does everything once, and keeps nothing of hosts that are not used.
func TestHostsEach(t *testing.T) {
	h := NewHosts(3, 5, notifytest.NewClock(time.Time{}))
	groups := map[string][]int{}
	for i := range 300 {
		name := strconv.Itoa(i % 100)
		groups[name] = append(groups[name], i)
	}
	var mu sync.Mutex
	seen, own := map[int]int{}, map[string]int{}
	var all, most atomic.Int64
	h.Each(groups, func(host string, i int) {
		leave, until, err := h.Enter(t.Context(), host)
		if err != nil || !until.IsZero() {
			t.Errorf("%v, %s", err, until)
			return
		}
		defer leave()
		if n := all.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer all.Add(-1)
		mu.Lock()
		defer mu.Unlock()
		seen[i]++
		own[host]++
	})
	if len(seen) != 300 || most.Load() > 5 || len(h.used) != 0 {
		t.Errorf("%d were called, %d at a time, %d hosts are kept", len(seen), most.Load(), len(h.used))
	}
}

func TestHostsEnter(t *testing.T) {
	h := NewHosts(1, 2, notifytest.NewClock(time.Time{}))
	leave, _, err := h.Enter(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error, 1)
	go func() { _, _, err := h.Enter(ctx, "a"); waiting <- err }()
	notifytest.Until(t, "another one waits", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.used["a"].refs == 2
	})
	other, _, err := h.Enter(t.Context(), "b") // is not held up
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := notifytest.Receive(t, "it gives up", waiting); err == nil {
		t.Error("there was room for two")
	}
	leave()
	other()
	if len(h.used) != 0 || len(h.all) != 0 {
		t.Errorf("%d hosts are kept, %d slots", len(h.used), len(h.all))
	}
}

// A host is left alone after three rounds of failures, longer each time, until it answers; what fails together is one.
func TestHostsBreaker(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	h := NewHosts(4, 4, clock)
	until := func() time.Duration {
		leave, at, err := h.Enter(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		leave()
		if at.IsZero() {
			return 0
		}
		return at.Sub(clock.Now())
	}
	together := clock.Now()
	for range 10 {
		h.Failed("a", together, time.Time{})
	}
	if until() != 0 {
		t.Error("one round is enough")
	}
	for _, want := range []time.Duration{0, 5 * time.Second, 10 * time.Second, 20 * time.Second} {
		clock.Advance(time.Second)
		started := clock.Now()
		h.Failed("a", started, time.Time{})
		if got := until(); got != want {
			t.Errorf("left alone for %s, want %s", got, want)
		}
		clock.Advance(want)
	}
	for range 20 {
		clock.Advance(time.Second)
		h.Failed("a", clock.Now(), time.Time{})
	}
	if got := until(); got != breakMost {
		t.Errorf("at most %s, got %s", breakMost, got)
	}
	h.Answered("a")
	if until() != 0 || len(h.sick) != 0 {
		t.Error("it is remembered after it answered")
	}
	h.Failed("a", clock.Now(), clock.Now().Add(time.Hour)) // its own word
	clock.Advance(time.Second)
	h.Failed("a", clock.Now(), clock.Now().Add(time.Hour))
	if got := until(); got != time.Hour {
		t.Errorf("its own word: %s", got)
	}
	for i := range maxSick + 100 {
		h.Failed(strconv.Itoa(i), clock.Now(), time.Time{})
	}
	if len(h.sick) > maxSick {
		t.Errorf("%d are remembered", len(h.sick))
	}
}
