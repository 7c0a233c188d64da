package fcm

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// FcmError's codes: Firebase, "ErrorCode" of the REST reference. APNS_AUTH_ERROR is the old name of
// THIRD_PARTY_AUTH_ERROR.
const (
	codeUnregistered = "UNREGISTERED"
	codeSender       = "SENDER_ID_MISMATCH"
	codeInvalid      = "INVALID_ARGUMENT"
	codeQuota        = "QUOTA_EXCEEDED"
	codeUnavailable  = "UNAVAILABLE"
	codeInternal     = "INTERNAL"
	codeThirdParty   = "THIRD_PARTY_AUTH_ERROR"
	codeAPNsAuth     = "APNS_AUTH_ERROR"
)

// google.rpc.Code's names, for answers without an FcmError.
const (
	statusUnauthenticated = "UNAUTHENTICATED"
	statusDenied          = "PERMISSION_DENIED"
	statusExhausted       = "RESOURCE_EXHAUSTED"
)

// The least waits: Firebase, "Best practices when sending FCM messages at scale" (retries) and "FCM throttling and
// quotas" (429).
const (
	waitQuota  = time.Minute
	waitServer = 10 * time.Second
	maxWait    = time.Hour
)

// answer is what came back for one request.
type answer struct {
	status     int
	said       status
	retryAfter time.Time
	err        error // no answer came; status is 0
	local      bool  // with err: it says nothing about other requests
	fresh      bool  // with err: it was the first request on a new connection
	unsent     bool  // with err: nothing was sent
}

// credentials tells whether Google refused the access token itself.
func (a answer) credentials() bool {
	return a.status == http.StatusUnauthorized && a.said.code == ""
}

// outcome gives the hub's word for Google's: the code first, then the status, then HTTP's.
func outcome(a answer, attempt int, now time.Time) notify.Outcome {
	if a.err != nil {
		return notify.Outcome{Verdict: notify.Retry, WholeLane: !a.local, Reason: push.Reason(a.err)}
	}
	if a.status == http.StatusOK {
		return notify.Outcome{Verdict: notify.Accepted, Status: a.status}
	}
	o := notify.Outcome{Status: a.status, Reason: a.said.word()}
	if o.Reason == "" {
		o.Reason = "HTTP " + strconv.Itoa(a.status)
	}
	if known, ok := byCode(o, a, attempt, now); ok {
		return known
	}
	return byStatus(o, a, attempt, now)
}

// byCode judges by FcmError; false when there is none that is known.
func byCode(o notify.Outcome, a answer, attempt int, now time.Time) (notify.Outcome, bool) {
	switch a.said.code {
	case codeUnregistered:
		o.Verdict = notify.Gone
	case codeSender: // the token is another Firebase project's
		o.Verdict = notify.Suspect
	case codeInvalid:
		return invalid(o, a.said), true
	case codeThirdParty, codeAPNsAuth: // the key of APNs or Web Push that Firebase itself has
		o.Verdict = notify.Misconfigured
	case codeQuota:
		return quota(o, a, attempt, now), true
	case codeUnavailable:
		o.Verdict, o.WholeLane, o.At = notify.Retry, true, a.retryAfter
	case codeInternal:
		o.Verdict, o.At = notify.Retry, later(now.Add(jitter(backoff(waitServer, attempt))), a.retryAfter)
	default:
		return o, false
	}
	return o, true
}

// byStatus judges an answer without an FcmError that is known. What says who sends or where to keeps the queue: no token
// may be dropped for a wrong project or address.
func byStatus(o notify.Outcome, a answer, attempt int, now time.Time) notify.Outcome {
	switch {
	case a.status == http.StatusTooManyRequests, a.said.status == statusExhausted:
		return quota(o, a, attempt, now)
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden, a.status == http.StatusNotFound,
		a.status == http.StatusProxyAuthRequired, a.said.status == statusUnauthenticated, a.said.status == statusDenied,
		a.status >= 300 && a.status < 400:
		o.Verdict = notify.Misconfigured
	case a.status == http.StatusBadRequest && a.said.status == codeInvalid:
		if o = invalid(o, a.said); o.Verdict == notify.Gone {
			o.Verdict = notify.Suspect // without FcmError it is not a word about the device
		}
	case a.status == http.StatusServiceUnavailable:
		o.Verdict, o.WholeLane, o.At = notify.Retry, true, a.retryAfter
	case a.status >= 500:
		o.Verdict, o.At = notify.Retry, later(now.Add(jitter(backoff(waitServer, attempt))), a.retryAfter)
	case a.status == http.StatusRequestTimeout:
		o.Verdict, o.At = notify.Retry, a.retryAfter
	default:
		o.Verdict = notify.Failed
	}
	return o
}

// invalid tells apart what INVALID_ARGUMENT is said of: the token, the app's package, or the message.
func invalid(o notify.Outcome, s status) notify.Outcome {
	switch {
	case s.aboutToken():
		o.Verdict, o.Reason = notify.Gone, codeInvalid+" registration token"
	case s.mentions("package name", "package_name"):
		o.Verdict, o.Reason = notify.Suspect, codeInvalid+" package name"
	case s.mentions("too big", "too large"):
		o.Verdict, o.Reason = notify.Failed, codeInvalid+" message too big"
	default:
		o.Verdict = notify.Failed
	}
	return o
}

// quota judges a 429: of one device, of a topic, or (when it does not say) of the whole project.
func quota(o notify.Outcome, a answer, attempt int, now time.Time) notify.Outcome {
	o.Verdict, o.WholeLane = notify.Retry, true
	if who := a.said.narrow(); who != "" {
		o.WholeLane = false
		o.Reason += " " + who
	}
	o.At = a.retryAfter
	if o.At.IsZero() {
		o.At = now.Add(backoff(waitQuota, attempt))
	}
	return o
}

// narrow tells whether a quota is a device's or a topic's; "" for the project's. The message itself is looked at last:
// "Device message rate exceeded".
func (s status) narrow() string {
	if strings.Contains(s.metric, "send_requests") || strings.HasPrefix(s.message, "quota exceeded for quota metric") {
		return ""
	}
	texts := []string{s.message}
	for _, v := range s.quota {
		if strings.HasPrefix(v.what, "project") { // whose id may be any word
			return ""
		}
		texts = append(texts, v.what, v.description)
	}
	for _, who := range []string{"device", "topic"} {
		for _, t := range texts {
			if strings.Contains(t, who) {
				return who
			}
		}
	}
	return ""
}

// jitter adds up to a half, so that those who failed together do not come back together.
func jitter(d time.Duration) time.Duration { return d + rand.N(d/2+1) }

// backoff doubles base with every attempt after the first, up to an hour.
func backoff(base time.Duration, attempt int) time.Duration {
	for i := 1; i < attempt && base < maxWait; i++ {
		base *= 2
	}
	return min(base, maxWait)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
