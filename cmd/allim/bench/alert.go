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
	devices   int
	mailboxes int
	every     time.Duration
	profile   string
}

// AlertResult is how long one person's notice takes while everybody is told something else.
type AlertResult struct {
	Devices   int     `json:"devices"`
	Broadcast float64 `json:"broadcastASecond"` // meanwhile
	Alerts    int     `json:"alerts"`
	Times     Spread  `json:"times"` // from the request until the platform's word is stored
	Mailboxes int     `json:"mailboxes"`
	Mails     int     `json:"mails"`
	MailTimes Spread  `json:"mailTimes"` // from the mail server's having the mail until the same
}

// Table implements Result.
func (r AlertResult) Table() ([]string, [][]string) {
	broadcast := fmt.Sprintf("%.0f a second", r.Broadcast)
	rows := [][]string{append([]string{strconv.Itoa(r.Alerts) + " notices posted", broadcast}, r.Times.cells()...)}
	if r.Mailboxes > 0 {
		rows = append(rows, append([]string{fmt.Sprintf("%d mails to %d mailboxes", r.Mails, r.Mailboxes), broadcast}, r.MailTimes.cells()...))
	}
	return []string{"ALERTS DURING A BROADCAST", "BROADCAST", "P50", "P99", "MAX"}, rows
}

func alert() Scenario {
	var o alertOptions
	return Scenario{
		Name: "alert-during-broadcast", Short: "How long one person's notice takes while everybody is told something else",
		Long: "Sends a notification to all devices and, while it goes out, notices to single people and mails to watched mailboxes of an\n" +
			"IMAP server, and measures how long each takes: from the request, or from the mail's arrival on its server, until the\n" +
			"platform has taken its push and that is stored.",
		Flags: func(f *pflag.FlagSet) {
			f.IntVar(&o.devices, "devices", 500_000, "how many devices the broadcast has")
			f.IntVar(&o.mailboxes, "mailboxes", 50, "watched mailboxes; 0: only posted notices")
			f.DurationVar(&o.every, "every", 20*time.Millisecond, "the time between two notices, and between two mails")
			f.StringVar(&o.profile, "profile", "", "a folder for the hub's profiles")
		},
		Run: func(ctx context.Context, progress io.Writer) (Result, error) { return o.run(ctx, progress) },
	}
}

func (o alertOptions) run(ctx context.Context, progress io.Writer) (r AlertResult, err error) {
	if o.devices < 2 || o.every <= 0 || o.mailboxes < 0 || o.mailboxes > o.devices {
		return r, errors.New("--devices must be at least 2, --every more than nothing, --mailboxes at most as many as devices")
	}
	mails, err := newMailboxes(o.mailboxes)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, mails.server.Close()) }()
	w, err := newWorld(ctx, worldOptions{progress: progress, profile: o.profile, sim: fast.Options{}, settings: mails.settings()})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if _, err := w.fill(ctx, people{count: o.devices, devices: 1, mailboxes: o.mailboxes}); err != nil {
		return r, err
	}
	if err := w.start(ctx); err != nil {
		return r, err
	}
	if err := mails.watched(ctx); err != nil {
		return r, err
	}
	c, err := client.New(client.Options{URL: w.hub.URL, Key: w.key})
	if err != nil {
		return r, err
	}
	r.Devices, r.Mailboxes = o.devices, o.mailboxes
	began := time.Now()
	if _, err := c.Send(ctx, wire.NotificationInput{To: wire.Audience{All: true}, Content: wire.Content{Title: "To all"}}, ""); err != nil {
		return r, err
	}
	a := alerts{alertOptions: o, client: c, mails: mails, room: make(chan struct{}, alertsAtOnce)}
	err = a.run(ctx, w)
	r.Broadcast = float64(o.devices) / time.Since(began).Seconds()
	r.Alerts, r.Times = len(a.posted), spread(a.posted)
	r.Mails, r.MailTimes = len(a.mailed), spread(a.mailed)
	return r, err
}

// alertsAtOnce are under way at most: single people's notices go before a broadcast, so more than the machine can send
// would hold it up for ever.
const alertsAtOnce = 16

// alerts sends notices and mails while a broadcast is under way.
type alerts struct {
	alertOptions
	client *client.Client
	mails  *mailboxes
	room   chan struct{}
	all    sync.WaitGroup

	mu             sync.Mutex
	posted, mailed []time.Duration
	failed         error
}

// run sends until the broadcast has gone out.
func (a *alerts) run(ctx context.Context, w *world) error {
	tick := time.NewTicker(a.every)
	defer tick.Stop()
	defer a.all.Wait()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		a.begin(&a.posted, func() (time.Duration, error) { return a.one(ctx, person(i*7919%a.devices)) })
		if b := a.mails.idle(); b != nil && !a.begin(&a.mailed, func() (time.Duration, error) { return a.mails.mail(ctx, a.client, b) }) {
			b.busy.Unlock()
		}
		if i%10 != 0 {
			continue // the simulator is asked now and then
		}
		st, err := w.sim.Stats(ctx)
		if err != nil {
			return err
		}
		if st.Accepted >= int64(a.devices) {
			a.all.Wait()
			return a.failed
		}
	}
}

// begin measures something beside the others; false: there is no room. A machine that cannot follow is not asked for more.
func (a *alerts) begin(times *[]time.Duration, do func() (time.Duration, error)) bool {
	select {
	case a.room <- struct{}{}:
	default:
		return false
	}
	a.all.Go(func() {
		defer func() { <-a.room }()
		took, err := do()
		a.mu.Lock()
		defer a.mu.Unlock()
		if err != nil {
			a.failed = errors.Join(a.failed, err)
			return
		}
		*times = append(*times, took)
	})
	return true
}

// one sends a notice and waits until its push was taken.
func (a *alerts) one(ctx context.Context, user string) (time.Duration, error) {
	began := time.Now()
	n, err := a.client.Send(ctx, wire.NotificationInput{To: wire.Audience{Users: []string{user}}, Content: wire.Content{Title: "The door is open"}}, "")
	if err != nil {
		return 0, err
	}
	for time.Since(began) < time.Minute {
		now, err := a.client.Notification(ctx, n.ID)
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
