package webpush

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// redo is what may help at once.
type redo uint8

const (
	redoNothing redo = iota
	redoToken        // with another VAPID token, once
	redoSmaller      // with a smaller body, once
	redoSame         // as it was, once: the connection broke, and took others' pushes along
)

// answer is what a response means. Outcome holds when redo is impossible or was tried.
type answer struct {
	notify.Outcome
	redo    redo
	trouble bool // the service is in trouble, not this push
}

// Waits for words that bring no Retry-After.
const (
	edgeThrottle = 15 * time.Minute // 406, seen with Microsoft
	noSubscriber = time.Hour        // 507, ntfy: nobody listened lately
)

// plainly are the statuses that mean the same whoever says them. Any other is in judge.
var plainly = map[int]struct {
	verdict notify.Verdict
	redo    redo
	wait    time.Duration // Retry without a Retry-After: 0 leaves it to the hub
}{
	http.StatusBadRequest:            {verdict: notify.Failed},
	http.StatusNotFound:              {verdict: notify.Gone}, // RFC 8030 section 7.3: the subscription expired
	http.StatusNotAcceptable:         {verdict: notify.Retry, wait: edgeThrottle},
	http.StatusRequestTimeout:        {verdict: notify.Retry},
	http.StatusGone:                  {verdict: notify.Gone},
	http.StatusRequestEntityTooLarge: {verdict: notify.Failed, redo: redoSmaller},
	http.StatusTooManyRequests:       {verdict: notify.Retry},
	http.StatusInsufficientStorage:   {verdict: notify.Retry, wait: noSubscriber},
}

// judge reads a response: RFC 8030 sections 5 and 7.3, RFC 8292 section 4, and what the services really say.
func judge(v vendor, r push.Reply, now time.Time) answer {
	said := word(v, r)
	ans := answer{Outcome: notify.Outcome{Verdict: notify.Failed, Status: r.Status, Reason: reason(r.Status, said)}}
	meaning, plain := plainly[r.Status]
	switch {
	case r.Status >= 200 && r.Status < 300:
		return answer{Outcome: notify.Outcome{Verdict: notify.Accepted, Status: r.Status}}
	case r.Status >= 300 && r.Status < 400: // never followed: it may lead anywhere
		ans.Verdict = notify.Suspect
	case aboutSender(r.Status, said):
		ans.Verdict = refusedAs(v, said)
		if !otherKey(said) {
			ans.redo = redoToken
		}
	case r.Status == http.StatusNotFound && v == stranger:
		// A service behind a broken reverse proxy says this too: only when it goes on saying it.
		ans.Verdict = notify.Suspect
	case plain:
		ans.Verdict, ans.redo = meaning.verdict, meaning.redo
	case r.Status >= 500:
		ans.Verdict, ans.trouble = notify.Retry, true
	}
	if ans.Verdict == notify.Retry && !(v == mozilla && strings.HasPrefix(said, "errno 202 ")) {
		// Mozilla's 202 is "retry now", in spite of the header that is on every 503.
		ans.At = retryAt(r.Header, now, meaning.wait)
	}
	return ans
}

// aboutSender tells whether a refusal is about who we are rather than about the message.
func aboutSender(status int, said string) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return true
	case http.StatusBadRequest:
		return otherKey(said) || strings.Contains(said, "UnauthorizedRegistration") ||
			strings.Contains(strings.ToLower(said), "vapid")
	}
	return false
}

// otherKey tells whether the service says that the subscription was made with another VAPID key: Google "… do not
// correspond …", Apple VapidPkHashMismatch, Mozilla "VAPID public key mismatch".
func otherKey(said string) bool {
	s := strings.ToLower(said)
	return strings.Contains(s, "not correspond") || strings.Contains(s, "mismatch")
}

// refusedAs is what a refusal of our VAPID token means when a fresh one does not help. Only the definite words of the
// big services stop the lane: a stranger's host must not be able to.
func refusedAs(v vendor, said string) notify.Verdict {
	switch {
	case otherKey(said):
		return notify.Suspect
	case v == apple && (said == "BadJwtToken" || said == "BadVapidPublicKey"):
		return notify.Misconfigured
	case v == mozilla && strings.HasPrefix(said, "errno 109 "):
		return notify.Misconfigured
	case v == google && (strings.Contains(said, "JWT") || strings.Contains(said, "authorization header")):
		return notify.Misconfigured
	}
	return notify.Suspect
}

// retryAt gives the time that a service asks for, or def from now (0: the zero time).
func retryAt(h http.Header, now time.Time, def time.Duration) time.Time {
	at := push.RetryAfter(h.Get("Retry-After"), now)
	if at.IsZero() && def > 0 {
		at = now.Add(def)
	}
	return at
}

// reason is the status with the service's own word, if it said one.
func reason(status int, said string) string {
	if said == "" {
		said = http.StatusText(status)
	}
	return strings.TrimSpace(strconv.Itoa(status) + " " + said)
}

// word gives the service's own word in an error, where its form is known; strangers' texts are not repeated.
func word(v vendor, r push.Reply) string {
	if r.Status < 300 {
		return ""
	}
	switch v {
	case apple:
		var body struct{ Reason string }
		if json.Unmarshal(r.Body, &body) == nil {
			return plain(body.Reason)
		}
	case mozilla:
		var body struct {
			Errno   int
			Message string
		}
		if json.Unmarshal(r.Body, &body) == nil && body.Errno != 0 {
			return "errno " + strconv.Itoa(body.Errno) + " " + plain(body.Message)
		}
	case edge:
		for _, name := range []string{"X-WNS-Error-Description", "X-WNS-NotificationStatus", "X-WNS-Status"} {
			if s := plain(r.Header.Get(name)); s != "" {
				return s
			}
		}
	case google:
		return plain(string(r.Body))
	}
	return ""
}

// Bounds of a word that is repeated in reasons and logs.
const (
	maxWord    = 160
	maxRunning = 32
)

// plain gives a text that is safe to repeat, else "": short plain words, nothing that could hold an endpoint, a token
// or markup. Services repeat the endpoint in some of their errors.
func plain(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxWord {
		return ""
	}
	running := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			running = 0
		case c < ' ' || c > '~' || strings.IndexByte(`/<>=&?{}%@`, c) >= 0:
			return ""
		default:
			if running++; running > maxRunning {
				return ""
			}
		}
	}
	return s
}
