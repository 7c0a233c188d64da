package docmap_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/korean"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/docmap"
	"allim.dev/allim/notify/notifytest"
)

// erp is the contract's own example.
const erp = `
namespaces: {o: "urn:erp:order"}
each: "//o:Order"
vars: {no: "@no", owner: "o:Owner/@id", amount: "number(o:Amount)"}
when: "amount > 1000000"
notification:
  to: {identities: [{kind: employee, value: "{{.owner}}"}]}
  title: "주문 {{.no}} 승인"
  collapseKey: "order-{{.no}}"
idempotency: "{{.no}}"
reply: {contentType: "text/xml; charset=euc-kr", body: "<Result><Code>0</Code><Id>{{.id}}</Id></Result>"}
`

const orders = `<?xml version="1.0" encoding="EUC-KR"?>
<o:Orders xmlns:o="urn:erp:order">
  <o:Order no="A-1"><o:Owner id="1001">김철수</o:Owner><o:Amount>1500000</o:Amount></o:Order>
  <o:Order no="A-2"><o:Owner id="1002"/><o:Amount>999</o:Amount></o:Order>
  <o:Order no="A-3"><o:Owner id="1003"/><o:Amount> 2000000.50 </o:Amount></o:Order>
</o:Orders>`

func compile(t *testing.T, yaml string) *docmap.Mapping {
	t.Helper()
	m, err := docmap.Compile("erp", notifytest.YAML(yaml), docmap.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func apply(t *testing.T, m *docmap.Mapping, doc, contentType string) *docmap.Result {
	t.Helper()
	r, err := m.Apply(t.Context(), notify.Foreign{Data: []byte(doc), ContentType: contentType})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func eucKR(t *testing.T, s string) string {
	t.Helper()
	out, err := korean.EUCKR.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// briefly writes what is to be sent in one line for each notification.
func briefly(r *docmap.Result) (lines []string) {
	for _, s := range r.Items {
		n := s.Notification
		who := append([]string{}, n.To.Users...)
		for _, i := range n.To.Identities {
			who = append(who, i.String())
		}
		lines = append(lines, fmt.Sprintf("%s: %s | %s", strings.Join(who, ","), n.Content.Title, n.Content.Body))
	}
	return lines
}

func TestTheContractsExample(t *testing.T) {
	m := compile(t, erp)
	r := apply(t, m, eucKR(t, orders), "text/xml")
	want := []string{"employee:1001: 주문 A-1 승인 | ", "employee:1003: 주문 A-3 승인 | "}
	if d := cmp.Diff(want, briefly(r)); d != "" {
		t.Fatal(d)
	}
	if n := r.Items[0].Notification; n.CollapseKey != "order-A-1" || n.TTL != 24*time.Hour {
		t.Error(n)
	}
	if r.Items[0].Idempotency.Key != "mapping\terp\tA-1" || len(r.Items[0].Idempotency.BodyHash) != 32 || r.Items[1].Where != "match[2]" || r.Items[1].Line != 5 {
		t.Errorf("%+v", r.Items)
	}
	reply, ok, err := m.Reply(r, []notify.Acceptance{{Notification: notify.Notification{ID: "n1"}}, {Notification: notify.Notification{ID: "n2"}}})
	if err != nil || !ok || reply.Status != 200 || string(reply.Body) != "<Result><Code>0</Code><Id>n1</Id></Result>" ||
		reply.ContentType != "text/xml; charset=euc-kr" {
		t.Errorf("%+v %v %v", reply, ok, err)
	}
}

func TestJSON(t *testing.T) {
	m := compile(t, `
each: "/orders/*"
vars: {no: "no", who: "owner/id", price: "price", urgent: "flags/urgent"}
lists: {watchers: "watchers/*"}
notification:
  to: {users: ["{{.who}}", "{{range .watchers}}{{.}}\n{{end}}"]}
  title: "{{.no}}"
  body: "{{comma .price}} {{.urgent}}"
`)
	r := apply(t, m, `{"orders":[{"no":12345678901234567890,"owner":{"id":"kim"},"price":-1234567.5,"watchers":["lee","park"],"flags":{"urgent":true}},
		{"no":"B","owner":{"id":"choi"},"price":null,"watchers":[]}]}`, "application/json")
	want := []string{"kim,lee,park: 12345678901234567890 | -1,234,567.5 true", "choi: B |  "}
	if d := cmp.Diff(want, briefly(r)); d != "" {
		t.Error(d)
	}
}

func TestSOAPAndDefaultNamespaces(t *testing.T) {
	m := compile(t, `
namespaces: {env: "http://schemas.xmlsoap.org/soap/envelope/", n: "urn:n"}
each: "env:Envelope/env:Body/n:Notify"
common: {from: "env:Envelope/env:Header/From"}
vars: {text: "n:Text", user: "User"}
notification: {to: {users: ["{{.user}}"]}, title: "{{.from}}", body: "{{.text}}"}
`)
	doc := `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Header><From>erp</From></S:Header><S:Body>
	<Notify xmlns="urn:n"><Text><![CDATA[a <b> ]]>&amp; c</Text><User>kim</User></Notify></S:Body></S:Envelope>`
	if d := cmp.Diff([]string{"kim: erp | a <b> & c"}, briefly(apply(t, m, doc, "text/plain"))); d != "" {
		t.Error(d)
	}
}

func said(err error) string {
	var e *notify.Error
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	lines := []string{string(e.Code) + ": " + e.Detail}
	for _, f := range e.Fields {
		lines = append(lines, f.Path+" "+f.Message)
	}
	return strings.Join(lines, "\n")
}

// TestRefused: what a document has wrong is told with its place, all of it at once.
func TestRefused(t *testing.T) {
	m := compile(t, `
each: "/l/o"
vars: {a: "@a | a", n: "number(@n)"}
lists: {many: "m"}
notification:
  to: {users: ["{{.a}}"]}
  title: "x{{.n}}"
  badge: "{{if .n}}{{.n}}{{end}}"
  data: {k: "{{.a}}"}
idempotency: "{{.a}}"
maxMatches: 3
`)
	for _, c := range []struct{ name, doc, want string }{
		{"fields", "<l>\n<o a='1' n='2'/>\n<o n='x'/></l>", "invalid-input: 1 of the document's 2 notifications cannot be accepted, so none was\n" +
			"match[1].badge must be a whole number (line 3)\nmatch[1].to.users[0] is empty in this document (line 3)\nmatch[1].idempotency is empty in this document (line 3)"},
		{"nothing", "<x xmlns='urn:x'/>", `invalid-input: the document has nothing that the mapping erp looks for (/l/o); its outermost element is "x" in the namespace "urn:x"`},
		{"too many", "<l><o/><o/><o/><o/></l>", "too-large: the document has more than the mapping's maxMatches, which is 3; split it"},
		{"a list too long", "<l><o a='1' n='1'>" + strings.Repeat("<m/>", 1001) + "</o></l>",
			"invalid-input: 1 of the document's 1 notifications cannot be accepted, so none was\nmatch[0].lists.many has more than 1000 values (line 1)"},
		{"cut off", "<l>\n <o>", "malformed-body: line 2, column 5: unexpected EOF"},
		{"a DTD", "<!DOCTYPE l [<!ENTITY a 'b'>]><l>&a;</l>", "malformed-body: line 1, column 31: a document type declaration is not allowed"},
		{"wrong bytes", "<?xml version='1.0' encoding='euc-kr'?>\n<l>\xb0 </l>", "malformed-body: line 2, column 4: the bytes here are not valid euc-kr"},
		{"empty", "  \n", "malformed-body: the document is empty"},
		{"a control character", `{"l":{"o":{"a":"\u0001","n":1}}}`, "invalid-input: 1 of the document's 1 notifications cannot be accepted, so none was\n" +
			"match[0].badge must be a whole number\nmatch[0].data.k holds the character U+0001, which is not a text character"},
	} {
		_, err := m.Apply(t.Context(), notify.Foreign{Data: []byte(c.doc)})
		if got := said(err); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestWhatIsWrongWithAMapping: every mistake of it is told at once, when the configuration is read.
func TestWhatIsWrongWithAMapping(t *testing.T) {
	_, err := docmap.Compile("bad", notifytest.YAML(`
charset: klingon
namespaces: {o: ""}
each: "count(//a)"
common: {b: "//x:y"}
vars: {a: "a[", amount: "string(a)", b: "b", "1c": "c"}
lists: {l: "number(x)"}
when: "amount > 10"
notification:
  to: {platforms: [gcm, fax]}
  title: "{{.nobody}}"
  body: "{{range .l}}{{range $.l}}x{{end}}{{end}}"
  url: "{{template \"x\"}}"
  image: "{{.a"
  badge: "many"
  priority: hgih
  ttl: "99999999999"
  template: "no.such"
idempotency: "same"
reply: {contentType: "text/xml; charset=klingon", body: "{{.oh}}", status: 99}
maxMatches: 0
`), docmap.Options{})
	got := fmt.Sprint(err)
	for _, want := range []string{
		"charset: the encoding \"klingon\" is not known", "namespaces.o: is empty", "each: must give nodes, but gives a number",
		"common.b: is not a valid XPath", "vars.a: is not a valid XPath", "vars.b: there is a variable of this name already",
		"vars.1c: a variable's name is", "lists.l: must give nodes, but gives a number", "when: is not a valid condition: invalid operation: > (mismatched types string and int)",
		"notification.to: names nobody", "notification.to.platforms[1]: must be one of", "notification.title: there is no variable \"nobody\"; there are: ",
		"notification.body: a range within a range", "notification.url: template is not allowed", "notification.image: unclosed action",
		"notification.badge: must be a whole number", "notification.priority: must be high, normal or low", "notification.ttl: must be 0 to",
		"notification.template: there is no template \"no.such\"", "idempotency: is the same for all matches", "reply.contentType: the encoding",
		"reply.body: there is no variable \"oh\"", "reply.status: must be an HTTP status", "maxMatches: must be 1 to 10000",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("not told: %s", want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

// TestConditionsAreBounded: what could make a condition's work grow beyond the document is refused.
func TestConditionsAreBounded(t *testing.T) {
	for when, want := range map[string]string{
		`len(1..1000000) > 2`:             "ranges",
		`any(l, any(l, # == "x"))`:        "a loop within a loop",
		`repeat("x", 100000000) == "y"`:   "unknown name repeat",
		`now() > now()`:                   "unknown name now",
		`any(l, # contains "a") and true`: "",
	} {
		_, err := docmap.Compile("m", notifytest.YAML("lists: {l: \"//x\"}\nwhen: '"+when+"'\nnotification: {to: {all: \"true\"}, title: t}\n"), docmap.Options{})
		if (want == "") != (err == nil) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v", when, err)
		}
	}
}

// TestSteps: expressions that are costly for a document end it, and the answer says what to do.
func TestSteps(t *testing.T) {
	m := compile(t, `
each: "//o"
vars: {n: "count(//o[count(//o) > 1])"}
notification: {to: {users: [kim]}, title: "{{.n}}"}
`)
	_, err := m.Apply(t.Context(), notify.Foreign{Data: []byte("<l>" + strings.Repeat("<o/>", 900) + "</l>")})
	if notify.CodeOf(err) != notify.CodeTooLarge || !strings.Contains(err.Error(), "more work than the 4000000 steps") {
		t.Error(err)
	}
}

func TestReplies(t *testing.T) {
	m := compile(t, `
vars: {no: "o/@no"}
notification: {to: {users: [kim]}, title: "t"}
reply:
  contentType: text/xml; charset=euc-kr
  body: "<R no='{{.no}}'>{{range .ids}}<i>{{.}}</i>{{end}}{{range .matches}}{{.no}}={{.id}}{{end}} 뷁😀</R>"
errorReply:
  contentType: application/json
  status: 200
  body: '{"code":"{{.code}}","why":"{{.detail}}"{{range .errors}},"at":"{{.path}}"{{end}}}'
`)
	r := apply(t, m, `<o no="&lt;1&gt;"/>`, "")
	reply, _, err := m.Reply(r, []notify.Acceptance{{Notification: notify.Notification{ID: "n1"}}})
	want := eucKR(t, "<R no='&lt;1&gt;'><i>n1</i>&lt;1&gt;=n1 뷁&#128512;</R>")
	if err != nil || string(reply.Body) != want {
		t.Errorf("%q %v\nwant %q", reply.Body, err, want)
	}
	reply, _, err = m.ErrorReply(docmap.Refusal{Status: 400, Code: "x", Detail: `a "b"`, Errors: []notify.FieldError{{Path: "p", Message: "m"}}})
	if err != nil || reply.Status != 200 || string(reply.Body) != `{"code":"x","why":"a \"b\"","at":"p"}` {
		t.Errorf("%q %v", reply.Body, err)
	}
}

// TestTheHash: the same notification has the same hash, however the document was written.
func TestTheHash(t *testing.T) {
	m := compile(t, erp)
	hash := func(doc string) string {
		return string(apply(t, m, doc, "").Items[0].Idempotency.BodyHash)
	}
	one := hash(`<o:Order xmlns:o="urn:erp:order" no="1"><o:Owner id="7"/><o:Amount>2000000</o:Amount></o:Order>`)
	if one != hash("<x:Order no='1' xmlns:x='urn:erp:order'>\n<x:Owner id='7'/><x:Amount>3000000</x:Amount></x:Order>") {
		t.Error("another spelling has another hash")
	}
	if one == hash(`<o:Order xmlns:o="urn:erp:order" no="1"><o:Owner id="8"/><o:Amount>2000000</o:Amount></o:Order>`) {
		t.Error("another owner has the same hash")
	}
}

func TestForms(t *testing.T) {
	for _, c := range []struct {
		contentType, doc string
		want             docmap.Form
	}{
		{"application/json", " <a/>", docmap.Form{XML: true}},
		{"text/xml", `{"a":1}`, docmap.Form{}},
		{"application/x-www-form-urlencoded", "\ufeff\n<a/>", docmap.Form{XML: true}},
		{"", "\xff\xfe<\x00a\x00/\x00>\x00", docmap.Form{XML: true}},
		{"application/soap+xml", "<x/>", docmap.Form{XML: true, SOAP: docmap.SOAP12}},
		{"text/xml", `<s:Envelope xmlns:s="` + docmap.SOAP11 + `"/>`, docmap.Form{XML: true, SOAP: docmap.SOAP11}},
	} {
		if got := docmap.FormOf(notify.Foreign{ContentType: c.contentType, Data: []byte(c.doc)}); got != c.want {
			t.Errorf("%s %q: %+v", c.contentType, c.doc, got)
		}
	}
}
