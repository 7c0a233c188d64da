package caldav

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

const xmlHead = `<?xml version="1.0" encoding="utf-8"?>`

// propfindBody asks for properties.
func propfindBody(properties string) string {
	return xmlHead + `<D:propfind xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/"><D:prop>` +
		properties + `</D:prop></D:propfind>`
}

// propfind asks for properties of a resource (depth 0) or of it and its members (depth 1), and gives where redirects led.
func (a *access) propfind(ctx context.Context, at *url.URL, depth, properties string, each func(*response) error) (m multistatus, to *url.URL, err error) {
	to = at
	m, err = a.multistatus(ctx, call{method: "PROPFIND", url: at, depth: depth, body: propfindBody(properties)}, func(u *url.URL, r *response) error {
		to = u
		return each(r)
	})
	return m, to, err
}

// multistatus sends a request that is answered with 207 and gives each response as it comes. An answer that breaks off is
// no error, but not complete. Any other answer of 2xx, such as a page that asks to log in, is an error.
func (a *access) multistatus(ctx context.Context, r call, each func(at *url.URL, r *response) error) (multistatus, error) {
	re, err := a.do(ctx, r)
	if err != nil {
		return multistatus{}, err
	}
	defer re.close()
	if re.status != http.StatusMultiStatus {
		return multistatus{}, &trouble{kind: kindRefused, status: re.status,
			text: "the server answered " + r.method + " with something that is no multistatus"}
	}
	m, err := readMultistatus(re.body, func(r *response) error { return each(re.url, r) })
	if err != nil {
		if ctx.Err() != nil {
			return m, ctx.Err()
		}
		return m, asTrouble(err)
	}
	return m, nil
}

// resolve reads a server's href; it may be a path or a URL. Spaces that should have been escaped are taken.
func resolve(at *url.URL, href string) (*url.URL, error) {
	u, err := at.Parse(strings.ReplaceAll(strings.TrimSpace(href), " ", "%20"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, troublef(kindRefused, "the server names an address that is none")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// resolveText reads an address that was stored.
func resolveText(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, troublef(kindRefused, "a stored address is none")
	}
	return u, nil
}

// pathKey gives one spelling of an address, to compare with: servers escape differently, and leave the last slash out.
func pathKey(u *url.URL) string {
	return strings.TrimSuffix((&url.URL{Path: u.Path}).EscapedPath(), "/")
}

// escape makes text fit for XML.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
