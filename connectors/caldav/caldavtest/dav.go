package caldavtest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	begin = `<?xml version="1.0" encoding="utf-8"?>` + "\n" + `<D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/">`
	end   = `</D:multistatus>`
)

// resource writes one response with those properties that were asked for; the rest is 404.
func (a *answer) resource(r *request, href string, props map[string]string) {
	fmt.Fprintf(&a.body, "<D:response><D:href>%s</D:href><D:propstat><D:prop>", href)
	for _, name := range slices.Sorted(maps.Keys(props)) {
		_, local, _ := strings.Cut(name, ":")
		if strings.Contains(r.body, local+"/>") || strings.Contains(r.body, local+" ") || strings.Contains(r.body, local+">") {
			fmt.Fprintf(&a.body, "<%s>%s</%s>", name, props[name], name)
		}
	}
	a.body.WriteString("</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>")
}

func (s *Server) href(kind, login string, more ...string) string {
	return s.opts.Root + kind + "/" + strings.Join(append([]string{login}, more...), "/")
}

// root tells who is logged in, and searches principals.
func (s *Server) root(a *answer, r *request, login string) {
	switch r.Method {
	case "PROPFIND":
	case "REPORT":
		s.search(a, r)
		return
	case http.MethodOptions:
		a.status = http.StatusOK
		return
	default:
		a.status = http.StatusMethodNotAllowed
		return
	}
	a.body.WriteString(begin)
	a.resource(r, r.URL.Path, map[string]string{
		"D:current-user-principal": "<D:href>" + s.href("principals", login) + "/</D:href>",
		"D:resourcetype":           "<D:collection/>",
	})
	a.body.WriteString(end)
}

func (u *user) props(s *Server) map[string]string {
	var addresses strings.Builder
	for _, x := range append([]string{u.login}, u.addresses...) {
		if strings.Contains(x, "@") {
			addresses.WriteString("<D:href>mailto:" + x + "</D:href>")
		}
	}
	return map[string]string{
		"C:calendar-home-set":         "<D:href>" + s.href("calendars", u.login) + "/</D:href>",
		"C:calendar-user-address-set": addresses.String(),
		"D:principal-collection-set":  "<D:href>" + s.opts.Root + "principals/</D:href>",
		"D:current-user-principal":    "<D:href>" + s.href("principals", u.login) + "/</D:href>",
		"D:resourcetype":              "<D:principal/>",
	}
}

func (s *Server) principal(a *answer, r *request, u *user) {
	if r.Method != "PROPFIND" {
		a.status = http.StatusMethodNotAllowed
		return
	}
	a.body.WriteString(begin)
	a.resource(r, s.href("principals", u.login)+"/", u.props(s))
	a.body.WriteString(end)
}

// search answers principal-property-search (RFC 3744 section 9.4) by parts of addresses, as servers do.
func (s *Server) search(a *answer, r *request) {
	_, match, _ := strings.Cut(r.body, "match>")
	match, _, _ = strings.Cut(match, "</")
	a.body.WriteString(begin)
	for _, login := range slices.Sorted(maps.Keys(s.users)) {
		if u := s.users[login]; strings.Contains(u.props(s)["C:calendar-user-address-set"], match) {
			a.resource(r, s.href("principals", login)+"/", u.props(s))
		}
	}
	a.body.WriteString(end)
}

func (s *Server) home(a *answer, r *request, u *user) {
	if r.Method != "PROPFIND" {
		a.status = http.StatusMethodNotAllowed
		return
	}
	a.body.WriteString(begin)
	a.resource(r, s.href("calendars", u.login)+"/", map[string]string{"D:resourcetype": "<D:collection/>"})
	if r.Header.Get("Depth") != "0" {
		for _, name := range slices.Sorted(maps.Keys(u.collections)) {
			a.resource(r, s.href("calendars", u.login, name)+"/", s.propsOf(u, u.collections[name]))
		}
	}
	a.body.WriteString(end)
}

