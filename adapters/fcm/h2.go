package fcm

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/adapters/push/h2"
	"allim.dev/allim/notify"
)

// h2Sender carries messages over push/h2, which writes its own frames.
type h2Sender struct {
	client *h2.Client
	path   string
	// past is set when the server turned out to speak no HTTP/2, or something on the way: net/http takes over, which
	// speaks HTTP/1.1 too.
	past atomic.Bool
}

// shared are the header fields of every message: errors come as google.rpc.Status, with their details.
var shared = []notify.Header{{Name: "content-type", Value: "application/json"}, {Name: "x-goog-api-format-version", Value: "2"}}

func newH2Sender(c senderConfig) *h2Sender {
	// net/http changes its own configuration of TLS at the transport's first use, which may be at any time.
	d := &h2.Dialer{Address: address(c.url), TLS: c.transport.TLSClientConfig.Clone(), Proxy: c.transport.Proxy, KeepAlive: pingAfter}
	return &h2Sender{path: c.url.EscapedPath(), client: h2.New(h2.Options{Authority: c.url.Host, Connections: c.connections,
		InFlight: c.inFlight, Timeout: c.timeout, MaxBody: maxAnswer, Keep: []string{"retry-after"}, Clock: c.clock,
		Dial: d.Dial, PingAfter: pingAfter, PingTimeout: pingTimeout})}
}

// address gives the host and port of an https address.
func address(u *url.URL) string {
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), "443")
	}
	return u.Host
}

// errFill is of a message that cannot be made.
type errFill struct{ error }

// h2Round is the way of some deliveries through an h2Sender.
type h2Round struct {
	*round
	ctx, begin context.Context
	stop       func() // no more are begun
	list       []int
	second     bool      // after another access token was had: no third try
	token      string    // the access token
	auth       string    // the same as a header
	again      []int     // refused the access token: guarded by mu
	past       []int     // the server speaks no HTTP/2: guarded by mu
	begun      time.Time // for all of them
}

// runH2 sends deliveries and settles each, but for those that it gives back: the server speaks no HTTP/2.
func (r *round) runH2(ctx context.Context, list []int) (past []int) {
	for second := false; len(list) > 0; second = true {
		h := &h2Round{round: r, ctx: ctx, list: list, second: second}
		h.run()
		past = append(past, h.past...)
		list = h.again
	}
	return past
}

func (r *h2Round) run() {
	var stop context.CancelFunc
	r.begin, stop = context.WithCancel(r.ctx)
	defer stop()
	r.stop = stop
	b := h2.Batch{N: len(r.list), Before: r.before, Fill: r.fill, Done: r.done}
	if !r.second {
		b.Permit = r.adapter.pace.Permit
	}
	r.adapter.h2.client.Do(r.ctx, b)
}

// before has an access token.
func (r *h2Round) before(context.Context) error {
	token, err := r.adapter.tokens.get(r.begin)
	if err == nil && token != r.token {
		r.token, r.auth = token, "Bearer "+token
	}
	r.begun = r.adapter.clock.Now()
	return err
}

// fill makes a message.
func (r *h2Round) fill(k int, to *h2.Request) error {
	d := r.deliveries[r.list[k]]
	body, err := fill(d, r.begun)
	if err != nil {
		r.adapter.log.Error("an FCM message cannot be made", "delivery", d.ID, "error", err)
		return errFill{err}
	}
	to.Path, to.Authorization, to.Tag, to.Shared, to.Body = r.adapter.h2.path, r.auth, r.token, shared, body
	return nil
}

// done judges an answer and settles the delivery, unless it is sent once more.
func (r *h2Round) done(k int, reply *h2.Reply) h2.Next {
	i := r.list[k]
	if errors.Is(reply.Err, h2.ErrNotHTTP2) || reply.Unsent && r.adapter.h2.past.Load() && r.ctx.Err() == nil {
		r.adapter.h2.past.Store(true)
		r.mu.Lock()
		r.past = append(r.past, i)
		r.mu.Unlock()
		return h2.Stop
	}
	var unmade errFill
	if errors.As(reply.Err, &unmade) {
		r.settle(i, unmadeOutcome())
		return h2.GoOn
	}
	got := r.adapter.answer(reply)
	if !r.second && got.credentials() && r.adapter.tokens.refused(reply.Tag) {
		r.mu.Lock()
		r.again = append(r.again, i)
		r.mu.Unlock()
		return h2.GoOn
	}
	o := outcome(got, r.deliveries[i].Attempt, r.adapter.clock.Now())
	var token *tokenError
	if errors.As(reply.Err, &token) {
		o = tokenOutcome(reply.Err)
	}
	o, goOn := r.judge(r.ctx, r.begin, got, o)
	r.settle(i, o)
	if !goOn {
		r.stop()
		return h2.Stop
	}
	return h2.GoOn
}

// answer reads a reply.
func (a *Adapter) answer(r *h2.Reply) answer {
	got := answer{status: r.Status, err: r.Err, unsent: r.Unsent, fresh: r.Fresh}
	if r.Err == nil || r.Status == http.StatusOK { // it was accepted, whatever follows
		got.err = nil
		if r.Status != http.StatusOK {
			got.said = parseStatus(r.Body)
			for _, f := range r.Header {
				got.retryAfter = push.RetryAfter(f.Value, a.clock.Now())
			}
		}
		return got
	}
	got.status = 0 // half of an error must cost no device and stop no lane
	switch {
	case errors.Is(r.Err, context.DeadlineExceeded), errors.Is(r.Err, context.Canceled):
		got.local = !r.Unsent
	case h2.Local(r.Err):
		got.local, got.err = true, errLost
	case !r.Unsent:
		got.err = errLost
	}
	return got
}

// ask sends one body over h2; once more with another access token when Google refused the first. known is false when the
// server speaks no HTTP/2.
func (a *Adapter) ask(ctx context.Context, body []byte) (got answer, o notify.Outcome, known bool) {
	for try := 1; ; try++ {
		token, err := a.tokens.get(ctx)
		if err != nil {
			return answer{unsent: true}, tokenOutcome(err), true
		}
		known = true
		a.h2.client.Do(ctx, h2.Batch{N: 1,
			Fill: func(_ int, to *h2.Request) error {
				to.Path, to.Authorization, to.Shared, to.Body = a.h2.path, "Bearer "+token, shared, body
				return nil
			},
			Done: func(_ int, r *h2.Reply) h2.Next {
				got, known = a.answer(r), !errors.Is(r.Err, h2.ErrNotHTTP2)
				return h2.GoOn
			}})
		if try == 1 && known && got.credentials() && a.tokens.refused(token) {
			continue
		}
		return got, outcome(got, 1, a.clock.Now()), known
	}
}

// unmadeOutcome is of a message that cannot be made.
func unmadeOutcome() notify.Outcome {
	return notify.Outcome{Verdict: notify.Failed, Reason: "the message cannot be made"}
}
