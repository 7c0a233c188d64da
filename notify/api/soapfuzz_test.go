package api_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/api/soap"
	"allim.dev/allim/notify/api/wire"
	"allim.dev/allim/notify/notifytest"
)

// post gives a message to the API without a server in between.
func (h *house) post(doc, contentType, authorization string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, api.SOAPPath, strings.NewReader(doc))
	r.Header.Set("Content-Type", contentType)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, r)
	return w
}

// wellFormed reads an answer to its end.
func wellFormed(doc string) error {
	d := xml.NewDecoder(strings.NewReader(doc))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// FuzzSOAP: any message is answered with an envelope and one of the statuses of SOAP, at once; what is refused leaves
// nothing behind. key is whether HTTP brings one, or the message must.
func FuzzSOAP(f *testing.F) {
	for _, version := range []string{soap.SOAP11, soap.SOAP12} {
		for _, v := range []any{&wire.Send{IdempotencyKey: "k", Notification: toKim()}, &wire.SendMany{Notifications: []wire.NotificationInput{toKim(), toKim()}},
			&wire.GetStatus{ID: "x"}, &wire.RegisterDevice{User: "kim", Device: phone()}} {
			f.Add(enveloped(version, "", messageOf(v)), soapTypes[version], true)
		}
		f.Add(enveloped(version, `<S:Header><w:Security `+wsse+` S:mustUnderstand="1"><u:Timestamp><u:Expires>2030-01-01T00:00:00Z</u:Expires></u:Timestamp>`+
			`<w:UsernameToken><w:Username>a</w:Username><w:Password>b</w:Password></w:UsernameToken></w:Security></S:Header>`, "<getStatus/>"), "text/xml", false)
		f.Add(enveloped(version, `<S:Header><t:Tx xmlns:t="urn:t" S:mustUnderstand="1" S:role="`+version+`/role/next">5</t:Tx></S:Header>`, "<x/>"), "text/xml", true)
	}
	f.Add("<?xml version='1.0' encoding='euc-kr'?><Envelope xmlns='"+soap.SOAP11+"'><Body><send xmlns=''><notification><title>\xb0\xa1", "text/xml; charset=x", true)
	f.Add("<!DOCTYPE a [<!ENTITY b 'c'>]><Envelope xmlns='urn:x'>&b;</Envelope>", "application/soap+xml; action=\"x\"", true)
	h := newHouse(f)
	f.Fuzz(func(t *testing.T, doc, contentType string, key bool) {
		authorization := ""
		if key {
			authorization = "Bearer " + h.keys[notify.ScopeAdmin]
		}
		h.store.sent, h.store.rows, h.store.devices = nil, nil, nil
		clear(h.store.idem)
		began := time.Now()
		w := h.post(doc, contentType, authorization)
		if took := time.Since(began); took > bounded {
			t.Errorf("took %s", took)
		}
		switch w.Code {
		case 200, 400, 401, 500:
		default:
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if err := wellFormed(w.Body.String()); err != nil || !strings.Contains(w.Body.String(), "<soap:Envelope ") {
			t.Errorf("%v: %s", err, w.Body)
		}
		if w.Code == 500 && strings.Contains(w.Body.String(), "<code>internal</code>") {
			t.Errorf("an internal error: %s", w.Body)
		}
		if left := len(h.store.sent) + len(h.store.devices); w.Code != 200 && left > 0 {
			t.Errorf("%d, but %d are left", w.Code, left)
		}
	})
}

// bounded is how long a mebibyte may take on a machine that stands still for a while; by itself it takes a fifth of a
// second at most.
const bounded = notifytest.Patience

// hostileMessages are of a mebibyte each, and try to cost much.
func hostileMessages() map[string]string {
	const size = 1<<20 - 2
	fill := func(head, unit, tail string) string {
		return head + strings.Repeat(unit, (size-len(head)-len(tail))/len(unit)) + tail
	}
	open := "<S:Envelope xmlns:S='" + soap.SOAP11 + "'>"
	end := "</S:Envelope>"
	send := open + "<S:Body><send><notification>"
	var spaces strings.Builder
	spaces.WriteString(open + "<S:Body>")
	for i := 0; spaces.Len() < size-100; i++ {
		fmt.Fprintf(&spaces, "<n%d:a xmlns:n%d='urn:allim:v1'/>", i, i)
	}
	var attributes strings.Builder
	attributes.WriteString(open + "<S:Body><send ")
	for i := 0; attributes.Len() < size-100; i++ {
		fmt.Fprintf(&attributes, "a%d='' ", i)
	}
	return map[string]string{
		"depth":               fill(send, "<to>", ""),
		"depth of a header":   fill(open+"<S:Header>", "<a>", ""),
		"equal attributes":    fill(open+"<S:Body><send ", "a='' ", "/></S:Body>"+end),
		"distinct attributes": attributes.String() + "/></S:Body>" + end,
		"attributes above":    fill("<S:Envelope xmlns:S='"+soap.SOAP11+"' ", "a='' ", "/>"),
		"a long text":         fill(send+"<title>", "x", "</title></notification></send></S:Body>"+end),
		"references":          fill(send+"<title>", "&#120;", "</title></notification></send></S:Body>"+end),
		"CDATA":               fill(send+"<title>", "<![CDATA[x]]>", "</title></notification></send></S:Body>"+end),
		"comments":            fill(open, "<!---->", "<S:Body/>"+end),
		"instructions":        fill(open, "<?a?>", "<S:Body/>"+end),
		"namespaces":          spaces.String() + "</S:Body>" + end,
		"unknown elements":    fill(send, "<a/>", "</notification></send></S:Body>"+end),
		"unknown headers":     fill(open+"<S:Header>", "<a S:mustUnderstand='1'/>", "</S:Header><S:Body/>"+end),
		"a long header":       fill(open+"<S:Header><a>", "x", "</a></S:Header><S:Body/>"+end),
		"a long token":        fill(open+"<S:Header><w:Security "+wsse+"><w:UsernameToken><w:Password>", "x", "</w:Password></w:UsernameToken></w:Security></S:Header><S:Body/>"+end),
		"notifications":       fill(open+"<S:Body><sendMany><notifications>", "<notification><to/></notification>", "</notifications></sendMany></S:Body>"+end),
		"users":               fill(send+"<to><users>", "<user>nobody</user>", "</users></to><title>a</title></notification></send></S:Body>"+end),
		"a DTD":               fill("<!DOCTYPE a [", "<!ENTITY a 'b'>", "]>"+open+end),
		"a long name":         fill("<", "a", "/>"),
		"a long namespace":    fill("<Envelope xmlns='", "a", "'/>"),
		"UTF-16":              "\xff\xfe" + fill("<\x00a\x00>\x00", "x\x00", "<\x00/\x00a\x00>\x00"),
	}
}

// TestHostileMessages: none takes long or much memory, with a key or without one.
func TestHostileMessages(t *testing.T) {
	h := newHouse(t)
	const most = 256 << 20 // bytes that one message may ask the allocator for, all in all
	for name, doc := range hostileMessages() {
		for _, authorization := range []string{"", "Bearer " + h.keys[notify.ScopeAdmin]} {
			h.store.sent = nil
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			w := h.post(doc, "text/xml", authorization)
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; took > bounded || used > most || w.Body.Len() > 64<<10 {
				t.Errorf("%s: %s, %d MiB, an answer of %d bytes", name, took, used>>20, w.Body.Len())
			} else {
				t.Logf("%s: %d in %s, %d MiB", name, w.Code, took, used>>20)
			}
			if w.Code == 200 || len(h.store.sent) > 0 {
				t.Errorf("%s: %d, sent %d", name, w.Code, len(h.store.sent))
			}
		}
	}
}
