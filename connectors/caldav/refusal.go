package caldav

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds how long a server may send us away.
const maxRetryAfter = 24 * time.Hour

// refusal makes a trouble of an answer that is none of 2xx.
func (c *client) refusal(r call, res *http.Response) *trouble {
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxError)) // its words are a help, no more
	t := &trouble{kind: kindRefused, status: res.StatusCode}
	t.text = fmt.Sprintf("the server refused %s with %d %s", r.method, res.StatusCode, http.StatusText(res.StatusCode))
	switch s := res.StatusCode; {
	case s == http.StatusUnauthorized, s == http.StatusProxyAuthRequired:
		t.kind = kindAuth
	case tokenRefused(r, s, body):
		t.kind = kindToken
	case s == http.StatusForbidden, s == http.StatusMethodNotAllowed, s == http.StatusNotImplemented:
		t.kind = kindForbidden
	case s == http.StatusNotFound, s == http.StatusGone:
		t.kind = kindGone
	case s == http.StatusTooManyRequests, s >= 500 && s != http.StatusInsufficientStorage:
		t.kind = kindBusy
		t.wait = retryAfter(res.Header.Get("Retry-After"), c.clock.Now())
	}
	return t
}

// tokenRefused tells whether a sync-collection was refused for its token: RFC 6578 section 3.2 has 403 or 409 with
// DAV:valid-sync-token; servers say it with other statuses too, and Xandikos with a bare 500.
func tokenRefused(r call, status int, body []byte) bool {
	if r.method != "REPORT" || !strings.Contains(r.body, "sync-collection") {
		return false
	}
	switch status {
	case http.StatusForbidden, http.StatusConflict, http.StatusGone, http.StatusPreconditionFailed, http.StatusInsufficientStorage,
		http.StatusBadRequest, http.StatusUnsupportedMediaType, http.StatusMethodNotAllowed, http.StatusNotImplemented,
		http.StatusInternalServerError:
		return true
	}
	return bytes.Contains(body, []byte("valid-sync-token"))
}

// retryAfter reads the header of RFC 9110 section 10.2.3: seconds or a date. 0: it says nothing.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return time.Duration(min(max(n, 0), int64(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}