func (s *Server) propsOf(u *user, c *collection) map[string]string {
	kind := "<D:collection/><C:calendar/>"
	if c.Inbox {
		kind = "<D:collection/><C:schedule-inbox/>"
	}
	title, owner := c.Title, c.Owner
	if title == "" {
		title = c.Name
	}
	if owner == "" {
		owner = u.login
	}
	props := map[string]string{"D:resourcetype": kind, "D:displayname": title,
		"D:owner": "<D:href>" + s.href("principals", owner) + "/</D:href>"}
	if !s.opts.NoCTag {
		props["CS:getctag"] = c.ctag()
	}
	if !s.opts.NoSync {
		props["D:sync-token"] = c.token()
	}
	if c.Zone != "" {
		props["C:calendar-timezone"] = text(c.Zone)
	}
	for _, comp := range c.Components {
		props["C:supported-calendar-component-set"] += `<C:comp name="` + comp + `"/>`
	}
	return props
}

func (s *Server) collection(a *answer, r *request, u *user, c *collection) {
	base := s.href("calendars", u.login, c.Name) + "/"
	switch {
	case r.Method == "PROPFIND":
		a.body.WriteString(begin)
		a.resource(r, base, s.propsOf(u, c))
		if r.Header.Get("Depth") != "0" {
			for _, name := range c.names() {
				a.resource(r, base+name, map[string]string{"D:getetag": `"` + c.objects[name].etag + `"`, "D:resourcetype": ""})
			}
		}
		a.body.WriteString(end)
	case r.Method == "REPORT" && strings.Contains(r.body, "calendar-multiget"):
		s.multiget(a, r, c, base)
	case r.Method == "REPORT" && strings.Contains(r.body, "sync-collection") && !s.opts.NoSync:
		s.sync(a, r, c, base)
	case r.Method == http.MethodDelete:
		delete(u.collections, c.Name)
		a.status = http.StatusNoContent
	default:
		a.status = http.StatusMethodNotAllowed
	}
}

func (s *Server) multiget(a *answer, r *request, c *collection, base string) {
	a.body.WriteString(begin)
	for part := range strings.SplitSeq(r.body, "<D:href>") {
		href, _, found := strings.Cut(part, "</D:href>")
		if !found {
			continue
		}
		o := c.objects[strings.TrimPrefix(href, base)]
		if o == nil {
			fmt.Fprintf(&a.body, "<D:response><D:href>%s</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>", href)
			continue
		}
		a.resource(r, href, map[string]string{"D:getetag": `"` + o.etag + `"`, "C:calendar-data": text(o.data)})
	}
	a.body.WriteString(end)
}

// sync answers sync-collection (RFC 6578 section 3.2).
func (s *Server) sync(a *answer, r *request, c *collection, base string) {
	_, token, _ := strings.Cut(r.body, "sync-token>")
	token, _, _ = strings.Cut(token, "<")
	since := 0
	if token != "" {
		n, ok := strings.CutPrefix(token, fmt.Sprintf("http://caldavtest/sync/%d/", c.epoch))
		seq, err := strconv.Atoi(n)
		if !ok || err != nil || seq < c.oldest || seq > c.seq {
			a.status = http.StatusForbidden
			a.body.WriteString(`<D:error xmlns:D="DAV:"><D:valid-sync-token/></D:error>`)
			return
		}
		since = seq
	}
	names := slices.SortedFunc(maps.Keys(c.log), func(x, y string) int { return c.log[x] - c.log[y] })
	a.body.WriteString(begin)
	n, last := 0, c.seq
	for _, name := range names {
		if c.log[name] <= since {
			continue
		}
		if s.opts.Page > 0 && n == s.opts.Page {
			fmt.Fprintf(&a.body, "<D:response><D:href>%s</D:href><D:status>HTTP/1.1 507 Insufficient Storage</D:status></D:response>", base)
			break
		}
		n++
		if s.opts.Page > 0 {
			last = c.log[name]
		}
		if o := c.objects[name]; o != nil {
			a.resource(r, base+name, map[string]string{"D:getetag": `"` + o.etag + `"`})
		} else if token != "" {
			fmt.Fprintf(&a.body, "<D:response><D:href>%s</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>", base+name)
		}
	}
	fmt.Fprintf(&a.body, "<D:sync-token>http://caldavtest/sync/%d/%d</D:sync-token>%s", c.epoch, last, end)
}

// text makes text fit for XML, but lets through what XML does not allow, as servers do.
func text(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;").Replace(s)
}
