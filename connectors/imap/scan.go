package imap

import (
	"bytes"
	"strconv"
)

// maxDepth bounds nested lists in a response; nothing that is asked for nests deeper than three.
const maxDepth = 32

// scanner takes a response apart. Its methods report false at what they do not understand, and then stand where they
// were or in the middle of it: the caller gives up on the response.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) end() bool { return s.i >= len(s.b) }

func (s *scanner) peek() byte {
	if s.end() {
		return 0
	}
	return s.b[s.i]
}

func (s *scanner) accept(c byte) bool {
	if s.end() || s.b[s.i] != c {
		return false
	}
	s.i++
	return true
}

func (s *scanner) spaces() {
	for s.accept(' ') {
	}
}

// atomByte tells whether c may stand in an atom (RFC 3501 section 9, with "]" as servers use it in keywords).
func atomByte(c byte) bool {
	switch c {
	case '(', ')', '{', ' ', '%', '*', '"', '\\', 0x7f:
		return false
	}
	return c > 0x1f
}

// atom takes a run of atom characters.
func (s *scanner) atom() (string, bool) {
	start := s.i
	for !s.end() && atomByte(s.b[s.i]) {
		s.i++
	}
	return string(s.b[start:s.i]), s.i > start
}

func (s *scanner) number() (uint32, bool) {
	start := s.i
	for !s.end() && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	n, err := strconv.ParseUint(string(s.b[start:s.i]), 10, 32)
	return uint32(n), err == nil
}

// str takes a quoted string or a literal.
func (s *scanner) str() ([]byte, bool) {
	switch s.peek() {
	case '"':
		return s.quoted()
	case '~', '{':
		return s.literal()
	}
	return nil, false
}

func (s *scanner) quoted() ([]byte, bool) {
	var out []byte
	for i := s.i + 1; i < len(s.b); i++ {
		switch s.b[i] {
		case '\\':
			if i++; i < len(s.b) {
				out = append(out, s.b[i])
			}
		case '"':
			s.i = i + 1
			return out, true
		default:
			out = append(out, s.b[i])
		}
	}
	return nil, false
}

func (s *scanner) literal() ([]byte, bool) {
	s.accept('~')
	i := bytes.Index(s.b[s.i:], []byte("}\r\n"))
	if !s.accept('{') || i < 1 {
		return nil, false
	}
	n, ok := s.number()
	if !ok {
		return nil, false
	}
	s.accept('+')
	if !s.accept('}') || !s.accept('\r') || !s.accept('\n') || int64(n) > int64(len(s.b)-s.i) {
		return nil, false
	}
	out := s.b[s.i : s.i+int(n)]
	s.i += int(n)
	return out, true
}

// value steps over one value of any kind.
func (s *scanner) value(depth int) bool {
	switch c := s.peek(); {
	case c == '(':
		return s.list(depth, func() bool { return s.value(depth + 1) })
	case c == '"' || c == '{' || c == '~':
		_, ok := s.str()
		return ok
	default:
		for s.accept('\\') || s.accept('*') || s.accept('%') {
		}
		_, ok := s.atom()
		return ok
	}
}

// list takes a parenthesised list; item takes each member.
func (s *scanner) list(depth int, item func() bool) bool {
	if depth > maxDepth || !s.accept('(') {
		return false
	}
	for s.spaces(); !s.accept(')'); s.spaces() {
		before := s.i
		if s.end() || !item() || s.i == before {
			return false
		}
	}
	return true
}
