package live

import (
	"net"
	"sync"
	"time"
)

// returned are connections of polls that were taken over and answered, on their way back to the server: a listener that it
// serves beside its own (see Live.Returned). After a message to everybody all of them ask again at once; the server gets few
// at a time, as each has buffers and a goroutine there.
type returned struct {
	mu      sync.Mutex
	some    sync.Cond
	conns   []*backConn
	out     int  // with the server, and not yet answered or taken over again
	serving bool // somebody accepts
	closed  bool
}

// returnedAtOnce are with the server at most; one whose request does not come, or takes long, counts for so long only. Real
// time, as sockets know no other.
const (
	returnedAtOnce = 256
	returnedFor    = time.Second
)

func newReturned() *returned {
	l := &returned{}
	l.some.L = &l.mu
	return l
}

// taken tells whether a connection would be served again.
func (l *returned) taken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.serving && !l.closed
}

// give gives a connection back, of which something may have been read already; when nobody serves it, it is closed.
func (l *returned) give(c net.Conn, ahead []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.serving || l.closed {
		_ = c.Close()
		return
	}
	l.conns = append(l.conns, &backConn{Conn: c, list: l, ahead: ahead})
	l.some.Signal()
}

// Accept implements net.Listener.
func (l *returned) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.serving = true
	for (len(l.conns) == 0 || l.out >= returnedAtOnce) && !l.closed {
		l.some.Wait()
	}
	if l.closed {
		return nil, net.ErrClosed
	}
	c := l.conns[0]
	l.conns[0] = nil
	l.conns = l.conns[1:]
	l.out++
	c.late = time.AfterFunc(returnedFor, c.pass)
	return c, nil
}

// Close implements net.Listener; twice is fine.
func (l *returned) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, c := range l.conns {
		_ = c.Conn.Close()
	}
	l.conns = nil
	l.some.Broadcast()
	return nil
}

// Addr implements net.Listener.
func (l *returned) Addr() net.Addr { return returnedAddr{} }

type returnedAddr struct{}

// Network implements net.Addr.
func (returnedAddr) Network() string { return "returned" }

// String implements net.Addr.
func (returnedAddr) String() string { return "returned" }

// backConn is a connection that came back.
type backConn struct {
	net.Conn
	list  *returned
	ahead []byte // read already
	past  sync.Once
	late  *time.Timer // guarded by list.mu
}

// pass makes room for the next one: the request that it came back with is being answered, or the connection is gone.
func (c *backConn) pass() {
	c.past.Do(func() {
		c.list.mu.Lock()
		defer c.list.mu.Unlock()
		c.list.out--
		c.late.Stop()
		c.list.some.Signal()
	})
}

// Read implements net.Conn.
func (c *backConn) Read(p []byte) (int, error) {
	if len(c.ahead) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.ahead)
	c.ahead = c.ahead[n:]
	return n, nil
}

// Write implements net.Conn.
func (c *backConn) Write(p []byte) (int, error) {
	c.pass()
	return c.Conn.Write(p)
}

// Close implements net.Conn.
func (c *backConn) Close() error {
	c.pass()
	return c.Conn.Close()
}

// own gives the connection itself to who takes it over again: nothing of it is left unread here.
func (c *backConn) own() net.Conn {
	c.pass()
	return c.Conn
}
