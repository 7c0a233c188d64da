package imap

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// fetched is what a FETCH response says of one message, as far as it can be understood.
type fetched struct {
	uid   uint32
	flags []string
	date  time.Time
	size  int64
	heads [][]byte
	seen  struct{ flags, date, size bool }
}

// filterFetch writes a FETCH response anew: UID first, then the known items that are in order. A response that breaks off
// or is no IMAP still tells its UID, if that came first: the message is there, only unreadable.
func filterFetch(r response) []byte {
	f := parseFetch(r.rest)
	if f.uid == 0 {
		return nil // what a flag change of some message says is of no use here
	}
	out := fmt.Appendf(nil, "* %d FETCH (UID %d", max(r.num, 1), f.uid)
	if f.seen.flags {
		out = fmt.Appendf(out, " FLAGS (%s)", strings.Join(f.flags, " "))
	}
	if f.seen.date {
		out = fmt.Appendf(out, " INTERNALDATE %q", f.date.Format(internalDate))
	}
	if f.seen.size {
		out = fmt.Appendf(out, " RFC822.SIZE %d", f.size)
	}
	for _, h := range f.heads {
		out = fmt.Appendf(out, " BODY[HEADER] {%d}\r\n", len(h))
		out = append(out, h...)
	}
	return append(out, ")\r\n"...)
}

const internalDate = "_2-Jan-2006 15:04:05 -0700"

func parseFetch(rest []byte) fetched {
	var f fetched
	s := scanner{b: rest}
	s.spaces()
	s.list(0, func() bool { return f.item(&s) }) // what was understood before a fault is kept
	return f
}

// item takes one item with its value.
func (f *fetched) item(s *scanner) bool {
	start := s.i
	for c := s.peek(); !s.end() && c != ' ' && c != '[' && c != '('; c = s.peek() {
		s.i++
	}
	name := strings.ToUpper(string(s.b[start:s.i]))
	if s.peek() == '[' && !s.section() {
		return false
	}
	s.spaces()
	if name == "BODY" && (s.peek() == '"' || s.peek() == '{' || s.peek() == '~') {
		head, ok := s.str()
		f.heads = append(f.heads, head)
		return ok
	}
	if name == "FLAGS" {
		return f.takeFlags(s)
	}
	from := s.i
	if !s.value(1) {
		return false
	}
	f.take(name, string(s.b[from:s.i]))
	return true
}

// section steps over [HEADER.FIELDS (FROM)]<0>.
func (s *scanner) section() bool {
	end := bytes.IndexByte(s.b[s.i:], ']')
	if end < 0 {
		return false
	}
	s.i += end + 1
	if s.accept('<') {
		_, ok := s.number()
		return ok && s.accept('>')
	}
	return true
}

func (f *fetched) take(name, value string) {
	switch name {
	case "UID":
		if n, err := strconv.ParseUint(value, 10, 32); err == nil {
			f.uid = uint32(n)
		}
	case "INTERNALDATE":
		t, err := time.Parse(internalDate, strings.Trim(value, `"`))
		f.date, f.seen.date = t, err == nil && t.Year() > 0 && t.Year() < 10000
	case "RFC822.SIZE":
		n, err := strconv.ParseInt(value, 10, 64)
		f.size, f.seen.size = n, err == nil && n >= 0
	}
}

// takeFlags keeps the flags that are plain words; others are of no meaning here.
func (f *fetched) takeFlags(s *scanner) bool {
	f.seen.flags = s.list(0, func() bool {
		from := s.i
		s.accept('\\')
		word, ok := s.atom()
		if ok && !strings.ContainsAny(word, "]") {
			f.flags = append(f.flags, string(s.b[from:s.i]))
		}
		return ok || s.accept('*')
	})
	return f.seen.flags
}
