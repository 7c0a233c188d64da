// Package gather makes few system calls of many small records: it stands between crypto/tls and TCP.
package gather

import (
	"bufio"
	"net"
	"sync"
)

// ahead is how much is read ahead, in bytes.
const ahead = 32 << 10

// Conn is a connection for crypto/tls to sit on, which calls read and write once for each record of at most 16 KiB (and
// of 1.4 KiB in a connection's first megabyte): it reads ahead, and between Hold and Flush it gathers what is written, so
// that a flush of any size is one system call.
type Conn struct {
	net.Conn
	in *bufio.Reader

	mu   sync.Mutex // crypto/tls writes from its reading side too: alerts, key updates
	held bool
	out  []byte
}

// New wraps a connection.
func New(c net.Conn) *Conn { return &Conn{Conn: c, in: bufio.NewReaderSize(c, ahead)} }

// Read implements io.Reader.
func (g *Conn) Read(p []byte) (int, error) { return g.in.Read(p) }

// Write implements io.Writer. While writes are held it cannot fail.
func (g *Conn) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held {
		g.out = append(g.out, p...)
		return len(p), nil
	}
	return g.Conn.Write(p)
}

// Hold keeps what is written from now on until Flush. The one who holds bounds how much that is.
func (g *Conn) Hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = true
}

// Flush sends what was held and ends the holding.
func (g *Conn) Flush() error {
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
