package fcm

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// sickAfter is how many attempts in a row must time out before it is the service that is sick, not one request; those
// on a new connection weigh more, because others wait for each of them.
const (
	sickAfter   = 8
	freshWeight = 4
)

// round is the way of some deliveries to FCM.
type round struct {
	adapter    *Adapter
	deliveries []notify.Delivery
	settle     func(int, notify.Outcome)

	mu       sync.Mutex
	word     *notify.Outcome // concerns all: those left are settled with it
	timeouts int             // in a row
}

// run sends all deliveries and settles each.
func (r *round) run(ctx context.Context) {
	list := make([]int, len(r.deliveries))
	for i := range list {
		list[i] = i
	}
	if s := r.adapter.h2; s != nil && !s.past.Load() {
		list = r.runH2(ctx, list)
		if len(list) > 0 {
			r.adapter.log.Warn("the server or something on the way speaks no HTTP/2: FCM messages go over HTTP/1.1 from now on")
		}
	}
	r.runHTTP(ctx, list)
}

// runHTTP sends deliveries over net/http, from no more goroutines than the connections take, and settles each.
func (r *round) runHTTP(ctx context.Context, list []int) {
	// begin ends when no more are to be begun; what is under way goes on.
	begin, stop := context.WithCancel(ctx)
	defer stop()
	begun := push.Each(len(list), r.adapter.sender.links.Room(), func(k int) bool {
		return r.one(ctx, begin, stop, list[k])
	})
	for _, i := range list[begun:] {
		r.settle(i, r.unsent())
	}
}

// one sends and settles a delivery; false: no more are to be sent.
func (r *round) one(ctx, begin context.Context, stop func(), i int) bool {
	if r.adapter.pace.Wait(begin) != nil {
		r.settle(i, r.unsent())
		return false
	}
	d := r.deliveries[i]
	body, err := fill(d, r.adapter.clock.Now())
	if err != nil {
		r.adapter.log.Error("an FCM message cannot be made", "delivery", d.ID, "error", err)
		r.settle(i, unmadeOutcome())
		return true
	}
	got, o, on := r.adapter.send(ctx, begin, body, d.Attempt)
	o, goOn := r.judge(ctx, begin, got, o)
	if !goOn {
		stop()
	}
	on.end()
	r.settle(i, o)
	return goOn
}

// unsent gives the outcome of what is not sent any more.
func (r *round) unsent() notify.Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.word != nil {
		return *r.word
	}
	return stopped()
}

func stopped() notify.Outcome { return notify.Outcome{Verdict: notify.Retry, Reason: "stopped"} }

// judge looks at an outcome with the others in mind; false: it concerns all, and no more are to be sent.
func (r *round) judge(ctx, begin context.Context, got answer, o notify.Outcome) (notify.Outcome, bool) {
	switch {
	case o.Status == 0 && ctx.Err() != nil:
		return stopped(), false
	case got.unsent && begin.Err() != nil: // another one's word
		return r.unsent(), false
	}
	switch {
	case o.Verdict == notify.Accepted:
		r.adapter.health.Good()
	case o.WholeLane && got.status == http.StatusServiceUnavailable:
		o.WholeLane = r.adapter.health.Unavailable()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case got.status != 0:
		r.timeouts = 0
	case errors.Is(got.err, context.DeadlineExceeded):
		r.timeouts++
		if got.fresh {
			r.timeouts += freshWeight - 1
		}
		o.WholeLane = o.WholeLane || r.timeouts >= sickAfter
	}
	if o.Verdict == notify.Retry && o.WholeLane && o.Status == 429 {
		r.adapter.pace.Slow()
	}
	// A key that Firebase itself has for another platform holds up no Android device.
	third := got.said.code == codeThirdParty || got.said.code == codeAPNsAuth
	if r.word == nil && (o.Verdict == notify.Misconfigured && !third || o.Verdict == notify.Retry && o.WholeLane) {
		r.word = &o
	}
	return o, r.word == nil
}
