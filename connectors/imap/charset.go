package imap

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
)

// encodingOf finds an encoding by its label in a mail; nil: unknown. Korean senders write their code page in many ways,
// and all of them mean CP949, which contains EUC-KR.
func encodingOf(label string) encoding.Encoding {
	label = strings.ToLower(strings.Trim(label, " \"'"))
	label, _, _ = strings.Cut(label, "*") // RFC 2231 section 5: a language may follow
	switch strings.NewReplacer("_", "", "-", "", " ", "", ".", "").Replace(label) {
	case "euckr", "cp949", "ms949", "uhc", "xuhc", "windows949", "xwindows949", "ksc5601", "ksc56011987", "ksc56011989",
		"ksx1001", "korean", "isoir149", "949", "johab": // Johab is gone; who says so means the usual one
		return korean.EUCKR
	case "utf8", "utf8mb4", "unicode11utf8", "usascii", "ascii", "unknown8bit", "8bit", "":
		return nil // looked at by its bytes
	case "shiftjis", "sjis", "cp932", "ms932", "windows31j", "xsjis":
		return japanese.ShiftJIS
	case "eucjp", "xeucjp":
		return japanese.EUCJP
	case "gb2312", "gbk", "cp936", "gb18030", "euccn", "windows936":
		return simplifiedchinese.GB18030
	case "big5", "big5hkscs", "cp950", "windows950":
		return traditionalchinese.Big5
	case "utf16":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case "cp1252", "ansi":
		return charmap.Windows1252
	}
	if e, err := htmlindex.Get(label); err == nil {
		return e
	}
	return nil
}

// toUTF8 decodes bytes that are said to be in a charset. The bytes have the last word: what is UTF-8 beyond doubt stays,
// and what does not fit its label is guessed.
func toUTF8(b []byte, label string) string {
	if isoKR(label) {
		return decodeISO2022KR(b)
	}
	if strings.HasPrefix(strings.ToLower(label), "iso-2022-") {
		return decodeISO2022JP(b)
	}
	enc := encodingOf(label)
	if enc == nil || (utf8.Valid(b) && longest(b) >= 3) {
		return guessUTF8(b)
	}
	if s, ok := decodeWith(enc, b); ok {
		return s
	}
	return guessUTF8(b)
}

// guessUTF8 reads bytes without a label: ASCII, UTF-8, ISO-2022-JP by its escapes, then the encodings that raw headers come
// in, CP949 first. Nothing is ever lost: at last every byte is a character of Windows-1252.
func guessUTF8(b []byte) string {
	switch {
	case bytes.Contains(b, []byte("\x1b$")):
		return decodeISO2022JP(b)
	case utf8.Valid(b) && !chanceUTF8(b):
		return string(b)
	}
	// A cut in the middle of a character leaves up to three bytes of it at the end.
	for cut := 1; cut <= 3 && cut < len(b); cut++ {
		head, tail := b[:len(b)-cut], b[len(b)-cut:]
		if !utf8.FullRune(tail) && utf8.Valid(head) && longest(head) >= 3 {
			return string(head)
		}
	}
	for _, e := range []encoding.Encoding{korean.EUCKR, japanese.ShiftJIS, simplifiedchinese.GB18030} {
		if s, ok := decodeWith(e, b); ok {
			return s
		}
	}
	// Mostly Korean with a broken byte is still best read as Korean.
	if s, err := korean.EUCKR.NewDecoder().Bytes(b); err == nil && bytes.Count(s, []byte("\uFFFD"))*8 < len(b) {
		return string(s)
	}
	s, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return string(s)
}

// longest gives the length of the longest UTF-8 sequence in valid text. Sequences of two bytes come about by chance in
// Korean and Japanese encodings, longer ones do not, and all of Korean and Japanese in UTF-8 is longer.
func longest(b []byte) int {
	n := 0
	for len(b) > 0 {
		_, size := utf8.DecodeRune(b)
		n = max(n, size)
		b = b[size:]
	}
	return n
}

// chanceUTF8 tells whether text is UTF-8 only by chance: rare letters that are all common Hangul when read as EUC-KR.
func chanceUTF8(b []byte) bool {
	if longest(b) != 2 {
		return false
	}
	rare := false
	for _, r := range string(b) {
		rare = rare || (r >= 0x180 && r < 0x370) // African, phonetic and combining letters
	}
	s, ok := decodeWith(korean.EUCKR, b)
	if !rare || !ok {
		return false
	}
	for _, r := range s {
		if r >= 0x80 && (r < 0xac00 || r > 0xd7a3) {
			return false
		}
	}
	return true
}

// decodeWith tells whether all bytes fit; one cut character at the very end is forgiven.
func decodeWith(e encoding.Encoding, b []byte) (string, bool) {
	out, err := e.NewDecoder().Bytes(b)
	if err != nil {
		return "", false
	}
	s := string(out)
	s = strings.TrimSuffix(s, "\uFFFD")
	return s, !strings.Contains(s, "\uFFFD") && utf8.ValidString(s)
}

func decodeISO2022JP(b []byte) string {
	if s, ok := decodeWith(japanese.ISO2022JP, b); ok {
		return s
	}
	out, err := japanese.ISO2022JP.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return string(out)
}

func isoKR(label string) bool { return strings.EqualFold(strings.TrimSpace(label), "iso-2022-kr") }

// decodeISO2022KR is RFC 1557: seven bits, SO and SI switch to Korean and back; the header that names it may be left out.
func decodeISO2022KR(b []byte) string {
	b = bytes.ReplaceAll(b, []byte("\x1b$)C"), nil)
	out := make([]byte, 0, len(b))
	shifted := false
	for _, c := range b {
		switch {
		case c == 0x0e:
			shifted = true
		case c == 0x0f:
			shifted = false
		case shifted && c > 0x20 && c < 0x7f:
			out = append(out, c|0x80)
		default:
			out = append(out, c)
		}
	}
	return guessUTF8(out)
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
