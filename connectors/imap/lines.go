package imap

import (
	"bytes"
	"errors"
	"io"
	"strconv"
)

// Bounds of one response. A literal is kept up to maxLiteral and the rest thrown away; a line that is longer than its
// bound makes the whole response unreadable, but the next one is found. SEARCH answers are one line of any length.
const (
	maxLiteral  = 16 << 10
	maxLine     = 64 << 10
	maxSearch   = 8 << 20
	maxResponse = 256 << 10
	smallBuffer = 256     // of a parked reader
	bigBuffer   = 4 << 10 // of a working one
)

var errTooLong = errors.New("a response is too long")

// lines reads whole responses from a connection: a line with the literals in it (RFC 3501 sections 2.2 and 4.3). It can
// be interrupted by a read deadline at any byte and goes on where it was.
type lines struct {
	src  io.Reader
	buf  []byte
	r, w int

	acc     []byte // the response so far; literals as {n}, CRLF and n bytes
	mark    int    // where the present line starts in acc
	keep    int    // bytes of a literal still to be kept
	skip    int64  // bytes of a literal still to be thrown away
	tooLong bool
	text    bool // of a line that was cut: it was human text
}

// next gives the next response without its line end; it is good until the next call. Errors: errTooLong (go on), or
// what the connection says, a timeout among it (go on later).
func (l *lines) next() ([]byte, error) {
	for {
		if err := l.literal(); err != nil {
			return nil, err
		}
		whole, err := l.line()
		if err != nil {
			return nil, err
		}
		if !whole {
			continue
		}
		resp, tooLong := l.acc, l.tooLong
		l.acc, l.mark, l.tooLong, l.text = l.acc[:0], 0, false, false
		if tooLong {
			return nil, errTooLong
		}
		if len(resp) > 0 { // a blank line is nothing
			return resp, nil
		}
	}
}

// literal reads what is left of a literal.
func (l *lines) literal() error {
	for l.keep > 0 || l.skip > 0 {
		if err := l.fill(); err != nil {
			return err
		}
		if l.keep > 0 {
			n := min(l.keep, l.w-l.r)
			l.acc = append(l.acc, l.buf[l.r:l.r+n]...)
			l.r, l.keep = l.r+n, l.keep-n
			l.mark = len(l.acc)
			continue
		}
		n := int(min(l.skip, int64(l.w-l.r)))
		l.r, l.skip = l.r+n, l.skip-int64(n)
	}
	return nil
}

// line reads up to a line end; whole tells that the response ends with it.
func (l *lines) line() (whole bool, err error) {
	for {
		if err := l.fill(); err != nil {
			return false, err
		}
		chunk := l.buf[l.r:l.w]
		i := bytes.IndexByte(chunk, '\n')
		if i < 0 {
			l.r = l.w
			l.add(chunk)
			continue
		}
		l.r += i + 1
		l.add(chunk[:i])
		if n := len(l.acc); n > l.mark && l.acc[n-1] == '\r' {
			l.acc = l.acc[:n-1]
		}
		return l.endOfLine(), nil
	}
}

// add keeps a part of a line, or of one that is too long only its end, where a literal may be announced.
func (l *lines) add(part []byte) {
	bound := maxLine
	if l.mark == 0 && searchAnswer(l.acc) {
		bound = maxSearch
	} else if len(l.acc) > maxResponse {
		bound = 0
	}
	l.acc = append(l.acc, part...)
	if line := l.acc[l.mark:]; len(line) > bound && len(line) > 64 {
		l.text = l.text || (l.mark == 0 && freeText(l.acc))
		l.tooLong = true
		l.acc = append(l.acc[:l.mark], line[len(line)-32:]...)
	}
}

func searchAnswer(acc []byte) bool {
	return bytes.HasPrefix(acc, []byte("* SEARCH")) || bytes.HasPrefix(acc, []byte("* ESEARCH"))
}

// endOfLine looks whether the line announces a literal; if not, the response is whole.
func (l *lines) endOfLine() bool {
	open, n, ok := announced(l.acc[l.mark:])
	if !ok || l.text || (l.mark == 0 && freeText(l.acc)) {
		return true
	}
	kept := int(min(n, maxLiteral))
	if len(l.acc)+kept > maxResponse {
		l.tooLong = true
	}
	if l.tooLong {
		kept = 0
	}
	l.acc = append(l.acc[:l.mark+open], '{')
	l.acc = strconv.AppendInt(l.acc, int64(kept), 10)
	l.acc = append(l.acc, "}\r\n"...)
	l.mark = len(l.acc)
	l.keep, l.skip = kept, n-int64(kept)
	return false
}

// announced finds {n} (or the literal8 ~{n}, RFC 3516) at the end of a line.
func announced(line []byte) (open int, n int64, ok bool) {
	if !bytes.HasSuffix(line, []byte{'}'}) {
		return 0, 0, false
	}
	open = bytes.LastIndexByte(line, '{')
	if open < 0 {
		return 0, 0, false
	}
	n, err := strconv.ParseInt(string(bytes.TrimSuffix(line[open+1:len(line)-1], []byte{'+'})), 10, 64)
	return open, n, err == nil && n >= 0
}

// freeText tells whether a response ends in human text, in which {5} means nothing: continuations and status responses.
func freeText(resp []byte) bool {
	if len(resp) > 0 && resp[0] == '+' {
		return true
	}
	_, rest, _ := bytes.Cut(resp, []byte{' '})
	word, _, _ := bytes.Cut(rest, []byte{' '})
	switch string(bytes.ToUpper(word)) {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return true
	}
	return false
}

// fill makes sure that at least one byte is there.
func (l *lines) fill() error {
	if l.r < l.w {
		return nil
	}
	if len(l.buf) == 0 {
		l.buf = make([]byte, bigBuffer)
	}
	n, err := l.src.Read(l.buf)
	l.r, l.w = 0, max(n, 0)
	if n > 0 {
		return nil // an error comes again with the next read
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// shrink lets go of the big buffers, before a long wait.
func (l *lines) shrink() {
	if l.r == l.w && len(l.buf) != smallBuffer {
		l.buf, l.r, l.w = make([]byte, smallBuffer), 0, 0
	}
	if len(l.acc) == 0 && cap(l.acc) > smallBuffer {
		l.acc = nil
	}
}

// grow takes a buffer for work, when the small one is empty.
func (l *lines) grow() {
	if l.r == l.w && len(l.buf) < bigBuffer {
		l.buf, l.r, l.w = nil, 0, 0
	}
}
