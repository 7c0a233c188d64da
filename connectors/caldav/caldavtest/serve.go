package caldavtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// request is a request with its body read and its login known.
type request struct {
	*http.Request
	body  string
	login string
}

// answer gathers what goes out, so that a fault can change it.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (s *Server) serve(w http.ResponseWriter, hr *http.Request) {
	body, err := io.ReadAll(io.LimitReader(hr.Body, 16<<20))
	if err != nil {
		return
	}
	r := &request{Request: hr, body: string(body)}
	r.login, _ = s.whoever(hr)
	s.count(r)
	f, faulty := s.faultFor(r)
	if faulty && f.before(w, r) {
		return
	}
	a := &answer{status: http.StatusMultiStatus, header: w.Header()}
	s.answer(a, r)
	out := a.body.Bytes()
	if faulty {
		out = f.change(out)
	}
	if a.status == http.StatusMultiStatus {
		w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(out)))
	w.WriteHeader(a.status)
	_, _ = w.Write(out) // a client that is gone is no trouble
}

// reports are the REPORTs that are counted by name.
var reports = []string{"sync-collection", "calendar-multiget", "principal-property-search"}

func (s *Server) count(r *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats[r.Method]++
	for _, name := range reports {
		if r.Method == "REPORT" && strings.Contains(r.body, name) {
			s.stats["REPORT "+name]++
		}
	}
}

// answer finds what a path means.
func (s *Server) answer(a *answer, r *request) {
	if r.URL.Path == "/.well-known/caldav" && s.opts.WellKnown > 0 {
		a.header.Set("Location", s.opts.Root)
		a.status = s.opts.WellKnown
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, s.opts.Root)
	if !ok {
		a.status = http.StatusNotFound
		return
	}
	login, ok := s.whoever(r.Request)
	if !ok {
		s.challenge(a, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case path == "" || parts[0] == "principals" && len(parts) == 1:
		s.root(a, r, login)
		return
	case len(parts) < 2:
		a.status = http.StatusNotFound
		return
	}
	u := s.users[parts[1]]
	switch {
	case u == nil:
		a.status = http.StatusNotFound
	case login != u.login && login != s.opts.Reader:
		a.status = http.StatusForbidden
	case parts[0] == "principals" && len(parts) == 2:
		s.principal(a, r, u)
	case parts[0] == "calendars":
		s.below(a, r, u, parts[2:])
	default:
		a.status = http.StatusNotFound
	}
}

// below answers for a home, a collection or an object.
func (s *Server) below(a *answer, r *request, u *user, parts []string) {
	if len(parts) == 0 {
		s.home(a, r, u)
		return
	}
	c := u.collections[parts[0]]
	switch {
	case c == nil && r.Method == "MKCALENDAR":
		u.collections[parts[0]] = &collection{Collection: Collection{Name: parts[0]}, objects: map[string]*object{}, log: map[string]int{}}
		a.status = http.StatusCreated
	case c == nil:
		a.status = http.StatusNotFound
	case len(parts) == 1:
		s.collection(a, r, u, c)
	case len(parts) == 2:
		s.object(a, r, c, parts[1])
	default:
		a.status = http.StatusNotFound
	}
}

// object answers GET, PUT and DELETE.
func (s *Server) object(a *answer, r *request, c *collection, name string) {
	o := c.objects[name]
	switch r.Method {
	case http.MethodPut:
		c.put(name, r.body)
		a.status = http.StatusCreated
	case http.MethodDelete:
		if a.status = http.StatusNotFound; o != nil {
			c.remove(name)
			a.status = http.StatusNoContent
		}
	case http.MethodGet:
		if o == nil {
			a.status = http.StatusNotFound
			return
		}
		a.status = http.StatusOK
		a.header.Set("ETag", `"`+o.etag+`"`)
		a.header.Set("Content-Type", "text/calendar; charset=utf-8")
		a.body.WriteString(o.data)
	default:
		a.status = http.StatusMethodNotAllowed
	}
}
