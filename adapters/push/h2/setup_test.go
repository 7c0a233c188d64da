package h2

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"allim.dev/allim/adapters/sim/fast"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shared are fields as every push has them.
var shared = []notify.Header{{Name: "apns-topic", Value: "com.example.mail"}, {Name: "apns-push-type", Value: "alert"},
	{Name: "apns-priority", Value: "5"}}

const bearer = "bearer eyJhbGciOiJFUzI1NiIsImtpZCI6IkFCQzEyM0RFRkcifQ.eyJpc3MiOiJURUFNMTIzNDU2In0.MEUCIQDx"

// options are those of most tests.
func options(dial func(context.Context) (*Wire, error)) Options {
	return Options{Authority: "localhost", Connections: 1, InFlight: 100, Timeout: notifytest.Patience, MaxBody: 4096,
		Keep: []string{"retry-after", "apns-id"}, Clock: notify.SystemClock{}, PingAfter: notifytest.Patience,
		PingTimeout: notifytest.Patience, Dial: dial}
}

// newClient makes a client that the test closes.
func newClient(t testing.TB, o Options) *Client {
	t.Helper()
	c := New(o)
	t.Cleanup(c.Close)
	return c
}

// to gives a Dial to a simulator.
func to(s *fast.Server) func(context.Context) (*Wire, error) {
	d := Dialer{Address: s.URL()[len("https://"):], TLS: &tls.Config{RootCAs: s.CA().Pool()}}
	return d.Dial
}

// answers collects the replies of a batch.
type answers struct {
	t     testing.TB
	mu    sync.Mutex
	list  []Reply
	times []int
	next  func(i int, r *Reply) Next // nil: GoOn
}

func newAnswers(t testing.TB, n int) *answers {
	return &answers{t: t, list: make([]Reply, n), times: make([]int, n)}
}

func (a *answers) done(i int, r *Reply) Next {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times[i]++
	a.list[i] = *r
	a.list[i].Body = append([]byte(nil), r.Body...)
	a.list[i].Header = append([]notify.Header(nil), r.Header...)
	if a.next != nil {
		return a.next(i, r)
	}
	return GoOn
}

// count counts statuses; errors are 0.
func (a *answers) count() map[int]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	got := map[int]int{}
	for i, r := range a.list {
		if a.times[i] != 1 {
			a.t.Errorf("request %d got %d replies", i, a.times[i])
		}
		got[r.Status]++
	}
	return got
}

// fill makes the i-th push.
func fill(i int, r *Request) error {
	r.Path, r.Authorization, r.Shared = fmt.Sprintf("/3/device/%064x", i), bearer, shared
	r.Own = append(r.Own, notify.Header{Name: "apns-id", Value: fmt.Sprintf("%08x-0000-4000-8000-000000000000", i)})
	r.Body = []byte(`{"aps":{"alert":{"title":"Kim","body":"hello"}}}`)
	return nil
}

// pushN sends n pushes and gives their replies.
func pushN(t testing.TB, c *Client, n int) *answers {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), notifytest.Patience)
	defer cancel()
	a := newAnswers(t, n)
	c.Do(ctx, Batch{N: n, Fill: fill, Done: a.done})
	return a
}

// server starts a fast simulator.
func server(t testing.TB, o fast.Options) *fast.Server {
	t.Helper()
	s, err := fast.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
