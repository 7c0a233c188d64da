// Package app is the whole program as a value: serve, demo and the tests start it, and stop it again.
//
// Reading order: app.go (from a configuration to a running hub and back), kinds.go (what the configuration names becomes
// adapters and connectors), listen.go (HTTP and TLS), firstkey.go, reload.go, online.go (check --online), log.go.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"allim.dev/allim/adapters/live"
	"allim.dev/allim/configs"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/bus/mem"
	"allim.dev/allim/notify/store/sqlite"
)

// Options is what the program is made of. Config is required.
type Options struct {
	Config *configs.Config
	Clock  notify.Clock // nil: the machine's
	Log    *slog.Logger // nil: none
	// Stdout gets the first admin key, when there are no keys at all; nil: no key is made.
	Stdout io.Writer
	// Synchronous is how hard a commit is made: sqlite.Full or sqlite.Normal; empty: as the configuration says.
	Synchronous string
	// MaxPages is the database's greatest size in pages of 4 KiB; 0: none. For runs with a full disk.
	MaxPages int
}

// App is the program: made by New, started by Start, ended by Stop.
type App struct {
	config  *configs.Config
	clock   notify.Clock
	log     *slog.Logger
	stdout  io.Writer
	store   notify.Store
	parts   *Parts
	hub     *notify.Hub
	live    *live.Live
	api     *api.API
	cert    *certificate // nil without TLS
	listen  net.Listener
	server  *http.Server
	served  chan struct{} // closed when the server has ended
	failed  chan error    // what ended the server before Stop
	started bool
}

