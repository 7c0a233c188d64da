package imap

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// link is one connection to the server, from the greeting on. It is used by one goroutine at a time; only wake may be
// called from any. A working link lends itself to a go-imap client (tap.go); a parked one costs a small buffer.
type link struct {
	raw     net.Conn // TCP: closing it ends everything
	conn    net.Conn // the same, or TLS on it
	in      lines
	timeout time.Duration // of one command
	secure  bool
	tag     uint32
	caps    *capabilities

	// What the server said of the selected mailbox.
	selected string
	validity uint32
	exists   uint32
	known    uint32 // how many of them the last diff saw
	dirty    bool   // something may have come

	bye   *status
	last  status // of the last tagged answer
	alert string
	odd   string // a response that was not understood, by its kind

	mu     sync.Mutex
	woken  bool
	parked bool
	rang   bool // the last wait was ended by wake
	closed bool
	failed error // why the connection is of no more use
}

// wake interrupts a parked link; it may be called from any goroutine.
func (l *link) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.woken = true
	if l.parked {
		_ = l.conn.SetReadDeadline(time.Unix(1, 0)) // only a closed connection fails here, and its reader sees that
	}
}

// close ends the connection at once, without a word; it may be called from any goroutine.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		_ = l.raw.Close() // nothing to be done about it
	}
}

// within sets how long reading may take from now on, together.
func (l *link) within(d time.Duration) {
	_ = l.conn.SetReadDeadline(time.Now().Add(d)) // a closed connection shows at the read
}

// die notes why the connection is of no more use, once, in words for people.
func (l *link) die(err error) *trouble {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = farewell(l.bye, err)
	}
	return asTrouble(l.failed)
}

// read gives the next response, noting what concerns the connection and the mailbox as a whole.
func (l *link) read() (response, error) {
	for {
		raw, err := l.in.next()
		if errors.Is(err, errTooLong) {
			l.noteOdd("a response that is too long")
			continue
		}
		if err != nil {
			return response{}, err
		}
		r := parseResponse(raw)
		l.note(r)
		return r, nil
	}
}

// note keeps what a response says, whoever reads it.
func (l *link) note(r response) {
	if r.tag != "*" {
		return
	}
	switch r.kind {
	case "EXISTS":
		if r.num > l.exists {
			l.dirty = true
		}
		l.exists = r.num
	case "EXPUNGE":
		l.expunged(r.num)
	case "VANISHED": // RFC 7162: by UID, so that the count is no longer known
		l.selected = ""
	case "BYE":
		st := parseStatus(r)
		l.bye = &st
	case "OK", "NO", "BAD":
		st := parseStatus(r)
		switch st.code {
		case "ALERT":
			l.alert = st.text
		case "UIDVALIDITY":
			if n, err := strconv.ParseUint(st.arg, 10, 32); err == nil && l.validity != uint32(n) {
				l.validity = uint32(n)
				l.dirty = true
			}
		case "CAPABILITY":
			l.caps = parseCapabilities(st.arg)
		}
	case "CAPABILITY":
		l.caps = parseCapabilities(string(r.rest))
	case "RECENT", "FETCH", "FLAGS", "LIST", "LSUB", "STATUS", "SEARCH", "ESEARCH", "ID", "ENABLED", "PREAUTH", "NAMESPACE":
	default:
		l.noteOdd(r.kind)
	}
}

func (l *link) expunged(n uint32) {
	if l.exists > 0 {
		l.exists--
	}
	if n <= l.known && l.known > 0 {
		l.known--
	}
}

func (l *link) noteOdd(what string) {
	l.odd = notify.Clip(notify.CleanText(what), 40)
}

// write sends bytes within the time of one command.
func (l *link) write(b []byte) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(l.timeout)); err != nil {
		return l.die(err)
	}
	if _, err := l.conn.Write(b); err != nil {
		return l.die(err)
	}
	return nil
}

func (l *link) nextTag() string {
	l.tag++
	return "A" + strconv.FormatUint(uint64(l.tag), 10)
}

// command sends one command and waits for its end. answer is called for each continuation request ("+"), and gives what
// to send; nil: none is expected. The status is that of the tagged answer; the error is only about the connection.
func (l *link) command(line string, answer func(challenge string) (string, error)) (status, error) {
	tag := l.nextTag()
	l.in.grow()
	l.within(l.timeout)
	if err := l.write([]byte(tag + " " + line + "\r\n")); err != nil {
		return status{}, err
	}
	for {
		r, err := l.read()
		if err != nil {
			return status{}, l.die(err)
		}
		switch {
		case r.tag == tag:
			st := parseStatus(r)
			if st.code == "CAPABILITY" {
				l.caps = parseCapabilities(st.arg)
			}
			return st, nil
		case r.tag == "+" && answer != nil:
			reply, err := answer(string(r.rest))
			if err != nil {
				return status{}, err
			}
			if err := l.write([]byte(reply + "\r\n")); err != nil {
				return status{}, err
			}
		}
	}
}

// logout says good bye politely, for a second at most, and closes.
func (l *link) logout() {
	if !l.isClosed() {
		l.timeout = min(l.timeout, time.Second)
		_, _ = l.command("LOGOUT", nil) // the connection is closed either way
	}
	l.close()
}

func (l *link) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed || l.failed != nil
}

// guard closes the link when ctx ends; call the result when the link is no longer used.
func (l *link) guard(ctx context.Context) (release func() bool) {
	return context.AfterFunc(ctx, l.close)
}

func interrupted(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
