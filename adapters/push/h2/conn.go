package h2

import (
	"bufio"
	"errors"
	"math"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"allim.dev/allim/adapters/push/gather"
	"allim.dev/allim/notify"
)

// Sizes of a connection, in bytes.
const (
	readAhead    = 16 << 10  // beside what push/gather and crypto/tls hold
	maxFrame     = 16384     // of what we take: SETTINGS_MAX_FRAME_SIZE's initial value
	maxBlock     = 64 << 10  // of an answer's header block, compressed
	maxList      = 32 << 10  // of an answer's header list that is looked at: RFC 9113 section 10.5.1
	connWindow   = 1 << 20   // what all answers under way may hold together: RFC 9113 section 5.2
	maxPending   = 256 << 10 // written by us and not yet taken by the system: past it no more requests are begun
	hardPending  = 4 << 20   // past it the server makes us answer and does not read
	tableSize    = 4096      // of both HPACK tables at most: RFC 7541 section 4.2
	initialSpace = 65535     // of every window: RFC 9113 section 6.9.2
	maxSpace     = 1<<31 - 1
	lastStream   = 1<<31 - 1
	keptBody     = 4 << 10 // of a stream that is used again
)

// Wire is an open connection to a server, after TLS.
type Wire struct {
	net.Conn
	gather *gather.Conn // below TLS; nil: there is none
}

// NewWire makes a Wire of any connection, such as a test's.
func NewWire(c net.Conn) *Wire { return &Wire{Conn: c} }

// stream is a request under way.
type stream struct {
	id       uint32
	call     *call
	index    int
	try      uint8
	fresh    bool // alone on a new connection
	deadline time.Time
	tag      string
	window   int64  // what the server lets us send on it
	body     []byte // what was not sent yet
	queued   bool   // it stands in conn.blocked

	// The answer so far.
	status   int
	interims int // 1xx
	header   []notify.Header
	got      []byte
	taken    int // bytes of the connection's window that it holds
	err      error
}

// conn is one connection: a goroutine reads, one writes, one keeps time.
type conn struct {
	client *Client
	wire   *Wire
	in     *bufio.Reader
	done   chan struct{} // closed when it ended
	toSend chan struct{} // room for one: out has something
	poked  chan struct{} // room for one: keep is to look again

	// What the client sees of it; guarded by the client's mu and written with both locks held.
	room     int  // requests that it would take now
	busy     int  // requests under way
	unproven bool // no answer came yet
	gone     bool // it takes no more requests, for good or until it proves alive

	mu      sync.Mutex
	streams map[uint32]*stream
	idle    []*stream // to be used again
	nextID  uint32
	out     []byte // frames to be written
	spare   []byte
	write   *http2.Framer // to out
	enc     *encoder
	block   []byte

	warm    bool  // an answer came, and was judged
	retired bool  // no more requests, closed when the last one ends
	suspect bool  // a request timed out, and nothing came since
	closing bool  // nothing is under way and nothing will be
	unused  bool  // closing because nobody needs it
	ended   bool  // it is over
	reason  error // why

	settled    bool // the server's first SETTINGS came
	maxStreams uint32
	starved    time.Time // since when the server has allowed no stream at all
	firstSpace int64     // the window of a new stream
	frameSize  int
	listSize   uint32
	space      int64     // the connection's own window, to the server
	blocked    []*stream // have a body left, the first in line first
	goAway     *GoAwayError

	// Of what comes in; the reading goroutine's, with mu held.
	dec       *hpack.Decoder
	cur       *stream // whose header is being decoded; nil: nobody waits for it
	curSize   int
	curBad    bool
	curID     uint32
	curEnds   bool
	fragments int
	blockSize int
	holds     int // received and not given back
	credit    int // to be given back
	useless   int // frames in a row that brought nothing
	finished  []*stream
	wakeAt    time.Time // when keep looks again
	usedAt    time.Time // when its last request began; when it was opened
	readAt    time.Time // when something last came; when it was opened
	pingAt    time.Time // when the ping that is not answered went out; zero: none is
}

func newConn(client *Client, w *Wire) *conn {
	c := &conn{client: client, wire: w, in: bufio.NewReaderSize(w, readAhead), done: make(chan struct{}),
		toSend: make(chan struct{}, 1), poked: make(chan struct{}, 1), unproven: true,
		streams: map[uint32]*stream{}, nextID: 1, maxStreams: math.MaxUint32, firstSpace: initialSpace, frameSize: maxFrame,
		listSize: math.MaxUint32, space: initialSpace}
	c.readAt = client.opts.Clock.Now()
	c.usedAt = c.readAt
	c.write = http2.NewFramer(appender{&c.out}, nil)
	c.enc = newEncoder(client.opts.Authority)
	c.dec = hpack.NewDecoder(tableSize, c.field)
	c.dec.SetMaxStringLength(maxList)
	return c
}

