package live

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// poller watches the sockets of taken over connections with one epoll, which itself waits in the runtime's poller: an
// idle connection holds no goroutine. It is edge-triggered, so that nothing has to be changed while a connection lives.
type poller struct {
	call    func(p *parked, things uint32)
	timeout time.Duration // for a socket to take what it did not take at once; real time, as sockets know no other

	epoll *os.File
	raw   syscall.RawConn
	done  chan struct{}

	mu         sync.Mutex
	conns      map[int32]*parked
	generation int32
	slow, last *parked // whose sockets are full, in the order of their deadlines
}

func startPoller(call func(*parked, uint32), timeout time.Duration) (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // else the runtime would not poll it
		unix.Close(fd)
		return nil, fmt.Errorf("epoll: %w", err)
	}
	w := &poller{call: call, timeout: timeout, epoll: os.NewFile(uintptr(fd), "epoll"), done: make(chan struct{}), conns: map[int32]*parked{}}
	if w.raw, err = w.epoll.SyscallConn(); err == nil {
		err = w.epoll.SetReadDeadline(time.Time{}) // fails where the runtime cannot poll it
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("epoll: %w", err), w.epoll.Close())
	}
	go w.run()
	return w, nil
}

// add begins to watch p's socket; reads: what the client sends matters.
func (w *poller) add(p *parked, reads bool) error {
	events := uint32(unix.EPOLLRDHUP | unix.EPOLLOUT | unix.EPOLLET&0xffffffff)
	if reads {
		events |= unix.EPOLLIN
	}
	return w.control(p, func(fd int32) error {
		w.mu.Lock()
		w.generation++
		p.generation = w.generation
		w.conns[fd] = p
		w.mu.Unlock()
		err := w.change(unix.EPOLL_CTL_ADD, int(fd), &unix.EpollEvent{Events: events, Fd: fd, Pad: p.generation})
		if err != nil {
			w.forget(p, fd)
		}
		return err
	})
}

// remove ends it; then the connection may be closed.
func (w *poller) remove(p *parked) {
	w.taken(p)
	_ = w.control(p, func(fd int32) error {
		w.forget(p, fd)
		return w.change(unix.EPOLL_CTL_DEL, int(fd), &unix.EpollEvent{})
	})
}

func (w *poller) forget(p *parked, fd int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conns[fd] == p {
		delete(w.conns, fd)
	}
}

func (w *poller) control(p *parked, f func(fd int32) error) error {
	var err error
	if e := p.raw.Control(func(fd uintptr) { err = f(int32(fd)) }); e != nil {
		return e
	}
	return err
}

func (w *poller) change(op, fd int, event *unix.EpollEvent) (err error) {
	e := w.raw.Control(func(epoll uintptr) { err = unix.EpollCtl(int(epoll), op, fd, event) })
	return errors.Join(e, err)
}

// all gives every connection that is watched.
func (w *poller) all() []*parked {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]*parked, 0, len(w.conns))
	for _, p := range w.conns {
		all = append(all, p)
	}
	return all
}

func (w *poller) run() {
	defer close(w.done)
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := w.wait(events)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			w.expire()
			continue
		case err != nil: // closed
			return
		}
		for _, e := range events[:n] {
			w.mu.Lock()
			p := w.conns[e.Fd]
			w.mu.Unlock()
			if p != nil && p.generation == e.Pad {
				w.call(p, thingsOf(e.Events))
			}
		}
	}
}

func (w *poller) wait(events []unix.EpollEvent) (n int, err error) {
	e := w.raw.Read(func(fd uintptr) bool {
		n, err = unix.EpollWait(int(fd), events, 0)
		if err == unix.EINTR {
			n, err = 0, nil
		}
		return n > 0 || err != nil
	})
	return n, errors.Join(e, err)
}

func thingsOf(events uint32) (things uint32) {
	if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		things |= todoGone
	}
	if events&unix.EPOLLIN != 0 {
		things |= todoRead
	}
	if events&unix.EPOLLOUT != 0 {
		things |= todoWrite
	}
	return things
}

// full says that p's socket has not taken all: it has until the timeout.
func (w *poller) full(p *parked) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.slowUntil != 0 {
		return
	}
	deadline := time.Now().Add(w.timeout)
	p.slowUntil = deadline.UnixNano()
	if p.before = w.last; p.before == nil {
		w.slow = p
		_ = w.epoll.SetReadDeadline(deadline)
	} else {
		p.before.behind = p
	}
	w.last = p
}

// taken says that p's socket has taken all, or that p ends.
func (w *poller) taken(p *parked) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unlink(p)
}

func (w *poller) unlink(p *parked) {
	if p.slowUntil == 0 {
		return
	}
	if p.before == nil {
		w.slow = p.behind
	} else {
		p.before.behind = p.behind
	}
	if p.behind == nil {
		w.last = p.before
	} else {
		p.behind.before = p.before
	}
	p.slowUntil, p.before, p.behind = 0, nil, nil
}

// expire calls those whose time is over, and sets the deadline of the next one.
func (w *poller) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now().UnixNano()
	for w.slow != nil && w.slow.slowUntil <= now {
		p := w.slow
		w.unlink(p)
		w.call(p, todoSlow)
	}
	next := time.Time{}
	if w.slow != nil {
		next = time.Unix(0, w.slow.slowUntil)
	}
	_ = w.epoll.SetReadDeadline(next)
}

// close ends the goroutine.
func (w *poller) close() error {
	err := w.epoll.Close()
	<-w.done
	return err
}

// turn is one try at a socket. It is used again and again by a worker, because what a RawConn calls is always allocated.
type turn struct {
	b       []byte
	n       int
	err     error
	doRead  func(fd uintptr) bool
	doWrite func(fd uintptr) bool
}

func newTurn() *turn {
	t := &turn{}
	t.doRead, t.doWrite = t.read, t.write
	return t
}

func (t *turn) write(fd uintptr) bool {
	for t.n < len(t.b) {
		m, err := unix.Write(int(fd), t.b[t.n:])
		switch {
		case err == nil:
			t.n += m
		case err != unix.EINTR:
			t.err = err
			return true // for EAGAIN, too: the poller tells when to go on
		}
	}
	return true
}

func (t *turn) read(fd uintptr) bool {
	t.n, t.err = unix.Read(int(fd), t.b)
	return t.err != unix.EINTR
}

// tryWrite hands over as much as the socket takes at once.
func (t *turn) tryWrite(raw syscall.RawConn, b []byte) (n int, err error) {
	t.b, t.n, t.err = b, 0, nil
	err = raw.Write(t.doWrite)
	t.b = nil
	if err == nil && t.err != unix.EAGAIN {
		err = t.err
	}
	return t.n, err
}

// tryRead gives what has arrived: n is 0 when there is nothing more; io.EOF at the end.
func (t *turn) tryRead(raw syscall.RawConn, b []byte) (n int, err error) {
	t.b, t.n, t.err = b, 0, nil
	err = raw.Read(t.doRead)
	t.b = nil
	switch {
	case err != nil:
		return 0, err
	case t.err == unix.EAGAIN:
		return 0, nil
	case t.err == nil && t.n == 0:
		return 0, io.EOF
	}
	return max(t.n, 0), t.err
}
