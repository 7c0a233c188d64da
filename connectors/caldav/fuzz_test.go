package caldav

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzMultistatus: whatever a server answers, reading it ends, quickly, without a panic, and within bounds; what is
// complete is a multistatus.
func FuzzMultistatus(f *testing.F) {
	one := `<D:response><D:href>/a.ics</D:href><D:propstat><D:prop><D:getetag>W/"1"</D:getetag><C:calendar-data><![CDATA[x&]]></C:calendar-data>` +
		`<D:resourcetype><D:collection/><C:calendar/></D:resourcetype><C:calendar-home-set><D:href>/h/</D:href></C:calendar-home-set>` +
		`<D:supported-report-set><D:supported-report><D:report><D:sync-collection/></D:report></D:supported-report></D:supported-report-set>` +
		`<D:current-user-principal><D:unauthenticated/></D:current-user-principal><C:supported-calendar-component-set><C:comp name="VEVENT"/>` +
		`</C:supported-calendar-component-set></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>`
	for _, seed := range []string{"", davHead, davHead + "</D:multistatus>", davHead + one + "<D:sync-token>7</D:sync-token></D:multistatus>",
		davHead + one[:200], davHead + strings.Repeat("<D:x>", 100), "\xef\xbb\xbf" + davHead + "&#0;&x;&\x00\xff</D:multistatus>",
		`<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		began := time.Now()
		n := 0
		m, err := readMultistatus(bytes.NewReader(doc), func(r *response) error {
			n++
			if r.href == "" || !utf8.ValidString(r.href) || len(r.href) > maxText || len(r.homes) > 4*maxListed {
				t.Errorf("response %+v", r)
			}
			return nil
		})
		if err != nil {
			t.Errorf("reading from memory failed: %v", err)
		}
		if m.count < n || m.complete && !bytes.Contains(doc, []byte("multistatus")) {
			t.Errorf("%+v of %d responses", m, n)
		}
		if took := time.Since(began); len(doc) < 1<<20 && took > 30*time.Second {
			t.Errorf("%d bytes took %s", len(doc), took)
		}
	})
}

// FuzzCleaner: what comes out is what an XML parser takes, and what was good stays as it was.
func FuzzCleaner(f *testing.F) {
	for _, seed := range []string{"plain", "a&amp;b", "&#x41;&#1;&#xD800;&nope;&", "<![CDATA[&x]]>&y", "\x00\xff\xed\xa0\x80", "\xef\xbb\xbfx"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := io.ReadAll(newCleaner(bytes.NewReader(in)))
		if err != nil || !utf8.Valid(out) {
			t.Fatalf("%q became %q, %v", in, out, err)
		}
		for _, r := range string(out) {
			if !legal(r) {
				t.Fatalf("%q became %q", in, out)
			}
		}
		again, err := io.ReadAll(newCleaner(bytes.NewReader(out)))
		if err != nil || !bytes.HasPrefix(out, []byte("\xef\xbb\xbf")) && !bytes.Equal(again, out) {
			t.Fatalf("%q became %q, and that %q", in, out, again)
		}
	})
}

// FuzzObjectState: what is stored is read again as it was, and what is not ours is none.
func FuzzObjectState(f *testing.F) {
	f.Add([]byte("BEGIN:VCALENDAR\r\n"), []byte(`{"h":"/a"}`+"\nxyz"))
	f.Fuzz(func(t *testing.T, content, stored []byte) {
		o := &objectState{Href: "/a", ETag: "1"}
		o.pack(content)
		back := decodeObject(o.encode())
		if back == nil || back.Href != "/a" || !bytes.Equal(back.content(), content) {
			t.Errorf("%q came back as %+v", content, back)
		}
		if o := decodeObject(stored); o != nil {
			_ = o.content()
		}
	})
}

// TestBigAnswers: 1 MB of anything takes well under a second, however it is made.
func TestBigAnswers(t *testing.T) {
	const size = 1 << 20
	for name, unit := range map[string]string{"open": "<a>", "responses": "<D:response/>", "references": "&#1;", "ampersands": "&", "cdata": "<![CDATA[",
		"brackets": "]", "bytes": "\xff", "attributes": `<a b="c" `, "text": "a", "comments": "<!--", "hrefs": "<D:response><D:href>/a</D:href></D:response>"} {
		doc := davHead + strings.Repeat(unit, size/len(unit))
		fastest := time.Hour
		for range 3 { // the machine may be busy: one good run is enough
			began := time.Now()
			if _, err := readMultistatus(strings.NewReader(doc), func(*response) error { return nil }); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			fastest = min(fastest, time.Since(began))
		}
		t.Logf("%s: %s", name, fastest)
		if fastest > 30*time.Second { // with the race detector, on a busy machine: a hang
			t.Errorf("%s: %s", name, fastest)
		}
	}
}
