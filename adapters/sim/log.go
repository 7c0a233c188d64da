package sim

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Field is one header line as it came.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Bytes is a body: in JSON a text where it is one, else "base64:…".
type Bytes []byte

// MarshalJSON implements json.Marshaler.
func (b Bytes) MarshalJSON() ([]byte, error) {
	if utf8.Valid(b) {
		return json.Marshal(string(b))
	}
	return json.Marshal("base64:" + base64.StdEncoding.EncodeToString(b))
}

// Entry is one request as it came, and what was answered.
type Entry struct {
	N         int64     `json:"n"` // counts from 1
	At        time.Time `json:"at"`
	Conn      int64     `json:"conn"`             // the connection's number, from 1
	Stream    uint32    `json:"stream,omitempty"` // HTTP/2 only
	Client    string    `json:"client,omitempty"` // the client certificate's subject
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	Header    []Field   `json:"header"` // in the order in which they came, as far as the server can tell
	Body      Bytes     `json:"body"`
	Key       string    `json:"key"` // the token or endpoint: what faults are scripted for
	ID        string    `json:"id"`  // the notification's id as the platform knows it
	Status    int       `json:"status"`
	Reason    string    `json:"reason,omitempty"`
	Accepted  bool      `json:"accepted"`  // taken, even when the answer was lost afterwards
	Duplicate bool      `json:"duplicate"` // taken before under the same id
}

// Get gives a header's first value; empty when there is none.
func (e Entry) Get(name string) string {
	for _, f := range e.Header {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Field is Get, whatever the case of the name: HTTP/2 has them in lower case.
func (e Entry) Field(name string) string {
	for _, f := range e.Header {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Counts are what came so far, however much of the log is kept.
type Counts struct {
	Requests   int64            `json:"requests"`
	Accepted   int64            `json:"accepted"`   // without duplicates
	Duplicates int64            `json:"duplicates"` // accepted again under the same id
	Refused    map[string]int64 `json:"refused"`    // by reason, or by status where there is none
}

// Log keeps the last requests and counts all; safe for concurrent use.
type Log struct {
	mu     sync.Mutex
	limit  int
	ring   []Entry // the entry of number n is at (n-1) % limit
	counts Counts
	seen   map[string]struct{}
}

// DefaultLogLimit is how many requests a log keeps.
const DefaultLogLimit = 10000

// maxSeen is how many ids are remembered, to know duplicates by; past it all are forgotten.
const maxSeen = 4 << 20

// NewLog makes a log that keeps the last limit requests; 0: DefaultLogLimit; negative: none, and then it neither knows
// duplicates: it only counts, for load tests.
func NewLog(limit int) *Log {
	if limit == 0 {
		limit = DefaultLogLimit
	}
	l := &Log{limit: max(limit, 0), counts: Counts{Refused: map[string]int64{}}}
	if limit > 0 {
		l.seen = map[string]struct{}{}
	}
	return l
}

// Add numbers, judges (is it a duplicate?) and keeps an entry, and gives it back.
func (l *Log) Add(e Entry) Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.Requests++
	e.N = l.counts.Requests
	switch {
	case !e.Accepted && e.Reason != "":
		l.counts.Refused[e.Reason]++
	case !e.Accepted:
		l.counts.Refused[strconv.Itoa(e.Status)]++
	case l.known(e.ID):
		e.Duplicate = true
		l.counts.Duplicates++
	default:
		l.counts.Accepted++
	}
	if l.limit == 0 {
		return e
	}
	if len(l.ring) < l.limit {
		l.ring = append(l.ring, e)
	} else {
		l.ring[(e.N-1)%int64(l.limit)] = e
	}
	return e
}

// known tells whether an id was taken before, and remembers it.
func (l *Log) known(id string) bool {
	if l.seen == nil || id == "" {
		return false
	}
	_, before := l.seen[id]
	if len(l.seen) == maxSeen {
		clear(l.seen)
	}
	l.seen[id] = struct{}{}
	return before
}

// Entries gives the kept requests, oldest first.
func (l *Log) Entries() []Entry { return l.Since(0) }

// Since gives the kept requests with a number above n, oldest first.
func (l *Log) Since(n int64) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.counts.Requests
	first := max(last-int64(len(l.ring)), n)
	out := make([]Entry, 0, max(last-first, 0))
	for i := first; i < last; i++ {
		out = append(out, l.ring[i%int64(max(l.limit, 1))])
	}
	return out
}

// Counts gives the counts.
func (l *Log) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.counts
	c.Refused = maps.Clone(c.Refused)
	return c
}

// ServeHTTP shows the log as JSON: {"counts": …, "entries": […]}; ?since=N leaves out what has a number up to N.
func (l *Log) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	since, err := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	if err != nil && r.URL.Query().Get("since") != "" {
		http.Error(w, "since must be a number", http.StatusBadRequest)
		return
	}
	writeJSON(w, struct {
		Counts  Counts  `json:"counts"`
		Entries []Entry `json:"entries"`
	}{l.Counts(), l.Since(since)})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // fails only when the reader went away: nobody is left to tell
}
