package imap

import (
	"bytes"
	"strings"

	"allim.dev/allim/notify"
)

// response is one response of the server, its first words taken apart.
type response struct {
	tag  string // "*", "+" or a command's tag
	num  uint32 // of "* 5 EXISTS"
	kind string // upper case: "OK", "EXISTS", "FETCH", …
	rest []byte // after the kind and a space
}

// parseResponse never fails: what it does not understand has an empty kind.
func parseResponse(raw []byte) response {
	s := scanner{b: raw}
	if s.accept('+') {
		s.accept(' ')
		return response{tag: "+", rest: raw[s.i:]}
	}
	var r response
	if s.accept('*') {
		r.tag = "*"
	} else if r.tag, _ = s.atom(); r.tag == "" {
		return response{}
	}
	s.spaces()
	if c := s.peek(); r.tag == "*" && c >= '0' && c <= '9' {
		n, ok := s.number()
		if !ok {
			return response{tag: r.tag}
		}
		r.num = n
		s.spaces()
	}
	kind, _ := s.atom()
	r.kind = strings.ToUpper(kind)
	s.accept(' ')
	r.rest = raw[s.i:]
	return r
}

// status is the text part of a status response (RFC 3501 section 7.1).
type status struct {
	kind string // OK, NO, BAD, BYE, PREAUTH
	code string // upper case, such as UIDNEXT or AUTHENTICATIONFAILED; empty: none
	arg  string // what follows the code within the brackets
	text string // for people, cleaned
}

func parseStatus(r response) status {
	st := status{kind: r.kind}
	rest := r.rest
	if bytes.HasPrefix(rest, []byte{'['}) {
		if end := bytes.IndexByte(rest, ']'); end > 0 {
			code, arg, _ := strings.Cut(string(rest[1:end]), " ")
			st.code, st.arg = strings.ToUpper(code), arg
			rest = rest[end+1:]
		}
	}
	st.text = notify.Clip(notify.CleanText(string(rest)), maxServerText)
	return st
}

// maxServerText bounds what is kept of a server's words, in bytes.
const maxServerText = 200
