package imap

import (
	"bytes"
	"net/mail"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// header is what is read of a mail, in clean UTF-8.
type header struct {
	from, fromName, subject string
	messageID, date         string // as they stand, for telling the same mail again
	sent                    time.Time
	spam                    bool
	found                   bool // there was a header at all
}

// Bounds of the texts, in bytes: notify.Event takes 1 KiB each.
const (
	maxSubject = 1000
	maxName    = 300
	maxAddress = 320 // RFC 5321 section 4.5.3.1
)

// parseHeader reads the wanted fields from header lines, in whatever encoding they come.
func parseHeader(raw []byte) header {
	var h header
	for name, value := range fields(raw) {
		h.found = true
		switch name {
		case "from":
			if h.from == "" && h.fromName == "" {
				h.fromName, h.from = parseFrom(value)
			}
		case "subject":
			if h.subject == "" {
				h.subject = notify.Clip(notify.CleanText(decodeWords(string(value))), maxSubject)
			}
		case "message-id":
			if h.messageID == "" {
				h.messageID = strings.Trim(notify.CleanText(string(value)), "<> ")
			}
		case "date":
			if h.date == "" {
				h.date = notify.CleanText(string(value))
				h.sent, _ = mail.ParseDate(h.date) // zero when it is no date
			}
		case "x-spam-flag":
			h.spam = h.spam || strings.EqualFold(strings.TrimSpace(string(value)), "yes")
		}
	}
	return h
}

// fields gives name (lower case) and unfolded value of each header line (RFC 5322 section 2.2.3).
func fields(raw []byte) func(yield func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		var name string
		var value []byte
		emit := func() bool {
			return name == "" || yield(name, value)
		}
		for line := range bytes.Lines(raw) {
			line = bytes.TrimRight(line, "\r\n")
			if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
				value = append(append(value, ' '), bytes.TrimLeft(line, " \t")...)
				continue
			}
			if !emit() {
				return
			}
			name, value = "", nil
			if n, v, ok := bytes.Cut(line, []byte{':'}); ok {
				name, value = strings.ToLower(string(bytes.TrimSpace(n))), append([]byte(nil), bytes.TrimSpace(v)...)
			}
		}
		emit()
	}
}

// parseFrom gives the first sender's name and address. The value is read as people would, not by the grammar: raw bytes,
// unquoted specials and missing brackets are common.
func parseFrom(value []byte) (name, address string) {
	text := string(value)
	if !ascii(value) || bytes.Contains(value, []byte("\x1b$")) {
		text = guessUTF8(value) // first, because ISO-2022-JP holds quotes and brackets inside
	}
	raw, addr := splitSender(text)
	address = notify.Clip(strings.ReplaceAll(notify.CleanText(addr), " ", ""), maxAddress)
	name = notify.Clip(strings.Trim(notify.CleanText(decodeWords(raw)), `"' `), maxName)
	if strings.EqualFold(name, address) {
		name = ""
	}
	return name, address
}

// splitSender finds "name" and <address> of the first mailbox of a From value.
func splitSender(s string) (name, address string) {
	var r senderReader
	for s != "" {
		n, done := r.take(s)
		s = s[n:]
		if done {
			return r.result()
		}
	}
	if rest := strings.TrimSpace(r.text.String()); strings.Contains(rest, "@") && !strings.Contains(rest, " ") {
		return r.comment.String(), rest
	}
	return r.text.String(), ""
}

// senderReader walks over a From value (RFC 5322 section 3.4).
type senderReader struct {
	text, comment strings.Builder
	address       string
	depth         int // of comments
	quoted        bool
	inBrackets    bool // the address stood in <>
}

// take reads the next bit of s and tells how long it was, and whether the first mailbox is read.
func (r *senderReader) take(s string) (n int, done bool) {
	c := s[0]
	switch {
	case c == '\\' && len(s) > 1 && (r.quoted || r.depth > 0):
		r.put(s[1])
		return 2, false
	case r.quoted || r.depth > 0:
		r.inside(c)
		return 1, false
	}
	switch {
	case c == '"':
		r.quoted = true
	case c == '(':
		r.depth++
	case c == '<':
		addr, _, _ := strings.Cut(s[1:], ">")
		r.address, r.inBrackets = addr, true
		return len(s), true
	case strings.HasPrefix(s, "=?"): // it may hold commas and brackets
		n := wordLength(s)
		r.text.WriteString(s[:n])
		return n, false
	case c == ';', c == ',' && strings.Contains(r.text.String(), "@"):
		return 1, true
	default:
		r.put(c)
	}
	return 1, false
}

// inside takes a byte of a quoted string or a comment.
func (r *senderReader) inside(c byte) {
	switch {
	case r.quoted && c == '"':
		r.quoted = false
	case !r.quoted && c == '(':
		r.depth++
	case !r.quoted && c == ')':
		r.depth--
	default:
		r.put(c)
	}
}

func (r *senderReader) put(c byte) {
	if r.depth > 0 {
		r.comment.WriteByte(c)
		return
	}
	r.text.WriteByte(c)
}

// result is for a mailbox that ended before the value did. What stands before a colon is the name of a group.
func (r *senderReader) result() (name, address string) {
	if r.inBrackets {
		return r.text.String(), r.address
	}
	text := r.text.String()
	return r.comment.String(), strings.TrimSpace(text[strings.LastIndexByte(text, ':')+1:])
}

// wordLength is how long the encoded word at the start of s is: it may hold commas and brackets.
func wordLength(s string) int {
	if _, rest, ok := parseWord(s); ok {
		return len(s) - len(rest)
	}
	return 2
}
