package h2

import (
	"bufio"
	"net"
	"sync"
)

// gatherIn is how much is read ahead, in bytes.
const gatherIn = 32 << 10

// Gather is a connection for crypto/tls to sit on, which calls read and write once for each record of at most 16 KiB (and
// of 1.4 KiB in a connection's first megabyte): it reads ahead, and between Hold and Flush it gathers what is written, so
// that a flush of any size is one system call.
type Gather struct {
	net.Conn
	in *bufio.Reader

	mu   sync.Mutex // crypto/tls writes from its reading side too: alerts, key updates
	held bool
	out  []byte
}

// NewGather wraps a connection.
func NewGather(c net.Conn) *Gather { return &Gather{Conn: c, in: bufio.NewReaderSize(c, gatherIn)} }

// Read implements io.Reader.
func (g *Gather) Read(p []byte) (int, error) { return g.in.Read(p) }

// Write implements io.Writer. While writes are held it cannot fail.
func (g *Gather) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held {
		g.out = append(g.out, p...)
		return len(p), nil
	}
	return g.Conn.Write(p)
}

// Hold keeps what is written from now on until Flush. The one who holds bounds how much that is.
func (g *Gather) Hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = true
}

// Flush sends what was held and ends the holding.
func (g *Gather) Flush() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = false
	if len(g.out) == 0 {
		return nil
	}
	_, err := g.Conn.Write(g.out)
	g.out = g.out[:0]
	return err
}
