package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"allim.dev/allim/adapters/sim/fast"
	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
)

// alertOptions are the flags of `allim bench alert-during-broadcast`.
type alertOptions struct {
	devices int
	every   time.Duration
	profile string
}

// AlertResult is how long one person's notice takes while everybody is told something else.
type AlertResult struct {
	Devices   int     `json:"devices"`
	Broadcast float64 `json:"broadcastASecond"` // meanwhile
	Alerts    int     `json:"alerts"`
	Times     Spread  `json:"times"` // from the request until the platform's word is stored
}

// Table implements Result.
func (r AlertResult) Table() ([]string, [][]string) {
	return []string{"ALERTS DURING A BROADCAST", "BROADCAST", "P50", "P99", "MAX"}, [][]string{
		append([]string{strconv.Itoa(r.Alerts), fmt.Sprintf("%.0f a second", r.Broadcast)}, r.Times.cells()...)}
}

func alert() Scenario {
	var o alertOptions
	return Scenario{
		Name: "alert-during-broadcast", Short: "How long one person's notice takes while everybody is told something else",
		Long: "Sends a notification to all devices and, while it goes out, notices to single people, and measures how long each takes\n" +
			"from the request until the platform has taken its push and that is stored.",
		Flags: func(f *pflag.FlagSet) {
			f.IntVar(&o.devices, "devices", 500_000, "how many devices the broadcast has")
			f.DurationVar(&o.every, "every", 20*time.Millisecond, "the time between two notices")
			f.StringVar(&o.profile, "profile", "", "a folder for the hub's profiles")
		},
		Run: func(ctx context.Context, progress io.Writer) (Result, error) { return o.run(ctx, progress) },
	}
}

func (o alertOptions) run(ctx context.Context, progress io.Writer) (r AlertResult, err error) {
	if o.devices < 2 || o.every <= 0 {
		return r, errors.New("--devices must be at least 2, --every more than nothing")
	}
	w, err := newWorld(ctx, worldOptions{progress: progress, profile: o.profile, sim: fast.Options{}})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if _, err := w.fill(ctx, people{count: o.devices, devices: 1}); err != nil {
		return r, err
	}
	if err := w.start(ctx); err != nil {
		return r, err
	}
	c, err := client.New(client.Options{URL: w.hub.URL, Key: w.key})
	if err != nil {
		return r, err
	}
	r.Devices = o.devices
	began := time.Now()
	if _, err := c.Send(ctx, wire.NotificationInput{To: wire.Audience{All: true}, Content: wire.Content{Title: "To all"}}, ""); err != nil {
		return r, err
	}
	times, err := o.alerts(ctx, w, c)
	r.Broadcast = float64(o.devices) / time.Since(began).Seconds()
	r.Alerts, r.Times = len(times), spread(times)
	return r, err
}

// alertsAtOnce are under way at most: single people's notices go before a broadcast, so more than the machine can send
// would hold it up for ever.
const alertsAtOnce = 16

// alerts sends notices until the broadcast has gone out.
func (o alertOptions) alerts(ctx context.Context, w *world, c *client.Client) (times []time.Duration, err error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	var failed error
	room := make(chan struct{}, alertsAtOnce)
	tick := time.NewTicker(o.every)
	defer tick.Stop()
	defer all.Wait()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		select {
		case room <- struct{}{}:
			all.Go(func() {
				defer func() { <-room }()
				took, err := o.one(ctx, c, person(i*7919%o.devices))
				mu.Lock()
				defer mu.Unlock()
				times, failed = append(times, took), errors.Join(failed, err)
			})
		default: // a machine that cannot follow is not asked for more
		}
		if i%10 != 0 {
			continue // the simulator is asked now and then
		}
		st, err := w.sim.Stats(ctx)
		if err != nil {
			return nil, err
		}
		if st.Accepted >= int64(o.devices) {
			all.Wait()
			return times, failed
		}
	}
}

// one sends a notice and waits until its push was taken.
func (o alertOptions) one(ctx context.Context, c *client.Client, user string) (time.Duration, error) {
	began := time.Now()
	n, err := c.Send(ctx, wire.NotificationInput{To: wire.Audience{Users: []string{user}}, Content: wire.Content{Title: "New mail"}}, "")
	if err != nil {
		return 0, err
	}
	for time.Since(began) < time.Minute {
		now, err := c.Notification(ctx, n.ID)
		if err != nil {
			return 0, err
		}
		if now.Counts.Pending == 0 {
			return time.Since(began), nil
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("the notice %s was not taken within a minute", n.ID)
}
