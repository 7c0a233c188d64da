package live

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"allim.dev/allim/adapters/live/livetest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// cutting is a network that breaks each response's body after a random number of bytes, often within an event.
type cutting struct {
	inner http.RoundTripper
	mu    sync.Mutex
	rand  *rand.Rand
}

func (c *cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.inner.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	res.Body = &cutBody{res.Body, c.rand.IntN(4000)}
	return res, nil
}

type cutBody struct {
	io.ReadCloser
	left int
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errors.New("cut")
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// Whatever is cut, a client that resumes by its last id misses nothing, sees everything in order on each connection, and
// sees a thing twice only over a reconnect. Nothing was to be read before its first ready.
func TestCutsLoseNothing(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, nil, nil)
			chance := rand.New(rand.NewPCG(seed, 9))
			client := &http.Client{Transport: &cutting{inner: h.srv.Client().Transport, rand: chance}}
			h.follow(client, seed, 10)
		})
	}
}

var errSeenAll = errors.New("seen all")

// follow writes items while a browser-like client reads over a network that cuts, so often at least.
func (h *house) follow(client *http.Client, seed uint64, least int) {
	const count = 400
	var want []int64
	written, begun := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(written)
		<-begun
		chance := rand.New(rand.NewPCG(seed, 7))
		for range count {
			user := []string{"kim", "kim", "", "alex"}[chance.IntN(4)]
			title := strings.Repeat("가", chance.IntN(300))
			if seq := h.inbox.putText(user, title); user != "alex" {
				want = append(want, seq)
			}
		}
		h.inbox.putText("kim", "last")
	}()
	var once sync.Once
	seen := map[int64]int{} // seq to connection
	var got []int64
	connections, lastOf := 0, map[int]int64{}
	source := livetest.EventSource{Client: client, URL: h.url("/me/stream", "user=kim")}
	ctx, cancel := context.WithTimeout(h.t.Context(), notifytest.Patience)
	defer cancel()
	err := source.Run(ctx, func(n int, e livetest.Event) error {
		connections = n + 1
		if e.Name == "ready" {
			once.Do(func() { close(begun) })
		}
		if e.Name == "resync" {
			h.t.Errorf("resync without a reason: %+v", e)
		}
		if e.Name != "notification" {
			return nil
		}
		c, err := notify.ParseCursor(e.ID)
		if err != nil {
			return err
		}
		if c.Seq <= lastOf[n] {
			h.t.Errorf("connection %d: %d after %d", n, c.Seq, lastOf[n])
		}
		lastOf[n] = c.Seq
		if before, twice := seen[c.Seq]; twice && before == n {
			h.t.Errorf("connection %d: %d twice", n, c.Seq)
		} else if !twice {
			got = append(got, c.Seq)
		}
		seen[c.Seq] = n
		if strings.Contains(e.Data, `"last"`) {
			return errSeenAll
		}
		return nil
	})
	once.Do(func() { close(begun) })
	<-written
	if err != errSeenAll {
		h.t.Fatalf("connection %d, %d items: %v", connections, len(got), err)
	}
	if connections < least {
		h.t.Errorf("only %d connections: nothing was cut", connections)
	}
	got = got[:len(got)-1] // the last one
	if len(got) != len(want) {
		h.t.Fatalf("got %d items over %d connections, want %d", len(got), connections, len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			h.t.Fatalf("item %d is %d, want %d", i, got[i], want[i])
		}
	}
}

// 10,000 clients that come, perhaps read, and drop off leave nothing behind; goleak looks for their goroutines.
func TestDropCycles(t *testing.T) {
	cycles := 10_000
	if testing.Short() {
		cycles = 500
	}
	h := newHouse(t, nil, nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := range next {
				if err := h.cycle(n); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	for n := range cycles {
		next <- n
		if n%50 == 0 {
			h.inbox.putText("kim", "x")
		}
	}
	close(next)
	wg.Wait()
	notifytest.Until(t, "the end of all handlers", func() bool { return h.bus.count() == 0 })
	if got := h.connections(); got[transportSSE] != 0 {
		t.Errorf("allim_live_connections says %v", got)
	}
	if n := h.clock.Waiting(); n != 0 {
		t.Errorf("%d timers are left", n)
	}
	h.live.open.mu.Lock()
	defer h.live.open.mu.Unlock()
	if len(h.live.open.ofUsers) != 0 || h.live.open.total != 0 {
		t.Errorf("%d connections of %d users are still counted", h.live.open.total, len(h.live.open.ofUsers))
	}
}

func (h *house) cycle(n int) error {
	ctx, cancel := context.WithTimeout(h.t.Context(), notifytest.Patience)
	defer cancel()
	lastID := ""
	if n%3 == 0 {
		lastID = id(0)
	}
	s, err := livetest.Open(ctx, h.srv.Client(), h.url("/me/stream", "user=kim"), nil, lastID)
	if err != nil {
		return err
	}
	if n%2 == 0 {
		if _, err := s.Next(); err != nil {
			return err
		}
	}
	if n%5 == 0 {
		cancel()
	}
	return s.Close()
}

// What one page costs a publisher must not depend on whether the page reads.
func TestPublisherIsNotHeldUp(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.WriteTimeout = time.Minute }, nil)
	for range 5 {
		stalled(t, h, "user=kim&after=e1.0")
	}
	notifytest.Until(t, "all streams", func() bool { return h.bus.count() == 5 })
	done := make(chan struct{})
	go func() {
		defer close(done)
		big := notify.Notification{Content: notify.Content{Body: strings.Repeat("x", 64<<10)}}
		for range 200 {
			h.inbox.put("kim", big)
		}
	}()
	notifytest.Receive(t, "200 items beside clients that do not read", done)
}
