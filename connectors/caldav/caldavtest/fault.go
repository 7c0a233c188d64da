package caldavtest

import (
	"bytes"
	"net/http"
	"strings"
)

// Fault is what happens to a request instead of, or besides, its proper answer.
type Fault struct {
	Method string // PROPFIND, REPORT, GET, …; empty: every one
	Path   string // only requests whose path ends so; empty: every one
	Body   string // only requests whose body has this in it; empty: every one
	Login  string // only of this login; empty: of everybody
	Times  int    // how often; 0: until it is removed

	Status int                        // instead of the answer
	Header map[string]string          // with Status, or besides the answer
	Reply  string                     // the body with Status; with Status 0: instead of the 207's
	Edit   func(answer []byte) []byte // changes the answer's body
	Cut    int                        // the answer ends after so many bytes, as if that were all
	Drop   bool                       // the connection ends without an answer
	Hang   <-chan struct{}            // answers only when this is closed
	Do     func()                     // called before the answer
}

type fault struct {
	Fault
	left int
}

// Inject sets up a fault, before those that exist; call remove to take it away.
func (s *Server) Inject(f Fault) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &fault{Fault: f, left: f.Times}
	s.faults = append([]*fault{g}, s.faults...)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.drop(g)
	}
}

// drop removes a fault; the lock is held.
func (s *Server) drop(g *fault) {
	for i, f := range s.faults {
		if f == g {
			s.faults = append(append([]*fault(nil), s.faults[:i]...), s.faults[i+1:]...)
			return
		}
	}
}

// Heal removes all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// faultFor finds the fault of a request.
func (s *Server) faultFor(r *request) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Method != "" && f.Method != r.Method || !strings.HasSuffix(r.URL.Path, f.Path) ||
			!strings.Contains(r.body, f.Body) || f.Login != "" && f.Login != r.login {
			continue
		}
		if f.left > 0 {
			if f.left--; f.left == 0 {
				s.drop(f)
			}
		}
		return f.Fault, true
	}
	return Fault{}, false
}

// before answers a request as the fault has it; false: the proper answer follows, into w.
func (f *Fault) before(w http.ResponseWriter, r *request) bool {
	if f.Do != nil {
		f.Do()
	}
	if f.Hang != nil {
		select {
		case <-f.Hang:
		case <-r.Context().Done():
		}
	}
	if f.Drop {
		panic(http.ErrAbortHandler)
	}
	for k, v := range f.Header {
		w.Header().Set(k, v)
	}
	status := f.Status
	if status == 0 {
		if f.Reply == "" {
			return false
		}
		status = http.StatusMultiStatus
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(f.Reply)) // a client that is gone is no trouble
	return true
}

// change edits a proper answer's body.
func (f *Fault) change(body []byte) []byte {
	if f.Edit != nil {
		body = f.Edit(bytes.Clone(body))
	}
	if f.Cut > 0 && f.Cut < len(body) {
		body = body[:f.Cut]
	}
	return body
}

// Replace is an Edit that replaces texts by others.
func Replace(oldnew ...string) func([]byte) []byte {
	r := strings.NewReplacer(oldnew...)
	return func(b []byte) []byte { return []byte(r.Replace(string(b))) }
}
