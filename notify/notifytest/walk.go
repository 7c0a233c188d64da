package notifytest

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// OpenStore opens an empty store, or the one of the same dir again.
type OpenStore func(t testing.TB, dir string, clock notify.Clock) notify.Store

// house is a whole hub of fakes around a real store.
type house struct {
	t        *testing.T
	open     OpenStore
	dir      string
	bus      notify.Bus
	clock    *Clock
	store    notify.Store
	hub      *notify.Hub
	source   *Connector
	config   notify.SourceConfig
	sole     bool // the source is one thing, such as a feed
	adapters map[notify.Lane]*Adapter
	wrap     func(notify.Adapter) notify.Adapter // what stands before the adapters; nil: nothing
	pages    *pages                              // that people have open
}

// The lanes of every test's house.
var (
	phones   = notify.Lane{App: "corp", Platform: notify.APNs}
	browsers = notify.Lane{App: "corp", Platform: notify.WebPush}
)

// WalkSuite runs the walk, with fake connectors and adapters, over a store: what every Store must make possible.
func WalkSuite(t *testing.T, bus func() notify.Bus, open OpenStore) {
	tests := map[string]func(*house){
		"a mail is one push on each device of its owner":     mailIsOnePush,
		"told once, however often it is seen":                toldOnce,
		"a shared mailbox tells each of its users":           sharedMailbox,
		"what was recorded is planned after a restart":       plannedAfterRestart,
		"a source taken out while its event waits":           sourceTakenOut,
		"unicast, multicast and broadcast are one pipeline":  onePipeline,
		"a broadcast goes on where it stood":                 broadcastGoesOn,
		"retries with backoff, same id, until the deadline":  retries,
		"a platform in trouble is left alone until its time": wholeLane,
		"a misconfigured lane keeps its queue":               misconfigured,
		"a whole app failing retires nobody":                 guardTrips,
		"a dead device is retired when its time has passed":  deviceRetired,
		"a suspect device fails its delivery, quietly":       suspectFails,
		"one sick lane holds up nobody else":                 sickLane,
		"scheduled, paused, resumed, cancelled":              steered,
		"a rate cap holds":                                   rateCap,
		"ttl 0 is one attempt":                               ttlZero,
		"dead letters are replayed":                          replayed,
		"an adapter's panic is a retry":                      panicking,
		"trace tells the whole life":                         traced,
	}
	maps.Copy(tests, inTurns())
	maps.Copy(tests, troubled())
	maps.Copy(tests, reminded())
	maps.Copy(tests, zoned())
	maps.Copy(tests, published())
	maps.Copy(tests, wishful())
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := &house{t: t, open: open, dir: t.TempDir(), clock: NewClock(time.Time{}), bus: bus(), source: NewConnector(), pages: &pages{},
				config:   notify.SourceConfig{ID: "mail", Kind: "fake", Privacy: notify.PrivacyFull},
				adapters: map[notify.Lane]*Adapter{phones: NewAdapter(), browsers: NewAdapter()}}
			h.start()
			defer func() { h.stop() }()
			test(h)
		})
	}
}

func (h *house) start() {
	h.t.Helper()
	h.store = h.open(h.t, h.dir, h.clock)
	lanes := map[notify.Lane]notify.Adapter{}
	for l, a := range h.adapters {
		lanes[l] = a
		if h.wrap != nil {
			lanes[l] = h.wrap(a)
		}
	}
	h.hub = notify.New(notify.Options{Store: h.store, Bus: h.bus, Clock: h.clock, Log: Quiet(), Lanes: lanes,
		Sources: []notify.Source{{Config: h.config, Connector: h.connector()}}, Presence: h.pages})
	if err := h.hub.Start(h.ctx()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) stop() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := h.hub.Stop(ctx); err != nil {
		h.t.Error(err)
	}
	if err := h.store.Close(); err != nil {
		h.t.Error(err)
	}
}

func (h *house) restart() { h.stop(); h.start() }

func (h *house) ctx() context.Context { return h.t.Context() }

// turning turns the clock by step until cond holds.
func (h *house) turning(step time.Duration, what string, cond func() bool) {
	h.t.Helper()
	Until(h.t, what, func() bool {
		if cond() {
			return true
		}
		h.clock.Advance(step)
		return false
	})
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// person makes a user with n phones.
func (h *house) person(id string, n int) []notify.Device {
	h.t.Helper()
	if _, _, err := h.hub.PutUser(h.ctx(), notify.User{ID: id, Locale: "en"}); err != nil {
		h.t.Fatal(err)
	}
	devices := make([]notify.Device, n)
	for i := range devices {
		devices[i] = h.device(id, phones, fmt.Sprintf("%s-%d", id, i))
	}
	return devices
}

func (h *house) device(user string, l notify.Lane, token string) notify.Device {
	h.t.Helper()
	d, _, err := h.hub.RegisterDevice(h.ctx(), notify.Device{User: user, App: l.App, Platform: l.Platform, Token: token})
	if err != nil {
		h.t.Fatal(err)
	}
	return d
}

func (h *house) account(login string, users ...string) notify.Account {
	h.t.Helper()
	a, _, err := h.hub.AddAccount(h.ctx(), notify.Account{Source: "mail", Login: login, Users: users})
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// mail has the connector see a mail.
func (h *house) mail(w notify.Watch, account, key, told string) {
	h.t.Helper()
	err := w.Put(h.ctx(), notify.Batch{Account: account, State: map[string][]byte{"last": []byte(key)},
		Events: []notify.Event{{Key: key, Told: told, Type: notify.MailReceived, At: h.clock.Now(), SeenAt: h.clock.Now(),
			Params: map[string]string{"fromName": "Lee", "subject": "subject " + key}}}})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) watch() notify.Watch {
	h.t.Helper()
	return Receive(h.t, "the connector to run", h.source.Running())
}

func (h *house) send(n notify.Notification) notify.Notification {
	h.t.Helper()
	if n.Content.Title == "" {
		n.Content.Title = "hello"
	}
	if n.TTL == 0 {
		n.TTL = notify.DefaultTTL
	}
	got, _, err := h.hub.Send(h.ctx(), n, notify.Idempotency{})
	if err != nil {
		h.t.Fatal(err)
	}
	return got
}

func (h *house) get(id string) notify.Notification {
	h.t.Helper()
	return must[notify.Notification](h.t)(h.store.Notification(h.ctx(), id))
}

// done waits until the notification is done, and gives its counts.
func (h *house) done(id string) notify.Counts {
	h.t.Helper()
	Until(h.t, "the notification to be done", func() bool { return h.get(id).State == notify.StateDone })
	return h.get(id).Counts
}

func (h *house) wantCounts(id string, want notify.Counts) {
	h.t.Helper()
	if got := h.done(id); got != want {
		h.t.Errorf("counts %+v, want %+v", got, want)
	}
}

func (h *house) phones() *Adapter { return h.adapters[phones] }

// wantAccepted checks that n deliveries were accepted, each the given times at most.
func (h *house) wantAccepted(l notify.Lane, n, times int) {
	h.t.Helper()
	got := h.adapters[l].Accepted()
	if len(got) != n {
		h.t.Errorf("%d deliveries accepted on %s, want %d", len(got), l, n)
	}
	for id, k := range got {
		if k > times {
			h.t.Errorf("delivery %s accepted %d times", id, k)
		}
	}
}
