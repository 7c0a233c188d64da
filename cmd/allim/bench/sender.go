package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"allim.dev/allim/adapters/sim/fast"
)

// senderOptions are the flags of `allim bench sender`.
type senderOptions struct {
	pushes  int
	library int
	rounds  int
	latency time.Duration
	goAway  int
	proxy   bool
	procs   int
	profile string
}

// SenderResult is what senders cost, each in its turn, with the same simulator in a process of its own.
type SenderResult struct {
	Rounds  int          `json:"rounds"`
	Latency float64      `json:"latencyMs"`
	GoAway  int          `json:"goAwayAfter"` // requests on a connection until the simulator ends it; 0: never
	Proxy   bool         `json:"proxy"`
	Sides   []SenderSide `json:"senders"`
}

// SenderSide is one sender; its figures are medians of the rounds.
type SenderSide struct {
	Name       string  `json:"name"`
	Pushes     int     `json:"pushes"` // in each round
	PerSecond  float64 `json:"pushesPerSecond"`
	CPU        float64 `json:"cpuMicrosPerPush"` // of the sender's process alone
	PerCPU     float64 `json:"pushesPerCPUSecond"`
	Times      float64 `json:"timesAPNs2"` // PerCPU against sideshow/apns2's
	Accepted   int64   `json:"accepted"`   // of all rounds, as the simulator counts
	Duplicates int64   `json:"duplicates"`
	Conns      int64   `json:"connections"`
}

// Table implements Result.
func (r SenderResult) Table() ([]string, [][]string) {
	head := []string{"SENDER", "PUSHES", "PER SECOND", "CPU A PUSH", "PER CPU SECOND", "TIMES APNS2", "ACCEPTED", "REPEATS", "CONNECTIONS"}
	rows := make([][]string, len(r.Sides))
	for i, s := range r.Sides {
		rows[i] = []string{s.Name, fmt.Sprint(s.Pushes), fmt.Sprintf("%.0f", s.PerSecond), fmt.Sprintf("%.2f µs", s.CPU),
			fmt.Sprintf("%.0f", s.PerCPU), fmt.Sprintf("%.1f", s.Times), fmt.Sprint(s.Accepted), fmt.Sprint(s.Duplicates), fmt.Sprint(s.Conns)}
	}
	return head, rows
}

func sender() Scenario {
	var o senderOptions
	return Scenario{
		Name: "sender", Short: "What a push costs the sender, beside sideshow/apns2",
		Long: "Pushes to a simulator in a process of its own, in turns: by the hub's adapters of APNs, FCM and Web Push on each transport,\n" +
			"and by sideshow/apns2's own client. Deadlines, repeats and connections that say goodbye are part of it; of a million\n" +
			"device tokens 10,000 are retired and 10,000 are answered 429 the first time. The processor time is the sender's alone.",
		Flags: func(f *pflag.FlagSet) {
			f.IntVar(&o.pushes, "pushes", 300_000, "pushes of each sender of the hub in a round")
			f.IntVar(&o.library, "library-pushes", 60_000, "pushes of the senders on other libraries, and of Web Push, which encrypts each, in a round")
			f.IntVar(&o.rounds, "rounds", 3, "rounds; medians are told")
			f.DurationVar(&o.latency, "latency", 0, "how long the simulator holds answers back")
			f.IntVar(&o.goAway, "goaway-after", 50_000, "requests after which the simulator ends a connection; 0: never")
			f.BoolVar(&o.proxy, "proxy", false, "push through an HTTP CONNECT proxy, which runs in the simulator's process")
			f.IntVar(&o.procs, "procs", 1, "processors that the sender may use; 0: all")
			f.StringVar(&o.profile, "profile", "", "a folder for processor profiles, one of each sender")
		},
		Run: func(ctx context.Context, progress io.Writer) (Result, error) { return o.run(ctx, progress) },
	}
}

