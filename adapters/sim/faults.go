package sim

import (
	"sync"
	"time"
)

// Fault is one thing that goes wrong with a request, on demand. The zero Fault does nothing.
type Fault struct {
	// Times is for how many requests it holds; 0: for one; negative: for ever.
	Times int `json:"times,omitempty" yaml:"times"`

	// Status answers with this HTTP status instead of judging the request; 0: judge it as usual.
	Status int `json:"status,omitempty" yaml:"status"`
	// Reason is the platform's word in the error's body.
	Reason string `json:"reason,omitempty" yaml:"reason"`
	// Timestamp is since when the token is dead (APNs 410); zero: none is sent.
	Timestamp time.Time `json:"timestamp,omitzero" yaml:"timestamp"`
	// Header is added to the answer, such as Retry-After in seconds or as a date.
	Header map[string]string `json:"header,omitempty" yaml:"header"`
	// Body is sent instead of the platform's own, such as one that is no JSON.
	Body string `json:"body,omitempty" yaml:"body"`

	// Delay holds the answer back.
	Delay time.Duration `json:"delay,omitempty" yaml:"delay"`
	// Drip sends the body byte by byte with this pause.
	Drip time.Duration `json:"drip,omitempty" yaml:"drip"`
	// Truncate cuts the answer's body in half and breaks off.
	Truncate bool `json:"truncate,omitempty" yaml:"truncate"`
	// Stall takes the request and never answers.
	Stall bool `json:"stall,omitempty" yaml:"stall"`
	// Drop closes the connection: before the request is looked at, or after it was accepted but before the answer.
	Drop Drop `json:"drop,omitempty" yaml:"drop"`
	// Reset ends the stream with this HTTP/2 error code (RFC 9113 section 7), such as 7 for REFUSED_STREAM.
	Reset uint32 `json:"reset,omitempty" yaml:"reset"`
	// GoAway closes the connection the HTTP/2 way; the request itself is answered only when Last covers it.
	GoAway *GoAway `json:"goAway,omitempty" yaml:"goAway"`
}

// Drop says when a connection is closed.
type Drop string

// The moments of a Drop.
const (
	DropBefore Drop = "before" // nothing was accepted
	DropAfter  Drop = "after"  // it was accepted, but the answer is lost
)

// GoAway is an HTTP/2 GOAWAY frame (RFC 9113 section 6.8).
type GoAway struct {
	Code   uint32 `json:"code,omitempty" yaml:"code"`
	Reason string `json:"reason,omitempty" yaml:"reason"` // becomes the JSON in its debug data
	// Before counts back from the request's own stream: 0: its stream is the last one taken, 1: the one before it, so
	// that this request was not taken and may be sent again.
	Before int `json:"before,omitempty" yaml:"before"`
	// Close closes the connection at once, without answers for the streams under way.
	Close bool `json:"close,omitempty" yaml:"close"`
}

// Everyone is the key of faults for every request.
const Everyone = "*"

// faults are scripted per key (a token, an endpoint, a sender's credential), in order; safe for concurrent use.
type faults struct {
	mu    sync.Mutex
	queue map[string][]Fault
}

// script adds faults for a key, after those that are there.
func (f *faults) script(key string, list ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.queue == nil {
		f.queue = map[string][]Fault{}
	}
	for _, x := range list {
		if x.Times == 0 {
			x.Times = 1
		}
		f.queue[key] = append(f.queue[key], x)
	}
}

// clear removes all faults of a key; Everyone's only those for every request.
func (f *faults) clear(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.queue, key)
}

// take gives the next fault for a key, its own ones first, then Everyone's; the zero Fault when there is none.
func (f *faults) take(key string) Fault { return f.takeFor(key, nil) }

// takeFor is take with the sender's credential between the two; it is asked for only when faults are scripted at all.
func (f *faults) takeFor(key string, sender func() string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue) == 0 {
		return Fault{}
	}
	keys := []string{key, Everyone}
	if sender != nil {
		keys = []string{key, sender(), Everyone}
	}
	for _, k := range keys {
		q := f.queue[k]
		if len(q) == 0 {
			continue
		}
		x := q[0]
		if x.Times > 0 {
			q[0].Times--
		}
		if q[0].Times == 0 {
			q = q[1:]
		}
		if len(q) == 0 {
			delete(f.queue, k)
		} else {
			f.queue[k] = q
		}
		return x
	}
	return Fault{}
}
