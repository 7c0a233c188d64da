package feed

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"allim.dev/allim/notify"
)

// How much of a text is looked at, and kept, in bytes.
const (
	maxMarkup  = 32 << 10
	maxTitle   = 500
	maxSummary = 500
	maxAuthor  = 200
)

// plainText gives the words of a text that may hold HTML, as one line of at most limit bytes.
func plainText(s string, limit int) string {
	if len(s) > maxMarkup {
		s = strings.ToValidUTF8(s[:maxMarkup], "")
	}
	if strings.ContainsAny(s, "<&") {
		s = words(s)
		if strings.Contains(s, "&") { // escaped twice, as many feeds do
			s = html.UnescapeString(s)
		}
	}
	return notify.Clip(notify.CleanText(s), limit)
}

// words takes the tags out. Blocks end a word; scripts and styles are no words.
func words(s string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(s))
	skip := atom.Atom(0)
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			if skip == 0 {
				b.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			switch tag := atom.Lookup(name); tag {
			case atom.Script, atom.Style:
				skip = tag
			case atom.B, atom.I, atom.Em, atom.Strong, atom.A, atom.Span, atom.U, atom.Font, atom.Sub, atom.Sup:
			default:
				b.WriteByte(' ')
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if tag := atom.Lookup(name); tag == skip {
				skip = 0
			} else if tag == atom.P || tag == atom.Div || tag == atom.Td || tag == atom.Li {
				b.WriteByte(' ')
			}
		}
	}
}

// linkOf gives an address as one that can be opened, or nothing.
func linkOf(s string, base *url.URL) string {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 2000 {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	if base != nil {
		u = base.ResolveReference(u)
	}
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	u.User = nil
	return u.String()
}
