package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"allim.dev/allim/adapters/sim/fast"
	"allim.dev/allim/cmd/allim/bench/hub"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
	"allim.dev/allim/notify/store/sqlite"
)

// chaosOptions are the flags of `allim bench chaos`.
type chaosOptions struct {
	people int
	within time.Duration
	rounds int
	only   string
	seed   uint64
}

// ChaosRound is one fault and what became of everything that was accepted.
type ChaosRound struct {
	Fault     string `json:"fault"`
	Answered  int    `json:"answered"`  // requests that were told that they are accepted
	Refused   int    `json:"refused"`   // with 503 and Retry-After
	Stored    int    `json:"stored"`    // notifications in the store afterwards
	Targeted  int64  `json:"targeted"`  // deliveries
	Delivered int64  `json:"delivered"` // different ones that the platforms took
	Repeats   int64  `json:"repeats"`   // taken again, under the same ids
	Lost      int64  `json:"lost"`
}

// ChaosResult is all of them.
type ChaosResult struct {
	Seed   uint64       `json:"seed"`
	Rounds []ChaosRound `json:"rounds"`
}

// Table implements Result.
func (r ChaosResult) Table() (head []string, rows [][]string) {
	for _, c := range r.Rounds {
		rows = append(rows, []string{c.Fault, strconv.Itoa(c.Answered), strconv.Itoa(c.Refused), strconv.Itoa(c.Stored),
			strconv.FormatInt(c.Targeted, 10), strconv.FormatInt(c.Delivered, 10), strconv.FormatInt(c.Repeats, 10), strconv.FormatInt(c.Lost, 10)})
	}
	return []string{"FAULT", "ANSWERED", "REFUSED", "STORED", "DELIVERIES", "DELIVERED", "REPEATS", "LOST"}, rows
}

func chaos() Scenario {
	var o chaosOptions
	return Scenario{
		Name: "chaos", Short: "Faults of every sort; whatever was accepted must be delivered, repeats under the same ids",
		Long: "Posts notices to single people and to everybody while something goes wrong: the hub is killed at random moments,\n" +
			"connections are cut, the platforms answer 429 and 503, the disk is full, the database is locked by another program, the\n" +
			"clock jumps. Then it waits until all is settled and compares what was accepted with what arrived at the simulator.\n" +
			"Anything lost is an error.",
		Flags: func(f *pflag.FlagSet) {
			f.IntVar(&o.people, "people", 2000, "how many people, each with a device")
			f.DurationVar(&o.within, "within", 6*time.Second, "how long each fault lasts")
			f.IntVar(&o.rounds, "rounds", 1, "how often each")
			f.StringVar(&o.only, "only", "", "one fault: kill, resets, storm, full-disk, busy, clock")
			f.Uint64Var(&o.seed, "seed", 0, "of the random moments; 0: another one every time")
		},
		Run: func(ctx context.Context, progress io.Writer) (Result, error) { return o.run(ctx, progress) },
	}
}

func (o chaosOptions) run(ctx context.Context, progress io.Writer) (r ChaosResult, err error) {
	if o.people < 2 || o.rounds < 1 || o.within <= 0 {
		return r, errors.New("--people must be at least 2, --rounds at least 1, --within more than nothing")
	}
	if r.Seed = o.seed; r.Seed == 0 {
		r.Seed = rand.Uint64()
	}
	chance := rand.New(rand.NewPCG(r.Seed, 1))
	found := false
	for _, f := range chaosFaults() {
		for range o.rounds {
			if o.only != "" && o.only != f.name {
				continue
			}
			found = true
			fmt.Fprintf(progress, "Fault: %s.\n", f.name)
			round, err := o.round(ctx, f, chance, progress)
			if err != nil {
				return r, fmt.Errorf("%s (seed %d): %w", f.name, r.Seed, err)
			}
			r.Rounds = append(r.Rounds, round)
			if round.Lost != 0 || round.Stored < round.Answered {
				return r, fmt.Errorf("%s (seed %d): something was lost, or repeated under another id: %+v", f.name, r.Seed, round)
			}
		}
	}
	if !found {
		return r, fmt.Errorf("there is no fault %q", o.only)
	}
	return r, nil
}

// chaosFault is one sort of fault.
type chaosFault struct {
	name string
	sim  fast.Options
	hub  hub.Options // of its first start; after it the hub is as usual
	full bool        // its disk has room for a few hundred requests only
	// harm does it until ctx ends; the load goes on meanwhile.
	harm func(ctx context.Context, w *world, chance *rand.Rand) error
}

