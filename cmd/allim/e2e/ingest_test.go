package e2e

import (
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/korean"

	"allim.dev/allim/notify/api/wire"
)

// contractMapping is the example of the contract, word for word, with a way to carry the key in the URL.
const contractMapping = `mappings:
  - id: erp
    namespaces: {o: "urn:erp:order"}
    each: "//o:Order"                       # XPath 1.0; one notification a match
    vars: {no: "@no", owner: "o:Owner/@id", amount: "number(o:Amount)"}
    when: "amount > 1000000"                # expr-lang
    notification:
      to: {identities: [{kind: employee, value: "{{.owner}}"}]}
      title: "주문 {{.no}} 승인"
      collapseKey: "order-{{.no}}"
    idempotency: "{{.no}}"
    reply: {contentType: "text/xml; charset=euc-kr", body: "<Result><Code>0</Code><Id>{{.id}}</Id></Result>"}
    keyParameter: apikey
`

const contractOrders = `<?xml version="1.0" encoding="EUC-KR"?>
<o:Orders xmlns:o="urn:erp:order">
  <o:Order no="4711"><o:Owner id="E1001">김철수</o:Owner><o:Amount>1500000</o:Amount></o:Order>
  <o:Order no="4712"><o:Owner id="E1001">김철수</o:Owner><o:Amount>900000</o:Amount></o:Order>
  <o:Order no="4713"><o:Owner id="E1002">이영희</o:Owner><o:Amount>1000001</o:Amount></o:Order>
</o:Orders>`

// oldSystem posts as a system does that nobody can change.
type oldSystem struct{ *hub }

func (o *oldSystem) ask(path, authorization, body string) (int, string, http.Header) {
	o.t.Helper()
	raw, err := korean.EUCKR.NewEncoder().String(body)
	if err != nil {
		o.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.url()+path, strings.NewReader(raw))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := o.http.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return res.StatusCode, string(answer), res.Header
}

// TestIngest is the contract's example over the real binary: an order in EUC-KR becomes notifications, once, all or none,
// whichever way the key comes, and the key is nowhere in the log.
func TestIngest(t *testing.T) {
	h := newHub(t, checked(t), strings.Replace(contractMapping, "mappings:", "log: {level: debug, format: text}\nmappings:", 1))
	conf, err := os.ReadFile(h.conf())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.conf(), []byte(strings.Replace(string(conf), "log: {level: info, format: text}\n", "", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := h.allim("check", "-c", h.conf()); !strings.Contains(out, "is valid") {
		t.Fatal(out)
	}
	h.start()
	for user, employee := range map[string]string{"kim": "E1001", "lee": "E1002"} {
		h.must(http.MethodPut, "/v1/users/"+user, wire.UserInput{Identities: []wire.Identity{{Kind: "employee", Value: employee}}}, nil)
	}
	o := &oldSystem{hub: h}
	key := strings.TrimSpace(h.allim("key", "create", "--name", "erp", "--scope", "send"))

	doc := filepath.Join(h.dir, "orders.xml")
	raw, err := korean.EUCKR.NewEncoder().String(contractOrders)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(doc, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	tried := h.allim("map", "try", "erp", doc)
	for _, want := range []string{"match[0]", "employee:e1001 = kim", "주문 4711 승인", "match[2]", "employee:e1002 = lee"} {
		if !strings.Contains(tried, want) {
			t.Errorf("map try shows no %q:\n%s", want, tried)
		}
	}
	o.sentIs(0)

	status, answer, header := o.ask("/v1/ingest/erp?apikey="+key, "", contractOrders)
	id := strings.TrimPrefix(header.Get("Location"), "/v1/notifications/")
	if want := "<Result><Code>0</Code><Id>" + id + "</Id></Result>"; status != 200 || id == "" || answer != want ||
		header.Get("Content-Type") != "text/xml; charset=euc-kr" {
		t.Fatalf("%d %s, want %s", status, answer, want)
	}
	o.sentIs(2)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("erp:"+key))
	if status, again, _ := o.ask("/v1/ingest/erp", basic, contractOrders); status != 200 || again != answer {
		t.Errorf("the same again: %d %s", status, again)
	}
	o.sentIs(2)

	// An unknown owner takes all with it; the sender is told which, and where.
	status, answer, _ = o.ask("/v1/ingest/erp", "Bearer "+key, strings.NewReplacer("4711", "5711", "4713", "5713", "E1002", "E9999").Replace(contractOrders))
	if status != 422 || !strings.Contains(answer, "<code>unknown-identity</code>") || !strings.Contains(answer, "<path>match[2].to.identities[0]</path>") ||
		!strings.Contains(answer, "(line 5)") {
		t.Errorf("%d %s", status, answer)
	}
	status, answer, _ = o.ask("/v1/ingest/erp", "Bearer "+key, "<o:Orders xmlns:o='urn:erp:order'>\n<o:Order></o:Orders>")
	if status != 400 || !strings.Contains(answer, "malformed-body") || !strings.Contains(answer, "line 2, column") {
		t.Errorf("%d %s", status, answer)
	}
	if status, _, _ = o.ask("/v1/ingest/erp?apikey=allim_key_wrong", "", contractOrders); status != 401 {
		t.Error("a wrong key:", status)
	}
	o.sentIs(2)
	for sample, want := range map[string]float64{`outcome="accepted"`: 2, `outcome="unknown-identity"`: 1, `outcome="malformed-body"`: 1, `outcome="unauthenticated"`: 1} {
		if got := h.metric(`allim_documents_total{mapping="erp",` + sample + `}`); got != want {
			t.Errorf("%s is %v, want %v", sample, got, want)
		}
	}
	h.stop()
	if text := h.output.String(); !strings.Contains(text, "/v1/ingest/{mapping}") || strings.Contains(text, key) || strings.Contains(text, "allim_key_wrong") {
		t.Error("the log has a key, or nothing of the requests")
	}
}

func (o *oldSystem) sentIs(n int) {
	o.t.Helper()
	var list wire.NotificationList
	o.must(http.MethodGet, "/v1/notifications", nil, &list)
	if len(list.Notifications) != n {
		o.t.Errorf("%d notifications are stored, want %d", len(list.Notifications), n)
	}
}
