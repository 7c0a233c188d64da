package caldav

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/emersion/go-webdav"
)

// place is where an account's calendars are, as stored.
type place struct {
	Principal string   `json:"principal,omitempty"`
	Homes     []string `json:"homes"`            // URLs
	Single    bool     `json:"single,omitempty"` // Homes is one calendar itself
	Addresses []string `json:"addresses,omitempty"`
}

// discover finds an account's calendar homes (RFC 6764 section 6, RFC 4791 section 6.2). The error is a trouble.
func (a *access) discover(ctx context.Context, l *locator) (place, error) {
	places, err := l.places(ctx)
	if err != nil {
		return place{}, err
	}
	var last error
	for _, at := range places {
		p, err := a.discoverAt(ctx, at)
		if err == nil && len(p.Homes) > 0 {
			return p, nil
		}
		if err == nil {
			err = troublef(kindRefused, "%s knows of no calendars of this account", at)
		}
		// What the first address says is the likeliest to help, unless a later one got further.
		if last == nil || is(last, kindGone, kindForbidden, kindRefused, kindUnreachable) && !is(err, kindGone, kindForbidden, kindRefused) {
			last = err
		}
		if is(err, kindAuth, kindBusy, kindSetup, kindForeign) || ctx.Err() != nil {
			break
		}
	}
	if t := asTrouble(last); t.kind == kindGone || t.kind == kindForbidden || t.kind == kindRefused {
		return place{}, troublef(kindSetup, "no calendars were found: %s; check url, or set home", t.text)
	}
	return place{}, last
}

// discoverAt tries one address.
func (a *access) discoverAt(ctx context.Context, at *url.URL) (place, error) {
	s := a.c.settings
	if s.Home != "" {
		home := at.ResolveReference(&url.URL{Path: fillIn(s.Home, a.login, same)})
		return a.homeAt(ctx, home)
	}
	var principal *url.URL
	var err error
	if s.Principal != "" {
		principal = at.ResolveReference(&url.URL{Path: fillIn(s.Principal, a.login, same)})
	} else if principal, err = a.principal(ctx, at); err != nil {
		return place{}, err
	}
	if principal == nil { // the server names nobody: perhaps this is a home, or a calendar
		return a.homeAt(ctx, at)
	}
	if s.Principal == "" && s.Auth.shared() {
		return a.search(ctx, principal)
	}
	return a.homesOf(ctx, principal)
}

func same(s string) string { return s }

// principal asks who we are (RFC 5397). nil: the server does not say.
func (a *access) principal(ctx context.Context, at *url.URL) (*url.URL, error) {
	through := &davClient{access: a, at: at}
	client, err := webdav.NewClient(through, at.String())
	if err != nil {
		return nil, troublef(kindSetup, "the address %s is not usable", at)
	}
	path, err := client.FindCurrentUserPrincipal(ctx)
	switch {
	case err == nil && path != "":
		return through.at.ResolveReference(&url.URL{Path: path}), nil
	case through.err != nil:
		return nil, through.err
	}
	// go-webdav is strict; what it does not understand is looked at again.
	r, at, err := a.one(ctx, at, propsHere)
	if err != nil || r == nil {
		return nil, err
	}
	if r.nobody {
		return nil, troublef(kindAuth, "the server does not take the login: it knows nobody by it")
	}
	if r.props.principal == "" {
		return nil, nil
	}
	return resolve(at, r.props.principal)
}

// davClient lets go-webdav send its requests through an account's access.
type davClient struct {
	access *access
	at     *url.URL // where redirects led
	err    error
}

// Do implements webdav.HTTPClient.
func (d *davClient) Do(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	re, err := d.access.do(req.Context(), call{method: req.Method, url: req.URL, depth: req.Header.Get("Depth"), body: string(body), limit: maxError})
	if err != nil {
		d.err = err
		return nil, err
	}
	defer re.close()
	answer, err := io.ReadAll(re.body)
	if err != nil {
		d.err = asTrouble(err)
		return nil, err
	}
	d.at = re.url
	return &http.Response{StatusCode: re.status, Header: re.header, Body: io.NopCloser(bytes.NewReader(answer)), Request: req}, nil
}

