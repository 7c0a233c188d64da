package feed

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/korean"

	"allim.dev/allim/notify"
)

// Case 59: guids that are new at every answer, with the date; all guids equal; none at all.
func TestIDsLie(t *testing.T) {
	n := 0
	fresh := func(titles ...string) string { // as a server that makes ids and dates when it is asked
		var items []string
		for _, title := range titles {
			n++
			items = append(items, fmt.Sprintf("id-%d|%s|Mon, 23 Nov 2026 08:00:%02d GMT", n, title, 59-n))
		}
		return rss(items...)
	}
	for name, feed := range map[string]func(titles ...string) string{
		"new ids and dates": fresh,
		"new ids": func(titles ...string) string {
			var items []string
			for _, title := range titles {
				n++
				items = append(items, fmt.Sprintf("id-%d|%s|Mon, 23 Nov 2026 08:00:00 GMT", n, title))
			}
			return rss(items...)
		},
		"equal ids": func(titles ...string) string {
			var items []string
			for _, title := range titles {
				items = append(items, "same|"+title)
			}
			return rss(items...)
		},
		"no ids": func(titles ...string) string {
			var items []string
			for _, title := range titles {
				items = append(items, "|"+title)
			}
			return strings.ReplaceAll(rss(items...), `<guid isPermaLink="false"></guid>`, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLook(t, nil)
			l.site.says(feed("b", "a"))
			l.tells()
			for range 3 {
				l.later()
				l.site.says(feed("b", "a"))
				l.tells()
			}
			l.site.says(feed("c", "b", "a"))
			l.tells("c")
			l.restart()
			l.site.says(feed("c", "b", "a"))
			l.tells()
			l.site.says(feed("e", "d", "c", "b"))
			l.tells("d", "e")
			if odd := len(l.health().Notes) == 1; odd != (name == "new ids and dates" || name == "equal ids") {
				t.Errorf("notes %q", l.health().Notes)
			}
		})
	}
}

// A notice that is published once more is news, an edited one is not.
func TestRepeatedAndEdited(t *testing.T) {
	l := newLook(t, nil)
	l.site.says(rss("3|menu|Mon, 23 Nov 2026 01:00:00 GMT", "2|fire drill|Sun, 22 Nov 2026 01:00:00 GMT", "1|holiday|Sat, 21 Nov 2026 01:00:00 GMT"))
	l.tells()
	l.site.says(rss("4|menu|Mon, 23 Nov 2026 08:00:00 GMT", "3|menu|Mon, 23 Nov 2026 01:00:00 GMT", "2|fire drill|Sun, 22 Nov 2026 01:00:00 GMT"))
	l.tells("menu")
	l.site.says(rss("4|menu of the week|Mon, 23 Nov 2026 08:00:00 GMT", "3|menu|Mon, 23 Nov 2026 01:00:00 GMT"))
	l.tells()
}

// Servers behind one address take turns with an older version, and what was once there does not come back as news.
func TestFlipFlop(t *testing.T) {
	l := newLook(t, nil)
	older, newer := rss("2|b", "1|a"), rss("3|c", "2|b")
	l.site.says(older)
	l.tells()
	l.site.says(newer)
	l.tells("c")
	for range 5 {
		l.later()
		l.site.says(older)
		l.tells()
		l.later()
		l.site.says(newer)
		l.tells()
	}
	l.clock.Advance(89 * 24 * time.Hour)
	l.site.says(older)
	l.tells()
}

func TestSeenIsBounded(t *testing.T) {
	s, now := readSeen(nil), time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for day := range 200 {
		for n := range 10 {
			s.mark(now.AddDate(0, 0, day), hashOf("x", fmt.Sprint(day, " ", n)))
		}
		s.forget(now.AddDate(0, 0, day), 10)
	}
	if n := len(s.days); n < 900 || n > 920 {
		t.Errorf("%d ids are kept, want those of 90 days", n)
	}
	again := readSeen(s.bytes())
	if len(again.days) != len(s.days) || !again.has(hashOf("x", "199 9")) || again.has(hashOf("x", "1 1")) {
		t.Error("what was written is not what is read")
	}
	for n := range maxSeen + 5000 {
		s.mark(now.AddDate(0, 0, 200), id(n))
	}
	if s.forget(now.AddDate(0, 0, 200), 10); len(s.days) > maxSeen {
		t.Errorf("%d ids are kept", len(s.days))
	}
	old := readSeen(nil)
	old.mark(now, 1, 2, 3)
	if old.forget(now.AddDate(1, 0, 0), 50); len(old.days) != 3 {
		t.Error("a feed that rarely changes loses its ids")
	}
}

