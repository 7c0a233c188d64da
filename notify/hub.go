package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options is what a hub is made of.
type Options struct {
	Store      Store
	Bus        Bus
	Clock      Clock
	Log        *slog.Logger
	Normalizer Normalizer
	Sources    []Source
	Templates  *Templates // the configuration's words; the Store is one WithTemplates then
	Lanes      map[Lane]Adapter
	Retention  time.Duration // of what was told; 0: 30 days
	Metrics    prometheus.Registerer
	Holder     string // names this hub in leases; empty: a new id
	// AcceptQueue is how many requests may wait for the store; 0: DefaultAcceptQueue.
	AcceptQueue int
	Presence    Presence // who has a page open; nil: nobody
	// ApproveBroadcasts: what is posted to everybody waits for a second person's word, unless it is Released.
	ApproveBroadcasts bool
}

// Source is a source of the configuration with its connector.
type Source struct {
	Config    SourceConfig
	Connector Connector
}

// Hub is the walk, running: it watches the sources, plans what they saw, and dispatches what is to be told. Its methods
// are what the API calls; all may be called from any goroutine.
type Hub struct {
	store   Store
	bus     Bus
	clock   Clock
	log     *slog.Logger
	norm    Normalizer
	opts    Options
	metrics *metrics
	planner *planner
	latency *latency
	door    *admission // of requests
	sources map[string]*watcher
	lanes   map[Lane]*lane
	names   []Lane // the lanes, sorted

	unsynced atomic.Bool // some accounts do not follow the identities yet

	expiries *expiryWarner // of credentials
	rules    rules         // of people
	tally    tally
	paces    paces   // of what went on after a pause
	bundles  bundles // mails that are told together

	connectors *group // stopped first
	workers    *group // then these
	mu         sync.Mutex
	started    bool
}

// New makes a hub; Start starts it. The hub owns the adapters from now on, not the store.
func New(o Options) *Hub {
	if o.Retention == 0 {
		o.Retention = 30 * 24 * time.Hour
	}
	if o.Holder == "" {
		o.Holder = NewID()
	}
	h := &Hub{store: o.Store, bus: o.Bus, clock: o.Clock, log: o.Log, norm: o.Normalizer, opts: o,
		metrics: newMetrics(o.Metrics), planner: newPlanner(), latency: newLatency(), door: newAdmission(o.Clock, o.AcceptQueue), sources: map[string]*watcher{}, lanes: map[Lane]*lane{},
		expiries: newExpiryWarner(o.Log)}
	for _, s := range o.Sources {
		h.sources[s.Config.ID] = newWatcher(h, s)
	}
	for l, a := range o.Lanes {
		h.lanes[l] = newLane(h, l, a)
	}
	h.names = sortedLanes(o.Lanes)
	return h
}

// Start takes the leases and starts all goroutines, each owned by the hub. Nothing is left running when it fails.
func (h *Hub) Start(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.started {
		return errors.New("the hub was started before")
	}
	h.started = true
	h.workers, h.connectors = newGroup(h.log), newGroup(h.log)
	if err := h.loadLanes(ctx); err != nil {
		return fmt.Errorf("load lanes: %w", err)
	}
	h.workers.run("planner", h.planAll)
	h.workers.run("schedule", h.schedule)
	h.workers.run("reminders", h.remind)
	for _, name := range h.names {
		h.workers.run("lane "+name.String(), h.lanes[name].run)
	}
	for id, w := range h.sources {
		h.connectors.run("source "+id, w.run)
	}
	return nil
}

// Stop ends everything in order: connectors, then the walk, then the adapters. What is under way is settled or stays
// stored for the next start. It returns when all goroutines have ended, or with an error when ctx ends first.
func (h *Hub) Stop(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.started {
		return h.closeAdapters(ctx)
	}
	h.started = false
	return errors.Join(h.stopConnectors(ctx), h.workers.stop(ctx), h.closeAdapters(ctx))
}

// stopConnectors leaves half of the time to the others: a server that does not say goodbye is no reason to lose outcomes.
func (h *Hub) stopConnectors(ctx context.Context) error {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/2)
		defer cancel()
	}
	return h.connectors.stop(ctx)
}

// closeAdapters closes them side by side. One that hangs is left behind when ctx ends: the process is about to end.
func (h *Hub) closeAdapters(ctx context.Context) error {
	closed := make(chan error, len(h.lanes))
	for name, l := range h.lanes {
		go func() {
			if err := l.adapter.Close(); err != nil {
				closed <- fmt.Errorf("close %s: %w", name, err)
				return
			}
			closed <- nil
		}()
	}
	var errs []error
	for range h.lanes {
		select {
		case err := <-closed:
			errs = append(errs, err)
		case <-ctx.Done():
			return errors.Join(append(errs, fmt.Errorf("some adapters did not close in time: %w", ctx.Err()))...)
		}
	}
	return errors.Join(errs...)
}

// group owns goroutines: stop cancels them and waits.
type group struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	log    *slog.Logger
}

func newGroup(log *slog.Logger) *group {
	ctx, cancel := context.WithCancel(context.Background())
	return &group{ctx: ctx, cancel: cancel, log: log}
}

func (g *group) run(name string, f func(context.Context) error) {
	g.wg.Add(1)
	go func() {
		defer g.wg.Done()
		if err := f(g.ctx); err != nil && g.ctx.Err() == nil {
			g.log.Error("a part of the hub ended", "part", name, "error", err)
		}
	}()
}

func (g *group) stop(ctx context.Context) error {
	g.cancel()
	done := make(chan struct{})
	go func() { g.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("some parts of the hub did not stop in time: %w", ctx.Err())
	}
}
