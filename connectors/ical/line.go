package ical

import (
	"bytes"
	"errors"
	"strings"
)

// Bounds of a content line. Texts (descriptions, attachments) may be long and cost nothing; names and parameters may not.
const (
	maxHead  = 16 << 10  // name and parameters, in bytes
	maxValue = 128 << 10 // the value of a property that is kept
	maxParam = 64        // parameters of one property
)

// prop is one property: a content line (RFC 5545 section 3.1), its value as written.
type prop struct {
	name   string // upper case
	params []param
	value  string
	line   int
}

type param struct{ name, value string } // the name in upper case, the value without quotes

// param gives a parameter's value; "" when it is not there.
func (p *prop) param(name string) string {
	for i := range p.params {
		if p.params[i].name == name {
			return p.params[i].value
		}
	}
	return ""
}

// lines walks over a stream, one unfolded content line at a time, in linear time and without copying what is not folded.
type lines struct {
	rest []byte
	next int // number of the line that comes, from 1
	buf  []byte
}

// read gives the next unfolded line and the number of its first one; false at the end. The bytes hold until the next call.
// Folding (a line break and one space or tab) may cut a UTF-8 sequence in two: it is undone before anything is decoded.
func (l *lines) read() (line []byte, number int, ok bool) {
	for {
		if len(l.rest) == 0 {
			return nil, l.next, false
		}
		number = l.next
		line = l.physical()
		if len(l.rest) > 0 && folded(l.rest[0]) {
			l.buf = append(l.buf[:0], line...)
			for len(l.rest) > 0 && folded(l.rest[0]) {
				l.buf = append(l.buf, l.physical()[1:]...)
			}
			line = l.buf
		}
		if len(bytes.TrimSpace(line)) > 0 {
			return line, number, true
		}
	}
}

func folded(c byte) bool { return c == ' ' || c == '\t' }

// physical takes one line off, without its end: CRLF, LF, a bare CR, or the CR CR LF of a writer that turned LF into CRLF twice.
func (l *lines) physical() []byte {
	l.next++
	i := bytes.IndexAny(l.rest, "\r\n")
	if i < 0 {
		i = len(l.rest)
	}
	line := l.rest[:i]
	for i < len(l.rest) && l.rest[i] == '\r' {
		i++
	}
	if i < len(l.rest) && l.rest[i] == '\n' {
		i++
	}
	l.rest = l.rest[i:]
	return line
}

// What can be wrong with a line.
var (
	errNoProperty = errors.New("is no property")                                       // survived: text that a broken writer did not fold
	errNoColon    = errors.New("a property with parameters has no colon and no value") // the component is set aside
	errLongHead   = errors.New("a property's parameters are longer than 16 KiB, or more than 64")
)

// splitLine parses a content line. The value is not looked at.
func splitLine(line []byte, number int) (prop, error) {
	n := 0
	for n < len(line) && nameByte(line[n]) {
		n++
	}
	p := prop{name: strings.ToUpper(string(line[:min(n, 128)])), line: number}
	if n == 0 || n > 128 || n == len(line) || line[n] != ':' && line[n] != ';' {
		return p, errNoProperty
	}
	rest := line[n:]
	for rest[0] == ';' {
		if len(line)-len(rest) > maxHead || len(p.params) == maxParam {
			return p, errLongHead
		}
		var q param
		var err error
		if q, rest, err = splitParam(rest[1:]); err != nil {
			return p, err
		}
		p.params = append(p.params, q)
	}
	p.value = string(rest[1:])
	return p, nil
}

// splitParam parses name=value up to the ';' or ':' that follows. Between quotes these are text; a quote that is not
// followed by an end of the value belongs to it (CN="Kim "Boss" Lee"), as do quotes that are never closed.
func splitParam(b []byte) (p param, rest []byte, err error) {
	head := b[:min(len(b), maxHead)]
	end := bytes.IndexAny(head, "=;:")
	if end < 0 {
		return p, nil, tooLong(b)
	}
	p.name = strings.ToUpper(strings.TrimSpace(string(b[:end])))
	if b[end] != '=' { // vCalendar 1.0 wrote bare values: ATTACH;BASE64:…
		return p, b[end:], nil
	}
	value := head[end+1:]
	stop := -1
	if len(value) > 0 && value[0] == '"' {
		stop = closing(value)
	}
	if stop < 0 {
		stop = bytes.IndexAny(value, ";:")
	}
	if stop < 0 {
		return p, nil, tooLong(b)
	}
	p.value = paramText(string(value[:stop]))
	return p, b[end+1+stop:], nil
}

// tooLong tells why no end was found in the head of b.
func tooLong(b []byte) error {
	if len(b) > maxHead {
		return errLongHead
	}
	return errNoColon
}

// closing gives the index behind the quoted values that b begins with, where ';' or ':' stands; -1 when there is none.
func closing(b []byte) int {
	for i := 1; i < len(b)-1; i++ {
		if b[i] == '"' && (b[i+1] == ';' || b[i+1] == ':') {
			return i + 1
		}
	}
	return -1
}

// paramText takes the quotes off a parameter's value and undoes RFC 6868's escapes.
func paramText(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	if !strings.Contains(s, "^") {
		return s
	}
	return strings.NewReplacer("^^", "^", "^n", "\n", "^'", `"`).Replace(s)
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}
