package api_test

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/korean"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/docmap"
	"allim.dev/allim/notify/notifytest"
)

// mappings are those of every house: plain finds names, erp answers in its own form, tied is for one key.
func mappings(t testing.TB) (all []*docmap.Mapping) {
	t.Helper()
	for id, yaml := range map[string]string{
		"plain": `
vars: {name: "//name | //*[local-name()='name']", hurry: "boolean(//hurry)"}
notification: {to: {users: ["{{.name}}"]}, title: "hello", urgent: "{{.hurry}}"}
keyParameter: apikey
`,
		"erp": `
each: //o
vars: {no: "@no", who: "@who"}
notification: {to: {users: ["{{.who}}"]}, title: "주문 {{.no}}"}
idempotency: "{{.no}}"
reply: {contentType: "text/xml; charset=euc-kr", body: "<결과><코드>0</코드>{{range .ids}}<번호>{{.}}</번호>{{end}}</결과>"}
errorReply: {contentType: "text/xml; charset=euc-kr", body: "<결과><코드>{{.code}}</코드>{{range .errors}}<오류 곳='{{.path}}'>{{.message}}</오류>{{end}}</결과>", status: 200}
`,
		"tied": "notification: {to: {users: [kim]}, title: hello}\nkeys: [groupware]\n",
	} {
		m, err := docmap.Compile(id, notifytest.YAML(yaml), docmap.Options{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func (h *house) ingest(mapping, doc string, headers ...string) reply {
	h.t.Helper()
	if len(headers) == 0 || headers[0] != "Authorization" {
		headers = append([]string{"Authorization", "Bearer " + h.keys[notify.ScopeSend]}, headers...)
	}
	return h.ask(http.MethodPost, "/v1/ingest/"+mapping, doc, headers...)
}

func inEUCKR(t *testing.T, s string) string {
	t.Helper()
	out, err := korean.EUCKR.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestIngestInTheSendersForm: the mapping's own answers and faults, in its encoding.
func TestIngestInTheSendersForm(t *testing.T) {
	h := newHouse(t)
	says := `<?xml version="1.0" encoding="euc-kr"?>`
	r := h.ingest("erp", inEUCKR(t, says+`<l><o no="가1" who="kim"/><o no="가2" who="lee"/></l>`), "Content-Type", "text/plain")
	want := inEUCKR(t, "<결과><코드>0</코드><번호>"+h.store.sent[0].ID+"</번호><번호>"+h.store.sent[1].ID+"</번호></결과>")
	if r.status != 200 || r.body != want || r.header.Get("Content-Type") != "text/xml; charset=euc-kr" {
		t.Errorf("%d %q", r.status, r.body)
	}
	if h.store.sent[1].Content.Title != "주문 가2" || h.store.sent[1].By == "" {
		t.Error(h.store.sent[1])
	}
	r = h.ingest("erp", inEUCKR(t, says+"<l>\n<o no='3' who='kim'/>\n<o no='4' who='박'/></l>"), "Content-Type", "text/xml")
	if want := inEUCKR(t, "<결과><코드>unknown-user</코드><오류 곳='match[1].to.users[0]'>is not known (line 3)</오류></결과>"); r.status != 200 || r.body != want {
		t.Errorf("%d %q\nwant %q", r.status, r.body, want)
	}
	if len(h.store.sent) != 2 {
		t.Error("a refused document left something behind")
	}
	if d := cmp.Diff([]string{"erp ", "erp unknown-user"}, h.hub.counted); d != "" {
		t.Error(d)
	}
}

const soapBody = `<s:Envelope xmlns:s="%s"><s:Body><n><name>%s</name></n></s:Body></s:Envelope>`

// TestIngestFaults: each sender is told in its form.
func TestIngestFaults(t *testing.T) {
	h := newHouse(t)
	soap := func(version, name string) string {
		return strings.Replace(strings.Replace(soapBody, "%s", version, 1), "%s", name, 1)
	}
	for name, c := range map[string]struct {
		mapping, doc, contentType string
		status                    int
		want                      []string // in the answer
		mediaType                 string
	}{
		"JSON":           {"plain", `{"name":"nobody"}`, "application/json", 422, []string{`"code":"unknown-user"`, `"path":"match[0].to.users[0]"`}, "application/problem+json"},
		"JSON as a form": {"plain", `{"name":"nobody"}`, "application/x-www-form-urlencoded", 422, []string{`"code":"unknown-user"`}, "application/problem+json"},
		"XML":            {"plain", "<a><name>nobody</name></a>", "text/plain", 422, []string{"<code>unknown-user</code>", "<path>match[0].to.users[0]</path>"}, "application/problem+xml"},
		"broken XML":     {"plain", "<a>\n<name></a>", "text/xml", 400, []string{"<code>malformed-body</code>", "line 2, column 11"}, "application/problem+xml"},
		"SOAP 1.1": {"plain", soap(docmap.SOAP11, "nobody"), "text/xml", 500,
			[]string{"<faultcode>soap:Client</faultcode>", "<faultstring>There is no such user: 1 of the", `<detail><problem xmlns="urn:ietf:rfc:7807">`, "<code>unknown-user</code>"}, "text/xml"},
		"SOAP 1.2": {"plain", soap(docmap.SOAP12, "nobody"), "application/soap+xml", 400,
			[]string{"<soap:Value>soap:Sender</soap:Value>", "a:unknown-user</soap:Value>", "<soap:Detail><problem xmlns="}, "application/soap+xml"},
		"broken SOAP":     {"plain", soap(docmap.SOAP11, "x") + "<", "text/xml", 500, []string{"<faultcode>soap:Client</faultcode>", "malformed-body"}, "text/xml"},
		"unknown mapping": {"none", "<a/>", "text/xml", 404, []string{"<code>not-found</code>"}, "application/problem+xml"},
		"another key's":   {"tied", "<a/>", "text/xml", 403, []string{"the mapping tied is for other keys"}, "application/problem+xml"},
		"urgent":          {"plain", `{"name":"kim","hurry":1}`, "", 403, []string{"match[0].urgent"}, "application/problem+json"},
		"empty":           {"plain", "", "text/xml", 400, []string{"the document is empty"}, "application/problem+xml"},
	} {
		r := h.ingest(c.mapping, c.doc, "Content-Type", c.contentType)
		if r.status != c.status || !strings.HasPrefix(r.header.Get("Content-Type"), c.mediaType) {
			t.Errorf("%s: %d %s, want %d %s: %s", name, r.status, r.header.Get("Content-Type"), c.status, c.mediaType, r.body)
		}
		for _, w := range c.want {
			if !strings.Contains(r.body, w) {
				t.Errorf("%s: no %q in %s", name, w, r.body)
			}
		}
	}
	if len(h.store.sent) > 0 {
		t.Error("refused documents left something behind")
	}
	r := h.ingest("plain", soap(docmap.SOAP11, "kim"), "Content-Type", "text/xml", "SOAPAction", `""`)
	if r.status != 200 || !strings.Contains(r.body, `<soap:Body><ingested xmlns="urn:allim:v1"><ids><id>`+h.store.sent[0].ID+`</id></ids></ingested></soap:Body>`) {
		t.Error(r)
	}
	if r := h.ingest("plain", "", "Authorization", "Bearer x", "SOAPAction", `"urn:x"`); r.status != 401 || !strings.Contains(r.body, "<soap:Fault") {
		t.Error(r)
	}
}

// TestKeysOfOldSystems: Basic auth, and a query parameter where the mapping has one, which no log ever shows.
func TestKeysOfOldSystems(t *testing.T) {
	var logged strings.Builder
	h := newHouse(t, func(o *api.Options) {
		o.Log = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	key := h.keys[notify.ScopeSend]
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	const doc = `{"name":"kim"}`
	for name, c := range map[string]struct {
		path, authorization string
		status              int
	}{
		"the password":             {"plain", basic("erp", key), 202},
		"the user's name":          {"plain", basic(key, ""), 202},
		"a wrong password":         {"plain", basic("erp", "x"), 401},
		"broken":                   {"plain", "Basic ???", 401},
		"the parameter":            {"plain?apikey=" + key, "", 202},
		"a wrong parameter":        {"plain?apikey=secret-in-url", "", 401},
		"both":                     {"plain?apikey=secret-in-url", basic("erp", key), 202},
		"twice":                    {"plain?apikey=secret-in-url&apikey=" + key, "", 401},
		"another mapping has none": {"erp?apikey=" + key, "", 401},
		"another name":             {"plain?apikey=" + key + "&key=secret-in-url", "", 400},
	} {
		headers := []string{"Content-Type", "application/json"}
		if c.authorization != "" {
			headers = append([]string{"Authorization", c.authorization}, headers...)
		}
		r := h.ask(http.MethodPost, "/v1/ingest/"+c.path, doc, headers...)
		if r.status != c.status {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		if c.status == 401 && len(r.header.Values("WWW-Authenticate")) != 2 {
			t.Errorf("%s: %v", name, r.header)
		}
		if strings.Contains(r.body, key) || strings.Contains(r.body, "secret-in-url") {
			t.Errorf("%s: the key is in the answer: %s", name, r.body)
		}
	}
	h.hub.broken = notify.Wrap(notify.CodeInternal, http.ErrBodyNotAllowed, "the store failed")
	h.ask(http.MethodPost, "/v1/ingest/plain?apikey="+key, doc)
	if r := h.ask(http.MethodGet, "/v1/sources", "", "Authorization", basic("erp", key)); r.status != 401 {
		t.Error("Basic auth at another call:", r.status)
	}
	if metrics := h.ask(http.MethodGet, "/metrics", ""); strings.Contains(metrics.body, key) || strings.Contains(metrics.body, "secret-in-url") {
		t.Error("the key is in the metrics")
	}
	if s := logged.String(); !strings.Contains(s, "a request failed") || strings.Contains(s, key) || strings.Contains(s, "secret-in-url") {
		t.Errorf("the key is in the log, or the log is empty: %s", s)
	}
}

// TestTryMapping sends nothing, and counts nothing.
func TestTryMapping(t *testing.T) {
	h := newHouse(t)
	c := h.client(h.keys[notify.ScopeSend], true)
	got, err := c.TryMapping(t.Context(), "erp", notify.Foreign{Data: []byte("<l>\n<o no='1' who='kim'/></l>"), ContentType: "text/xml"})
	h.must(nil, err)
	if n := got.Notifications[0]; n.Where != "match[0]" || n.Line != 2 || n.Idempotency != "1" || n.Title != "주문 1" || n.People[0] != "kim" || n.To.Users[0] != "kim" {
		t.Errorf("%+v", got)
	}
	_, err = c.TryMapping(t.Context(), "erp", notify.Foreign{Data: []byte("<l>\n<o no='1' who='nobody'/></l>")})
	if notify.CodeOf(err) != notify.CodeUnknownUser {
		t.Error(err)
	}
	if len(h.store.sent)+len(h.hub.counted) > 0 {
		t.Error("a trial left something behind")
	}
}
