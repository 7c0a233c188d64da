package caldav

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// fetched is an object as it came, or why it did not come.
type fetched struct {
	member
	data []byte
	err  error // a trouble of this object alone
	gone bool  // the server says that it is not there
}

// atOnce is how many objects one multiget asks for.
const atOnce = 50

// fetch gets objects: by calendar-multiget (RFC 4791 section 7.9), and those that it did not bring one by one. An error is
// one of the server as a whole; what is wrong with single objects is in the result.
func (a *access) fetch(ctx context.Context, at *url.URL, want map[string]member) (map[string]fetched, error) {
	got, err := a.multiget(ctx, at, want)
	if err != nil && ofHost(err) && asTrouble(err).status != http.StatusInternalServerError {
		return nil, err // a 500 may be one bad object's doing
	}
	if got == nil {
		got = map[string]fetched{}
	}
	for id, m := range want {
		if _, ok := got[id]; ok {
			continue
		}
		f, err := a.get(ctx, m)
		if err != nil {
			return nil, err
		}
		got[id] = f
	}
	return got, nil
}

func (a *access) multiget(ctx context.Context, at *url.URL, want map[string]member) (map[string]fetched, error) {
	var body strings.Builder
	body.WriteString(xmlHead + `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/>` +
		`<C:calendar-data/></D:prop>`)
	for _, m := range want {
		body.WriteString("<D:href>" + escape(m.url.EscapedPath()) + "</D:href>")
	}
	body.WriteString("</C:calendar-multiget>")
	got := map[string]fetched{}
	_, err := a.multistatus(ctx, call{method: "REPORT", url: at, depth: "1", body: body.String()}, func(_ *url.URL, r *response) error {
		u, err := resolve(at, r.href)
		if err != nil {
			return nil //nolint:nilerr // it is fetched by itself then
		}
		id := objectID(u)
		m, wanted := want[id]
		// A 404 here is not believed: a server that reads a bad object may say so. Its own GET decides.
		if !wanted || !r.hasData || len(r.data) == 0 {
			return nil
		}
		if r.etag != "" {
			m.etag = r.etag
		}
		got[id] = fetched{member: m, data: r.data}
		return nil
	})
	return got, err
}

// get fetches one object by itself.
func (a *access) get(ctx context.Context, m member) (fetched, error) {
	f := fetched{member: m}
	re, err := a.do(ctx, call{method: http.MethodGet, url: m.url, limit: maxObject})
	if err == nil {
		defer re.close()
		if tag := cleanTag(re.header.Get("ETag")); tag != "" {
			f.etag = tag
		}
		f.data, err = io.ReadAll(re.body)
	}
	t := asTrouble(err)
	switch {
	case err == nil:
		return f, nil
	case t.kind == kindGone:
		f.gone = true
		return f, nil
	case errors.Is(err, context.Canceled), !is(t, kindForbidden, kindRefused, kindForeign) && t.status != http.StatusInternalServerError:
		return f, err
	}
	f.err = t
	return f, nil
}
