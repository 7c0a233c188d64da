package ical

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/unicode"
)

// plain takes a byte order mark off, and turns UTF-16 into UTF-8.
func plain(data []byte) []byte {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return data[3:]
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		if out, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(data); err == nil {
			return out
		}
	}
	return data
}

// toUTF8 makes an unfolded line valid UTF-8. The bytes have the last word: what is UTF-8 stays so, whatever it is said to be
// in; then the named encoding, if there is one; then CP949, which contains EUC-KR, in which old groupware writes without saying so. Nothing
// is ever lost: at last every byte is a character of Windows-1252.
func toUTF8(line []byte, named encoding.Encoding) []byte {
	if utf8.Valid(line) && (named == nil || !bytes.Contains(line, []byte("\x1b"))) { // an escape: ISO-2022-JP is seven bits
		return line
	}
	for _, e := range []encoding.Encoding{named, korean.EUCKR} {
		if e == nil {
			continue
		}
		if out, err := e.NewDecoder().Bytes(line); err == nil && !bytes.Contains(out, []byte("\uFFFD")) {
			return out
		}
	}
	if out := bytes.ToValidUTF8(line, []byte("\uFFFD")); bytes.Count(out, []byte("\uFFFD"))*8 < utf8.RuneCount(out) {
		return out // UTF-8 with a broken byte
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(line)
	if err != nil {
		return bytes.ToValidUTF8(line, []byte("\uFFFD"))
	}
	return out
}

// encodingOf finds an encoding by its label; nil: UTF-8 or unknown. All names of Korean code pages mean CP949.
func encodingOf(label string) encoding.Encoding {
	label = strings.ToLower(strings.Trim(strings.TrimSpace(label), `"'`))
	switch strings.NewReplacer("_", "", "-", "", " ", "").Replace(label) {
	case "", "utf8", "usascii", "ascii":
		return nil
	case "cp949", "ms949", "uhc", "euckr", "ksc5601", "ksc56011987", "windows949", "xwindows949":
		return korean.EUCKR
	}
	e, err := htmlindex.Get(label)
	if err != nil {
		return nil
	}
	return e
}
