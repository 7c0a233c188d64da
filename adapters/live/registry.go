package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"allim.dev/allim/notify"
)

// The transports, as allim_live_connections{transport} names them.
const (
	transportSSE  = "sse"
	transportWS   = "ws"
	transportPoll = "poll"
)

// registry counts open connections, refuses those over the limits, and ends all of them.
type registry struct {
	perUser, limit int
	gauge          *prometheus.GaugeVec

	draining chan struct{} // closed by close
	empty    chan struct{} // closed when draining and the last one has ended

	mu      sync.Mutex
	closed  bool
	total   int
	ofUsers map[string]int
}

func newRegistry(perUser, limit int, reg prometheus.Registerer) *registry {
	gauge := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "allim_live_connections", Help: "Pages that follow an inbox right now, by transport.",
	}, []string{"transport"})
	if reg != nil {
		if err := reg.Register(gauge); err != nil {
			var known prometheus.AlreadyRegisteredError
			if errors.As(err, &known) { // another Live in this process: they count together
				gauge = known.ExistingCollector.(*prometheus.GaugeVec)
			}
		}
	}
	gauge.WithLabelValues(transportSSE)
	gauge.WithLabelValues(transportWS)
	gauge.WithLabelValues(transportPoll)
	return &registry{perUser: perUser, limit: limit, gauge: gauge, ofUsers: map[string]int{},
		draining: make(chan struct{}), empty: make(chan struct{})}
}

// enter counts a connection; leave is to be called once at its end.
// Errors: CodeUnavailable (stopping or full), CodeTooManyRequests (the user has too many).
func (r *registry) enter(user, transport string) (leave func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, refusal(notify.CodeUnavailable, "the hub is stopping", retryTrouble)
	case r.ofUsers[user] >= r.perUser:
		return nil, refusal(notify.CodeTooManyRequests, fmt.Sprintf("%d pages are open already, which is the limit for "+
			"one person: limits.live_per_user", r.perUser), 10*time.Second)
	case r.total >= r.limit:
		return nil, refusal(notify.CodeUnavailable, fmt.Sprintf("%d pages are open already, which is the limit of this "+
			"hub: limits.live_connections", r.limit), 30*time.Second)
	}
	r.total++
	r.ofUsers[user]++
	r.gauge.WithLabelValues(transport).Inc()
	return func() { r.leave(user, transport) }, nil
}

func refusal(code notify.Code, detail string, after time.Duration) error {
	return &notify.Error{Code: code, Detail: detail, RetryAfter: after}
}

// has tells whether the user has a connection open.
func (r *registry) has(user string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ofUsers[user] > 0
}

func (r *registry) leave(user, transport string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gauge.WithLabelValues(transport).Dec()
	if r.ofUsers[user]--; r.ofUsers[user] == 0 {
		delete(r.ofUsers, user)
	}
	if r.total--; r.closed && r.total == 0 {
		close(r.empty)
	}
}

// drain refuses new ones and tells those that are open to end.
func (r *registry) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed = true
		close(r.draining)
		if r.total == 0 {
			close(r.empty)
		}
	}
}

// close drains and waits for the open ones; a second call waits too.
func (r *registry) close(ctx context.Context) error {
	r.drain()
	select {
	case <-r.empty:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("some live connections did not end in time: %w", ctx.Err())
	}
}
