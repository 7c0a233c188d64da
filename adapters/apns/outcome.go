package apns

import (
	"net/http"
	"strconv"
	"time"

	"github.com/sideshow/apns2"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Reasons that apns2 does not name: Apple, "Handling notification responses from APNs".
const (
	reasonUnrelatedKey        = "UnrelatedKeyIdInToken"
	reasonBadEnvironmentKeyID = "BadEnvironmentKeyIdInToken"
	reasonBadEnvironmentKey   = "BadEnvironmentKeyInToken" // seen in the wild
	// reasonNoToken is our own word: the provider token could not be signed.
	reasonNoToken = "NoProviderToken"
)

// The waits that Apple asks for, on the page above.
const (
	waitTooMany = 30 * time.Second // after TooManyRequests, doubled with every attempt
	waitServer  = 15 * time.Minute // after an error of the server, from the second attempt on
	waitNext    = time.Second      // after a connection that said goodbye
	maxWait     = time.Hour
)

// outcome gives the hub's word for Apple's: the table of responses.
func outcome(a answer, d notify.Delivery, now time.Time) notify.Outcome {
	o := notify.Outcome{Status: a.status, Reason: a.reason}
	if a.reason == "" && a.status != http.StatusOK {
		o.Reason = "HTTP " + strconv.Itoa(a.status)
	}
	switch {
	case a.err != nil && a.reason == "":
		return notify.Outcome{Verdict: notify.Retry, WholeLane: !a.local, Reason: push.Reason(a.err)}
	case a.status == http.StatusOK:
		return notify.Outcome{Verdict: notify.Accepted, Status: a.status}
	case a.status == http.StatusGone:
		return gone(o, a, d)
	case a.reason != "":
		if known, ok := byReason(o, a, d, now); ok {
			return known
		}
	}
	return byStatus(o, a, d, now)
}

// gone judges a 410: the token is dead unless the app registered it again after Apple's own time.
func gone(o notify.Outcome, a answer, d notify.Delivery) notify.Outcome {
	o.Verdict = notify.Gone
	if !a.since.IsZero() && !d.Device.RegisteredAt.Before(a.since) {
		o.Verdict = notify.Failed
		o.Reason += ", but the device was registered since"
	}
	return o
}

// byReason judges by Apple's word; false when it is not one that is known.
func byReason(o notify.Outcome, a answer, d notify.Delivery, now time.Time) (notify.Outcome, bool) {
	switch a.reason {
	case apns2.ReasonBadDeviceToken, apns2.ReasonDeviceTokenNotForTopic:
		o.Verdict = notify.Suspect
	case apns2.ReasonTopicDisallowed, apns2.ReasonBadTopic, apns2.ReasonMissingTopic,
		apns2.ReasonInvalidProviderToken, apns2.ReasonMissingProviderToken, apns2.ReasonExpiredProviderToken,
		reasonUnrelatedKey, reasonNoToken, reasonBadEnvironmentKeyID, reasonBadEnvironmentKey,
		apns2.ReasonBadCertificate, apns2.ReasonBadCertificateEnvironment, apns2.ReasonForbidden:
		o.Verdict = notify.Misconfigured
	case apns2.ReasonMissingDeviceToken, apns2.ReasonBadMessageID, apns2.ReasonBadExpirationDate,
		apns2.ReasonBadPriority, apns2.ReasonBadCollapseID, apns2.ReasonInvalidPushType, apns2.ReasonDuplicateHeaders,
		apns2.ReasonPayloadEmpty, apns2.ReasonBadPath, apns2.ReasonMethodNotAllowed, apns2.ReasonPayloadTooLarge:
		o.Verdict = notify.Failed
	case apns2.ReasonIdleTimeout, apns2.ReasonShutdown:
		o.Verdict, o.At = notify.Retry, later(now.Add(waitNext), a.retryAfter)
	case apns2.ReasonTooManyRequests: // of one device token
		o.Verdict, o.At = notify.Retry, later(now.Add(backoff(waitTooMany, d.Attempt)), a.retryAfter)
	case apns2.ReasonTooManyProviderTokenUpdates: // of ours: nobody may send for a moment
		o.Verdict, o.WholeLane, o.At = notify.Retry, true, later(now.Add(waitTooMany), a.retryAfter)
	case apns2.ReasonInternalServerError, apns2.ReasonServiceUnavailable:
		return server(o, a, d, now), true
	default:
		return o, false
	}
	return o, true
}

// byStatus judges an answer without a word that is known. Only the server's own trouble is worth a repeat; a 403 is
// about who sends, whatever the word: the queue is kept.
func byStatus(o notify.Outcome, a answer, d notify.Delivery, now time.Time) notify.Outcome {
	switch {
	case a.status >= 500:
		return server(o, a, d, now)
	case a.status == http.StatusTooManyRequests:
		o.Verdict, o.At = notify.Retry, later(now.Add(backoff(waitTooMany, d.Attempt)), a.retryAfter)
	case a.status == http.StatusForbidden || a.status == http.StatusProxyAuthRequired:
		o.Verdict = notify.Misconfigured
	case a.status == 0: // a connection that said goodbye with a word that is not known
		o.Verdict, o.WholeLane = notify.Retry, true
	default:
		o.Verdict = notify.Failed
	}
	return o
}

// server judges an error of Apple's own: one is a hiccup, which the hub's backoff bridges; after a second one Apple asks
// for a quarter of an hour. 503 is about the service, not about the device.
func server(o notify.Outcome, a answer, d notify.Delivery, now time.Time) notify.Outcome {
	o.Verdict, o.WholeLane, o.At = notify.Retry, a.status == http.StatusServiceUnavailable, a.retryAfter
	if d.Attempt > 1 {
		o.At = later(now.Add(waitServer), a.retryAfter)
	}
	return o
}

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
