package webhook

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// judge reads a response (RFC 9110 section 15). A receiver speaks for itself only: no answer reaches beyond its own hook,
// and none is repeated in a reason but its status.
//
//   - 410 is the one definite word that a hook is gone. 404 is not: a system that is being deployed says it too.
//   - 401 and 403 mean that our signature or the URL's own secret is refused. One receiver must not be able to stop the
//     lane, so this is Suspect, not Misconfigured: the hub keeps the delivery, blames no hook for good, and stops the lane
//     with its queue kept when most receivers say so, which is what a wrong secret of ours looks like.
//   - a redirect is never followed: it could lead anywhere, with the notice and a valid signature.
func judge(r push.Reply, now time.Time) notify.Outcome {
	o := notify.Outcome{Verdict: notify.Failed, Status: r.Status,
		Reason: strings.TrimSpace(strconv.Itoa(r.Status) + " " + http.StatusText(r.Status))}
	switch {
	case r.Status >= 200 && r.Status < 300:
		return notify.Outcome{Verdict: notify.Accepted, Status: r.Status}
	case r.Status == http.StatusGone:
		o.Verdict = notify.Gone
	case r.Status == http.StatusUnauthorized, r.Status == http.StatusForbidden, r.Status == http.StatusNotFound,
		r.Status == http.StatusProxyAuthRequired:
		o.Verdict = notify.Suspect
	case r.Status == http.StatusRequestTimeout, r.Status == http.StatusTooEarly, r.Status == http.StatusTooManyRequests,
		r.Status == http.StatusMisdirectedRequest, r.Status >= 500:
		o.Verdict = notify.Retry
		o.At = push.RetryAfter(r.Header.Get("Retry-After"), now)
	}
	return o
}
