package notifytest

import (
	"context"
	"io"
	"log/slog"
	"sync"

	"allim.dev/allim/notify"
)

// Quiet is a logger that says nothing.
func Quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// Adapter is a notify.Adapter in memory: it accepts everything unless told otherwise.
type Adapter struct {
	mu     sync.Mutex
	sent   []Sent
	answer func(d notify.Delivery, nth int) notify.Outcome
	tries  map[string]int
	hold   chan struct{}
	closed bool
}

// Sent is one attempt as the Adapter got it, with what it answered.
type Sent struct {
	Delivery notify.Delivery
	Outcome  notify.Outcome
}

// NewAdapter accepts everything.
func NewAdapter() *Adapter { return &Adapter{tries: map[string]int{}} }

// Answer lets f decide the outcome of each attempt; nth counts the delivery's attempts from 1.
func (a *Adapter) Answer(f func(d notify.Delivery, nth int) notify.Outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = f
}

// Hold makes every Push wait until release is called or its context ends.
func (a *Adapter) Hold() (release func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	hold := make(chan struct{})
	a.hold = hold
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.hold == hold {
			a.hold = nil
			close(hold)
		}
	}
}

// Sent gives all attempts so far, in order.
func (a *Adapter) Sent() []Sent {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Sent(nil), a.sent...)
}

// Accepted gives how often each delivery id was accepted.
func (a *Adapter) Accepted() map[string]int {
	count := map[string]int{}
	for _, s := range a.Sent() {
		if s.Outcome.Verdict == notify.Accepted {
			count[s.Delivery.ID]++
		}
	}
	return count
}

// Render implements notify.Adapter: title, a line break, body.
func (a *Adapter) Render(n notify.Notification, v notify.Variant) (notify.Payload, error) {
	c := n.In(v)
	return notify.Payload{Body: []byte(c.Title + "\n" + c.Body)}, nil
}

// Push implements notify.Adapter.
func (a *Adapter) Push(ctx context.Context, deliveries []notify.Delivery, settle func(int, notify.Outcome)) {
	a.mu.Lock()
	hold := a.hold
	a.mu.Unlock()
	for i, d := range deliveries {
		if hold != nil {
			select {
			case <-hold:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			settle(i, notify.Outcome{Verdict: notify.Retry, Reason: "stopped"})
			continue
		}
		settle(i, a.take(d))
	}
}

func (a *Adapter) take(d notify.Delivery) notify.Outcome {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tries[d.ID]++
	o := notify.Outcome{Verdict: notify.Accepted}
	if a.answer != nil {
		o = a.answer(d, a.tries[d.ID])
	}
	a.sent = append(a.sent, Sent{d, o})
	return o
}

// Close implements notify.Adapter.
func (a *Adapter) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	return nil
}

// Connector is a notify.Connector that puts what a test tells it to.
type Connector struct {
	running chan notify.Watch
}

// NewConnector makes one; use Watch to get hold of the hub's side.
func NewConnector() *Connector { return &Connector{running: make(chan notify.Watch, 1)} }

// Run implements notify.Connector.
func (c *Connector) Run(ctx context.Context, w notify.Watch) error {
	select {
	case <-c.running:
	default:
	}
	c.running <- w
	<-ctx.Done()
	return nil
}

// Running gives the watch of the running connector.
func (c *Connector) Running() <-chan notify.Watch { return c.running }
