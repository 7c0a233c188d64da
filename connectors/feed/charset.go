package feed

import (
	"bytes"
	"mime"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/unicode"
)

// declared finds the encoding in an XML declaration (XML 1.0 section 4.3.3).
var declared = regexp.MustCompile(`^<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']`)

// toUTF8 gives the text in UTF-8. What the setting, the transport and the declaration say is tried in that order; the
// first one that fits the bytes is taken, since each of them is often wrong. Bytes that fit nothing become U+FFFD.
func toUTF8(body []byte, contentType string, setting string) []byte {
	switch {
	case bytes.HasPrefix(body, []byte("\xef\xbb\xbf")):
		return valid(body[3:])
	case bytes.HasPrefix(body, []byte("\xff\xfe")), bytes.HasPrefix(body, []byte("\xfe\xff")):
		out, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(body)
		if err != nil {
			return valid(body)
		}
		return out
	}
	names := []string{setting, charsetOf(contentType)}
	if m := declared.FindSubmatch(bytes.TrimLeft(body[:min(len(body), 1024)], " \t\r\n")); m != nil {
		names = append(names, string(m[1]))
	}
	var first []byte
	for _, name := range append(names, "utf-8") {
		out, ok := decodeAs(body, name)
		if ok {
			return out
		}
		if first == nil {
			first = out
		}
	}
	// Korean boards that forgot to say so.
	if out, err := korean.EUCKR.NewDecoder().Bytes(body); err == nil && !bytes.ContainsRune(out, utf8.RuneError) {
		return out
	}
	if first != nil {
		return first
	}
	return valid(body)
}

// decodeAs reads the body in an encoding; ok says that every byte fits. An unknown encoding gives nil.
func decodeAs(body []byte, name string) (out []byte, ok bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	switch name {
	case "":
		return nil, false
	case "utf-8", "utf8":
		if utf8.Valid(body) {
			return body, true
		}
		return nil, false
	case "cp949", "uhc", "ms949", "x-windows-949": // names that Korean systems use for what the standard calls euc-kr
		name = "euc-kr"
	case "utf-16", "utf-16le", "utf-16be":
		return nil, false // with it there is a byte order mark, or it is a lie
	}
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil, false
	}
	if out, err = e.NewDecoder().Bytes(body); err != nil {
		return nil, false
	}
	return out, !bytes.ContainsRune(out, utf8.RuneError)
}

func valid(body []byte) []byte { return bytes.ToValidUTF8(body, []byte("\uFFFD")) }

func charsetOf(contentType string) string {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return params["charset"]
}