// New opens the data folder and the listener, and makes everything. Nothing runs yet; connections wait for Start.
// Errors: the configuration's (configs.Problems); CodeWrongState when another hub has the data folder; an address in use.
func New(ctx context.Context, o Options) (*App, error) {
	if o.Clock == nil {
		o.Clock = notify.SystemClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &App{config: o.Config, clock: o.Clock, log: o.Log, stdout: o.Stdout, served: make(chan struct{}), failed: make(chan error, 1)}
	if err := a.build(ctx, o); err != nil {
		return nil, errors.Join(err, a.discard())
	}
	return a, nil
}

func (a *App) build(ctx context.Context, o Options) (err error) {
	a.cert, err = loadCertificate(o.Config)
	if err != nil {
		return err
	}
	// The configuration first: a wrong one leaves no data folder behind.
	a.parts, err = Build(Env{Config: o.Config, Clock: a.clock, Log: a.log})
	if err != nil {
		return err
	}
	a.store, err = openStore(ctx, o)
	if err != nil {
		return err
	}
	a.store = notify.WithTemplates(a.store, a.parts.Templates)
	a.listen, err = listen(ctx, o.Config.Listen)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	bus := mem.New()
	a.live = live.New(live.Options{Inbox: a.store, Bus: bus, Users: a.store, Clock: a.clock, Log: a.log, Metrics: registry,
		MaxTotal: maxLive(o.Config.Limits.LiveConnections, a.log), MaxPerUser: o.Config.Limits.LivePerUser})
	a.hub = notify.New(notify.Options{
		Store: a.store, Bus: bus, Clock: a.clock, Log: a.log, Normalizer: o.Config.Normalizer(),
		Sources: a.parts.Sources, Templates: a.parts.Templates, Lanes: a.parts.Lanes, Retention: o.Config.Retention,
		AcceptQueue: o.Config.Limits.AcceptQueue, Metrics: registry,
		Presence: a.live, ApproveBroadcasts: o.Config.Web.ApproveBroadcasts,
	})
	a.api, err = api.New(api.Options{
		Hub: a.hub, Store: a.store, Clock: a.clock, Log: a.log,
		Limits:         api.Limits{Body: int64(o.Config.Limits.Body), RequestsPerKey: o.Config.Limits.RequestsPerKey},
		TrustedProxies: o.Config.TrustedProxies, PublicURL: a.PublicURL(),
		SOAPURL: o.Config.PublicURL, Routers: []notify.Router{a.live}, Mappings: a.parts.Mappings, Registerer: registry, Gatherer: registry,
	})
	if err != nil {
		return err
	}
	pages, err := a.pages(o.Config)
	if err != nil {
		return err
	}
	a.server = newServer(pages, a.cert, a.log)
	return nil
}

// openStore opens the data folder; a second hub on it is refused.
func openStore(ctx context.Context, o Options) (notify.Store, error) {
	s, err := sqlite.Open(ctx, sqlite.Options{Dir: o.Config.DataDir, Clock: o.Clock, Log: o.Log, MaxPages: o.MaxPages,
		Synchronous: cmp.Or(o.Synchronous, strings.ToUpper(o.Config.Store.Synchronous))})
	if err != nil {
		return nil, err // not s: a nil pointer in an interface is not nil
	}
	return s, nil
}

// discard undoes what New did before it failed.
func (a *App) discard() error {
	var errs []error
	switch {
	case a.hub != nil:
		errs = append(errs, a.hub.Stop(context.Background())) // not started: it closes its adapters
	case a.parts != nil:
		errs = append(errs, a.parts.Close())
	}
	if a.api != nil {
		errs = append(errs, a.api.Close())
	}
	if a.listen != nil {
		errs = append(errs, a.listen.Close())
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	return errors.Join(errs...)
}

// Start starts the hub and answers requests. When it fails nothing is left running, and the App is of no more use.
func (a *App) Start(ctx context.Context) error {
	if a.started {
		return errors.New("the program was started before")
	}
	a.started = true
	if err := a.firstKey(ctx); err != nil {
		return errors.Join(err, a.discard())
	}
	if err := a.hub.Start(ctx); err != nil {
		return errors.Join(fmt.Errorf("start the hub: %w", err), a.discard())
	}
	go a.serve()
	a.log.Info("the hub is running", "url", a.URL(), "sources", len(a.parts.Sources), "lanes", len(a.parts.Lanes))
	return nil
}

// Failed gives what ended the HTTP server, if anything but Stop does.
func (a *App) Failed() <-chan error { return a.failed }

// URL is the address to reach the hub at from this machine, without a slash at its end.
func (a *App) URL() string { return localURL(a.listen.Addr(), a.cert != nil) }

// PublicURL is the hub's address as users see it: the configuration's, else URL.
func (a *App) PublicURL() string {
	if a.config.PublicURL != "" {
		return a.config.PublicURL
	}
	return a.URL()
}

// Hub gives the running hub.
func (a *App) Hub() *notify.Hub { return a.hub }

// Store gives the hub's store.
func (a *App) Store() notify.Store { return a.store }

// How long Stop takes at most: in all, and for the parts that may have to wait for others.
const (
	StopTimeout = 10 * time.Second
	hubTimeout  = 5 * time.Second
	httpTimeout = 3 * time.Second
)

// Stop ends everything in order: connectors, hub and adapters, HTTP, store. What is under way is finished or stays
// stored for the next start. It takes at most StopTimeout; what did not end by then is in the error.
func (a *App) Stop(ctx context.Context) error {
	if !a.started {
		a.started = true
		return a.discard()
	}
	ctx, cancel := context.WithTimeout(ctx, StopTimeout)
	defer cancel()
	var errs []error
	for _, step := range []struct {
		name string
		max  time.Duration
		stop func(context.Context) error
	}{
		{"hub", hubTimeout, a.hub.Stop}, // connectors first, adapters last
		{"HTTP", httpTimeout, a.stopHTTP},
		{"API", StopTimeout, within(a.api.Close)},
		{"store", StopTimeout, within(a.store.Close)},
	} {
		began := a.clock.Now()
		stepCtx, cancel := context.WithTimeout(ctx, step.max)
		if err := step.stop(stepCtx); err != nil {
			errs = append(errs, fmt.Errorf("stop the %s: %w", step.name, err))
		}
		cancel()
		a.log.Debug("stopped", "part", step.name, "took", a.clock.Now().Sub(began))
	}
	return errors.Join(errs...)
}

// within bounds a close that takes no context. When ctx ends first the close goes on behind our back: the process is
// about to end.
func within(stop func() error) func(context.Context) error {
	return func(ctx context.Context) error {
		done := make(chan error, 1)
		go func() { done <- stop() }()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
