package imap

import (
	"io"
	"time"
)

// idle waits in IDLE (RFC 2177) until something may have come (dirty), wake is called, or the connection breaks. The
// link is parked: its buffers shrink, and only wake ends the wait, because time is the caller's matter.
func (l *link) idle() error {
	tag := l.nextTag()
	l.within(l.timeout)
	if err := l.write([]byte(tag + " IDLE\r\n")); err != nil {
		return err
	}
	for waiting := true; waiting; {
		r, err := l.read()
		if err != nil {
			return l.die(err)
		}
		if r.tag == tag { // refused
			return refusedCommand("IDLE", parseStatus(r))
		}
		waiting = r.tag != "+"
	}
	if err := l.park(); err != nil {
		return err
	}
	l.in.grow()
	l.within(l.timeout)
	if err := l.write([]byte("DONE\r\n")); err != nil {
		return err
	}
	for {
		r, err := l.read()
		if err != nil {
			return l.die(err)
		}
		if r.tag == tag {
			return nil
		}
	}
}

// park reads, with a small buffer, until something may have come or wake is called.
func (l *link) park() error {
	l.rang = false
	if l.dirty {
		return nil
	}
	l.in.shrink()
	if !l.setParked(true) {
		l.setParked(false)
		return nil
	}
	defer l.setParked(false)
	for !l.dirty {
		_, err := l.read()
		switch {
		case err == nil && l.bye != nil: // some servers linger after it
			return l.die(io.EOF)
		case err == nil:
		case interrupted(err) && l.wasWoken():
			l.rang = true
			return nil
		default:
			return l.die(err)
		}
	}
	return nil
}

// setParked opens or ends the time in which wake interrupts; false when it was called before.
func (l *link) setParked(on bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parked = on
	if on && l.woken {
		return false
	}
	if on {
		_ = l.conn.SetReadDeadline(time.Time{}) // a closed connection shows at the read
	} else {
		l.woken = false
	}
	return true
}

func (l *link) wasWoken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.woken
}
