package api_test

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/text/encoding/korean"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
)

func TestNegotiation(t *testing.T) {
	h := newHouse(t)
	bearer := "Bearer " + h.keys[notify.ScopeRead]
	const jsonType, xmlType = "application/json", "application/xml; charset=utf-8"
	for _, c := range []struct {
		accept, contentType string
		status              int
		want                string
	}{
		{"", "", 200, jsonType},
		{"*/*", "", 200, jsonType},
		{"", "application/xml", 200, xmlType},
		{"*/*", "text/xml; charset=euc-kr", 200, xmlType},
		{"application/json", "text/xml", 200, jsonType},
		{"application/xml", "", 200, xmlType},
		{"text/xml", "", 200, "text/xml; charset=utf-8"},
		{"text/*", "", 200, "text/xml; charset=utf-8"},
		{"application/*", "", 200, jsonType},
		{"application/*", "application/vnd.erp+xml", 200, xmlType},
		{"application/json;q=0.5, application/xml", "", 200, xmlType},
		{"application/json;q=0.5, application/xml;q=0.4, */*;q=0.1", "", 200, jsonType},
		{"*/*, application/json;q=0", "", 200, xmlType},
		{"application/vnd.allim+xml", "", 200, xmlType},
		{"application/problem+json", "application/xml", 200, jsonType},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "", 200, xmlType},
		{"application/json, text/plain, */*", "", 200, jsonType},
		{"text/plain, ;;;, application/xml", "", 200, xmlType},
		{"text/html", "", 406, "application/problem+json"},
		{"text/html", "text/xml", 406, "application/problem+xml; charset=utf-8"},
		{"image/png, application/xml;q=0", "", 406, "application/problem+json"},
		{"application/json;q=2", "", 406, "application/problem+json"},
	} {
		headers := []string{"Authorization", bearer}
		if c.accept != "" {
			headers = append(headers, "Accept", c.accept)
		}
		if c.contentType != "" {
			headers = append(headers, "Content-Type", c.contentType)
		}
		r := h.ask(http.MethodGet, "/v1/sources", "", headers...)
		if r.status != c.status || r.header.Get("Content-Type") != c.want {
			t.Errorf("Accept %q, Content-Type %q: %d %s, want %d %s", c.accept, c.contentType, r.status, r.header.Get("Content-Type"), c.status, c.want)
		}
	}
}

