// Package live shows a person's inbox on pages that are open right now: Server-Sent Events, WebSocket and long poll. It
// follows the inbox log of notify.InboxStore from a cursor on; an open page is not a device.
//
// Reading order: live.go (limits, start and stop), follow.go (the core that all transports share), encode.go, sse.go,
// ws.go (ws_frame.go), poll.go; then takeover.go, how 100,000 connections are held at once (takeover_poll.go, returned.go,
// pool.go, timetable.go, poller_linux.go, tail.go).
//
// Delivery is at least once: within one connection nothing is lost, repeated or out of order; after a reconnect the
// client goes on from its last cursor. A wake-up from the Bus only says "look again"; the truth is read from the store.
package live

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"allim.dev/allim/notify"
)

// The defaults of Options.
const (
	DefaultMaxPerUser   = 8
	DefaultMaxTotal     = 100_000
	DefaultHeartbeat    = 20 * time.Second // proxies cut after 30 s to 60 s of silence
	DefaultMaxAge       = 10 * time.Minute // also the longest that a revoked token still reads
	DefaultWriteTimeout = 5 * time.Second
)

// Users is where a person's language comes from; every notify.UserStore is one.
type Users interface {
	User(ctx context.Context, id string) (notify.User, error)
}

// Options is what live streams are made of. Inbox and Bus are required.
type Options struct {
	Inbox notify.InboxStore
	Bus   notify.Bus
	Users Users // nil: the request's locale parameter, else English
	Clock notify.Clock
	Log   *slog.Logger

	MaxPerUser   int           // open streams and polls of one person; 0: DefaultMaxPerUser
	MaxTotal     int           // of everybody; 0: DefaultMaxTotal
	Heartbeat    time.Duration // 0: DefaultHeartbeat
	MaxAge       time.Duration // of a connection, then it is asked to reconnect, at 80 % to 100 % of it; 0: DefaultMaxAge
	WriteTimeout time.Duration // for one write to a slow client, in real time; 0: DefaultWriteTimeout

	Metrics prometheus.Registerer // nil: none
	Rand    func() float64        // jitter, 0 <= x < 1, from any goroutine; nil: random
}

// Live serves the streams. A connection lives in its handler, or, taken over, in the engine, which starts with the first
// of them.
type Live struct {
	inbox        notify.InboxStore
	bus          notify.Bus
	calls        notify.Caller // the same, when it can call; nil: every connection lives in its handler
	users        Users
	clock        notify.Clock
	log          *slog.Logger
	heartbeat    time.Duration
	maxAge       time.Duration
	writeTimeout time.Duration
	rand         func() float64
	open         *registry
	back         *returned

	mu       sync.Mutex
	engine   *engine
	noEngine bool // it cannot be, or has ended
}

var (
	_ notify.Router   = (*Live)(nil)
	_ notify.Presence = (*Live)(nil)
)

// New makes it; nothing is started.
func New(o Options) *Live {
	if o.Clock == nil {
		o.Clock = notify.SystemClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	calls, _ := o.Bus.(notify.Caller)
	return &Live{
		calls: calls, back: newReturned(),
		inbox: o.Inbox, bus: o.Bus, users: o.Users, clock: o.Clock, log: o.Log, rand: o.Rand,
		heartbeat:    or(o.Heartbeat, DefaultHeartbeat),
		maxAge:       or(o.MaxAge, DefaultMaxAge),
		writeTimeout: or(o.WriteTimeout, DefaultWriteTimeout),
		open:         newRegistry(or(o.MaxPerUser, DefaultMaxPerUser), or(o.MaxTotal, DefaultMaxTotal), o.Metrics),
	}
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// Routes implements notify.Router.
func (l *Live) Routes() []notify.Route {
	return []notify.Route{
		{Method: http.MethodGet, Path: "/me/stream", Scope: notify.ScopeUser, Handler: l.serveSSE},
		{Method: http.MethodGet, Path: "/me/ws", Scope: notify.ScopeUser, Handler: l.serveWS},
		{Method: http.MethodGet, Path: "/me/poll", Scope: notify.ScopeUser, Handler: l.servePoll},
	}
}

// Returned are connections over plain HTTP that the server gave away for a while: serve them with the same http.Server,
// beside its own listener. Unless that is done, such a connection ends with its answer. Close ends it.
func (l *Live) Returned() net.Listener { return l.back }

// Open implements notify.Presence.
func (l *Live) Open(user string) bool { return l.open.has(user) }

// Close refuses new connections with 503, tells the open ones to come back after a while, spread so that they do not
// come all at once, and waits until they have ended or ctx does. Call it before http.Server.Shutdown, which waits for
// streams but does not end them.
func (l *Live) Close(ctx context.Context) error {
	l.open.drain()
	l.mu.Lock()
	e := l.engine
	l.mu.Unlock()
	if e != nil {
		for _, p := range e.poller.all() {
			e.pool.call(p, todoStop)
		}
	}
	defer func() { _ = l.back.Close() }() // always nil
	if err := l.open.close(ctx); err != nil {
		return err
	}
	return l.closeEngine()
}

// Reconnect delays that the server asks for.
const (
	retryUsual    = 3 * time.Second
	retryAged     = time.Second // plus up to as much again
	retryTrouble  = 5 * time.Second
	retryDrainMax = 15 * time.Second // after a stop: spread over 1 s to this
)

// spread gives a random time from min to max.
func (l *Live) spread(min, max time.Duration) time.Duration {
	return min + time.Duration(l.rand()*float64(max-min))
}
