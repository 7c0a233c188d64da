package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"allim.dev/allim/adapters/sim/fast"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/api/wire"
)

// broadcastOptions are the flags of `allim bench broadcast`.
type broadcastOptions struct {
	devices int
	kills   int
	gone    int
	away    int
	latency time.Duration
	proxy   bool
	profile string
}

// BroadcastResult is one notification to everybody.
type BroadcastResult struct {
	Devices    int     `json:"devices"`
	Kills      int     `json:"kills"`
	First      float64 `json:"firstAttemptsSeconds"` // until as many requests had arrived as there are devices
	PerSecond  float64 `json:"firstAttemptsASecond"`
	All        float64 `json:"allSeconds"` // until everything was settled, retries too
	Accepted   int64   `json:"accepted"`   // different deliveries that the platforms took
	Gone       int64   `json:"gone"`
	Lost       int64   `json:"lost"`
	Repeats    int64   `json:"repeats"` // taken again, under the same ids
	CPU        float64 `json:"cpuMicrosPerPush"`
	Peak       int64   `json:"rssPeakBytes"`
	Growth     int64   `json:"databaseGrowthBytes"`
	Connection int64   `json:"connections"`
	Tunnels    int64   `json:"tunnels"` // of these, through the proxy
}

// Table implements Result.
func (r BroadcastResult) Table() ([]string, [][]string) {
	cpu := fmt.Sprintf("%.1f us", r.CPU)
	if r.Kills > 0 {
		cpu = "not measured"
	}
	return []string{"BROADCAST", "FIGURE"}, [][]string{
		{"devices, APNs and FCM mixed", strconv.Itoa(r.Devices)},
		{"first attempts", fmt.Sprintf("%.1f s, %.0f a second", r.First, r.PerSecond)},
		{"all, retries too", fmt.Sprintf("%.1f s", r.All)},
		{"taken, retired, lost", fmt.Sprintf("%d, %d, %d", r.Accepted, r.Gone, r.Lost)},
		{"repeats under the same ids, after " + strconv.Itoa(r.Kills) + " kills", fmt.Sprintf("%d (%.3f %%)", r.Repeats, 100*float64(r.Repeats)/float64(r.Devices))},
		{"the hub's processor time a push", cpu},
		{"the hub's resident memory, at most", megabytes(r.Peak)},
		{"the database grew by", megabytes(r.Growth)},
		{"connections, through a proxy", fmt.Sprintf("%d, %d", r.Connection, r.Tunnels)},
	}
}

func broadcast() Scenario {
	var o broadcastOptions
	return Scenario{
		Name: "broadcast", Short: "One notification to everybody",
		Long: "Sends one notification to all devices of a hub in a process of its own, half of them on APNs and half on FCM, which a\n" +
			"simulator in another process is. Some devices are retired, some are told to come again after a second. With --kills\n" +
			"the hub is killed on the way and started again: nothing may be lost.",
		Flags: func(f *pflag.FlagSet) {
			f.IntVar(&o.devices, "devices", 1_000_000, "how many devices")
			f.IntVar(&o.kills, "kills", 0, "how often the hub is killed on the way")
			f.IntVar(&o.gone, "gone", 10_000, "retired devices of a million")
			f.IntVar(&o.away, "away", 10_000, "devices of a million that are told 429 or 503 the first time")
			f.DurationVar(&o.latency, "latency", 0, "how long the simulator holds an answer back")
			f.BoolVar(&o.proxy, "proxy", false, "push through an HTTP CONNECT proxy, which runs in the simulator's process")
			f.StringVar(&o.profile, "profile", "", "a folder for the hub's profiles")
		},
		Run: func(ctx context.Context, progress io.Writer) (Result, error) { return o.run(ctx, progress) },
	}
}

