package webpush

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// strangerTimeout bounds a request to a stranger's host, so that slow ones hold up a batch for less.
const strangerTimeout = 10 * time.Second

// maxTTL is the longest TTL that every service takes, in seconds: four weeks.
const maxTTL = 2_419_200

// job is one delivery on its way.
type job struct {
	origin   *origin
	signer   *signer
	url      *url.URL
	delivery *notify.Delivery
	to       receiver
	token    string // the Authorization value
	small    bool   // the subscription takes small bodies only
}

// push sends one delivery: once more with another token, and once more smaller, when the service asks for it.
func (a *Adapter) push(ctx context.Context, j *job) notify.Outcome {
	d := j.delivery
	if j.origin.vendor == apple && !bytes.HasPrefix(d.Payload.Body, shown) {
		// Apple takes the permission away from a page that shows nothing.
		return notify.Outcome{Verdict: notify.Failed, Reason: "unsupported: silent pushes to Apple's browsers"}
	}
	var err error
	if j.to, err = newReceiver(d.Device.P256dh, d.Device.Auth); err != nil {
		return notify.Outcome{Verdict: notify.Failed, Reason: "the subscription's keys are not valid"}
	}
	if err := j.origin.enter(ctx); err != nil {
		return notify.Outcome{Verdict: notify.Retry, Reason: "stopped"}
	}
	defer j.origin.leave()
	now := a.clock.Now()
	if until := j.origin.paused(now); !until.IsZero() {
		return notify.Outcome{Verdict: notify.Retry, At: until, Reason: "the push service asked for a pause"}
	}
	if j.token, err = j.origin.authorization(j.signer, now); err != nil {
		a.log.Error("no VAPID token can be made", "error", err)
		return notify.Outcome{Verdict: notify.Misconfigured, Reason: "no VAPID token can be made"}
	}
	if a.pace.Wait(ctx) != nil {
		return notify.Outcome{Verdict: notify.Retry, Reason: "stopped"}
	}
	j.small = a.limits.isSmall(d.Device.Token)
	return a.attempts(ctx, j)
}

func (a *Adapter) attempts(ctx context.Context, j *job) notify.Outcome {
	tried := map[redo]bool{}
	for {
		ans := a.attempt(ctx, j)
		if ans.redo == redoNothing || tried[ans.redo] || ctx.Err() != nil {
			return ans.Outcome
		}
		tried[ans.redo] = true
		switch ans.redo {
		case redoToken:
			token, err := j.origin.refresh(j.signer, j.token, a.clock.Now())
			if err != nil || token == "" {
				return ans.Outcome
			}
			j.token = token
		case redoSmaller:
			if j.small {
				return ans.Outcome
			}
			j.small = true
			a.limits.learn(j.delivery.Device.Token)
		}
	}
}

// attempt makes, sends and judges one request.
func (a *Adapter) attempt(ctx context.Context, j *job) answer {
	msg, err := a.seal(j)
	switch {
	case notify.CodeOf(err) == notify.CodeTooLarge:
		return settled(notify.Failed, "too long for this push service")
	case err != nil:
		a.log.Error("a push message cannot be made", "delivery", j.delivery.ID, "error", err)
		return settled(notify.Failed, "the message cannot be made")
	}
	defer msg.release()
	started := a.clock.Now()
	reply, repeated, err := a.carry(ctx, j, msg)
	now := a.clock.Now()
	switch {
	case errors.Is(err, push.ErrRefused):
		return settled(notify.Suspect, "the endpoint leads into the house's own network")
	case err != nil && ctx.Err() != nil:
		return settled(notify.Retry, "stopped")
	case err != nil:
		j.origin.failed(started, now, time.Time{})
		ans := settled(notify.Retry, err.Error())
		if !repeated && push.Broke(err) {
			ans.redo = redoSame
		}
		return ans
	}
	ans := judge(j.origin.vendor, reply, now)
	if ans.trouble {
		j.origin.failed(started, now, ans.At)
	} else {
		j.origin.answered()
	}
	if reply.Status == http.StatusTooManyRequests {
		j.origin.throttle(a.limits.hash(j.delivery.Device.Token), now, ans.At)
	}
	return ans
}

// settled is an answer that is not the service's.
func settled(v notify.Verdict, reason string) answer {
	return answer{Outcome: notify.Outcome{Verdict: v, Reason: reason}}
}

// seal makes the encrypted body: every attempt has a key and a salt of its own.
func (a *Adapter) seal(j *job) (*message, error) {
	text, pad := j.delivery.Payload.Body, 0
	if j.small {
		var err error
		if text, err = refit(text, smallPayload); err != nil {
			return nil, err
		}
	} else {
		pad = padding(len(text))
	}
	if len(text) > MaxPayload {
		return nil, notify.Errorf(notify.CodeTooLarge, "the payload has %d bytes; Web Push takes %d", len(text), MaxPayload)
	}
	from, err := newSender()
	if err != nil {
		return nil, err
	}
	msg := a.messages.get()
	var plaintext []byte
	msg.body, plaintext = plaintextIn(msg.buf, len(text), pad)
	msg.buf = msg.body
	copy(plaintext, text)
	address(plaintext[:len(text)], j.delivery.ID)
	if err := seal(msg.body, len(text), j.to, from); err != nil {
		msg.release()
		return nil, err
	}
	return msg, nil
}

// Constant fields of every request; headerUrgency is one of a payload's.
const (
	coding        = "aes128gcm"
	mediaType     = "application/octet-stream"
	headerUrgency = "Urgency"
)

// request makes the request of RFC 8030 section 5 and RFC 8291 section 4, for net/http.
func (a *Adapter) request(ctx context.Context, j *job, msg *message) *http.Request {
	h := header(j.delivery.Payload.Header, a.ttl(j.delivery.Expires, j.origin.vendor))
	h["Authorization"] = []string{j.token}
	req := &http.Request{Method: http.MethodPost, URL: j.url, Host: j.url.Host, Header: h,
		Body: msg.reader(), ContentLength: int64(len(msg.body))}
	req.GetBody = func() (io.ReadCloser, error) { return msg.reader(), nil }
	return req.WithContext(ctx)
}

// header are the fields of a request, but for its credentials.
func header(rendered []notify.Header, ttl int64) http.Header {
	h := make(http.Header, 6)
	for _, x := range rendered {
		h.Set(x.Name, x.Value)
	}
	h["Ttl"] = []string{strconv.FormatInt(ttl, 10)}
	h["Content-Encoding"] = []string{coding}
	h["Content-Type"] = []string{mediaType}
	return h
}

// ttl gives the seconds that are left (RFC 8030 section 5.2).
func (a *Adapter) ttl(expires time.Time, to vendor) int64 {
	left := int64(maxTTL)
	if !expires.IsZero() {
		left = int64(expires.Sub(a.clock.Now()) / time.Second)
	}
	least := int64(0)
	if to == edge { // 400 "Ttl value conflicts with X-WNS-Cache-Policy." for 0
		least = 1
	}
	return min(max(left, least), maxTTL)
}
