package push

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter is the longest Retry-After that is believed.
const MaxRetryAfter = 24 * time.Hour

// RetryAfter reads a Retry-After header, seconds or a date (RFC 9110 section 10.2.3), and gives the time it names: not
// before now, not after now + MaxRetryAfter. Zero: there is none, or it cannot be read.
func RetryAfter(value string, now time.Time) time.Time {
	value = strings.TrimSpace(value)
	if value == "" {
		return time.Time{}
	}
	at, err := http.ParseTime(value)
	if err != nil {
		sec, err := strconv.ParseUint(value, 10, 63)
		if err != nil {
			return time.Time{}
		}
		at = now.Add(time.Duration(min(sec, uint64(MaxRetryAfter/time.Second))) * time.Second)
	}
	if at.Before(now) {
		return now
	}
	if limit := now.Add(MaxRetryAfter); at.After(limit) {
		return limit
	}
	return at
}
