package imap

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// filter gives a response in the form that the go-imap client reads safely; nil: it is better off without it. What the
// link itself wants to know was noted before (link.note).
func (l *link) filter(r response) []byte {
	switch {
	case r.tag == "+":
		return nil // no command of the client asks for one
	case r.tag != "*":
		return l.filterTagged(r)
	}
	switch r.kind {
	case "OK":
		return filterOK(parseStatus(r))
	case "EXISTS":
		return fmt.Appendf(nil, "* %d EXISTS\r\n", r.num)
	case "FETCH":
		return filterFetch(r)
	case "LIST":
		out, ok := filterList(r.rest)
		if !ok {
			l.noteOdd("LIST with an unreadable name")
		}
		return out
	case "STATUS":
		return filterStatus(r.rest)
	case "SEARCH":
		return filterSearch(r.rest)
	}
	return nil
}

// filterTagged passes on how a command ended, and keeps the words.
func (l *link) filterTagged(r response) []byte {
	if !strings.HasPrefix(r.tag, "T") {
		return nil
	}
	switch r.kind {
	case "OK", "NO", "BAD":
		l.last = parseStatus(r)
		return []byte(r.tag + " " + r.kind + " done\r\n")
	}
	return nil
}

// filterOK passes on the codes of an opened mailbox.
func filterOK(st status) []byte {
	switch st.code {
	case "UIDNEXT", "UIDVALIDITY":
		if n, err := strconv.ParseUint(strings.TrimSpace(st.arg), 10, 32); err == nil {
			return fmt.Appendf(nil, "* OK [%s %d] ok\r\n", st.code, n)
		}
	}
	return nil
}

// filterSearch passes on the numbers and nothing else.
func filterSearch(rest []byte) []byte {
	out := []byte("* SEARCH")
	for _, word := range bytes.Fields(rest) {
		if n, err := strconv.ParseUint(string(word), 10, 32); err == nil && n > 0 {
			out = append(out, ' ')
			out = strconv.AppendUint(out, n, 10)
		}
	}
	return append(out, "\r\n"...)
}

// filterStatus passes on the three items that are asked for.
func filterStatus(rest []byte) []byte {
	s := scanner{b: rest}
	name, ok := s.mailbox()
	if !ok {
		return nil
	}
	s.spaces()
	var items []string
	ok = s.list(0, func() bool {
		key, ok := s.atom()
		s.spaces()
		start := s.i
		if !ok || !s.value(1) {
			return false
		}
		switch key = strings.ToUpper(key); key {
		case "MESSAGES", "UIDNEXT", "UIDVALIDITY":
			if n, err := strconv.ParseUint(string(s.b[start:s.i]), 10, 32); err == nil {
				items = append(items, fmt.Sprintf("%s %d", key, n))
			}
		}
		return true
	})
	if !ok {
		return nil
	}
	return fmt.Appendf(nil, "* STATUS %s (%s)\r\n", quote(name), strings.Join(items, " "))
}

// filterList passes on attributes, delimiter and name; false when the name is none that can be asked for again.
func filterList(rest []byte) ([]byte, bool) {
	s := scanner{b: rest}
	var attrs []string
	s.spaces()
	ok := s.list(0, func() bool {
		slash := s.accept('\\')
		a, ok := s.atom()
		if slash && ok && !strings.Contains(a, "]") {
			attrs = append(attrs, `\`+a)
		}
		return ok
	})
	if !ok {
		return nil, false
	}
	s.spaces()
	delim := "NIL"
	if s.peek() == '"' {
		d, ok := s.quoted()
		if !ok {
			return nil, false
		}
		if len(d) == 1 && d[0] > 0x1f && d[0] < 0x7f {
			delim = quote(string(d))
		}
	} else if !s.value(0) {
		return nil, false
	}
	s.spaces()
	name, ok := s.mailbox()
	if !ok {
		return nil, false
	}
	return fmt.Appendf(nil, "* LIST (%s) %s %s\r\n", strings.Join(attrs, " "), delim, quote(name)), true
}

// mailbox takes a mailbox name as it stands on the wire: modified UTF-7 that can be written back in the same way.
func (s *scanner) mailbox() (string, bool) {
	name, ok := s.str()
	if !ok {
		word, found := s.atom()
		name, ok = []byte(word), found
	}
	if !ok {
		return "", false
	}
	decoded, ok := decodeMailbox(string(name))
	return string(name), ok && encodeMailbox(decoded) == string(name)
}

func quote(s string) string {
	return `"` + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `"`, `\"`) + `"`
}
