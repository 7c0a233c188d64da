package notify

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// CleanText makes any bytes fit for people and for every place that text goes to: valid UTF-8 on one line, without
// control characters and without those that turn the direction of writing (Unicode's bidi controls, which can make
// "gpj.exe" read as "exe.jpg"). White space is folded to one space.
func CleanText(s string) string {
	var b strings.Builder
	b.Grow(min(len(s), 1024))
	space := false
	for _, r := range s { // invalid bytes come as U+FFFD
		switch {
		case r == '\t' || r == '\n' || r == '\r' || unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case unseen(r):
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// unseen tells whether r has no place in a line of text.
func unseen(r rune) bool {
	switch {
	case unicode.IsControl(r):
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // bidi controls
		return true
	case r == 0xfeff, r == 0x200b, r == 0x2060, r == 0x00ad: // byte order mark, zero width space, word joiner, soft hyphen
		return true
	case r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe001f: // interlinear annotation, deprecated tags
		return true
	case r&0xfffe == 0xfffe, r >= 0xfdd0 && r <= 0xfdef: // no characters at all (XML takes none of them either)
		return true
	}
	return false
}

// Clip cuts a text to at most limit bytes between two characters as people see them (Unicode's grapheme clusters), and
// says so with an ellipsis. The text is valid UTF-8.
func Clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	const dots = "…"
	room := limit - len(dots)
	cut, state := 0, -1
	for rest := s; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if cut+len(cluster) > room {
			break
		}
		cut += len(cluster)
	}
	if cut == 0 { // one character of endless combining marks
		for cut = max(room, 0); cut > 0 && !utf8.RuneStart(s[cut]); cut-- {
		}
	}
	return strings.TrimRight(s[:cut], " ") + dots
}
