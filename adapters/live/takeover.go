package live

import (
	"bytes"
	"context"
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

// do is a worker's turn with the connection.
func (p *parked) do(things uint32, d *desk) {
	if p.over {
		return
	}
	if err := p.act(things, d); err != nil {
		p.end(err, d)
	}
}

func (p *parked) act(things uint32, d *desk) error {
	if p.poll != nil {
		return p.actPoll(things, d)
	}
	if things&todoGone != 0 {
		return errLeft
	}
	if things&todoWrite != 0 {
		if err := p.flush(d); err != nil {
			return err
		}
	}
	if things&todoSlow != 0 && p.rest != nil {
		return errSlow
	}
	if p.first != nil {
		if err := p.begin(d); err != nil {
			return err
		}
	}
	if things&todoStop != 0 {
		return p.goodbye(stopping, p.live.spread(time.Second, retryDrainMax), d)
	}
	if things&todoRead != 0 && p.in != nil {
		if err := p.read(d); err != nil {
			return err
		}
	}
	if things&todoBeat != 0 {
		if err := p.beat(d); err != nil {
			return err
		}
	}
	if p.rest != nil {
		p.missed |= things & (todoOwn | todoAll | todoMarks)
		return nil
	}
	things |= p.missed
	p.missed = 0
	return p.look(things, d)
}

// begin says where the stream begins, and what was there already.
func (p *parked) begin(d *desk) error {
	first := *p.first
	p.first = nil
	d.out.Reset()
	if !first.resync {
		p.enc.ready(&d.out, first.from)
	}
	err := p.tell(first, d)
	if first.more {
		p.again(todoOwn)
	}
	if p.f.reads != nil {
		p.again(todoMarks)
	}
	return err
}

// beat shows that the connection is alive, or ends it when it is old. The bus may lose wake-ups: what they were for is
// found at every third one.
func (p *parked) beat(d *desk) error {
	now := p.live.clock.Now()
	left := p.old.Sub(now)
	if left <= 0 {
		return p.goodbye(aged, p.live.spread(retryAged, 2*retryAged), d)
	}
	if p.in != nil {
		if err := p.in.beat(); err != nil {
			return err
		}
	}
	p.engine.table.set(p, now.Add(min(p.live.heartbeat, left)))
	p.beats++
	if p.rest == nil {
		d.out.Reset()
		p.enc.ping(&d.out)
		if err := p.write(d.out.Bytes(), d); err != nil {
			return err
		}
	}
	if p.beats%lookEvery == 0 {
		p.woken.Store(p.engine.tail.now(true))
		p.missed |= todoAll
		if p.f.reads != nil {
			p.missed |= todoMarks
		}
	}
	return nil
}

// look sends what is new: what is for everybody from what all share, else by a look of its own, a page at a time.
func (p *parked) look(things uint32, d *desk) error {
	if things&todoMarks != 0 {
		if err := p.lookReads(d); err != nil {
			return err
		}
		if p.rest != nil {
			p.missed |= things & (todoOwn | todoAll)
			return nil
		}
	}
	if things&(todoOwn|todoAll) == 0 {
		return nil
	}
	if things&todoOwn == 0 && p.engine.tail.log != nil {
		if done, err := p.lookShared(d); done || err != nil {
			return err
		}
	}
	st, err := p.f.next(context.Background())
	if err != nil {
		return err
	}
	d.out.Reset()
	if err := p.tell(st, d); err != nil {
		return err
	}
	if st.more {
		p.again(todoOwn)
	}
	return nil
}

// lookReads sends what was read meanwhile.
func (p *parked) lookReads(d *desk) error {
	n, more, err := p.f.reads.next(context.Background())
	if err != nil {
		return err
	}
	d.out.Reset()
	if len(n.IDs) > 0 {
		if err := p.enc.read(&d.out, n); err != nil {
			return err
		}
	}
	if more {
		p.again(todoMarks)
	}
	return p.write(d.out.Bytes(), d)
}

// again looks again, after others had their turn or when the socket has room.
func (p *parked) again(things uint32) {
	if p.rest != nil {
		p.missed |= things
		return
	}
	p.todo.Or(things)
}

func (p *parked) lookShared(d *desk) (done bool, err error) {
	t := p.engine.tail
	if err := t.refresh(context.Background(), p.woken.Load()); err != nil {
		return false, nil // a look of its own says what is wrong
	}
	items, next, ok := t.behind(p.f.user, p.f.at)
	if !ok {
		return false, nil
	}
	now := p.live.clock.Now()
	for _, i := range items {
		if !now.Before(i.Notification.ExpiresAt) {
			continue
		}
		if p.rest != nil {
			p.missed |= todoAll
			return true, nil
		}
		data, err := i.encode(p.enc, p.f.reader, next.Epoch)
		if err == nil {
			err = p.write(data, d)
		}
		if err != nil {
			return false, err
		}
		p.f.at.Seq = i.Seq
	}
	p.f.at = next
	return true, nil
}

// tell sends a stretch behind what is in d.out already. When the socket is full, the rest is read again later: so much of
// it is kept in memory at most.
func (p *parked) tell(st stretch, d *desk) error {
	if st.resync {
		p.enc.resync(&d.out, st.from)
	}
	for i := range st.items {
		if err := p.enc.item(&d.out, &st.items[i]); err != nil {
			return err
		}
		if d.out.Len() < maxWrite {
			continue
		}
		if err := p.write(d.out.Bytes(), d); err != nil {
			return err
		}
		d.out.Reset()
		if p.rest != nil && i < len(st.items)-1 {
			p.f.at = st.items[i].cursor()
			p.missed |= todoOwn
			return nil
		}
	}
	return p.write(d.out.Bytes(), d)
}

// write hands over whole messages; what the socket does not take at once is kept until it does.
func (p *parked) write(b []byte, d *desk) error {
	if p.rest != nil {
		p.rest = append(p.rest, b...)
		return nil
	}
	n, err := d.turn.tryWrite(p.raw, b)
	if err != nil {
		return err
	}
	if n < len(b) {
		p.rest = bytes.Clone(b[n:])
		p.engine.poller.full(p)
	}
	return nil
}

// flush goes on with what the socket did not take.
func (p *parked) flush(d *desk) error {
	if p.rest == nil {
		return nil
	}
	n, err := d.turn.tryWrite(p.raw, p.rest)
	if err != nil {
		return err
	}
	if p.rest = p.rest[n:]; len(p.rest) == 0 {
		p.rest = nil
		p.engine.poller.taken(p)
	}
	return nil
}

// goodbye is the last word, if the socket takes it at once.
func (p *parked) goodbye(why farewell, retry time.Duration, d *desk) error {
	if p.rest == nil {
		d.out.Reset()
		p.enc.goodbye(&d.out, why, retry)
		_, _ = d.turn.tryWrite(p.raw, d.out.Bytes()) // best effort: the stream ends anyway
	}
	return errTold
}

// end closes the connection and says why, once.
func (p *parked) end(err error, d *desk) {
	p.over = true
	log := p.live.log.With("user", p.f.user, "transport", p.enc.name())
	var network *net.OpError
	switch {
	case errors.Is(err, errLeft) || errors.Is(err, errTold):
		log.Debug("live stream ended")
	case errors.Is(err, errSlow):
		log.Info("live client is too slow: dropped")
	case errors.As(err, &network) || isErrno(err):
		log.Debug("live stream broke", "error", err)
	default:
		log.Warn("live stream ended by an error", "error", err)
		if p.poll != nil {
			break // half of an answer may be out
		}
		_ = p.goodbye(trouble, p.live.spread(retryTrouble, 2*retryTrouble), d)
	}
	p.engine.table.remove(p)
	p.engine.poller.remove(p)
	_ = p.conn.Close()
	p.unpark()
}

func isErrno(err error) bool {
	var no syscall.Errno
	return errors.As(err, &no)
}
