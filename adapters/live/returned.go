package live

import (
	"net"
	"sync"
	"syscall"
)

// returned are connections of polls that were taken over and answered, on their way back to the server: a listener that it
// serves beside its own (see Live.Returned).
type returned struct {
	mu      sync.Mutex
	some    sync.Cond
	conns   []net.Conn
	serving bool // somebody accepts
	closed  bool
}

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

// give gives a connection back; when nobody serves it, it is closed.
func (l *returned) give(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.serving || l.closed {
		_ = c.Close()
		return
	}
	l.conns = append(l.conns, c)
	l.some.Signal()
}

// Accept implements net.Listener.
func (l *returned) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.serving = true
	for len(l.conns) == 0 && !l.closed {
		l.some.Wait()
	}
	if l.closed {
		return nil, net.ErrClosed
	}
	c := l.conns[0]
	l.conns[0] = nil
	l.conns = l.conns[1:]
	return c, nil
}

// Close implements net.Listener; twice is fine.
func (l *returned) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, c := range l.conns {
		_ = c.Close()
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

// aheadConn is a connection of which something was read already.
type aheadConn struct {
	net.Conn
	ahead []byte
}

// withAhead puts what was read back in front.
func withAhead(c net.Conn, ahead []byte) net.Conn {
	if a, ok := c.(*aheadConn); ok && len(a.ahead) == 0 {
		c = a.Conn
	}
	if len(ahead) == 0 {
		return c
	}
	return &aheadConn{Conn: c, ahead: ahead}
}

// Read implements net.Conn.
func (c *aheadConn) Read(p []byte) (int, error) {
	if len(c.ahead) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.ahead)
	c.ahead = c.ahead[n:]
	return n, nil
}

// SyscallConn implements syscall.Conn, so that the connection can be taken over again.
func (c *aheadConn) SyscallConn() (syscall.RawConn, error) {
	sc, ok := c.Conn.(syscall.Conn)
	if !ok || len(c.ahead) > 0 {
		return nil, syscall.ENOTSUP
	}
	return sc.SyscallConn()
}
