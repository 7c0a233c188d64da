package notifytest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// inTurns are the cases of several audiences that want the same lane.
func inTurns() map[string]func(*house) {
	return map[string]func(*house){
		"unicast goes before a broadcast under way": unicastFirst,
		"broadcasts take turns":                     broadcastsTakeTurns,
		"a far platform has more under way":         farPlatform,
	}
}

// gatedAdapter lets each batch go only when the test says so.
type gatedAdapter struct {
	*Adapter
	mu      sync.Mutex
	batches []*gated // that came, in this order
	open    bool     // all may go
}

// gated is a batch at the gate.
type gated struct {
	title string
	first int64 // its first device's key
	pass  chan struct{}
	gone  bool
}

// gate puts a gate before the phones' platform.
func (h *house) gate() *gatedAdapter {
	g := &gatedAdapter{Adapter: h.phones()}
	h.wrap = func(a notify.Adapter) notify.Adapter {
		if a == notify.Adapter(g.Adapter) {
			return g
		}
		return a
	}
	h.restart()
	return g
}

// Push implements notify.Adapter.
func (g *gatedAdapter) Push(ctx context.Context, deliveries []notify.Delivery, settle func(int, notify.Outcome)) {
	b := &gated{title: string(deliveries[0].Payload.Body), first: deliveries[0].Device.Key, pass: make(chan struct{})}
	g.mu.Lock()
	g.batches = append(g.batches, b)
	if g.open {
		b.gone = true
		close(b.pass)
	}
	g.mu.Unlock()
	select {
	case <-b.pass:
	case <-ctx.Done():
	}
	g.Adapter.Push(ctx, deliveries, settle)
}

// titles gives what came to the gate, in order.
func (g *gatedAdapter) titles() (list []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range g.batches {
		list = append(list, b.title)
	}
	return list
}

// let lets the earliest batch of a notification through: the one behind which the others' outcomes wait.
func (g *gatedAdapter) let(title string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var next *gated
	for _, b := range g.batches {
		if b.title == title && !b.gone && (next == nil || b.first < next.first) {
			next = b
		}
	}
	next.gone = true
	close(next.pass)
}

// letAll opens the gate.
func (g *gatedAdapter) letAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = true
	for _, b := range g.batches {
		if !b.gone {
			b.gone = true
			close(b.pass)
		}
	}
}

// titled gives a notification a title, and the body that the fake platform gets of it.
func titled(n notify.Notification, title string) (notify.Notification, string) {
	n.Content.Title, n.Content.Body = title, ""
	return n, title + "\n"
}

func unicastFirst(h *house) {
	h.crowd(1000)
	h.person("kim", 1)
	g := h.gate()
	all, _ := titled(toAll(), "to all")
	h.send(all)
	Until(h.t, "the broadcast to be under way", func() bool { return len(g.titles()) > 0 })
	one, urgent := titled(to("kim"), "urgent")
	sent := h.send(one)
	Until(h.t, "the unicast, while the broadcast hangs", func() bool { return slices.Contains(g.titles(), urgent) })
	g.let(urgent)
	h.wantCounts(sent.ID, notify.Counts{Targeted: 1, Accepted: 1})
	if n := len(h.phones().Sent()); n != 1 {
		h.t.Errorf("%d deliveries went out before the unicast", n-1)
	}
	g.letAll()
}

// Three broadcasts, each longer than what of it may be under way: room that comes free goes to the one with the least under
// way, then to the one that has waited longest.
func broadcastsTakeTurns(h *house) {
	h.crowd(2600)
	g := h.gate()
	var bodies []string
	for i, under := range []int{3, 4, 4} { // batches at the gate after each: one broadcast may not take all the room
		n, body := titled(toAll(), fmt.Sprint("to all, ", i))
		bodies = append(bodies, body)
		h.send(n)
		Until(h.t, "the batches for which there is room", func() bool { return len(g.titles()) == under })
	}
	for i, step := range []struct{ let, next int }{{0, 2}, {0, 0}, {0, 1}, {1, 2}, {2, 0}} {
		g.let(bodies[step.let])
		came := 5 + i
		Until(h.t, "the next batch", func() bool { return len(g.titles()) == came })
		if next := g.titles()[came-1]; next != bodies[step.next] {
			h.t.Errorf("batch %d is of %q, want %q", came, next, bodies[step.next])
		}
	}
	g.letAll()
}

// farPlatform: with a platform that is 50 ms away, more of a broadcast is under way than with one that answers at once.
func farPlatform(h *house) {
	h.crowd(2600)
	h.person("kim", 1)
	g := h.gate()
	one, first := titled(to("kim"), "first")
	sent := h.send(one)
	Until(h.t, "the first push", func() bool { return len(g.titles()) == 1 })
	h.clock.Advance(50 * time.Millisecond)
	g.let(first)
	h.wantCounts(sent.ID, notify.Counts{Targeted: 1, Accepted: 1})
	all, _ := titled(toAll(), "to all")
	h.send(all)
	Until(h.t, "as many batches as one broadcast may have", func() bool { return len(g.titles()) == 1+6 })
	g.letAll()
}
