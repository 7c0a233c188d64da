package apns

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/sideshow/apns2"

	"allim.dev/allim/notify"
)

// sickAfter is how many attempts in a row must time out before it is the service that is sick, not one request; those
// on a new connection weigh more, because others wait for each of them.
const (
	sickAfter   = 8
	freshWeight = 4
)

// round is the way of some deliveries through one environment's client.
type round struct {
	adapter    *Adapter
	client     sender
	deliveries []notify.Delivery
	settle     func(int, notify.Outcome)

	mu       sync.Mutex
	again    []int           // to be sent once more, with another token or connection
	word     *notify.Outcome // concerns all: those left are settled with it
	timeouts int             // in a row
}

// run sends the deliveries of the list, those once more for which that helps, and settles each.
func (r *round) run(ctx context.Context, list []int) {
	r.send(ctx, list, false)
	if again := r.again; len(again) > 0 {
		r.again = nil
		r.send(ctx, again, true)
	}
}

func (r *round) send(ctx context.Context, list []int, second bool) {
	now := r.adapter.clock.Now()
	requests := make([]request, len(list))
	for k, i := range list {
		requests[k] = r.adapter.request(r.deliveries[i], now)
	}
	r.client.send(ctx, requests, func(k int, a answer) bool {
		if i := list[k]; second || !r.repeat(i, a) {
			return r.judge(ctx, i, a)
		}
		return true
	})
}

// repeat tells whether a delivery is to be sent once more, and notes it: Apple called the provider token too old, and
// there is another one now; or called the connection another key's, and it will be another one.
func (r *round) repeat(i int, a answer) bool {
	help := a.reason == reasonUnrelatedKey
	if s := r.adapter.signer; s != nil && a.reason == apns2.ReasonExpiredProviderToken {
		var err error
		if help, err = s.refused(a.bearer); err != nil {
			r.adapter.log.Error("the APNs provider token cannot be renewed", "error", err)
		}
	}
	if help {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.again = append(r.again, i)
	}
	return help
}

// judge settles a delivery; false: the word concerns all, and no more are to be sent.
func (r *round) judge(ctx context.Context, i int, a answer) bool {
	o := outcome(a, r.deliveries[i], r.adapter.clock.Now())
	if a.err != nil && ctx.Err() != nil {
		o = notify.Outcome{Verdict: notify.Retry, Reason: "stopped"}
	}
	switch {
	case o.Verdict == notify.Accepted:
		r.adapter.health.Good()
	case o.WholeLane && a.status == http.StatusServiceUnavailable:
		o.WholeLane = r.adapter.health.Unavailable()
	}
	r.mu.Lock()
	switch {
	case a.status != 0:
		r.timeouts = 0
	case errors.Is(a.err, context.DeadlineExceeded):
		r.timeouts++
		if a.fresh {
			r.timeouts += freshWeight - 1
		}
		o.WholeLane = o.WholeLane || r.timeouts >= sickAfter
	}
	if a.unsent && r.word != nil {
		o = *r.word
	} else if r.word == nil && (o.Verdict == notify.Misconfigured || o.Verdict == notify.Retry && o.WholeLane) {
		r.word = &o
	}
	goOn := r.word == nil
	r.mu.Unlock()
	r.settle(i, o)
	return goOn
}
