package imap

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// tap is the net.Conn that a go-imap client gets instead of the real one. The client ends the connection at any response
// that it does not know or cannot read, waits without bound, and buffers whatever is announced. So it sees only what it
// was asked about, rewritten into forms that it is known to read (filter.go); deadlines and bounds are the link's.
type tap struct {
	l       *link
	pending []byte
	greeted bool
	closed  atomic.Bool // by the client; the link lives on
}

var _ net.Conn = (*tap)(nil)

// preauth makes the client believe that it joins a session after the login, with a server that has no extensions.
const preauth = "* PREAUTH [CAPABILITY IMAP4rev1] joined\r\n"

// with lends the link to a go-imap client for some commands; d is the time for all of them together. While it runs, the
// client's reader owns what the link knows of the mailbox. The error is a trouble.
func (l *link) with(d time.Duration, work func(*imapclient.Client) error) error {
	l.in.grow()
	l.within(d)
	t := &tap{l: l}
	c := imapclient.New(t, nil)
	err := work(c)
	_ = t.Close()
	l.within(-time.Second) // ends the client's reading
	_ = c.Close()          // waits for its reader; the link stays open
	var refused *goimap.Error
	switch {
	case l.isClosed():
		return l.die(io.EOF)
	case err == nil || errors.As(err, &refused):
		return err
	}
	return l.die(err)
}

// Read gives the client the next response that is fit for it.
func (t *tap) Read(p []byte) (int, error) {
	if !t.greeted {
		t.greeted = true
		t.pending = []byte(preauth)
	}
	for len(t.pending) == 0 {
		if t.closed.Load() {
			return 0, io.EOF
		}
		r, err := t.l.read()
		if t.closed.Load() && interrupted(err) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, t.l.die(err)
		}
		t.pending = t.l.filter(r)
	}
	n := copy(p, t.pending)
	t.pending = t.pending[n:]
	return n, nil
}

// Write sends a command of the client.
func (t *tap) Write(p []byte) (int, error) {
	if t.closed.Load() {
		return 0, net.ErrClosed
	}
	if err := t.l.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close ends the client's part only.
func (t *tap) Close() error {
	t.closed.Store(true)
	return nil
}

// LocalAddr implements net.Conn.
func (t *tap) LocalAddr() net.Addr { return t.l.conn.LocalAddr() }

// RemoteAddr implements net.Conn.
func (t *tap) RemoteAddr() net.Addr { return t.l.conn.RemoteAddr() }

// SetDeadline does nothing: the client asks for no bound at all, the link knows better.
func (t *tap) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing, too.
func (t *tap) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing, too.
func (t *tap) SetWriteDeadline(time.Time) error { return nil }