// appender writes to the end of a slice.
type appender struct{ to *[]byte }

// Write implements io.Writer.
func (a appender) Write(p []byte) (int, error) {
	*a.to = append(*a.to, p...)
	return len(p), nil
}

// start writes the preface and starts the connection's goroutines (RFC 9113 section 3.4).
func (c *conn) start() {
	c.out = append(c.out, http2.ClientPreface...)
	// The framer refuses nothing of what follows, and out cannot fail.
	_ = c.write.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 0},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(max(c.client.opts.MaxBody, initialSpace))},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: maxList})
	_ = c.write.WriteWindowUpdate(0, connWindow-initialSpace)
	c.toSend <- struct{}{}
	c.client.wg.Go(c.readLoop)
	c.client.wg.Go(c.writeLoop)
	c.client.wg.Go(c.keep)
}

// freeLocked tells how many requests it would take now; mu is held.
func (c *conn) freeLocked() int {
	switch {
	case c.ended || c.retired || c.suspect || c.goAway != nil:
		return 0
	case !c.settled: // they are waited for: some servers hold requests to them before they can be known
		return 0
	case !c.warm && !c.client.opts.Eager:
		if c.nextID == 1 {
			return 1
		}
		return 0 // one request first: Apple allows no more until it was answered, and so others follow no refusal
	case len(c.blocked) > 0 || c.space <= 0 || len(c.out) > maxPending:
		return 0
	}
	limit := c.client.opts.InFlight
	if c.maxStreams < uint32(limit) {
		limit = int(c.maxStreams)
	}
	return max(limit-len(c.streams), 0)
}

// viewLocked shows the client how the connection stands; mu is held. It wakes one who waits for room, who wakes the
// next when there is some left.
func (c *conn) viewLocked() {
	cl := c.client
	cl.mu.Lock()
	defer cl.mu.Unlock()
	c.unproven = !c.warm && !c.retired
	was := c.gone
	c.gone = c.ended || c.retired || c.suspect || c.goAway != nil
	if was && !c.gone && c.crowded() {
		c.retired, c.gone = true, true
	}
	c.busy, c.room = len(c.streams), c.freeLocked()
	if c.room > 0 || c.gone && !was {
		cl.wakeOne()
	}
}

// crowded tells whether others took its place while it was under suspicion; the client's mu is held.
func (c *conn) crowded() bool {
	n := 0
	for _, o := range c.client.conns {
		if o != c && !o.gone {
			n++
		}
	}
	return n >= c.client.opts.Connections
}

// hush closes the connection when nothing is left to be done on it; mu is held.
func (c *conn) hush() {
	if c.closing || c.ended || len(c.streams) > 0 || !c.retired && c.goAway == nil {
		return
	}
	c.closing = true
	_ = c.write.WriteGoAway(0, http2.ErrCodeNo, nil)
	c.sendSoon()
}

// sendSoon has out written.
func (c *conn) sendSoon() {
	select {
	case c.toSend <- struct{}{}:
	default:
	}
}

// farewellTime is how long a last GOAWAY may take.
const farewellTime = time.Second

// end ends the connection: what is under way is lost. What is in out is still written when it is the server's fault.
func (c *conn) end(err error) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return
	}
	c.ended, c.reason = true, err
	if c.goAway != nil {
		c.reason = c.goAway
	}
	if c.cur != nil { // its header was not whole
		c.cur.status = 0
	}
	lost := make([]*stream, 0, len(c.streams))
	for id, s := range c.streams {
		delete(c.streams, id)
		lost = append(lost, s)
	}
	c.blocked = nil
	reason := c.reason
	c.leaveClient(reason)
	c.mu.Unlock()

	if fault := new(http2.ConnectionError); errors.As(err, fault) {
		_ = c.wire.SetDeadline(time.Now().Add(farewellTime))
	} else {
		c.shut()
	}
	close(c.done)
	for _, s := range lost {
		c.lose(s, reason, c.client.again(reason))
	}
}

// leaveClient takes the connection out of the client, with what its end says of the next ones: in one step, for whoever is
// woken by it must know of the failure, or would dial past the backoff. mu is held.
func (c *conn) leaveClient(reason error) {
	cl := c.client
	cl.mu.Lock()
	defer cl.mu.Unlock()
	c.gone, c.unproven, c.busy, c.room = true, false, 0, 0
	switch {
	case cl.closed || c.warm || c.unused:
	case c.settled:
		cl.strike(reason)
	default: // it never began: as if it had not been opened
		cl.dialFailed(reason)
	}
	cl.forget(c)
}

// shut closes what is below TLS, for which it need not be waited.
func (c *conn) shut() {
	if c.wire.gather != nil {
		_ = c.wire.gather.Close()
	} else {
		_ = c.wire.Close()
	}
}
