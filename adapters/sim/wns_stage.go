package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"allim.dev/allim/notify"
)

// stage is what the simulators over HTTP/1.1 share (WNS, webhooks): the server, its connections by number, the log, and
// the faults as they are played. A simulator has one and says who a request is for and what it is answered.
type stage struct {
	ca      *CA
	clock   notify.Clock
	latency time.Duration
	lis     *listener
	srv     *http.Server
	log     *Log
	bare    bool // headers are not logged
	faults  faults
	done    chan struct{} // closed at the end: nothing waits any longer
	wg      sync.WaitGroup
	busy    atomic.Int64
	conns   atomic.Int64

	mu   sync.RWMutex
	shut bool

	key    func(r *http.Request) string                        // what faults are scripted for
	sender func(r *http.Request) string                        // its credential, for the same; nil: senders have none
	judge  func(r *http.Request, e *Entry, f Fault) pushAnswer // fills in the entry's end
}

// stageOptions is what a stage is made of.
type stageOptions struct {
	addr    string
	ca      *CA
	clock   notify.Clock
	latency time.Duration
	limit   int
	hosts   []string // names of its certificate, besides loopback's
}

// open starts the stage. key and judge are set.
func (s *stage) open(o stageOptions) error {
	if s.ca = o.ca; s.ca == nil {
		ca, err := NewCA()
		if err != nil {
			return err
		}
		s.ca = ca
	}
	if s.clock = o.clock; s.clock == nil {
		s.clock = notify.SystemClock{}
	}
	cert, err := s.ca.Server(append([]string{"localhost", "127.0.0.1", "::1"}, o.hosts...)...)
	if err != nil {
		return err
	}
	if s.lis, err = listen(o.addr); err != nil {
		return err
	}
	s.latency, s.log, s.bare, s.done = o.latency, NewLog(o.limit), o.limit < 0, make(chan struct{})
	s.srv = &http.Server{
		Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, numbered{c, s.conns.Add(1)})
		},
		ErrorLog:  log.New(io.Discard, "", 0), // clients that hang up are part of the play
		Protocols: new(http.Protocols),
	}
	s.srv.Protocols.SetHTTP1(true)
	s.wg.Go(func() { _ = s.srv.ServeTLS(s.lis, "", "") }) // ends with Close
	return nil
}

// URL is the simulator's origin.
func (s *stage) URL() string { return "https://" + s.lis.Addr().String() }

// CA is the simulator's authority.
func (s *stage) CA() *CA { return s.ca }

// CAFile writes the authority's certificate to a file in dir, for the configuration's ca_file.
func (s *stage) CAFile(dir string) (string, error) { return s.ca.File(dir) }

// Script makes requests for a key (or Everyone) go wrong. Reset and GoAway are HTTP/2's and are not played here.
func (s *stage) Script(key string, list ...Fault) { s.faults.script(key, list...) }

// ClearScript removes the faults of a key, or those for Everyone.
func (s *stage) ClearScript(key string) { s.faults.clear(key) }

// Log is the log of requests, with their bodies as they came.
func (s *stage) Log() *Log { return s.log }

// Opened counts the connections opened so far.
func (s *stage) Opened() int64 { return s.lis.opened.Load() }

// UnderWay counts the requests that came and have no answer yet.
func (s *stage) UnderWay() int { return int(s.busy.Load()) }

// Close ends the simulator and all its goroutines; twice is fine.
func (s *stage) Close() error {
	s.mu.Lock()
	if s.shut {
		s.mu.Unlock()
		return nil
	}
	s.shut = true
	close(s.done)
	s.mu.Unlock()
	err := s.srv.Close()
	s.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// begin tells whether a request may be served, and counts it.
func (s *stage) begin() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.shut {
		return false
	}
	s.wg.Add(1)
	s.busy.Add(1)
	return true
}

func (s *stage) serve(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		panic(http.ErrAbortHandler)
	}
	defer s.wg.Done()
	defer s.busy.Add(-1)
	e := Entry{At: s.clock.Now(), Conn: connOf(r).n, Method: r.Method, Path: r.RequestURI, Key: s.key(r)}
	if !s.bare {
		e.Header = fieldsOf(r.Header)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxStageBody))
	if err != nil {
		body = body[:min(len(body), maxStageBody)]
	}
	e.Body = body
	f := s.faults.takeFor(e.Key, func() string {
		if s.sender == nil {
			return ""
		}
		return s.sender(r)
	})
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
		hangUp(r)
	}
	a := f.over(s.judge(r, &e, f))
	e.Status = a.status
	s.log.Add(e)
	if !s.pause(r, s.latency+f.Delay) || f.Drop == DropAfter {
		hangUp(r)
	}
	s.answer(w, r, a, f)
}

// maxStageBody bounds what is read of a request, in bytes.
const maxStageBody = 1 << 20

// hangUp closes the request's connection.
func hangUp(r *http.Request) {
	if c := connOf(r).Conn; c != nil {
		_ = c.Close() // closed is closed
	}
	panic(http.ErrAbortHandler)
}

// pause waits by the clock; false when the client or the simulator went away first.
func (s *stage) pause(r *http.Request, d time.Duration) bool {
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
func (s *stage) answer(w http.ResponseWriter, r *http.Request, a pushAnswer, f Fault) {
	for name, v := range a.header {
		w.Header()[name] = v
	}
	body := a.body
	if f.Truncate {
		body = append(body, "cut"...) // there is something to cut even where the service says nothing
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		body = body[:len(body)/2]
	}
	w.WriteHeader(a.status)
	step := len(body)
	if f.Drip > 0 {
		step = 1
	}
	for i := 0; i < len(body); i += step {
		_, _ = w.Write(body[i : i+step]) // fails only when the client went away
		if f.Drip > 0 {
			_ = http.NewResponseController(w).Flush()
			if !s.pause(r, f.Drip) {
				return
			}
		}
	}
	if f.Truncate {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}