func TestOldAndManyItems(t *testing.T) {
	l := newLook(t, nil)
	l.site.says(rss("0|first"))
	l.tells()
	l.site.says(rss("1|archive|Mon, 02 Mar 2020 08:00:00 GMT", "0|first"))
	l.tells()
	var many, want []string
	for n := 40; n > 10; n-- {
		many = append(many, fmt.Sprintf("m%d|item %d|Mon, 23 Nov 2026 08:00:%02d GMT", n, n, n))
	}
	for n := 21; n <= 40; n++ {
		want = append(want, fmt.Sprint("item ", n))
	}
	l.site.says(rss(many...))
	l.tells(want...)
	if n := l.health().Notes; len(n) != 1 || !strings.Contains(n[0], "30 new items came at once") {
		t.Errorf("notes %q", n)
	}
	l.later()
	l.site.says(rss(append(many, "0|first")...))
	l.tells()
}

// What each format says, as it is told.
func TestFormats(t *testing.T) {
	for name, c := range map[string]struct{ head, item, tail string }{
		"rss": {`<?xml version="1.0"?><rss version="2.0"><channel><title>News</title><link>https://example.com/</link>`,
			`<item><title>Fire &amp;amp; water</title><link>/n/1?utm_source=x#top</link><guid>g1</guid><author>lee@example.com (Lee)</author><category>Safety</category>` +
				`<pubDate>Mon, 23 Nov 2026 17:30:00 KST</pubDate><description>&lt;p&gt;Come &lt;b&gt;down&lt;/b&gt;&lt;/p&gt;&lt;script&gt;x()&lt;/script&gt;&lt;p&gt;now&lt;/p&gt;</description></item>`, `</channel></rss>`},
		"atom": {`<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title><link href="https://example.com/"/>`,
			`<entry><id>g1</id><title type="html">Fire &amp;amp; water</title><link href="/n/1?utm_source=x#top"/><author><name>Lee</name></author><category term="Safety"/>` +
				`<published>2026-11-23T17:30:00+09:00</published><updated>2026-11-23T18:00:00+09:00</updated><summary>Come down now</summary></entry>`, `</feed>`},
		"json": {`{"version":"https://jsonfeed.org/version/1.1","title":"News","home_page_url":"https://example.com/","items":[`,
			`{"id":"g1","title":"Fire & water","url":"/n/1?utm_source=x#top","authors":[{"name":"Lee"}],"tags":["Safety"],"date_published":"2026-11-23T17:30:00+09:00","summary":"Come down now"}`, `]}`},
		"rdf": {`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>News</title></channel>`,
			`<item rdf:about="g1"><title>Fire &amp; water</title><link>/n/1?utm_source=x#top</link><dc:creator>Lee</dc:creator><dc:subject>Safety</dc:subject><dc:date>2026-11-23T17:30:00+09:00</dc:date>` +
				`<description>Come down now</description></item>`, `</rdf:RDF>`},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLook(t, nil)
			l.site.says(c.head + c.tail)
			l.tells()
			l.site.says(c.head + c.item + c.tail)
			l.tells("Fire & water")
			e := l.watch.Events()[0]
			want := map[string]string{"feed": "News", "title": "Fire & water", "summary": "Come down now", "author": "Lee", "category": "Safety",
				"published": "2026-11-23T08:30:00Z"}
			for k, v := range want {
				if e.Params[k] != v {
					t.Errorf("%s is %q, want %q", k, e.Params[k], v)
				}
			}
			if at := strings.TrimSuffix(l.site.url, "/feed") + "/n/1?utm_source=x#top"; e.URL != at || e.Type != notify.FeedPublished ||
				!e.At.Equal(time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)) || !e.SeenAt.Equal(l.clock.Now()) {
				t.Errorf("event %+v, want the URL %s", e, at)
			}
		})
	}
}

