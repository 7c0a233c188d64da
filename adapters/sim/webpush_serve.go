package sim

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// serve takes one request: the scripted fault first, then the service's own judgement.
func (s *WebPush) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.RLock()
	shut := s.shut
	if !shut {
		s.wg.Add(1)
	}
	b := s.byPath[r.RequestURI]
	s.mu.RUnlock()
	if shut {
		panic(http.ErrAbortHandler)
	}
	defer s.wg.Done()
	s.busy.Add(1)
	defer s.busy.Add(-1)
	e := Entry{At: s.clock.Now(), Conn: connOf(r).n, Method: r.Method, Path: r.RequestURI, Key: r.RequestURI}
	if b != nil {
		e.Key = b.endpoint
	}
	if s.opts.LogLimit >= 0 {
		e.Header = fieldsOf(r.Header)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		body = body[:min(len(body), maxBody)]
	}
	e.Body = body
	f := s.faults.takeFor(e.Key, func() string { return vapidParam(r.Header.Get("Authorization"), "k") })
	switch {
	case f.Stall:
		e.Reason = "stalled"
		s.log.Add(e)
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
		panic(http.ErrAbortHandler)
	case f.Drop == DropBefore:
		e.Reason = "dropped"
		s.log.Add(e)
		s.cut(r)
	}
	a := s.process(r, b, e, f)
	if !s.pause(r, s.opts.Latency+f.Delay) || f.Drop == DropAfter {
		s.cut(r)
	}
	s.answer(w, r, a, f)
}

// cut closes the request's connection.
func (s *WebPush) cut(r *http.Request) {
	if c := connOf(r).Conn; c != nil {
		_ = c.Close() // closed is closed
	}
	panic(http.ErrAbortHandler)
}

// process judges a request, acts on it, logs it and makes the answer.
func (s *WebPush) process(r *http.Request, b *browser, e Entry, f Fault) pushAnswer {
	mode := ModeRFC
	if b != nil {
		mode = b.mode
	}
	m, no := s.judgePush(r, b, e.Body)
	refusal := sayingFor(mode, no.what)
	if no.what == wrongNothing && !s.opts.Blind {
		b.read(&m, e.Body)
		e.ID = m.Delivery
	}
	if no.what == wrongNothing && f.Status >= 300 {
		no.what, no.detail = "fault", f.Reason
		refusal = say{status: f.Status, text: f.Reason, errno: errnoFor(f.Status)}
	}
	if no.what != wrongNothing {
		e.Status, e.Reason = refusal.status, no.detail
		if e.Reason == "" {
			e.Reason = strconv.Itoa(refusal.status)
		}
		s.log.Add(e)
		return f.over(refusePush(mode, refusal))
	}
	e.Accepted = true
	a := takePush(mode, m, s.URL(), s.nextID.Add(1))
	e.Status = a.status
	if f.Status != 0 {
		e.Status, a.status = f.Status, f.Status
	}
	s.log.Add(e)
	if m.Problem != "" {
		s.problem(m.Problem)
	}
	s.tell(b.push(m, s.clock.Now()))
	return f.over(a)
}

// errnoFor is Mozilla's number for a scripted status.
func errnoFor(status int) int {
	switch status {
	case 401:
		return 109
	case 404:
		return 102
	case 410:
		return 106
	case 413:
		return 104
	case 503:
		return 201
	case 502:
		return 900
	}
	return 0
}

// over puts a fault's header and body over an answer.
func (f Fault) over(a pushAnswer) pushAnswer {
	for name, v := range f.Header {
		a.header.Set(name, v)
	}
	if f.Body != "" {
		a.body = []byte(f.Body)
	}
	return a
}

// pause waits by the clock; false when the client or the simulator went away first.
func (s *WebPush) pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := s.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-r.Context().Done():
	case <-s.done:
	}
	return false
}

// answer sends what goes back, as the fault says.
func (s *WebPush) answer(w http.ResponseWriter, r *http.Request, a pushAnswer, f Fault) {
	for name, v := range a.header {
		w.Header()[name] = v
	}
	if f.Truncate {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)+1))
	}
	w.WriteHeader(a.status)
	if f.Truncate {
		_, _ = w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	if f.Drip <= 0 {
		_, _ = w.Write(a.body) // fails only when the client went away
		return
	}
	for i := range a.body {
		_, _ = w.Write(a.body[i : i+1])
		_ = http.NewResponseController(w).Flush()
		if !s.pause(r, f.Drip) {
			return
		}
	}
}

// fieldsOf lists headers by name: net/http does not keep their order.
func fieldsOf(h http.Header) []Field {
	var list []Field
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			list = append(list, Field{name, v})
		}
	}
	return list
}
