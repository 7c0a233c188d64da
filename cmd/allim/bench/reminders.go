package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/bus/mem"
	"allim.dev/allim/notify/store/sqlite"
)

// remindersOptions are the flags of `allim bench reminders`.
type remindersOptions struct {
	count  int
	people int
	within time.Duration
}

// RemindersResult is how late reminders were: Fired counts until the event is stored, Told until it is handed to the
// platform's adapter.
type RemindersResult struct {
	Reminders int     `json:"reminders"`
	People    int     `json:"people"`
	Within    float64 `json:"withinSeconds"` // they were due within that time
	Fired     Spread  `json:"fired"`
	Told      Spread  `json:"told"`
}

// Table implements Result.
func (r RemindersResult) Table() ([]string, [][]string) {
	return []string{"LATENESS OF " + strconv.Itoa(r.Reminders), "P50", "P99", "MAX"}, [][]string{
		append([]string{"stored as events"}, r.Fired.cells()...), append([]string{"handed to the platform"}, r.Told.cells()...)}
}

func reminders() Scenario {
	var o remindersOptions
	return Scenario{
		Name: "reminders", Short: "How late reminders are that are due in the same minute",
		Long: "Puts reminders of meetings that are all due within one minute into a hub of its own and measures on the real clock\n" +
			"how late each is: until it is stored as an event, and until it is handed to the platform's adapter. With --within 0\n" +
			"all are due at the same moment.",
		Flags: func(f *pflag.FlagSet) {
			f.IntVar(&o.count, "count", 10_000, "how many reminders")
			f.IntVar(&o.people, "people", 1000, "how many people, each with a device; the reminders go round")
			f.DurationVar(&o.within, "within", time.Minute, "the time in which all of them are due")
		},
		Run: func(ctx context.Context, progress io.Writer) (Result, error) {
			if o.count < 1 || o.people < 1 || o.within < 0 {
				return nil, errors.New("--count and --people must be at least 1, --within not negative")
			}
			return o.run(ctx, progress)
		},
	}
}

// remindersGrace is how long the last one may take until it counts as lost.
const remindersGrace = 30 * time.Second

var (
	remindersLane   = notify.Lane{App: "bench", Platform: notify.Webhook}
	remindersSource = notify.SourceConfig{ID: "calendars", Kind: "bench", Privacy: notify.PrivacyFull}
)

// run makes a hub with a connector and an adapter that only measure, and gives what it measured.
func (o remindersOptions) run(ctx context.Context, progress io.Writer) (result Result, err error) {
	dir, err := os.MkdirTemp("", "allim-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	store, err := sqlite.Open(ctx, sqlite.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	m := &remindersMeter{Store: store, want: o.count, done: make(chan struct{})}
	defer func() { err = errors.Join(err, store.Close()) }()
	c := &remindersConnector{watch: make(chan notify.Watch, 1)}
	hub := notify.New(notify.Options{Store: m, Bus: mem.New(), Clock: notify.SystemClock{}, Log: slog.New(slog.DiscardHandler),
		Sources: []notify.Source{{Config: remindersSource, Connector: c}}, Lanes: map[notify.Lane]notify.Adapter{remindersLane: m}})
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, hub.Stop(stop))
	}()
	if err := hub.Start(ctx); err != nil {
		return nil, err
	}
	fmt.Fprintf(progress, "Putting %d reminders of %d people.\n", o.count, o.people)
	last, err := o.fill(ctx, hub, c)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(progress, "They are due until %s.\n", last.Local().Format(time.TimeOnly))
	if err := m.wait(ctx, time.Until(last)+remindersGrace); err != nil {
		return nil, err
	}
	return m.result(o), nil
}

