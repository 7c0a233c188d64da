package imap

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// mailboxBase64 is the alphabet of modified UTF-7 (RFC 3501 section 5.1.3): "," instead of "/", no padding.
const mailboxAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"

func mailboxBase64() *base64.Encoding {
	return base64.NewEncoding(mailboxAlphabet).WithPadding(base64.NoPadding)
}

// decodeMailbox reads a mailbox name from the wire: modified UTF-7. False when it is not that, such as raw EUC-KR.
func decodeMailbox(wire string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(wire); i++ {
		c := wire[i]
		if c < 0x20 || c > 0x7e {
			return "", false
		}
		if c != '&' {
			b.WriteByte(c)
			continue
		}
		end := strings.IndexByte(wire[i:], '-')
		if end < 0 {
			return "", false
		}
		text, ok := decodeShifted(wire[i+1 : i+end])
		if !ok {
			return "", false
		}
		b.WriteString(text)
		i += end
	}
	return b.String(), true
}

func decodeShifted(s string) (string, bool) {
	if s == "" {
		return "&", true
	}
	raw, err := mailboxBase64().DecodeString(s)
	if err != nil || len(raw)%2 != 0 {
		return "", false
	}
	units := make([]uint16, 0, len(raw)/2)
	for i := 0; i < len(raw); i += 2 {
		units = append(units, uint16(raw[i])<<8|uint16(raw[i+1]))
	}
	text := string(utf16.Decode(units))
	return text, !strings.ContainsRune(text, utf8.RuneError)
}

// encodeMailbox writes a name in modified UTF-7, in the one canonical way.
func encodeMailbox(name string) string {
	var b strings.Builder
	var run []rune
	flush := func() {
		if len(run) == 0 {
			return
		}
		raw := make([]byte, 0, 2*len(run))
		for _, u := range utf16.Encode(run) {
			raw = append(raw, byte(u>>8), byte(u))
		}
		b.WriteString("&" + mailboxBase64().EncodeToString(raw) + "-")
		run = run[:0]
	}
	for _, r := range name {
		switch {
		case r == '&':
			flush()
			b.WriteString("&-")
		case r >= 0x20 && r <= 0x7e:
			flush()
			b.WriteRune(r)
		default:
			run = append(run, r)
		}
	}
	flush()
	return b.String()
}
