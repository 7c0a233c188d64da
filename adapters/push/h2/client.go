package h2

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/net/http2"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/notify"
)

// What went wrong, in words that may be shown.
const (
	// ErrNotHTTP2 is of a server that does not speak HTTP/2, or of something on the way.
	ErrNotHTTP2 = push.Plain("the server does not speak HTTP/2")
	// ErrProxyScheme is of a proxy of another kind.
	ErrProxyScheme = push.Plain("the proxy must be http or https")
	// ErrLost is of a connection that ended under a request.
	ErrLost = push.Plain("the connection was lost")
	// ErrSilent is of a connection that was given up, because the server answers nothing, pings neither.
	ErrSilent = push.Plain("the connection was lost: the server answers no ping")
	// ErrClosed is what requests of a closed client get.
	ErrClosed = push.Plain("the adapter was closed")
	// ErrStopped is what requests get that were not begun, because Done said Stop.
	ErrStopped = push.Plain("stopped")
	// ErrHeader is of a request that no server may get: a control character in a field, or more than the server takes.
	ErrHeader = push.Plain("the request's header cannot be sent")
	// ErrMalformed is of an answer that is none.
	ErrMalformed = push.Plain("the server's answer is malformed")
)

// ResetError is of a request that the server ended with RST_STREAM. Others are not concerned.
type ResetError struct{ Code http2.ErrCode }

// Error implements error.
func (e *ResetError) Error() string { return fmt.Sprintf("the server reset the request: %v", e.Code) }

// GoAwayError is of a request whose connection the server ended with GOAWAY.
type GoAwayError struct {
	Code  http2.ErrCode
	Last  uint32 // the last stream that the server may have processed
	Debug []byte // the server's own words, cut to 1 KiB; not to be shown as they are
}

// Error implements error.
func (e *GoAwayError) Error() string {
	return fmt.Sprintf("the server ended the connection: %v", e.Code)
}

// Bounds that no setting changes.
const (
	// maxTries is how often one request is sent at most because it was refused or its connection was lost.
	maxTries = 3
	// maxUntaken is the same of one that servers' goodbyes did not take: each costs a connection.
	maxUntaken = 10
	// growAt is how many requests must be under way on each connection before another one is opened: a quiet app needs one.
	growAt = 32
	// growPause is how long after a further connection failed the next is tried: rapid connecting looks like an attack.
	growPause = 10 * time.Second
)

// Options is what a client is made of.
type Options struct {
	Authority   string        // :authority of every request
	Connections int           // at most, at least 1
	InFlight    int           // requests under way on each connection at most, at least 1
	Timeout     time.Duration // of one attempt, from when it is sent; of opening a connection too
	MaxBody     int           // of an answer, in bytes; what is longer is cut
	Keep        []string      // names of an answer's fields that Reply has, in lower case
	Clock       notify.Clock

	// Dial opens a connection: see Dialer.
	Dial func(ctx context.Context) (*Wire, error)

	// PingAfter is the silence after which the server is asked whether it lives; PingTimeout is how long it may take to
	// answer. After a request timed out it is asked at once.
	PingAfter, PingTimeout time.Duration

	// Again tells whether requests are worth another try after a GOAWAY with these words; nil: they are.
	Again func(debug []byte) bool

	// Eager lets requests follow as soon as the server's settings are known; else one goes first, and is waited for, as
	// Apple asks.
	Eager bool
	// IdleAfter is how long after its last request began a connection without any is closed; 0: the server does that.
	IdleAfter time.Duration
}

// Request is one request, always POST and https. Names of fields are in lower case.
type Request struct {
	Path string
	// Authorization is that field's value; empty: there is none. Shared are fields that many requests have in common; both
	// are put into the server's table once and cost a byte each from then on. They must not change after Fill.
	Authorization string
	Shared        []notify.Header
	// Own are fields of this request alone, never put into a table. Append to it: its room is used again.
	Own []notify.Header
	// Body must not change until Done was called.
	Body []byte
	// Tag comes back with the reply.
	Tag string

	bad error // it cannot be sent
}

// Reply is what came back for a request. It is the callee's until Done returns.
type Reply struct {
	Status int // 0: none came. With Err: the answer broke off after it
	Header []notify.Header
	Body   []byte
	Tag    string
	// Err is why no whole answer came: ErrLost, *ResetError, *GoAwayError, context.DeadlineExceeded, the error of the
	// batch's context, of Fill or Before, or of Dial.
	Err    error
	Unsent bool // with Err: nothing was sent
	Fresh  bool // with Err: it was the first request on a new connection
}

// Next is what Done says about what follows; its values are added.
type Next uint8

// The values of Next.
const (
	GoOn   Next = 0
	Stop   Next = 1 << iota // no more requests of the batch are begun; those left get ErrStopped
	Retire                  // the connection gets no more requests
)

// Batch is a number of requests, numbered from 0 to N-1.
type Batch struct {
	N int
	// Fill makes a request; again when it is sent again. It may be called from the goroutine of Do only. An error is the
	// request's.
	Fill func(i int, r *Request) error
	// Done is called exactly once for each, from any goroutine; it does not block and calls nothing of the client.
	Done func(i int, r *Reply) Next
	// Before is called before every few requests, and may wait: for a token. Its error is the next request's. May be nil.
	Before func(ctx context.Context) error
	// Permit takes a place in the pace for one more request and gives how long it must be waited for. May be nil.
	Permit func() time.Duration
}

// Client is a set of connections to one server: opened when they are needed and one at a time, each warmed up by one
// request before others follow, so that neither a cold start nor a lost connection is a storm. Safe for use from any
// goroutine.
type Client struct {
	opts   Options
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu        sync.Mutex // may be taken while a conn's is held, never the other way round
	conns     []*conn
	dialling  bool
	closed    bool
	failures  int       // dials that failed so far
	failure   error     // the last one's
	strikes   int       // connections in a row that failed or ended before an answer came
	dialAfter time.Time // no connection is opened before
	growAfter time.Time // no further one is opened before
	waiting   []*call   // for room, the first in line first
}

// New makes a client; it dials nothing yet. Close it.
func New(o Options) *Client {
	c := &Client{opts: o}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// Close ends all connections and goroutines; no Do is running then.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	list := append([]*conn(nil), c.conns...)
	for _, k := range c.waiting {
		k.signal()
	}
	c.waiting = nil
	c.mu.Unlock()
	c.cancel()
	for _, o := range list {
		o.end(ErrClosed)
	}
	c.wg.Wait()
}
