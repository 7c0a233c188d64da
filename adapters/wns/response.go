package wns

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// Waits for words that bring no time.
const (
	waitChannel  = 10 * time.Minute // channelthrottled: of this channel only
	waitThrottle = 15 * time.Minute // 406: of us
	waitAway     = time.Hour        // 412: the device is away
)

// meaning is what a status means; wait is the pause where the answer names none (0: left to the hub).
type meaning struct {
	verdict   notify.Verdict
	wholeLane bool
	wait      time.Duration
}

// meanings: headers, "Response codes". Whatever is not here is in judge.
var meanings = map[int]meaning{
	http.StatusBadRequest:            {verdict: notify.Failed},
	http.StatusUnauthorized:          {verdict: notify.Misconfigured}, // after a fresh token, see send
	http.StatusForbidden:             {verdict: notify.Suspect},       // another app's channel
	http.StatusNotFound:              {verdict: notify.Gone},
	http.StatusMethodNotAllowed:      {verdict: notify.Failed},
	http.StatusNotAcceptable:         {verdict: notify.Retry, wholeLane: true, wait: waitThrottle},
	http.StatusProxyAuthRequired:     {verdict: notify.Misconfigured},
	http.StatusRequestTimeout:        {verdict: notify.Retry},
	http.StatusGone:                  {verdict: notify.Gone},
	http.StatusPreconditionFailed:    {verdict: notify.Retry, wait: waitAway},
	http.StatusRequestEntityTooLarge: {verdict: notify.Failed},
	http.StatusTooManyRequests:       {verdict: notify.Retry, wholeLane: true, wait: waitThrottle},
	http.StatusServiceUnavailable:    {verdict: notify.Retry, wholeLane: true},
}

// The words of X-WNS-Status: headers, "Response parameters".
const (
	wordDropped   = "dropped"
	wordThrottled = "channelthrottled"
)

// judge reads a response: the table of responses.
func judge(r push.Reply, now time.Time) notify.Outcome {
	o := notify.Outcome{Verdict: notify.Failed, Status: r.Status, Reason: reason(r)}
	m, plain := meanings[r.Status]
	switch {
	case r.Status >= 200 && r.Status < 300:
		return taken(r, now)
	case r.Status == http.StatusGone && blocked(r):
		// Our domain is blocked for abuse: nothing is wrong with the channel.
		o.Verdict = notify.Misconfigured
		return o
	case plain:
		o.Verdict, o.WholeLane = m.verdict, m.wholeLane
	case r.Status >= 500:
		o.Verdict = notify.Retry
	case r.Status >= 300 && r.Status < 400: // never followed: Microsoft does not send any, something on the way does
		o.Verdict = notify.Suspect
	}
	if o.Verdict == notify.Retry {
		o.At = retryAt(r.Header, now, m.wait)
	}
	return o
}

// taken reads a 200: it may still say that nothing will be shown.
func taken(r push.Reply, now time.Time) notify.Outcome {
	o := notify.Outcome{Verdict: notify.Accepted, Status: r.Status}
	switch status(r.Header) {
	case wordDropped: // the person or the app does not want this sort, or the device is away and nothing is kept
		o.Verdict, o.Reason = notify.Failed, reason(r)
	case wordThrottled:
		o.Verdict, o.Reason, o.At = notify.Retry, reason(r), retryAt(r.Header, now, waitChannel)
	}
	return o
}

// status gives WNS's own word: it comes under either name, in either case.
func status(h http.Header) string {
	for _, name := range []string{"X-WNS-NotificationStatus", "X-WNS-Status"} {
		if s := strings.ToLower(push.Word(h.Get(name))); s != "" {
			return s
		}
	}
	return ""
}

// blocked tells the 410 that is about us from the one about a channel that expired.
func blocked(r push.Reply) bool {
	for _, s := range []string{r.Header.Get("X-WNS-Error-Description"), r.Header.Get("X-WNS-NotificationStatus"),
		r.Header.Get("X-WNS-Status"), string(r.Body)} {
		s = strings.ToLower(s)
		if strings.Contains(s, "domain") && strings.Contains(s, "block") {
			return true
		}
	}
	return false
}

// retryAt gives the time that WNS asks for, or def from now (0: the zero time).
func retryAt(h http.Header, now time.Time, def time.Duration) time.Time {
	for _, name := range []string{"Retry-After", "X-WNS-CONTINUE-AFTER"} {
		if at := push.RetryAfter(h.Get(name), now); !at.IsZero() {
			return at
		}
	}
	if def > 0 {
		return now.Add(def)
	}
	return time.Time{}
}

// reason is the status with WNS's own words: its status, the device's connection, and what was wrong.
func reason(r push.Reply) string {
	parts := []string{strconv.Itoa(r.Status)}
	if s := status(r.Header); s != "" {
		parts = append(parts, s)
	} else {
		parts = append(parts, http.StatusText(r.Status))
	}
	if s := push.Word(r.Header.Get("X-WNS-DeviceConnectionStatus")); s != "" {
		parts = append(parts, "device "+s)
	}
	if s := words(r.Header.Get("X-WNS-Error-Description")); s != "" {
		parts = append(parts, "("+s+")")
	}
	return strings.TrimSpace(strings.Join(parts, " "))
}

// words makes a sentence of Microsoft's safe to keep and show: short words of letters, digits and -_. only, so that
// neither a channel nor a token can be in it.
func words(s string) string {
	var list []string
	for _, f := range strings.Fields(s) {
		if w := push.Word(f); w != "" && len(f) <= 32 {
			list = append(list, w)
		}
		if len(list) == 16 {
			break
		}
	}
	return strings.Join(list, " ")
}
