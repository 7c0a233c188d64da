package feed

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep elements may be nested: feeds have ten levels, XHTML content some more.
const maxDepth = 256

// root gives the name of the first element, in small letters and without its prefix; empty when there is none. name is as
// it is written.
func root(text []byte) (name, local string) {
	for {
		i := bytes.IndexByte(text, '<')
		if i < 0 || i+1 >= len(text) {
			return "", ""
		}
		text = text[i+1:]
		switch {
		case text[0] == '?':
			text = after(text, "?>")
		case bytes.HasPrefix(text, []byte("!--")):
			text = after(text, "-->")
		case text[0] == '!':
			if n := min(len(text), 64); strings.HasPrefix(strings.ToLower(string(text[:n])), "!doctype html") {
				return "html", "html"
			}
			text = afterDoctype(text)
		default:
			name = string(text[:nameEnd(text)])
			return name, strings.ToLower(name[strings.LastIndexByte(name, ':')+1:])
		}
	}
}

// after gives what follows the first end; nothing when there is none.
func after(text []byte, end string) []byte {
	i := bytes.Index(text, []byte(end))
	if i < 0 {
		return nil
	}
	return text[i+len(end):]
}

// afterDoctype skips a declaration with its internal subset (XML 1.0 section 2.8).
func afterDoctype(text []byte) []byte {
	end := bytes.IndexByte(text, '>')
	if open := bytes.IndexByte(text, '['); open >= 0 && open < end {
		return after(text[open:], "]")
	}
	if end < 0 {
		return nil
	}
	return text[end+1:]
}

func nameEnd(text []byte) int {
	for i, c := range text {
		switch c {
		case ' ', '\t', '\r', '\n', '>', '/', '<':
			return i
		}
	}
	return len(text)
}

// ends tells whether the document comes to the end of its first element: an answer that was cut off does not.
func ends(text []byte, name string) bool {
	tail := bytes.TrimRight(text[max(0, len(text)-4096):], " \t\r\n\x00")
	i := bytes.LastIndex(tail, []byte("</"+name))
	if i < 0 {
		return bytes.HasSuffix(tail, []byte("/>")) && !bytes.Contains(text, []byte("</"))
	}
	return bytes.IndexByte(tail[i:], '>') > 0
}

// tooDeep tells whether elements are nested deeper than any feed has them: a parser that calls itself would pay for it.
func tooDeep(text []byte) bool {
	depth := 0
	for {
		i := bytes.IndexByte(text, '<')
		if i < 0 || i+1 >= len(text) {
			return false
		}
		text = text[i+1:]
		switch {
		case bytes.HasPrefix(text, []byte("![CDATA[")):
			text = after(text, "]]>")
		case bytes.HasPrefix(text, []byte("!--")):
			text = after(text, "-->")
		case text[0] == '?':
			text = after(text, "?>")
		case text[0] == '!':
		case text[0] == '/':
			depth--
		default:
			end := bytes.IndexByte(text, '>')
			if end > 0 && text[end-1] == '/' {
				continue
			}
			if depth++; depth > maxDepth {
				return true
			}
		}
	}
}

// readable drops what XML and people cannot have: control characters, as themselves and as references (XML 1.0 section
// 2.2), and the declaration, which says an encoding that is not true any more.
func readable(text []byte) []byte {
	text = bytes.TrimLeft(text, " \t\r\n\x00\uFEFF")
	if bytes.HasPrefix(text, []byte("<?xml")) {
		text = after(text, "?>")
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '&' && i+1 < len(text) && text[i+1] == '#':
			n, legal := reference(text[i:])
			if legal {
				out = append(out, text[i:i+n]...)
			}
			i += n
		case c < ' ' && c != '\t' && c != '\r' && c != '\n' || c == 0x7f:
			i++
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, n := utf8.DecodeRune(text[i:])
			if r != 0xFFFE && r != 0xFFFF && (r < 0x80 || r > 0x9f) {
				out = append(out, text[i:i+n]...)
			}
			i += n
		}
	}
	return out
}

// reference measures a character reference, and tells whether XML allows what it stands for.
func reference(text []byte) (n int, legal bool) {
	i, base, value := 2, 10, 0
	if i < len(text) && (text[i] == 'x' || text[i] == 'X') {
		i, base = 3, 16
	}
	start := i
	for i < len(text) && i < 12 {
		d := digit(text[i])
		if d < 0 || d >= base {
			break
		}
		value = value*base + d
		i++
	}
	if i == start || i >= len(text) || text[i] != ';' {
		return 2, true // no reference: a matter of the parser
	}
	legal = value == '\t' || value == '\n' || value == '\r' || value >= ' ' && value <= 0xD7FF || value >= 0xE000 && value <= 0xFFFD ||
		value >= 0x10000 && value <= utf8.MaxRune
	return i + 1, legal
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
