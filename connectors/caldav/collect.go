package caldav

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// changes are what a sync-collection tells.
type changes struct {
	changed map[string]member
	gone    map[string]*url.URL // the server said 404 of them
	token   string              // for the next time
	// odd: the answer is not to be trusted alone; a full listing has to follow.
	odd bool
}

// maxRounds bounds the answers of one sync that are cut short with 507.
const maxRounds = 1000

// collect asks what changed since a token (RFC 6578 section 3.2). A server that cuts its answer short (section 3.6) is asked
// again from where it stopped. No limit is asked for: servers that have none refuse such a request.
func (a *access) collect(ctx context.Context, at *url.URL, token string) (changes, error) {
	c := changes{changed: map[string]member{}, gone: map[string]*url.URL{}, token: token}
	for range maxRounds {
		more, err := a.collectSome(ctx, at, &c)
		if err != nil || !more {
			return c, err
		}
	}
	c.odd = true
	return c, nil
}

func (a *access) collectSome(ctx context.Context, at *url.URL, c *changes) (more bool, err error) {
	body := xmlHead + `<D:sync-collection xmlns:D="DAV:"><D:sync-token>` + escape(c.token) +
		`</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/><D:resourcetype/></D:prop></D:sync-collection>`
	m, err := a.multistatus(ctx, call{method: "REPORT", url: at, depth: "0", body: body}, func(_ *url.URL, r *response) error {
		u, err := resolve(at, r.href)
		if err != nil {
			return nil //nolint:nilerr // one odd address does not hide the others; the daily listing looks again
		}
		if pathKey(u) == pathKey(at) {
			more = more || r.status == http.StatusInsufficientStorage
			return nil
		}
		if !isObject(at, u, r) {
			return nil
		}
		id := objectID(u)
		if r.status == http.StatusNotFound || r.status == http.StatusGone {
			c.gone[id] = u
			delete(c.changed, id)
			return nil
		}
		c.changed[id] = member{url: u, etag: r.etag}
		delete(c.gone, id)
		return nil
	})
	switch {
	case err != nil:
		return false, err
	case !m.complete:
		c.odd = true
		return false, nil
	case m.syncToken == "" || olderToken(m.syncToken, c.token):
		c.odd = true // keep ours
		return false, nil
	case more && m.syncToken == c.token:
		c.odd = true // it would go in a circle
		return false, nil
	}
	c.token = m.syncToken
	return more, nil
}

// olderToken tells whether a token is plainly before another one: both end with numbers, and what stands before these is
// the same; or it is "0". Servers that lost their log begin to count anew, and would then tell of everything, or of nothing.
func olderToken(now, before string) bool {
	if now == "0" && before != "" && before != "0" {
		return true
	}
	head1, n1, ok1 := number(now)
	head2, n2, ok2 := number(before)
	return ok1 && ok2 && head1 == head2 && n1 < n2
}

// number splits a token's last number off.
func number(s string) (head string, n uint64, ok bool) {
	i := len(s)
	for i > 0 && s[i-1] >= '0' && s[i-1] <= '9' {
		i--
	}
	if i > 0 && !strings.ContainsAny(s[i-1:i], "/:-_=") { // the end of something like a hash is no number
		return "", 0, false
	}
	n, err := strconv.ParseUint(s[i:], 10, 64)
	return s[:i], n, err == nil
}
