package wns

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// sickAfter is how many requests in a row, to any host, must stay unanswered until it is the way to WNS that is broken
// and not one host: a channel's host is named by whoever registers it.
const sickAfter = 8

// minTTL is the shortest X-WNS-TTL that is asked for: with less, a device on a slow network never shows it.
const minTTL = time.Minute

// badgeTimeout bounds the push of a badge beside a toast.
const badgeTimeout = 10 * time.Second

// round is one Push; word, once said, concerns all its deliveries.
type round struct {
	adapter *Adapter
	mu      sync.Mutex
	word    *notify.Outcome
}

// job is one delivery on its way.
type job struct {
	host     string
	channel  channel
	delivery *notify.Delivery
	badge    string // the number for the app's icon; empty: none
	sent     int    // requests made so far
}

// push sends one delivery and gives what became of it.
func (r *round) push(ctx context.Context, j *job) notify.Outcome {
	if o := r.said(); o != nil {
		return *o
	}
	leave, until, err := r.adapter.hosts.Enter(ctx, j.host)
	if err != nil {
		return stopped
	}
	defer leave()
	if !until.IsZero() {
		return notify.Outcome{Verdict: notify.Retry, At: until, Reason: "the channel's host is left alone for a while"}
	}
	if r.adapter.pace.Wait(ctx) != nil {
		return stopped
	}
	if o := r.said(); o != nil { // while it waited
		return *o
	}
	o := r.adapter.deliver(ctx, j)
	if o.Verdict == notify.Misconfigured || o.Verdict == notify.Retry && o.WholeLane {
		r.mu.Lock()
		r.word = &o
		r.mu.Unlock()
	}
	return o
}

func (r *round) said() *notify.Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.word
}

// deliver sends a payload.
func (a *Adapter) deliver(ctx context.Context, j *job) notify.Outcome {
	var header http.Header
	header, j.badge = split(j.delivery.Payload.Header)
	a.timing(header, j.delivery.Expires)
	return a.send(ctx, j, header, addressed(j.delivery.Payload.Body, j.delivery.ID))
}

// badge sends the number that belongs to a toast which was taken and settled.
func (r *round) badge(ctx context.Context, j *job, number string) {
	a := r.adapter
	ctx, cancel := context.WithTimeout(ctx, min(a.cfg.Timeout, badgeTimeout))
	defer cancel()
	leave, until, err := a.hosts.Enter(ctx, j.host)
	if err != nil {
		return
	}
	defer leave()
	if !until.IsZero() || r.said() != nil {
		return
	}
	header := http.Header{"X-Wns-Type": {typeBadge}, "Content-Type": {asXML}, "X-Wns-Cache-Policy": {"cache"}}
	if o := a.send(ctx, j, header, badge(number)); o.Verdict != notify.Accepted {
		a.log.Debug("a badge was not taken; its toast was", "delivery", j.delivery.ID, "reason", o.Reason)
	}
}

// split makes the headers of a payload, and takes the badge's number out of them.
func split(list []notify.Header) (header http.Header, number string) {
	header = make(http.Header, len(list)+4)
	for _, h := range list {
		if h.Name == headerBadge {
			number = h.Value
			continue
		}
		header.Set(h.Name, h.Value)
	}
	return header, number
}

// timing says how long WNS keeps a push for a device that is away. "cache" with a TTL of 0 is refused (400); a badge
// stands until another one comes.
func (a *Adapter) timing(header http.Header, expires time.Time) {
	left := expires.Sub(a.clock.Now())
	switch {
	case header.Get("X-WNS-Type") == typeBadge || expires.IsZero():
		header.Set("X-WNS-Cache-Policy", "cache")
	case left <= 0: // one attempt, nothing kept
		header.Set("X-WNS-Cache-Policy", "no-cache")
	default:
		header.Set("X-WNS-Cache-Policy", "cache")
		header.Set("X-WNS-TTL", strconv.FormatInt(int64(max(left, minTTL)/time.Second), 10))
	}
}

// send makes one push: once more with another token when WNS refuses the present one, and once more when the connection
// broke under it, which its tag makes harmless.
func (a *Adapter) send(ctx context.Context, j *job, header http.Header, body []byte) notify.Outcome {
	renewed, repeated := false, false
	for {
		bearer, bad := a.tokens.get(ctx)
		if bad != nil {
			return *bad
		}
		header.Set("Authorization", "Bearer "+bearer)
		o, broke := a.attempt(ctx, j, header, body)
		switch {
		case ctx.Err() != nil && o.Verdict != notify.Accepted && o.Status == 0:
			return stopped
		case o.Status == http.StatusUnauthorized && !renewed && a.tokens.refused(bearer):
			renewed = true
		case broke && !repeated:
			repeated = true
		default:
			return o
		}
	}
}

// attempt makes one request; broke tells that an established connection was lost.
func (a *Adapter) attempt(ctx context.Context, j *job, header http.Header, body []byte) (o notify.Outcome, broke bool) {
	limited, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()
	j.sent++
	header.Set("MS-CV", vector(j.delivery.ID, j.delivery.Attempt, j.sent))
	// A reader of bytes has a known length: WNS takes no chunked bodies.
	req := (&http.Request{Method: http.MethodPost, URL: j.channel.url, Host: j.channel.url.Host, Header: header.Clone(),
		Body: reader(body), ContentLength: int64(len(body))}).WithContext(limited)
	started := a.clock.Now()
	reply, err := a.guard(j.channel).Do(req)
	switch {
	case errors.Is(err, push.ErrRefused):
		return notify.Outcome{Verdict: notify.Suspect, Reason: "the channel leads into the house's own network"}, false
	case err != nil && ctx.Err() != nil:
		return stopped, false
	case err != nil:
		a.hosts.Failed(j.host, started, time.Time{})
		sick := a.silent.Add(1) >= sickAfter
		return notify.Outcome{Verdict: notify.Retry, WholeLane: sick, Reason: push.Reason(err)}, push.Broke(err)
	}
	a.silent.Store(0)
	o = judge(reply, a.clock.Now())
	if reply.Status >= http.StatusInternalServerError {
		a.hosts.Failed(j.host, started, o.At)
	} else {
		a.hosts.Answered(j.host)
	}
	return o, false
}

// body is a request's body: bytes that many requests share.
type body struct{ *bytes.Reader }

// Close implements io.Closer.
func (body) Close() error { return nil }

func reader(b []byte) body { return body{bytes.NewReader(b)} }

// vector is the correlation vector with which Microsoft's support finds a request again (MS-CV, version 2): the
// delivery's id in base64, then what attempt and which request it is.
func vector(id string, attempt, sent int) string {
	u, err := uuid.Parse(id)
	if err != nil {
		u = uuid.Nil
	}
	return base64.RawStdEncoding.EncodeToString(u[:]) + "." + strconv.Itoa(attempt) + "." + strconv.Itoa(sent)
}
