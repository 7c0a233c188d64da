package notifytest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// BusSuite is the contract of notify.Bus as tests; open makes a fresh bus. A wake-up may be lost, doubled or late by
// contract, so the suite wakes again until it is heard, and what must not be heard is looked for behind one that was.
func BusSuite(t *testing.T, open func(t testing.TB) notify.Bus) {
	for _, c := range []struct {
		name string
		test func(*testing.T, notify.Bus)
	}{
		{"every subscriber hears", busEveryone},
		{"any of the subjects wakes", busSubjects},
		{"other subjects do not wake", busForeign},
		{"many before a receive are one", busMany},
		{"wake never blocks", busNeverBlocks},
		{"after close nothing comes", busClose},
		{"names are taken as they are", busNames},
		{"all at the same time", busStorm},
		{"calls", busCalls},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// wakeUntil wakes the subject until the subscription hears it.
func wakeUntil(t testing.TB, b notify.Bus, subject string, s notify.Subscription) {
	t.Helper()
	Until(t, "a wake-up on "+subject, func() bool {
		b.Wake(subject)
		return heard(s, 10*time.Millisecond)
	})
}

func heard(s notify.Subscription, within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-s.C():
		return true
	case <-timer.C:
		return false
	}
}

// quiet takes what is still on its way.
func quiet(s notify.Subscription) {
	for heard(s, 10*time.Millisecond) {
	}
}

func busEveryone(t *testing.T, b notify.Bus) {
	var subs []notify.Subscription
	for range 200 {
		s := b.Subscribe("x")
		defer s.Close()
		subs = append(subs, s)
	}
	for _, s := range subs {
		wakeUntil(t, b, "x", s)
	}
}

func busSubjects(t *testing.T, b notify.Bus) {
	s := b.Subscribe(notify.SubjectInbox("kim"), notify.SubjectInboxAll, notify.SubjectInboxAll)
	defer s.Close()
	wakeUntil(t, b, notify.SubjectInbox("kim"), s)
	wakeUntil(t, b, notify.SubjectInboxAll, s)
	none := b.Subscribe()
	defer none.Close()
	if none.C() == nil {
		t.Error("a subscription to nothing has no channel")
	}
}

func busForeign(t *testing.T, b notify.Bus) {
	kim, alex := b.Subscribe(notify.SubjectInbox("kim")), b.Subscribe(notify.SubjectInbox("alex"))
	defer kim.Close()
	defer alex.Close()
	for range 50 {
		b.Wake(notify.SubjectInbox("alex"))
		b.Wake("inbox/ki")
		b.Wake("inbox/kim ")
	}
	wakeUntil(t, b, notify.SubjectInbox("alex"), alex)
	if heard(kim, 10*time.Millisecond) {
		t.Error("a wake-up of another subject was heard")
	}
}

func busMany(t *testing.T, b notify.Bus) {
	s := b.Subscribe("x")
	defer s.Close()
	for range 1000 {
		b.Wake("x")
	}
	wakeUntil(t, b, "x", s)
	n := 0
	for heard(s, 10*time.Millisecond) {
		n++
	}
	if n > 2 { // doubled is allowed, a queue is not
		t.Errorf("1000 wake-ups before a receive were heard %d times more", n)
	}
	wakeUntil(t, b, "x", s) // and a later one is heard again
}

func busNeverBlocks(t *testing.T, b notify.Bus) {
	for range 1000 {
		defer b.Subscribe("x").Close() // nobody reads
	}
	reads := b.Subscribe("x")
	defer reads.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 1000 {
			b.Wake("x")
		}
	}()
	Receive(t, "1000 wake-ups of 1000 subscribers that do not read", done)
	wakeUntil(t, b, "x", reads)
}

func busClose(t *testing.T, b notify.Bus) {
	gone, stays := b.Subscribe("x", "y"), b.Subscribe("x", "y")
	wakeUntil(t, b, "x", gone)
	gone.Close()
	gone.Close() // twice is fine
	quiet(gone)
	wakeUntil(t, b, "x", stays)
	wakeUntil(t, b, "y", stays)
	if heard(gone, 10*time.Millisecond) {
		t.Error("heard after Close")
	}
	stays.Close()
	b.Wake("x") // to nobody
}

func busNames(t *testing.T, b notify.Bus) {
	for _, user := range []string{"김 철수", "a.b", "*", ">", "", "a@b", "x y"} {
		subject := notify.SubjectInbox(user)
		s := b.Subscribe(subject)
		wakeUntil(t, b, subject, s)
		s.Close()
	}
}

// busStorm subscribes, wakes and closes from many goroutines; who stays must still hear.
func busStorm(t *testing.T, b notify.Bus) {
	stays := b.Subscribe("hot", "cold")
	defer stays.Close()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 300 {
				s := b.Subscribe("hot", fmt.Sprint("own/", g, "/", i%5))
				b.Wake("hot")
				b.Wake(fmt.Sprint("own/", (g+1)%8, "/", i%5))
				if i%2 == 0 {
					heard(s, time.Microsecond)
				}
				s.Close()
			}
		}()
	}
	wg.Wait()
	quiet(stays)
	wakeUntil(t, b, "hot", stays)
	wakeUntil(t, b, "cold", stays)
}

// busCalls is of a bus that is a notify.Caller, too.
func busCalls(t *testing.T, b notify.Bus) {
	c, ok := b.(notify.Caller)
	if !ok {
		return
	}
	called := make(chan string, 1000)
	s := c.Call(func(subject string) {
		select {
		case called <- subject:
		default:
		}
	}, "x", "y")
	others := make([]notify.Subscription, 100)
	for i := range others {
		others[i] = c.Call(func(string) {}, "x")
		defer others[i].Close()
	}
	for _, subject := range []string{"x", "y"} {
		Until(t, "a call for "+subject, func() bool {
			b.Wake("z")
			b.Wake(subject)
			select {
			case got := <-called:
				if got != "x" && got != "y" {
					t.Errorf("called for %q", got)
				}
				return got == subject
			default:
				return false
			}
		})
	}
	s.Close()
	s.Close()
	for len(called) > 0 {
		<-called
	}
	b.Wake("x")
	if len(called) > 0 {
		t.Error("called after Close")
	}
}