// fill makes the people and the reminders, and gives when the last one is due.
func (o remindersOptions) fill(ctx context.Context, hub *notify.Hub, c *remindersConnector) (last time.Time, err error) {
	accounts := make([]string, o.people)
	for i := range accounts {
		id := "person-" + strconv.Itoa(i)
		if _, _, err := hub.PutUser(ctx, notify.User{ID: id}); err != nil {
			return last, err
		}
		device := notify.Device{User: id, App: remindersLane.App, Platform: remindersLane.Platform, Token: "https://" + id + ".example.com/"}
		if _, _, err := hub.RegisterDevice(ctx, device); err != nil {
			return last, err
		}
		a, _, err := hub.AddAccount(ctx, notify.Account{Source: remindersSource.ID, Login: id, Users: []string{id}})
		if err != nil {
			return last, err
		}
		accounts[i] = a.ID
	}
	var watch notify.Watch
	select {
	case watch = <-c.watch:
	case <-ctx.Done():
		return last, ctx.Err()
	}
	first := time.Now().Add(2*time.Second + time.Duration(o.people)*5*time.Millisecond) // time to put them
	last = first.Add(o.within)
	for i, account := range accounts {
		objects := map[notify.Object][]notify.Reminder{}
		for n := i; n < o.count; n += o.people {
			at := first
			if o.within > 0 {
				at = at.Add(rand.N(o.within))
			}
			object := "meeting-" + strconv.Itoa(n)
			objects[notify.Object(object)] = []notify.Reminder{{Alarm: "1", FireAt: at, Until: at.Add(time.Hour), Event: notify.Event{
				Type: notify.CalendarReminder, Told: object, Params: map[string]string{"title": object, remindersDue: strconv.FormatInt(at.UnixMicro(), 10)}}}}
		}
		if err := watch.Put(ctx, notify.Batch{Account: account, Reminders: objects}); err != nil {
			return last, err
		}
	}
	if !time.Now().Before(first) {
		return last, errors.New("this machine is too slow to put the reminders before the first is due: try a smaller --count")
	}
	return last, nil
}

// remindersDue is the param in which a reminder carries its moment, in Unix microseconds.
const remindersDue = "due"

// remindersConnector only hands its watch out.
type remindersConnector struct{ watch chan notify.Watch }

// Run implements notify.Connector.
func (c *remindersConnector) Run(ctx context.Context, w notify.Watch) error {
	c.watch <- w
	<-ctx.Done()
	return nil
}

// remindersMeter stands before the store and is the platform's adapter: it notes when each reminder passes.
type remindersMeter struct {
	notify.Store
	want int
	done chan struct{} // closed when all were told

	mu          sync.Mutex
	fired, told []time.Duration
	seen        map[string]bool
}

// FireReminders implements notify.ReminderStore.
func (m *remindersMeter) FireReminders(ctx context.Context, now time.Time, limit int,
	decide func(notify.DueReminder) (notify.Event, notify.Firing)) (notify.Fired, error) {
	f, err := m.Store.FireReminders(ctx, now, limit, decide)
	stored := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range f.Events {
		m.fired = append(m.fired, stored.Sub(dueAt(e.Params[remindersDue])))
	}
	return f, err
}

func dueAt(micros string) time.Time {
	n, _ := strconv.ParseInt(micros, 10, 64)
	return time.UnixMicro(n)
}

// Render implements notify.Adapter.
func (m *remindersMeter) Render(n notify.Notification, _ notify.Variant) (notify.Payload, error) {
	return notify.Payload{Body: []byte(n.Params[remindersDue])}, nil
}

// Push implements notify.Adapter.
func (m *remindersMeter) Push(_ context.Context, deliveries []notify.Delivery, settle func(int, notify.Outcome)) {
	now := time.Now()
	m.mu.Lock()
	for _, d := range deliveries {
		if m.seen == nil {
			m.seen = map[string]bool{}
		}
		if m.seen[d.ID] {
			continue
		}
		m.seen[d.ID] = true
		if m.told = append(m.told, now.Sub(dueAt(string(d.Payload.Body)))); len(m.told) == m.want {
			close(m.done)
		}
	}
	m.mu.Unlock()
	for i := range deliveries {
		settle(i, notify.Outcome{Verdict: notify.Accepted})
	}
}

// Close implements notify.Adapter; the store is closed by itself.
func (m *remindersMeter) Close() error { return nil }

// wait waits until all were told.
func (m *remindersMeter) wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-m.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		m.mu.Lock()
		defer m.mu.Unlock()
		return fmt.Errorf("only %d of %d reminders were told %s after the last one was due", len(m.told), m.want, remindersGrace)
	}
}

func (m *remindersMeter) result(o remindersOptions) RemindersResult {
	m.mu.Lock()
	defer m.mu.Unlock()
	return RemindersResult{Reminders: o.count, People: o.people, Within: o.within.Seconds(), Fired: spread(m.fired), Told: spread(m.told)}
}
