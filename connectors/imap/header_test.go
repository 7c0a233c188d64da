package imap

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"allim.dev/allim/notify"
)

// word makes an encoded word of raw bytes.
func word(charset string, kind byte, raw string) string {
	if kind == 'B' {
		return "=?" + charset + "?B?" + base64.StdEncoding.EncodeToString([]byte(raw)) + "?="
	}
	var b strings.Builder
	for _, c := range []byte(raw) {
		if c == ' ' {
			b.WriteByte('_')
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return "=?" + charset + "?Q?" + b.String() + "?="
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"short", 10, "short"},
		{"exactly 10", 10, "exactly 10"},
		{"more than ten", 10, "more th…"},
		{"가나다라마", 10, "가나…"},
		{"e\u0301e\u0301e\u0301e\u0301", 10, "e\u0301e\u0301…"},
		{"a" + strings.Repeat("\u0301", 40), 12, "a\u0301\u0301\u0301\u0301…"},
	} {
		if got := notify.Clip(c.in, c.limit); got != c.want || len(got) > c.limit {
			t.Errorf("notify.Clip(%q, %d) = %q", c.in, c.limit, got)
		}
	}
}

func TestHeaderFields(t *testing.T) {
	h := parseHeader([]byte("Message-Id: <1@x>\nSUBJECT : folded\r\n\tsubject\r\nbroken line\r\nDate: Mon, 23 Nov 2026 09:00:00 +0900\r\n" +
		"X-Spam-Flag: YES\r\nSubject: a second one\r\n"))
	if h.messageID != "1@x" || h.subject != "folded subject" || h.sent.IsZero() || !h.spam || !h.found {
		t.Errorf("%+v", h)
	}
	if h := parseHeader([]byte("\r\n\n")); h.found {
		t.Errorf("found in nothing: %+v", h)
	}
}

// FuzzHeader: any bytes give clean text, quickly.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{"From: a <b@c>\r\nSubject: =?utf-8?B?6rCA?=\r\n", "Subject: \x1b$B\x00", "From: \"a\\", "From: =?x?q?\xff?= (",
		"Subject: =?euc-kr?B?yLg=?==?euc-kr?B?x8c=?=", "Message-ID: <\xc8\xde>", "Subject: =?iso-2022-kr?B?GyQpQw4hIQ8=?=", "From: ,;<>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		h := parseHeader(raw)
		for _, s := range []string{h.from, h.fromName, h.subject, h.messageID, h.date} {
			if !utf8.ValidString(s) || strings.ContainsAny(s, "\r\n\x00\u202e") {
				t.Errorf("not clean: %q", s)
			}
		}
		if len(h.subject) > maxSubject || len(h.from) > maxAddress || len(h.fromName) > maxName {
			t.Errorf("too long: %d %d %d", len(h.subject), len(h.from), len(h.fromName))
		}
	})
}
