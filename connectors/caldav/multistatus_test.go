package caldav

import (
	"errors"
	"strings"
	"testing"
)

const davHead = `<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/">`

func readAll(t *testing.T, doc string) ([]response, multistatus) {
	t.Helper()
	var all []response
	m, err := readMultistatus(strings.NewReader(doc), func(r *response) error {
		all = append(all, *r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, m
}

func TestReadMultistatus(t *testing.T) {
	all, m := readAll(t, davHead+`
<D:response><D:href>/c/a.ics</D:href><D:propstat><D:prop><D:getetag>W/"1"</D:getetag>
 <C:calendar-data>BEGIN:VCALENDAR&#13;
SUMMARY:a &amp; b</C:calendar-data></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>
 <D:propstat><D:prop><CS:getctag>no</CS:getctag></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>
<D:response><D:href>/c/b.ics</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>
<D:response><D:href>/c/</D:href><D:propstat><D:prop><D:resourcetype><D:collection/><C:calendar/></D:resourcetype>
 <C:supported-calendar-component-set><C:comp name="VEVENT"/><C:comp name="vtodo"/></C:supported-calendar-component-set>
 <D:supported-report-set><D:supported-report><D:report><D:sync-collection/></D:report></D:supported-report></D:supported-report-set>
 <D:current-user-principal><D:href>/p/kim/</D:href></D:current-user-principal>
 <C:calendar-home-set><D:href>/h1/</D:href><D:href>/h2/</D:href></C:calendar-home-set>
 <CS:getctag>c1</CS:getctag></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>
<D:sync-token>http://x/sync/7</D:sync-token></D:multistatus>`)
	if !m.complete || m.count != 3 || m.syncToken != "http://x/sync/7" || len(all) != 3 {
		t.Fatalf("%+v, %d responses", m, len(all))
	}
	a, b, c := all[0], all[1], all[2]
	if a.href != "/c/a.ics" || a.etag != "1" || a.ctag != "" || string(a.data) != "BEGIN:VCALENDAR\r\nSUMMARY:a & b" || !a.hasData {
		t.Errorf("%+v", a)
	}
	if b.status != 404 || b.href != "/c/b.ics" {
		t.Errorf("%+v", b)
	}
	if !c.collection || !c.calendar || c.ctag != "c1" || strings.Join(c.components, ",") != "VEVENT,VTODO" ||
		strings.Join(c.homes, ",") != "/h1/,/h2/" || c.principal != "/p/kim/" || strings.Join(c.reports, ",") != "sync-collection" {
		t.Errorf("%+v", c)
	}
}

// TestReadDirtyMultistatus: what XML does not allow costs a character, not the answer.
func TestReadDirtyMultistatus(t *testing.T) {
	for doc, want := range map[string]string{
		"a\x01b&#1;c&#xFFFF;d":                "a b c d",
		"a\xffb\xed\xa0\x80":                  "a\ufffdb\ufffd\ufffd\ufffd",
		"a & b &nope; &lt;":                   "a & b &nope; <",
		"<![CDATA[a & <b> &amp; ]] ]]>&#x43;": "a & <b> &amp; ]] C",
		"&":                                   "&",
		"\u00e9\ufffe":                        "\u00e9\ufffd",
	} {
		all, m := readAll(t, "\xef\xbb\xbf"+davHead+`<D:response><D:href>/a</D:href><D:propstat><D:prop><D:displayname>`+doc+
			`</D:displayname></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>`)
		if !m.complete || len(all) != 1 || all[0].name != want {
			t.Errorf("%q: %+v %+v, want %q", doc, m, all, want)
		}
	}
}

// TestReadBrokenMultistatus: what came before a break stands, and is known not to be all.
func TestReadBrokenMultistatus(t *testing.T) {
	one := `<D:response><D:href>/a</D:href><D:status>HTTP/1.1 200 OK</D:status></D:response>`
	for doc, n := range map[string]int{
		"":                  0,
		"<html><body>login": 0,
		"<html></html>":     0,
		davHead + one:       1,
		davHead + one + "</D:wrong></D:multistatus>":            1,
		davHead + one + strings.Repeat("<D:x>", 1000):           1,
		davHead + one + one + "<D:response><D:href>/b</D:href>": 2,
		"not xml at all": 0,
	} {
		all, m := readAll(t, doc)
		if m.complete || len(all) != n {
			t.Errorf("%.60q: complete %v, %d responses, want %d", doc, m.complete, len(all), n)
		}
	}
}

func TestReadMultistatusStops(t *testing.T) {
	stop := errors.New("stop")
	_, err := readMultistatus(strings.NewReader(davHead+`<D:response><D:href>/a</D:href></D:response></D:multistatus>`),
		func(*response) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	_, err = readMultistatus(&bounded{r: strings.NewReader(davHead + strings.Repeat(" ", 1000)), left: 300}, nil)
	if !is(err, kindRefused) {
		t.Errorf("over the limit: %v", err)
	}
}
