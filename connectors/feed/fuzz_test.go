package feed

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzDecode: whatever comes is read or refused, without a panic, and what is read is fit to be told.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(rss("1|a|Mon, 23 Nov 2026 18:00:00 KST", "2|b <b>c</b>")), "text/xml; charset=euc-kr")
	f.Add([]byte(`<feed xmlns="http://www.w3.org/2005/Atom"><title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">x</div></title><entry><id>1</id></entry></feed>`), "")
	f.Add([]byte(`{"version":"https://jsonfeed.org/version/1.1","items":[{"id":1,"title":"x","date_published":"2026-11-23"}]}`), "application/feed+json")
	f.Add([]byte(ics("1|standup|20261124T090000Z")), "text/calendar")
	f.Add([]byte("\xff\xfe<\x00r\x00s\x00s\x00>\x00"), "")
	f.Add([]byte(`<!DOCTYPE rss [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><rss><channel><item><title>&c;&#0;&#x1F600;</title></item></channel></rss>`), "")
	f.Add([]byte(`<rdf:RDF xmlns:rdf="x"><item><title><![CDATA[a]]></title></item></rdf:RDF>`), "text/xml; charset=utf-16")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		d, err := decode(body, contentType, Defaults())
		if err != nil {
			if asTrouble(err).text == "" {
				t.Error("a refusal says nothing")
			}
			return
		}
		for _, i := range d.items {
			for _, s := range []string{i.title, i.summary, i.author, i.category} {
				if len(s) > 1024 || !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\r\n") {
					t.Errorf("%q is not fit to be told", s)
				}
			}
			i.ids()
		}
	})
}

// What makes parsers slow, at 1 MB: each within a second of work. The bound here is wider, since the machine may be busy.
func TestHostileIsCheap(t *testing.T) {
	const size = 1 << 20
	fill := func(head, unit, tail string) []byte {
		return []byte(head + strings.Repeat(unit, (size-len(head)-len(tail))/len(unit)) + tail)
	}
	for name, body := range map[string][]byte{
		"open elements":       fill("<rss><channel>", "<a>", "</rss>"),
		"deep items":          fill("<rss><channel>", "<item>", "</rss>"),
		"many items":          fill("<rss><channel>", "<item><title>a</title></item>", "</channel></rss>"),
		"many extensions":     fill(`<rss xmlns:x="y"><channel><item>`, "<x:a>b</x:a>", "</item></channel></rss>"),
		"nested extensions":   fill(`<rss xmlns:x="y"><channel><item>`, strings.Repeat("<x:a>", 200)+strings.Repeat("</x:a>", 200), "</item></channel></rss>"),
		"attributes":          fill("<rss ", `xmlns:a="b" `, "></rss>"),
		"entities":            fill("<rss><channel><title>", "&amp;", "</title></channel></rss>"),
		"references":          fill("<rss><channel><title>", "&#", "</title></channel></rss>"),
		"ampersands":          fill("<rss><channel><title>", "&", "</title></channel></rss>"),
		"open comments":       fill("<rss><channel>", "<!--", "</rss>"),
		"open CDATA":          fill("<rss><channel>", "<![CDATA[", "</rss>"),
		"declarations":        fill("<rss><channel>", "<!DOCTYPE a [", "</rss>"),
		"instructions":        fill("<rss><channel>", "<?a", "</rss>"),
		"long title":          fill("<rss><channel><item><title>", "가", "</title></item></channel></rss>"),
		"long markup":         fill("<rss><channel><item><description>", "&lt;p&gt;", "</description></item></channel></rss>"),
		"long date":           fill("<rss><channel><item><pubDate>", "Mon, ", "</pubDate></item></channel></rss>"),
		"xml:base":            fill("<feed>", `<entry xml:base="a/"><link href="b"/></entry>`, "</feed>"),
		"JSON arrays":         fill(`{"version":"https://jsonfeed.org/version/1","items":`, "[", ""),
		"JSON objects":        fill(`{"version":"https://jsonfeed.org/version/1","items":[`, `{"id":"1"},`, `{}]}`),
		"calendar components": fill("", "BEGIN:VEVENT\r\n", ""),
		"calendar, long line": fill("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:", "a", "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"),
		"less-than only":      bytes.Repeat([]byte("<"), size),
		"zeros":               make([]byte, size),
		"EUC-KR by guess":     fill("<rss><channel><title>", "\xb0\xa1", "</title></channel></rss>"),
		"broken EUC-KR":       fill("<rss><channel><title>", "\xb0\xff", "</title></channel></rss>"),
	} {
		began := time.Now()
		d, err := decode(body, "", Defaults())
		if err == nil {
			st := readState(nil, "")
			st.news(d, began, false)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s: %s", name, took)
		} else {
			t.Logf("%s: %s, %v", name, took, err)
		}
	}
}