func chaosFaults() []chaosFault {
	return []chaosFault{
		{name: "kill", harm: killing},
		{name: "resets", harm: resetting},
		{name: "storm", sim: fast.Options{Throttled: 100_000, Unavailable: 200_000, RetryAfter: time.Second}, harm: waiting},
		{name: "full-disk", full: true, harm: waiting},
		{name: "busy", harm: locking},
		{name: "clock", hub: hub.Options{Jump: -time.Hour}, harm: waiting},
	}
}

// roomPages is how much room a full disk has at first.
const roomPages = 40

// round runs one fault in a world of its own.
func (o chaosOptions) round(ctx context.Context, f chaosFault, chance *rand.Rand, progress io.Writer) (r ChaosRound, err error) {
	r.Fault = f.name
	f.sim.Track = true
	w, err := newWorld(ctx, worldOptions{progress: progress, sim: f.sim})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if _, err := w.fill(ctx, people{count: o.people, devices: 1}); err != nil {
		return r, err
	}
	w.faults = f.hub
	if f.full {
		size, err := folderSize(w.data())
		if err != nil {
			return r, err
		}
		w.faults.MaxPages = int(size/4096) + roomPages
	}
	faulty := w.faults != (hub.Options{})
	if err := w.start(ctx); err != nil {
		return r, err
	}
	ids, err := o.trouble(ctx, w, f, chance, &r)
	if err != nil {
		return r, err
	}
	if f.full && r.Refused == 0 {
		return r, errors.New("the disk did not become full: try a longer --within")
	}
	if faulty { // the fault ends with the process
		w.faults = hub.Options{}
		if err := w.again(ctx); err != nil {
			return r, err
		}
	}
	if err := w.settled(ctx); err != nil {
		return r, err
	}
	if err := w.stop(); err != nil {
		return r, err
	}
	return r, w.compare(ctx, ids, &r)
}

// trouble posts while the fault lasts, and gives the ids of what was accepted.
func (o chaosOptions) trouble(ctx context.Context, w *world, f chaosFault, chance *rand.Rand, r *ChaosRound) (ids []string, err error) {
	within, cancel := context.WithTimeout(ctx, o.within)
	defer cancel()
	harmed := make(chan error, 1)
	go func() { harmed <- f.harm(within, w, chance) }()
	a := acceptOptions{people: o.people, recipients: 1}
	for within.Err() == nil {
		l := load{base: w.address(), key: w.key, mediaType: "application/json", connections: 8, body: a.json, faulty: true}
		if c, err := client.New(client.Options{URL: l.base, Key: w.key}); err == nil {
			n, err := c.Send(within, wire.NotificationInput{To: wire.Audience{All: true}, Content: wire.Content{Title: "To all"}}, "")
			if err == nil {
				ids = append(ids, n.ID)
			}
		}
		t, err := l.run(within) // until the hub is gone
		if err != nil && within.Err() == nil {
			_ = pause(within, 20*time.Millisecond)
		}
		r.Refused += t.refused
		ids = append(ids, t.ids...)
	}
	err = <-harmed
	r.Answered = len(ids)
	return ids, err
}

// settleWithin is how long everything may take to be settled after a fault: FCM asks for minutes after a 429.
const settleWithin = 5 * time.Minute

// settled waits until nothing is under way.
func (w *world) settled(ctx context.Context) error {
	c, err := client.New(client.Options{URL: w.address(), Key: w.key})
	if err != nil {
		return err
	}
	for end := time.Now().Add(settleWithin); time.Now().Before(end); {
		list, err := c.Notifications(ctx, client.NotificationFilter{State: notify.StateSending}, client.Page{Limit: 1})
		if err == nil && len(list.Notifications) == 0 {
			return nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("something is still under way after %s", settleWithin)
}

// compare looks at the store and the simulator.
func (w *world) compare(ctx context.Context, ids []string, r *ChaosRound) (err error) {
	st, err := w.sim.Stats(ctx)
	if err != nil {
		return err
	}
	store, err := sqlite.Open(ctx, sqlite.Options{Dir: w.data()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	known := map[string]bool{}
	for page := (notify.Page{Limit: 1000}); ; {
		list, err := store.Notifications(ctx, notify.NotificationFilter{}, page)
		if err != nil {
			return err
		}
		for _, n := range list {
			known[n.ID] = true
			page.After = n.ID
			r.Targeted += n.Counts.Targeted
			if n.State != notify.StateDone || n.Counts.Accepted != n.Counts.Targeted {
				return fmt.Errorf("the notification %s is %s with %+v", n.ID, n.State, n.Counts)
			}
		}
		if len(list) < page.Limit {
			break
		}
	}
	for _, id := range ids {
		if !known[id] {
			return fmt.Errorf("the notification %s was accepted and is not there", id)
		}
	}
	r.Stored, r.Delivered, r.Repeats = len(known), st.Distinct, st.Duplicates
	r.Lost = r.Targeted - st.Distinct
	return nil
}