func (o senderOptions) run(ctx context.Context, progress io.Writer) (result SenderResult, err error) {
	if o.pushes < 1 || o.library < 1 || o.rounds < 1 || o.latency < 0 || o.goAway < 0 || o.procs < 0 {
		return result, errors.New("--pushes, --library-pushes and --rounds must be at least 1, the others not negative")
	}
	if o.procs > 0 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(o.procs))
	}
	w, err := newWorld(ctx, worldOptions{progress: progress, sim: fast.Options{Gone: 10_000, Throttled: 10_000,
		RetryAfter: time.Second, OneStream: true, Track: true, Latency: o.latency, GoAwayAfter: o.goAway}})
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	var via *url.URL
	if o.proxy {
		if via, err = url.Parse(w.sim.Control); err != nil {
			return result, err
		}
	}
	result = SenderResult{Rounds: o.rounds, Latency: float64(o.latency.Microseconds()) / 1000, GoAway: o.goAway, Proxy: o.proxy}
	sides, err := o.sides(w, via)
	defer func() {
		for _, s := range sides {
			err = errors.Join(err, s.close())
		}
	}()
	if err != nil {
		return result, err
	}
	if err := o.measure(ctx, w, sides); err != nil {
		return result, err
	}
	for _, s := range sides {
		result.Sides = append(result.Sides, s.result(sides[len(sides)-1]))
	}
	return result, nil
}

// senderRun is a sender with what was measured of it.
type senderRun struct {
	name   string
	pushes int
	push   func(ctx context.Context, n int) error // sends n pushes
	close  func() error

	cpu, took  []time.Duration // of each round
	accepted   int64
	duplicates int64
	conns      int64
}

// measure has each sender push in each round.
func (o senderOptions) measure(ctx context.Context, w *world, sides []*senderRun) error {
	for round := range o.rounds {
		for _, s := range sides {
			fmt.Fprintf(w.progress, "Round %d of %d: %s.\n", round+1, o.rounds, s.name)
			if err := s.push(ctx, 2000); err != nil { // connections are open, tables are warm
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if err := w.sim.Reset(ctx); err != nil {
				return err
			}
			runtime.GC()
			if err := s.round(ctx, o.profile, round); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			st, err := w.sim.Stats(ctx)
			if err != nil {
				return err
			}
			s.accepted += st.Accepted
			s.duplicates += st.Duplicates
			s.conns += st.Connections
			if sum := st.Distinct + st.Gone; int(sum) < s.pushes*95/100 {
				return fmt.Errorf("%s: only %d of %d pushes arrived", s.name, sum, s.pushes)
			}
		}
	}
	return nil
}

// round measures one sender once.
func (s *senderRun) round(ctx context.Context, profile string, round int) error {
	stop, err := profiled(profile, fmt.Sprintf("%s-%d", s.name, round+1))
	if err != nil {
		return err
	}
	before, err := processor(os.Getpid())
	if err != nil {
		return err
	}
	began := time.Now()
	err = s.push(ctx, s.pushes)
	took := time.Since(began)
	after, e := processor(os.Getpid())
	s.cpu, s.took = append(s.cpu, after-before), append(s.took, took)
	return errors.Join(err, e, stop())
}

// result gives the medians; against is sideshow/apns2.
func (s *senderRun) result(against *senderRun) SenderSide {
	perCPU := func(s *senderRun) float64 { return float64(s.pushes) / median(s.cpu).Seconds() }
	return SenderSide{Name: s.name, Pushes: s.pushes, PerSecond: float64(s.pushes) / median(s.took).Seconds(),
		CPU: median(s.cpu).Seconds() * 1e6 / float64(s.pushes), PerCPU: perCPU(s), Times: perCPU(s) / perCPU(against),
		Accepted: s.accepted, Duplicates: s.duplicates, Conns: s.conns}
}

func median(list []time.Duration) time.Duration {
	list = slices.Sorted(slices.Values(list))
	return max(list[len(list)/2], time.Nanosecond)
}
