package mem

import (
	"fmt"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBus(t *testing.T) {
	notifytest.BusSuite(t, func(testing.TB) notify.Bus { return New() })
}

func (b *Bus) subjects() (n, entries int) {
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.RLock()
		n += len(s.subjects)
		for _, list := range s.subjects {
			entries += len(list)
		}
		s.mu.RUnlock()
	}
	return n, entries
}

// In one process nothing is lost and nothing doubled: stricter than the contract.
func TestWakeIsExact(t *testing.T) {
	b := New()
	sub := b.Subscribe("a", "b", "a")
	b.Wake("a")
	b.Wake("b")
	b.Wake("c")
	if got := len(sub.C()); got != 1 {
		t.Fatalf("two wake-ups before a receive: %d wait, want 1", got)
	}
	<-sub.C()
	b.Wake("c")
	if got := len(sub.C()); got != 0 {
		t.Fatalf("a foreign subject woke: %d wait, want 0", got)
	}
	sub.Close()
	b.Wake("a")
	if got := len(sub.C()); got != 0 {
		t.Fatalf("woken after Close: %d wait, want 0", got)
	}
}

// A lost wake-up would leave the reader waiting for a number that was written long ago.
func TestNothingIsLost(t *testing.T) {
	b := New()
	for _, others := range []int{0, 2 * fewSubscribers} { // both ways of waking
		for range others {
			defer b.Subscribe("n").Close()
		}
		sub := b.Subscribe("n")
		defer sub.Close()
		const last = 20_000
		var mu sync.Mutex
		n := 0
		go func() {
			for i := 1; i <= last; i++ {
				mu.Lock()
				n = i
				mu.Unlock()
				b.Wake("n")
			}
		}()
		for seen := 0; seen < last; {
			notifytest.Receive(t, fmt.Sprintf("a wake-up after %d", seen), sub.C())
			mu.Lock()
			seen = n
			mu.Unlock()
		}
	}
}

// Whoever leaves leaves nothing behind, in whatever order, and those who stay are still woken.
func TestCloseLeavesNothing(t *testing.T) {
	b := New()
	stays := b.Subscribe(notify.SubjectInboxAll)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			var open []notify.Subscription
			for i := range 2000 {
				open = append(open, b.Subscribe(notify.SubjectInboxAll, notify.SubjectInbox(fmt.Sprint(g, "/", i%50))))
				if i%3 == 0 { // from the middle
					k := (i * 7) % len(open)
					open[k].Close()
					open = append(open[:k], open[k+1:]...)
				}
				if i%100 == 0 {
					b.Wake(notify.SubjectInboxAll)
				}
			}
			for _, s := range open {
				s.Close()
			}
		}()
	}
	wg.Wait()
	if n, entries := b.subjects(); n != 1 || entries != 1 {
		t.Errorf("%d subjects with %d entries are left, want only the one that stays", n, entries)
	}
	for len(stays.C()) > 0 {
		<-stays.C()
	}
	b.Wake(notify.SubjectInboxAll)
	if len(stays.C()) != 1 {
		t.Error("who stayed is no longer woken")
	}
	stays.Close()
	if n, _ := b.subjects(); n != 0 {
		t.Errorf("%d subjects are left after all closed", n)
	}
}

func open(b *Bus, pages int) {
	for i := range pages {
		b.Subscribe(notify.SubjectInboxAll, notify.SubjectInbox(fmt.Sprint(i)))
	}
}

func BenchmarkWakeOneOf100k(b *testing.B) {
	bus := New()
	open(bus, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		bus.Wake("inbox/77777")
	}
}

func BenchmarkWakeAll100k(b *testing.B) {
	bus := New()
	open(bus, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		bus.Wake(notify.SubjectInboxAll)
	}
}

func BenchmarkSubscribeClose(b *testing.B) {
	bus := New()
	open(bus, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		bus.Subscribe(notify.SubjectInboxAll, "inbox/kim").Close()
	}
}