// Korean bytes, whatever is said of them.
func TestCharsets(t *testing.T) {
	const title = "민방위 훈련 안내"
	feed := func(encoding, item string) string {
		return `<?xml version="1.0" encoding="` + encoding + `"?><rss><channel><title>공지</title><item><guid>` + item + `</guid><title>` + title + `</title></item></channel></rss>`
	}
	euckr := func(s string) string {
		out, err := korean.EUCKR.NewEncoder().String(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, c := range map[string]struct{ contentType, body, setting string }{
		"declared":                 {"text/xml", euckr(feed("euc-kr", "1")), ""},
		"by the transport":         {"text/xml; charset=EUC-KR", euckr(feed("utf-8", "1")), ""},
		"the transport lies":       {"text/xml; charset=utf-8", euckr(feed("EUC-KR", "1")), ""},
		"cp949":                    {"text/xml", euckr(feed("cp949", "1")), ""},
		"ks_c_5601-1987":           {"text/xml", euckr(feed("ks_c_5601-1987", "1")), ""},
		"nobody says":              {"text/xml", strings.Replace(euckr(feed("x", "1")), ` encoding="x"`, "", 1), ""},
		"all lie":                  {"text/xml; charset=utf-8", euckr(feed("utf-8", "1")), "utf-8"},
		"the setting":              {"text/xml; charset=iso-8859-1", euckr(feed("iso-8859-1", "1")), "euc-kr"},
		"really utf-8":             {"text/xml; charset=euc-kr", feed("euc-kr", "1"), "utf-8"},
		"byte order mark":          {"text/xml; charset=euc-kr", "\xef\xbb\xbf" + feed("euc-kr", "1"), ""},
		"utf-16":                   {"text/xml", utf16(feed("utf-16", "1")), ""},
		"control characters":       {"text/xml", strings.Replace(feed("utf-8", "1"), "민방위", "\x0b\x1f민&#8;방&#x0;위\u0085", 1), ""},
		"a declaration after room": {"text/xml", "\r\n  " + euckr(feed("euc-kr", "1")), ""},
	} {
		s := Defaults()
		s.Charset = c.setting
		d, err := decode([]byte(c.body), c.contentType, s)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(d.items) != 1 || d.items[0].title != title {
			t.Errorf("%s: %q", name, d.items)
		}
	}
}

func utf16(s string) string {
	b := []byte{0xff, 0xfe}
	for _, r := range s {
		b = append(b, byte(r), byte(r>>8))
	}
	return string(b)
}

func TestDates(t *testing.T) {
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	want := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for _, s := range []string{"Mon, 23 Nov 2026 18:00:00 +0900", "Mon, 23 Nov 2026 18:00:00 KST", "Mon, 23 Nov 2026 18:00 KST", "23 Nov 2026 09:00:00 GMT",
		"Mon, 23 Nov 26 09:00:00 Z", "Mon, 23 Nov 2026 18:00:00 +0900 (KST)", "Mon, 23 Nov 2026 18:00:00 +0900 KST", "Mon, 23 Nov 2026 04:00:00 EST", "Mon, 23 Nov 2026 10:00:00 CET",
		"2026-11-23T18:00:00+09:00", "2026-11-23T09:00:00.000Z", "2026-11-23T18:00:00+0900", "2026-11-23 18:00:00", "2026-11-23 18:00", "2026.11.23 18:00",
		"2026/11/23 18:00:00", "2026. 11. 23. 18:00", "월, 23 11월 2026 18:00:00 +0900", "2026년 11월 23일 오후 6:00", "2026-11-23 오후 6:00:00", "20261123180000",
		"Monday, 23 November 2026 18:00:00 +0900", "Mon Nov 23 09:00:00 UTC 2026", "Nov 23, 2026 18:00:00", "  Mon,  23 Nov 2026\n18:00:00 JST "} {
		if got := parseDate(s, seoul); !got.Equal(want) {
			t.Errorf("%q is read as %s", s, got)
		}
	}
	for _, s := range []string{"", "yesterday", "32 Nov 2026", "2026-13-01", strings.Repeat("9", 1000), "Mon,", "월"} {
		if got := parseDate(s, seoul); !got.IsZero() {
			t.Errorf("%q is read as %s", s, got)
		}
	}
}

func TestLinks(t *testing.T) {
	for _, pair := range [][2]string{{"https://a.kr/b?id=1&PHPSESSID=x", "https://a.kr/b?id=1&PHPSESSID=y"}, {"https://a.kr/b;jsessionid=1", "https://a.kr/b;jsessionid=2"},
		{"https://a.kr/b?utm_source=x&id=1#c", "https://a.kr/b?id=1"}, {"https://a.kr/b?x=1&y=2", "https://a.kr/b?y=2&x=1"}} {
		if steadyLink(pair[0]) != steadyLink(pair[1]) {
			t.Errorf("%q and %q are two", pair[0], pair[1])
		}
	}
	if steadyLink("https://a.kr/b?id=1") == steadyLink("https://a.kr/b?id=2") {
		t.Error("two notices are one")
	}
	for in, want := range map[string]string{"javascript:alert(1)": "", "https://u:p@a.kr/": "https://a.kr/", "mailto:a@b": "", strings.Repeat("a", 3000): ""} {
		if got := linkOf(in, nil); got != want {
			t.Errorf("%q leads to %q", in, got)
		}
	}
}
