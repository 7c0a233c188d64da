package live

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"allim.dev/allim/notify"
)

// A connection over plain HTTP/1.1 is taken over from the server when its header is out: while nothing happens it holds
// neither a goroutine nor a buffer. A few workers serve all of them (pool.go); one poller sees who leaves and whose
// socket has room again (poller_linux.go); one timer beats for all (timetable.go). Over TLS and HTTP/2, and on other
// systems, a connection lives in its handler instead (follow.go).

// engine is what all taken over connections share.
type engine struct {
	pool   *pool
	poller *poller
	table  *timetable
	tail   *tail
}

// engineOf starts the engine at the first use; nil where it cannot be.
func (l *Live) engineOf() *engine {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.engine != nil || l.calls == nil || l.noEngine {
		return l.engine
	}
	e := &engine{pool: startPool(min(32, max(4, 2*runtime.GOMAXPROCS(0)))), tail: newTail(l.inbox, l.clock)}
	var err error
	if e.poller, err = startPoller(e.pool.call, l.writeTimeout); err != nil {
		l.log.Info("live connections live in their handlers", "reason", err)
		l.noEngine = true
		e.pool.close()
		return nil
	}
	e.table = startTimetable(l.clock, func(p *parked) { e.pool.call(p, todoBeat) })
	l.engine = e
	return e
}

// closeEngine ends it. No connection is left.
func (l *Live) closeEngine() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.engine
	l.engine, l.noEngine = nil, true
	if e == nil {
		return nil
	}
	e.table.close()
	err := e.poller.close()
	e.pool.close()
	return err
}

// parked is a taken over connection.
type parked struct {
	live   *Live
	engine *engine
	enc    encoder
	conn   net.Conn
	raw    syscall.RawConn
	leave  func()

	todo atomic.Uint32
	next *parked // in the pool's queue
	// woken is the moment of the last wake-up for all, as tail counts them.
	woken atomic.Uint64

	// The timetable's.
	dueAt int64
	place int

	// The poller's.
	generation     int32
	slowUntil      int64
	before, behind *parked

	// The following belong to the worker that has it in hand.
	f      *follower
	first  *stretch // what was read before the stream began
	rest   []byte   // what the socket did not take yet
	missed uint32   // looks that wait until it has
	old    time.Time
	beats  uint32
	in     *wsReader // nil: nothing is read
	poll   *polling  // nil: it is a stream
	over   bool
}

// Why a stream ended, besides the network's errors.
var (
	errLeft = errors.New("the client left")
	errTold = errors.New("the client was told to come back")
	errSlow = errors.New("the client is too slow")
)

// mayTakeOver tells whether a request's connection can be taken over.
func (l *Live) mayTakeOver(w http.ResponseWriter, r *http.Request) bool {
	return r.TLS == nil && r.ProtoMajor == 1 && r.ProtoMinor >= 1 && canHijack(w) && l.engineOf() != nil
}

// canHijack looks for a Hijacker as http.ResponseController does.
func canHijack(w http.ResponseWriter) bool {
	for {
		switch t := w.(type) {
		case http.Hijacker:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return false
		}
	}
}

// park makes a connection of a request that entered, and takes the first look. When it fails, leave was called.
func (l *Live) park(r *http.Request, enc encoder, user string, limit int, leave func()) (*parked, error) {
	p := &parked{live: l, engine: l.engineOf(), enc: enc, leave: leave}
	p.todo.Store(todoHeld)
	reads, err := l.readsOf(r, user)
	if err != nil {
		leave()
		return nil, err
	}
	p.f = &follower{inbox: l.inbox, user: user, reader: l.reader(r.Context(), user, r.URL.Query().Get("locale")), limit: limit, reads: reads}
	p.f.sub = l.calls.Call(p.wake, reads.subjects(user)...)
	first, err := p.f.first(r.Context(), r)
	if p.engine.tail.log != nil && err == nil {
		err = p.engine.tail.refresh(r.Context(), 0) // the first of all: the tail begins here
	}
	if err != nil {
		p.unpark()
		return nil, err
	}
	p.first = &first
	return p, nil
}

// wake is called by the bus.
func (p *parked) wake(subject string) {
	switch {
	case subject == notify.SubjectInboxAll:
		p.woken.Store(p.engine.tail.begun.Load())
		p.engine.pool.call(p, todoAll)
	case strings.HasPrefix(subject, notify.SubjectMarks("")):
		p.engine.pool.call(p, todoMarks)
	default:
		p.engine.pool.call(p, todoOwn)
	}
}

// unpark gives up its place; twice is fine.
func (p *parked) unpark() {
	if p.leave == nil {
		return
	}
	p.leave()
	p.f.close()
	p.leave = nil
}

// takeOverSSE sends the header and takes the connection over.
func (l *Live) takeOverSSE(w http.ResponseWriter, r *http.Request, user string, leave func()) {
	p, err := l.park(r, chunkedSSE{}, user, pageSize, leave)
	if err != nil {
		l.refuse(w, err)
		return
	}
	out := &responseWriter{w: w, rc: http.NewResponseController(w), timeout: l.writeTimeout}
	if err := out.begin(); err != nil {
		p.unpark()
		l.refuse(w, notify.Wrap(notify.CodeInternal, err, "streams cannot be served here"))
		return
	}
	p.takeOver(out.rc, nil)
}

// takeOver takes the connection when the header is written; in reads what the client sends, if anything matters.
func (p *parked) takeOver(rc *http.ResponseController, in *wsReader) {
	err := rc.Flush()
	if err == nil {
		err = p.seize(rc, in)
	}
	if err != nil {
		p.live.log.Debug("live connection could not be taken over", "user", p.f.user, "error", err)
		p.unpark()
		return
	}
	now := p.live.clock.Now()
	p.old = now.Add(p.live.spread(p.live.maxAge*4/5, p.live.maxAge))
	if p.live.stopping() {
		p.todo.Or(todoStop)
	}
	// The first heartbeat comes early by chance, so that pages that came together do not beat together.
	p.engine.table.set(p, now.Add(p.live.spread(p.live.heartbeat/2, p.live.heartbeat)))
	p.engine.pool.push(p) // it was held until now
}

func (p *parked) seize(rc *http.ResponseController, in *wsReader) error {
	conn, buffered, err := rc.Hijack()
	if err != nil {
		return err
	}
	if b, ok := conn.(*backConn); ok && len(b.ahead) == 0 {
		conn = b.own()
	}
	p.conn, p.in = conn, in
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return errors.Join(errors.New("the connection is no socket"), conn.Close())
	}
	if p.raw, err = sc.SyscallConn(); err != nil {
		return errors.Join(err, conn.Close())
	}
	if n := buffered.Reader.Buffered(); n > 0 && (in != nil || p.poll != nil) {
		sent, _ := buffered.Reader.Peek(n)
		if sent = bytes.Clone(sent); in != nil {
			in.held = sent
		} else {
			p.poll.sent = sent
		}
		p.todo.Or(todoRead)
	}
	if err := p.engine.poller.add(p, in != nil || p.poll != nil); err != nil {
		return errors.Join(err, conn.Close())
	}
	return nil
}
