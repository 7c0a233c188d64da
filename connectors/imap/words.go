package imap

import (
	"encoding/base64"
	"strings"
)

// encodedWord is one =?charset?B or Q?text?= (RFC 2047).
type encodedWord struct {
	charset string
	data    []byte
}

// decodeWords reads a header value: encoded words, raw bytes in any encoding, or a mixture. It forgives what senders get
// wrong: words within quotes, without space between them, split in the middle of a character, with spaces in Q, with
// broken padding, cut off at the end.
func decodeWords(s string) string {
	var b strings.Builder
	var run []encodedWord // adjacent words of one charset, whose bytes belong together
	flush := func() {
		b.WriteString(joinWords(run))
		run = run[:0]
	}
	for s != "" {
		start := strings.Index(s, "=?")
		if start < 0 {
			break
		}
		word, rest, ok := parseWord(s[start:])
		if !ok {
			word, ok = cutWord(s[start:])
		}
		if !ok {
			flush()
			b.WriteString(plain(s[:start+2]))
			s = s[start+2:]
			continue
		}
		before := s[:start] // white space between two words is left out (RFC 2047 section 6.2)
		if len(run) > 0 && strings.Trim(before, " \t\r\n") == "" {
			if !strings.EqualFold(run[0].charset, word.charset) {
				flush()
			}
		} else {
			flush()
			b.WriteString(plain(before))
		}
		run = append(run, word)
		s = rest
	}
	flush()
	b.WriteString(plain(s))
	return b.String()
}

// plain reads text outside encoded words.
func plain(s string) string { return guessUTF8([]byte(s)) }

// joinWords decodes adjacent words of one charset as one text, because a character may be split between them; unless they
// only make sense one by one (ISO-2022-JP starts anew in each).
func joinWords(run []encodedWord) string {
	if len(run) == 0 {
		return ""
	}
	if strings.HasPrefix(strings.ToLower(run[0].charset), "iso-2022-") {
		var b strings.Builder
		for _, w := range run {
			b.WriteString(toUTF8(w.data, w.charset))
		}
		return b.String()
	}
	var all []byte
	for _, w := range run {
		all = append(all, w.data...)
	}
	return toUTF8(all, run[0].charset)
}

// parseWord reads an encoded word at the start of s.
func parseWord(s string) (w encodedWord, rest string, ok bool) {
	charset, after, ok := strings.Cut(s[2:], "?")
	if !ok || len(charset) == 0 || len(charset) > 40 || strings.ContainsAny(charset, " \t\r\n=<>()\"") || len(after) < 2 || after[1] != '?' {
		return encodedWord{}, "", false
	}
	kind, text := after[0], after[2:]
	end := strings.Index(text, "?=")
	if end < 0 {
		return encodedWord{}, "", false
	}
	return finishWord(charset, kind, text[:end], text[end+2:])
}

// cutWord reads an encoded word without an end, as a header that was cut leaves it.
func cutWord(s string) (encodedWord, bool) {
	charset, after, ok := strings.Cut(s[2:], "?")
	if !ok || len(after) < 2 || after[1] != '?' || strings.Contains(after[2:], "?") {
		return encodedWord{}, false
	}
	if encodingOf(charset) == nil && !strings.EqualFold(charset, "utf-8") {
		return encodedWord{}, false
	}
	w, _, ok := finishWord(charset, after[0], after[2:], "")
	return w, ok
}

func finishWord(charset string, kind byte, text, rest string) (encodedWord, string, bool) {
	switch kind {
	case 'b', 'B':
		data, ok := decodeB(text)
		return encodedWord{charset, data}, rest, ok
	case 'q', 'Q':
		return encodedWord{charset, decodeQ(text)}, rest, true
	}
	return encodedWord{}, "", false
}

// decodeB reads base64 whatever its padding and white space; false when hardly anything of it is base64.
func decodeB(s string) ([]byte, bool) {
	clean := make([]byte, 0, len(s))
	other := 0
	for i := range len(s) {
		switch c := s[i]; {
		case strings.IndexByte(base64Alphabet, c) >= 0:
			clean = append(clean, c)
		case strings.IndexByte("= \t\r\n", c) < 0:
			other++
		}
	}
	if other > len(clean) {
		return nil, false
	}
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1] // six bits are no byte
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	n, err := base64.RawStdEncoding.Decode(out, clean)
	return out[:n], err == nil
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// decodeQ is RFC 2047 section 4.2; what is no =XX stays as it is.
func decodeQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_':
			out = append(out, ' ')
		case s[i] == '=' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0:
			out = append(out, byte(hexDigit(s[i+1])<<4|hexDigit(s[i+2])))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return out
}

func hexDigit(c byte) int {
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
