package strict

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"allim.dev/allim/notify"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
)

// aliases are names in use that the WHATWG table lacks. Its euc-kr is a superset, the CP949 of Windows.
func alias(label string) string {
	switch label {
	case "cp949", "ms949", "uhc", "x-windows-949", "ksc5601-1987", "euc_kr", "euckr":
		return "euc-kr"
	case "cp932", "ms932", "sjis-win":
		return "shift_jis"
	case "cp936", "ms936":
		return "gbk"
	case "cp950", "ms950":
		return "big5"
	case "latin1", "iso8859_1", "8859_1":
		return "iso-8859-1"
	}
	return label
}

// declared finds the encoding that an XML declaration names (XML 1.0 section 4.3.3).
var declared = regexp.MustCompile(`^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']`)

// ToUTF8 gives the document in UTF-8 without a byte order mark. The encoding is that of the byte order mark, else of the
// Content-Type, else of the XML declaration, else UTF-8 (RFC 7303 section 3). Bytes that mean nothing in it are an error.
func ToUTF8(xml bool, data []byte, charset string) ([]byte, error) {
	label, said := strings.ToLower(strings.TrimSpace(charset)), "the Content-Type"
	switch {
	case bytes.HasPrefix(data, []byte("\xEF\xBB\xBF")):
		data, label = data[3:], "utf-8"
	case bytes.HasPrefix(data, []byte("\xFE\xFF")):
		return fromUTF16(data[2:], binary.BigEndian)
	case bytes.HasPrefix(data, []byte("\xFF\xFE")):
		return fromUTF16(data[2:], binary.LittleEndian)
	case len(data) > 1 && data[0] == 0 && data[1] != 0:
		return fromUTF16(data, binary.BigEndian)
	case len(data) > 1 && data[0] != 0 && data[1] == 0:
		return fromUTF16(data, binary.LittleEndian)
	case label == "" && xml:
		if m := declared.FindSubmatch(data[:min(len(data), 256)]); m != nil {
			label, said = strings.ToLower(string(m[1])), "the XML declaration"
		}
	}
	// A declaration that could be read byte by byte is not in UTF-16, whatever it says: .NET's string writers do this.
	if label == "" || label == "utf8" || strings.HasPrefix(label, "utf-16") {
		label = "utf-8"
	}
	if label == "utf-8" {
		return data, checkUTF8(data)
	}
	enc, err := Encoding(label)
	if err != nil {
		return nil, notify.Errorf(notify.CodeUnsupportedMedia, "the encoding %q that %s names is not known", label, said)
	}
	return decodeWith(enc, label, data)
}

// Encoding gives the encoding that a label names, in any of the spellings that are in use.
func Encoding(label string) (encoding.Encoding, error) {
	label = alias(strings.ToLower(strings.TrimSpace(label)))
	enc, err := htmlindex.Get(label)
	if err != nil {
		enc, err = ianaindex.IANA.Encoding(label) // the EBCDIC pages and other old ones
	}
	if err != nil {
		return nil, err
	}
	if enc == nil || enc == encoding.Replacement {
		return nil, encoding.ErrInvalidUTF8
	}
	return enc, nil
}

// decodeWith takes U+FFFD in the result as the mark of wrong bytes: none of these encodings is used to write it.
func decodeWith(enc encoding.Encoding, label string, data []byte) ([]byte, error) {
	out, err := enc.NewDecoder().Bytes(data)
	if err != nil {
		return nil, notify.Errorf(notify.CodeMalformed, "the document is not valid %s", label)
	}
	if i := bytes.IndexRune(out, utf8.RuneError); i >= 0 {
		return nil, malformed(placeOf(out, i), "the bytes here are not valid %s", label)
	}
	return out, nil
}

func checkUTF8(data []byte) error {
	if utf8.Valid(data) {
		return nil
	}
	i := 0
	for i < len(data) {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		i += n
	}
	return malformed(placeOf(data, i), "the bytes here are not valid utf-8; "+
		"another encoding must be named in the Content-Type or the XML declaration")
}

func fromUTF16(data []byte, order binary.ByteOrder) ([]byte, error) {
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); i += 2 {
		if i+1 == len(data) {
			return nil, malformed(placeOf(out, len(out)), "the document ends in the middle of a UTF-16 character")
		}
		r := rune(order.Uint16(data[i:]))
		if utf16.IsSurrogate(r) {
			if i+3 >= len(data) {
				return nil, malformed(placeOf(out, len(out)), "the document ends in the middle of a UTF-16 character")
			}
			if r = utf16.DecodeRune(r, rune(order.Uint16(data[i+2:]))); r == utf8.RuneError {
				return nil, malformed(placeOf(out, len(out)), "the bytes here are not valid UTF-16")
			}
			i += 2
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}
