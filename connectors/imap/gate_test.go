package imap

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"allim.dev/allim/connectors/imap/imaptest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// crowd sends n accounts through a gate, each to a server that answers by the given function.
type crowd struct {
	gate  *gate
	clock *notifytest.Clock
	stop  func()
	in    atomic.Int64
	done  atomic.Int64
	mu    sync.Mutex
	order []time.Time // LastActive of those who got in
	at    []time.Time
}

func newCrowd(t *testing.T, n int, rate, maxRate float64, answer func(i int) verdict) *crowd {
	t.Helper()
	clock := notifytest.NewClock(time.Time{})
	c := &crowd{gate: newGate(clock, rate, maxRate), clock: clock}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range n {
		active := clock.Now().Add(-time.Duration(i) * time.Minute)
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				if c.gate.enter(ctx, active, func(string) {}) != nil {
					return
				}
				c.in.Add(1)
				v := answer(i)
				c.mu.Lock()
				c.order, c.at = append(c.order, active), append(c.at, clock.Now())
				c.mu.Unlock()
				c.gate.leave(v, "away")
				if v == verdictOK {
					c.done.Add(1)
					return
				}
			}
		}()
	}
	notifytest.Until(t, "all to queue up", func() bool {
		c.gate.mu.Lock()
		defer c.gate.mu.Unlock()
		return len(c.gate.queue) == n
	})
	wg.Add(1)
	go func() { defer wg.Done(); c.gate.run(ctx) }()
	c.stop = func() { cancel(); wg.Wait() }
	t.Cleanup(c.stop)
	return c
}

// TestCase15_FiveThousandAccounts: after a restart of the server they come at the bucket's rate, the recently active ones
// first, and all are back in bound.
func TestCase15_FiveThousandAccounts(t *testing.T) {
	t.Parallel()
	const n = 5000
	c := newCrowd(t, n, 20, 100, func(int) verdict { return verdictOK })
	start := c.clock.Now()
	notifytest.Until(t, "all to be in", func() bool {
		c.clock.Advance(50 * time.Millisecond)
		return c.done.Load() == n
	})
	if d := c.clock.Now().Sub(start); d > 3*time.Minute {
		t.Errorf("it took %s", d)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	perSecond := map[int64]int{}
	for _, at := range c.at {
		perSecond[int64(at.Sub(start)/time.Second)]++
	}
	for s, k := range perSecond {
		if bound := min(20+growPerTick*int(s+1), 100) + 15; k > bound {
			t.Errorf("second %d: %d logins, at most %d", s, k, bound)
		}
	}
	early := 0
	for _, active := range c.order[:100] {
		if start.Sub(active) < 400*time.Minute {
			early++
		}
	}
	if early < 90 {
		t.Errorf("of the first 100 only %d were active lately", early)
	}
}

// TestCase15_ServerAway: one probe at a time for all of them, and when it succeeds all come back.
func TestCase15_ServerAway(t *testing.T) {
	t.Parallel()
	var up atomic.Bool
	const n = 1000
	c := newCrowd(t, n, 20, 100, func(int) verdict {
		if up.Load() {
			return verdictOK
		}
		return verdictAway
	})
	start := c.clock.Now()
	notifytest.Until(t, "an hour", func() bool {
		c.clock.Advance(3 * time.Second)
		return c.clock.Now().Sub(start) > time.Hour
	})
	if got := c.in.Load(); got > 400 || got < 30 {
		t.Errorf("%d attempts in an hour against a server that is away", got)
	}
	up.Store(true)
	back := c.clock.Now()
	notifytest.Until(t, "all to be in", func() bool {
		c.clock.Advance(100 * time.Millisecond)
		return c.done.Load() == n
	})
	if d := c.clock.Now().Sub(back); d > 5*time.Minute {
		t.Errorf("it took %s to come back", d)
	}
}

// TestCase15_TroubleSlowsDown: the rate halves under trouble and grows again after it.
func TestCase15_TroubleSlowsDown(t *testing.T) {
	clock := notifytest.NewClock(time.Time{})
	g := newGate(clock, 20, 100)
	for range 4 {
		clock.Advance(2 * time.Second)
		g.trouble()
		g.trouble() // one burst counts once
	}
	if g.rate != 1.25 {
		t.Errorf("rate %v after four bursts of trouble", g.rate)
	}
	for range 4000 {
		g.inside++
		g.leave(verdictOK, "")
	}
	if g.rate != 100 {
		t.Errorf("rate %v after all went well", g.rate)
	}
}

// TestCase15_RestartForReal: two hundred accounts over real connections; the server restarts; each mail is told once.
func TestCase15_RestartForReal(t *testing.T) {
	t.Parallel()
	r := newRig(t, imaptest.Options{})
	const n = 200
	var accounts []notify.Account
	for i := range n {
		login := "user" + strconv.Itoa(i)
		r.srv.AddUser(login, "secret")
		accounts = append(accounts, mailbox(login))
	}
	r.watch.SetAccounts(accounts...)
	r.set = func(s *Settings) { s.LoginRate, s.MaxLoginRate = 200, 200 }
	r.start()
	idling := func() bool { return r.srv.Stats().Idling == n }
	notifytest.Until(t, "all in IDLE", idling)
	before := r.srv.Stats()
	r.srv.Stop()
	for _, a := range accounts {
		if _, err := r.srv.Deliver(a.Login, letter(a.Login), imaptest.Delivery{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.srv.Start(); err != nil {
		t.Fatal(err)
	}
	notifytest.Until(t, "all mails", func() bool { return len(r.have()) == n })
	notifytest.Until(t, "all in IDLE", idling)
	st := r.srv.Stats()
	if again := st.Logins - before.Logins; again != n {
		t.Errorf("%d logins after the restart, %d accounts", again, n)
	}
	told := map[string]bool{}
	for _, s := range r.have() {
		if told[s] {
			t.Errorf("%s was told twice", s)
		}
		told[s] = true
	}
}
