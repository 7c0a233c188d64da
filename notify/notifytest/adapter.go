package notifytest

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// AdapterSetup is an adapter beside a simulator of its platform.
type AdapterSetup struct {
	Adapter notify.Adapter
	Clock   notify.Clock
	// Device gives the n-th device, from 0, which the platform takes.
	Device func(n int) notify.Device
	// BadDevices are refused by the adapter's DeviceChecker; none where it has none.
	BadDevices []notify.Device
	// Stall makes the platform take pushes to a device (a negative n: to any) and never answer.
	Stall func(n int)
	// LoseAnswer makes the platform accept the next push to a device and lose the answer on the way.
	LoseAnswer func(n int)
	// Accepted counts what the platform accepted; UnderWay what it took and has not answered.
	Accepted func() int
	UnderWay func() int
	// IDs are the ids of what was accepted, in order, repeats too; nil where the platform knows no ids.
	IDs func() []string
	// Got gives the requests that the platform took, in order, repeats too; of a body that came encrypted, what it holds.
	Got func() []AdapterGot
	// Table is the platform's way of saying no, and the outcome that each must give.
	Table []AdapterCase
	// Secrets are keys and the like, which must stand in no reason, error or log line. Tokens of devices are added.
	Secrets func() []string
	// MaxGoroutines is how many goroutines the adapter and the simulator may have in all, whatever the number of pushes.
	MaxGoroutines int
	// TooLong is what no payload may exceed, in bytes.
	TooLong int
}

// AdapterGot is one request as the platform got it.
type AdapterGot struct {
	Header func(name string) string // nil: not known
	Body   []byte
}

// AdapterCase is one row of a platform's table of responses.
type AdapterCase struct {
	Name string
	// Break makes the platform answer so to the next pushes to device n.
	Break func(n int)
	// Registered is the device's RegisteredAt; zero: an hour ago.
	Registered time.Time
	Attempt    int // 0: the first
	Verdict    notify.Verdict
	WholeLane  bool
	// Retry: the outcome's At lies this far from now; both zero: it is left to the hub.
	NotBefore, NotAfter time.Duration
	Reason              string // is in the outcome's reason
}

// AdapterSuite is what every adapter must pass. setup makes a fresh one, to be cleaned up by t.Cleanup, with a short
// deadline per attempt; it is called once for each test.
func AdapterSuite(t *testing.T, setup func(t testing.TB, log *slog.Logger) AdapterSetup) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *adapterRun)
	}{
		{"every delivery is settled once", testSettledOnce},
		{"the table of responses", testTable},
		{"one bad device does not hold up the others", testOneBad},
		{"a lost answer is repeated under the same id", testLostAnswer},
		{"a stalled push ends at its deadline", testStalled},
		{"the end of the context settles the rest", testContextEnds},
		{"nothing is sent after the end of the context", testContextEnded},
		{"several pushes at a time", testConcurrent},
		{"thousands of deliveries need few goroutines", testBounded},
		{"rendering is pure and fits", testRender},
		{"a preview is what goes out", testPreview},
		{"devices are checked", testDevices},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &adapterRun{t: t, said: map[string]bool{}, used: map[string]bool{}}
			r.AdapterSetup = setup(t, slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
			defer r.noSecrets()
			test.run(t, r)
		})
	}
	t.Run("nothing is left running after Close", func(t *testing.T) { testClose(t, setup) })
}

// adapterRun is one test's adapter, and all that it said.
type adapterRun struct {
	AdapterSetup
	t   *testing.T
	log syncBuffer

	mu   sync.Mutex
	said map[string]bool // reasons and errors
	used map[string]bool // tokens
}

// settled collects the outcomes of one Push.
type settled struct {
	mu       sync.Mutex
	times    []int
	outcomes []notify.Outcome
}

// push pushes and checks that each delivery was settled exactly once before Push returned.
func (r *adapterRun) push(ctx context.Context, list []notify.Delivery) []notify.Outcome {
	r.t.Helper()
	s := settled{times: make([]int, len(list)), outcomes: make([]notify.Outcome, len(list))}
	before := make([]byte, 0)
	for _, d := range list[:min(len(list), 1)] {
		before = append(before, d.Payload.Body...)
	}
	r.Adapter.Push(ctx, list, func(i int, o notify.Outcome) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.times[i]++
		s.outcomes[i] = o
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, n := range s.times {
		if n != 1 {
			r.t.Errorf("delivery %d was settled %d times", i, n)
		}
	}
	if len(list) > 0 && !bytes.Equal(before, list[0].Payload.Body) {
		r.t.Error("Push changed the payload, which others share")
	}
	for i, o := range s.outcomes {
		r.note(o.Reason, list[i].Device.Token)
	}
	return s.outcomes
}

// note keeps what was said, and a token that must not be in it.
func (r *adapterRun) note(said, token string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said[said], r.used[token] = true, true
}

// noSecrets checks everything that the adapter said.
func (r *adapterRun) noSecrets() {
	secrets := slices.Concat(r.Secrets(), slices.Collect(maps.Keys(r.used)))
	all := r.log.String() + "\n" + strings.Join(slices.Collect(maps.Keys(r.said)), "\n")
	for _, s := range secrets {
		if s != "" && strings.Contains(all, s) {
			r.t.Errorf("a secret (%d bytes, beginning %.6q) stands in a log line, a reason or an error", len(s), s)
		}
	}
}

// deliveries makes one for each of n devices from first on, of one notification.
func (r *adapterRun) deliveries(first, n int) []notify.Delivery {
	r.t.Helper()
	note := sample()
	payloads := map[string]notify.Payload{}
	list := make([]notify.Delivery, n)
	for i := range list {
		d := r.Device(first + i)
		d.Key = int64(first + i + 1)
		if d.RegisteredAt.IsZero() {
			d.RegisteredAt = r.Clock.Now().Add(-time.Hour)
		}
		p, ok := payloads[d.Environment]
		if !ok {
			var err error
			if p, err = r.Adapter.Render(note, notify.Variant{Environment: d.Environment}); err != nil {
				r.t.Fatal(err)
			}
			payloads[d.Environment] = p
		}
		list[i] = notify.Delivery{ID: notify.DeliveryID(7, d.Key), Device: d, Payload: p, Attempt: 1,
			Expires: r.Clock.Now().Add(time.Hour)}
	}
	return list
}

// sample is a notification with something in every field.
func sample() notify.Notification {
	badge := 3
	return notify.Notification{Seq: 7, ID: "01900000-0000-7000-8000-000000000007", Priority: notify.PriorityHigh,
		Content: notify.Content{Title: "Kim Minji", Subtitle: "Budget", Body: "Can you look at this before noon?",
			URL: "https://mail.example.com/m/1", Image: "https://mail.example.com/p.png", Sound: "default",
			Data: map[string]string{"folder": "INBOX"}, Badge: &badge, Thread: "budget", Category: "MAIL"}}
}

// syncBuffer is a buffer that loggers of several goroutines may write to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String gives what was written.
func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