func TestBodies(t *testing.T) {
	h := newHouse(t, func(o *api.Options) { o.Limits.Body = 200 })
	eucKR, err := korean.EUCKR.NewEncoder().String(`<?xml version="1.0" encoding="EUC-KR"?><user><name>뷁김철수</name></user>`)
	h.must(nil, err)
	for name, c := range map[string]struct {
		contentType, body string
		status            int
		code              notify.Code
		detail            string
	}{
		"euc-kr":              {"text/xml", eucKR, 200, "", ""},
		"a suffix":            {"application/vnd.hr+json", `{}`, 200, "", ""},
		"no type, JSON":       {"", ` {"name":"a"}`, 200, "", ""},
		"no type, XML":        {"", "\n<user/>", 200, "", ""},
		"a form":              {"application/x-www-form-urlencoded", "name=a", 415, notify.CodeUnsupportedMedia, "application/json, application/xml, text/xml"},
		"a broken type":       {"application/", "{}", 415, notify.CodeUnsupportedMedia, ""},
		"an unknown encoding": {"text/xml; charset=klingon", "<user/>", 415, notify.CodeUnsupportedMedia, "klingon"},
		"just fits":           {"application/json", `{"name":"` + strings.Repeat("a", 189) + `"}`, 200, "", ""},
		"too large":           {"application/json", `{"name":"` + strings.Repeat("a", 190) + `"}`, 413, notify.CodeTooLarge, "limits.body, which is 200 bytes"},
		"wrong line":          {"application/json", "{\n\"name\": }", 400, notify.CodeMalformed, "line 2, column 9"},
	} {
		headers := []string{"Authorization", "Bearer " + h.keys[notify.ScopeAdmin]}
		if c.contentType != "" {
			headers = append(headers, "Content-Type", c.contentType)
		}
		r := h.ask(http.MethodPut, "/v1/users/kim", c.body, headers...)
		if r.status != c.status {
			t.Errorf("%s: %d %s", name, r.status, r.body)
			continue
		}
		if c.status == 200 {
			continue
		}
		if p := h.problem(r); p.Code != c.code || !strings.Contains(p.Detail, c.detail) {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if r := h.ask(http.MethodPut, "/v1/users/kim", "{}", "Authorization", "Bearer "+h.keys[notify.ScopeAdmin],
		"Content-Type", "application/json", "Content-Encoding", "gzip"); r.status != 415 {
		t.Error("a gzipped body:", r.status)
	}
	if u := h.store.users["kim"]; u.Name != "a" && u.Name != "뷁김철수" && u.Name != "" && len(u.Name) != 189 {
		t.Error(u)
	}
}

// TestOldSystem posts as a groupware does that nobody can change, and gets its answer and its faults in XML.
func TestOldSystem(t *testing.T) {
	h := newHouse(t)
	doc, err := korean.EUCKR.NewEncoder().String(`<?xml version="1.0" encoding="euc-kr"?>
<notification xmlns="urn:allim:v1">
  <to><identities><identity kind="email">KIM@example.com</identity></identities></to>
  <title>[전자결재] 똠방각하</title>
  <ttl>3600</ttl>
</notification>`)
	h.must(nil, err)
	headers := []string{"Authorization", "Bearer " + h.keys[notify.ScopeSend], "Content-Type", "text/xml"}
	r := h.ask(http.MethodPost, "/v1/notifications", doc, headers...)
	if r.status != 202 || !strings.Contains(r.body, `<notification xmlns="urn:allim:v1"><id>`+h.store.sent[0].ID+`</id><state>sending</state><counts>`) ||
		r.header.Get("Location") != "/v1/notifications/"+h.store.sent[0].ID {
		t.Error(r)
	}
	if got := h.store.sent[0]; got.Content.Title != "[전자결재] 똠방각하" || got.To.Identities[0].Value != "kim@example.com" {
		t.Error(got)
	}
	r = h.ask(http.MethodPost, "/v1/notifications", `<notification><to><user>kim</user></to></notification>`, headers...)
	if r.status != 400 || !strings.Contains(r.body, `<problem xmlns="urn:ietf:rfc:7807">`) ||
		!strings.Contains(r.body, `<errors><i><path>to.user</path><message>is not a known field; did you mean users? (line 1)</message></i></errors>`) {
		t.Error(r)
	}
}

// TestIdempotencyAcrossForms: the same notification in the other form is the same body.
func TestIdempotencyAcrossForms(t *testing.T) {
	h := newHouse(t)
	send := func(contentType, body string) reply {
		return h.ask(http.MethodPost, "/v1/notifications", body, "Authorization", "Bearer "+h.keys[notify.ScopeSend],
			"Idempotency-Key", "k1", "Content-Type", contentType)
	}
	first := send("application/json", `{"title":"a","to":{"users":["kim"]},"sendAt":"2026-11-23T09:00:00Z"}`)
	again := send("application/xml", `<notification><to><users><user>kim</user></users></to><sendAt>2026-11-23T18:00:00+09:00</sendAt><title>a</title></notification>`)
	if first.status != 202 || again.status != 202 || again.header.Get("Location") != first.header.Get("Location") ||
		again.header.Get("Idempotency-Replayed") != "true" || first.header.Get("Idempotency-Replayed") != "" {
		t.Error(first, again)
	}
	if r := send("application/json", `{"title":"b","to":{"users":["kim"]}}`); r.status != 422 || h.problem(r).Code != notify.CodeIdempotencyConflict {
		t.Error(r)
	}
}