// The properties that discovery asks for.
const (
	propsHere = `<D:current-user-principal/><D:resourcetype/><C:calendar-home-set/>`
	propsHome = `<C:calendar-home-set/><C:calendar-user-address-set/><D:principal-collection-set/>`
)

// one asks for properties of one resource; nil without an error: the answer has no such resource.
func (a *access) one(ctx context.Context, at *url.URL, properties string) (*response, *url.URL, error) {
	var found *response
	_, at, err := a.propfind(ctx, at, "0", properties, func(r *response) error {
		if found == nil && r.status/100 != 4 {
			found = r
		}
		return nil
	})
	return found, at, err
}

// homesOf asks a principal for its calendar homes and its addresses.
func (a *access) homesOf(ctx context.Context, principal *url.URL) (place, error) {
	r, at, err := a.one(ctx, principal, propsHome)
	if err != nil || r == nil {
		return place{}, err
	}
	return a.placeOf(at, r)
}

func (a *access) placeOf(at *url.URL, r *response) (place, error) {
	p := place{Principal: at.String(), Addresses: addresses(r.addresses)}
	for _, href := range r.homes {
		u, err := resolve(at, href)
		if err != nil {
			return place{}, err
		}
		if s := u.String(); !slices.Contains(p.Homes, s) {
			p.Homes = append(p.Homes, s)
		}
	}
	return p, nil
}

// homeAt takes an address as a calendar home, or as a calendar by itself.
func (a *access) homeAt(ctx context.Context, at *url.URL) (place, error) {
	r, at, err := a.one(ctx, at, propsHere)
	switch {
	case err != nil || r == nil:
		return place{}, err
	case len(r.homes) > 0:
		return a.placeOf(at, r)
	case r.calendar:
		return place{Homes: []string{at.String()}, Single: true}, nil
	case r.collection && at.Path != "/":
		return place{Homes: []string{at.String()}}, nil
	}
	return place{}, nil
}

// search finds another person's principal by its address (RFC 3744 section 9.4): for a login that reads all.
func (a *access) search(ctx context.Context, own *url.URL) (place, error) {
	r, at, err := a.one(ctx, own, propsHome)
	if err != nil || r == nil {
		return place{}, err
	}
	where := r.principals
	if len(where) == 0 {
		where = []string{own.ResolveReference(&url.URL{Path: ".."}).String()}
	}
	body := xmlHead + `<D:principal-property-search xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:property-search><D:prop>` +
		`<C:calendar-user-address-set/></D:prop><D:match>` + escape(a.login) + `</D:match></D:property-search><D:prop>` + propsHome +
		`</D:prop></D:principal-property-search>`
	for _, href := range where {
		u, err := resolve(at, href)
		if err != nil {
			return place{}, err
		}
		var found place
		_, err = a.multistatus(ctx, call{method: "REPORT", url: u, depth: "0", body: body}, func(at *url.URL, r *response) error {
			list := addresses(r.addresses)
			if !slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, a.login) }) {
				return nil // servers match parts of addresses
			}
			p, err := a.placeOf(at, r)
			found = p
			return err
		})
		if err != nil || len(found.Homes) > 0 {
			return found, err
		}
	}
	return place{}, troublef(kindRefused, "the server finds nobody with the address %s; set home or principal, such as home: /calendars/{login}/", a.login)
}

// addresses gives the e-mail addresses of a calendar-user-address-set, in lower case.
func addresses(hrefs []string) []string {
	var list []string
	for _, h := range hrefs {
		if len(h) > 7 && strings.EqualFold(h[:7], "mailto:") {
			list = append(list, strings.ToLower(h[7:]))
		}
	}
	return list
}