func (o broadcastOptions) run(ctx context.Context, progress io.Writer) (r BroadcastResult, err error) {
	if o.devices < 2 || o.kills < 0 {
		return r, errors.New("--devices must be at least 2, --kills not negative")
	}
	w, err := newWorld(ctx, worldOptions{progress: progress, profile: o.profile, proxy: o.proxy,
		sim: fast.Options{Gone: o.gone, Throttled: o.away / 2, Unavailable: o.away - o.away/2, RetryAfter: time.Second, Track: true,
			Latency: o.latency}})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if _, err := w.fill(ctx, people{count: o.devices / 2, devices: 2}); err != nil {
		return r, err
	}
	r = BroadcastResult{Devices: o.devices / 2 * 2, Kills: o.kills}
	before, err := folderSize(w.data())
	if err != nil {
		return r, err
	}
	if err := w.start(ctx); err != nil {
		return r, err
	}
	b := &broadcastRun{world: w, result: &r}
	if err := b.run(ctx); err != nil {
		return r, err
	}
	if err := w.stop(); err != nil {
		return r, err
	}
	after, err := folderSize(w.data())
	r.Growth = after - before
	return r, err
}

// broadcastRun is a broadcast under way.
type broadcastRun struct {
	*world
	result *BroadcastResult
	began  time.Time
	id     string
}

func (b *broadcastRun) run(ctx context.Context) error {
	c, err := client.New(client.Options{URL: b.hub.URL, Key: b.key})
	if err != nil {
		return err
	}
	cpu, err := processor(b.hub.PID())
	if err != nil {
		return err
	}
	b.began = time.Now()
	accepted, err := c.Send(ctx, wire.NotificationInput{To: wire.Audience{All: true}, Content: wire.Content{Title: "To all",
		Body: "The canteen is closed today."}, Priority: notify.PriorityNormal}, "")
	if err != nil {
		return err
	}
	b.id = accepted.ID
	if err := b.watch(ctx); err != nil {
		return err
	}
	after, err := processor(b.hub.PID())
	b.result.CPU = float64((after - cpu).Microseconds()) / float64(b.result.Devices)
	return err
}

// watch looks on until everything is settled, and kills the hub on the way.
func (b *broadcastRun) watch(ctx context.Context) error {
	r := b.result
	killed, told := 0, time.Now()
	for {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
		st, err := b.sim.Stats(ctx)
		if err != nil {
			return err
		}
		if now, err := memory(b.hub.PID(), "VmRSS"); err == nil {
			r.Peak = max(r.Peak, now)
		}
		asked := st.APNs + st.FCM
		if r.First == 0 && asked >= int64(r.Devices) {
			r.First = time.Since(b.began).Seconds()
			r.PerSecond = float64(r.Devices) / r.First
		}
		if killed < r.Kills && asked >= int64(r.Devices)*int64(killed+1)/int64(r.Kills+1) {
			killed++
			fmt.Fprintf(b.progress, "Killing the hub after %d requests.\n", asked)
			if err := b.again(ctx); err != nil {
				return err
			}
		}
		if time.Since(told) < 500*time.Millisecond {
			continue
		}
		told = time.Now()
		if done, err := b.look(ctx, st); done || err != nil {
			return err
		}
	}
}

// look asks the hub how far it is.
func (b *broadcastRun) look(ctx context.Context, st fast.Stats) (done bool, err error) {
	c, err := client.New(client.Options{URL: b.hub.URL, Key: b.key})
	if err != nil {
		return false, err
	}
	n, err := c.Notification(ctx, b.id)
	if err != nil {
		return false, err
	}
	left := ""
	if !n.EstimatedDoneAt.IsZero() {
		left = fmt.Sprintf(", %.0f s left", time.Until(n.EstimatedDoneAt).Seconds())
	}
	fmt.Fprintf(b.progress, "%d of %d settled%s.\n", n.Counts.Targeted-n.Counts.Pending, n.Counts.Targeted, left)
	if n.State != notify.StateDone {
		return false, nil
	}
	r := b.result
	r.All = time.Since(b.began).Seconds()
	if st, err = b.sim.Stats(ctx); err != nil {
		return false, err
	}
	r.Accepted, r.Gone, r.Repeats, r.Connection, r.Tunnels = st.Distinct, n.Counts.Gone, st.Duplicates, st.Connections, st.Tunnels
	r.Lost = int64(r.Devices) - st.Distinct - n.Counts.Gone
	return true, nil
}
