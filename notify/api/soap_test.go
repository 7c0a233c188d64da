package api_test

import (
	"encoding/base64"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/korean"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/soap"
	"allim.dev/allim/notify/api/wire"
)

// soapTypes are the media types of the versions.
var soapTypes = map[string]string{soap.SOAP11: "text/xml; charset=utf-8", soap.SOAP12: "application/soap+xml; charset=utf-8"}

// enveloped puts a header and a body into an envelope.
func enveloped(version, header, body string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><S:Envelope xmlns:S="` + version + `">` + header + "<S:Body>" + body + "</S:Body></S:Envelope>"
}

// messageOf is the body of an operation.
func messageOf(v any) string {
	var c codec.Codec
	_, doc, _ := strings.Cut(string(c.Encode(codec.XML, v)), "?>\n")
	return strings.TrimSpace(doc)
}

// call posts a message with the key; more headers come in pairs.
func (h *house) soap(key, version, doc string, headers ...string) reply {
	h.t.Helper()
	headers = append([]string{"Content-Type", soapTypes[version]}, headers...)
	if key != "" {
		headers = append(headers, "Authorization", "Bearer "+key)
	}
	return h.ask(http.MethodPost, api.SOAPPath, doc, headers...)
}

var inBody = regexp.MustCompile(`(?s)<soap:Body>(.*)</soap:Body>`)

// answerOf gives what an answer's Body holds.
func (h *house) answerOf(r reply, into any) string {
	h.t.Helper()
	m := inBody.FindStringSubmatch(r.body)
	if m == nil {
		h.t.Fatalf("%d without a Body: %s", r.status, r.body)
	}
	if into != nil {
		var c codec.Codec
		if err := c.Decode(codec.Document{Form: codec.XML, Data: []byte(m[1])}, into); err != nil {
			h.t.Fatalf("%v: %s", err, r.body)
		}
	}
	return m[1]
}

var inDetail = regexp.MustCompile(`(?s)<(?:detail|soap:Detail)>(.*)</(?:detail|soap:Detail)>`)

// faultOf gives the problem in a fault's detail.
func (h *house) faultOf(r reply) (p wire.Problem, doc string) {
	h.t.Helper()
	m := inDetail.FindStringSubmatch(r.body)
	if m == nil {
		h.t.Fatalf("%d without a detail: %s", r.status, r.body)
	}
	var c codec.Codec
	if err := c.Decode(codec.Document{Form: codec.XML, Data: []byte(m[1])}, &p); err != nil {
		h.t.Fatalf("%v: %s", err, r.body)
	}
	return p, m[1]
}

func phone() wire.DeviceInput {
	return wire.DeviceInput{App: "corp", Platform: notify.APNs, Token: strings.Repeat("cd", 32)}
}

// TestSOAPOperations: in both versions, with answers that the schemas of the hub and of its WSDL take.
func TestSOAPOperations(t *testing.T) {
	c := newCheck(t)
	inWSDL := newCheck(t)
	for version, mediaType := range soapTypes {
		h := newHouse(t)
		send, read, admin := h.keys[notify.ScopeSend], h.keys[notify.ScopeRead], h.keys[notify.ScopeAdmin]
		do := func(key string, in, out any) {
			t.Helper()
			doc := messageOf(in)
			r := h.soap(key, version, enveloped(version, "", doc))
			if r.status != 200 || r.header.Get("Content-Type") != mediaType || !strings.Contains(r.body, `xmlns:soap="`+version+`"`) {
				t.Fatalf("%d %s: %s", r.status, r.header.Get("Content-Type"), r.body)
			}
			answer := h.answerOf(r, out)
			for _, held := range []*check{c, inWSDL} {
				held.document(reflect.TypeOf(in).Elem(), doc)
				held.document(reflect.TypeOf(out).Elem(), answer)
			}
		}
		var sent wire.SendResponse
		do(send, &wire.Send{Notification: toKim()}, &sent)
		var many wire.SendManyResponse
		do(send, &wire.SendMany{Notifications: []wire.NotificationInput{toKim(), toKim()}}, &many)
		if len(h.store.sent) != 3 || h.store.sent[0].ID != sent.Notification.ID || len(many.Notifications) != 2 ||
			h.store.sent[2].ID != many.Notifications[1].ID || h.store.sent[2].Content.Title != "점심" || h.store.sent[2].By == "" {
			t.Error(sent, many, h.store.sent)
		}
		var status wire.GetStatusResponse
		do(read, &wire.GetStatus{ID: sent.Notification.ID}, &status)
		if status.Notification.Counts.Targeted != 4 || status.Notification.Title != "점심" {
			t.Error(status)
		}
		for _, created := range []bool{true, false} {
			var device wire.RegisterDeviceResponse
			do(admin, &wire.RegisterDevice{User: "kim", Device: phone()}, &device)
			if device.Created != created || device.Device.User != "kim" {
				t.Error(device)
			}
		}
		if acts := h.store.people.acts; len(acts) != 2 || acts[0].Act != "POST /soap registerDevice" || acts[0].Subject != "/v1/users/kim/devices" {
			t.Error(acts)
		}
		metrics := h.ask(http.MethodGet, "/metrics", "").body
		for _, want := range []string{`allim_soap_calls_total{operation="registerDevice",result="ok"} 2`, `allim_http_requests_total{code="200",route="POST /soap"} 5`} {
			if !strings.Contains(metrics, want) {
				t.Errorf("the metrics lack %s", want)
			}
		}
	}
	c.lint()
	inWSDL.file("allim.xsd", schemasOf(t, newHouse(t))[codec.Namespace])
	inWSDL.lint()
}

var schemaIn = regexp.MustCompile(`(?s)<xs:schema [^>]*targetNamespace="([^"]*)".*?</xs:schema>`)

// schemasOf gives the schemas within the WSDL, by their namespaces.
func schemasOf(t *testing.T, h *house) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, m := range schemaIn.FindAllStringSubmatch(h.ask(http.MethodGet, "/soap?wsdl", "").body, -1) {
		out[m[1]] = m[0]
	}
	if len(out) != 2 {
		t.Fatalf("the WSDL has %d schemas", len(out))
	}
	return out
}

// TestSOAPFaults: each in the version of its message, with the status of the version and the problem in its detail.
func TestSOAPFaults(t *testing.T) {
	c := newCheck(t)
	many := wire.SendMany{Notifications: []wire.NotificationInput{toKim(), {To: wire.Audience{Users: []string{"kim", "nobody"}}, Content: wire.Content{Title: "x"}}}}
	urgent := toKim()
	urgent.Urgent = true
	body := func(v any) string { return strings.NewReplacer("><", ">\n<").Replace(messageOf(v)) }
	for name, f := range map[string]struct {
		scope  notify.Scope
		body   string
		status int // of the problem
		code   notify.Code
		paths  string // with what is said of them
		server bool
	}{
		"an unknown person": {notify.ScopeSend, body(&wire.Send{Notification: many.Notifications[1]}), 422, notify.CodeUnknownUser,
			"notification.to.users[1] is not known (line 6)", false},
		"one of many": {notify.ScopeSend, body(&many), 422, notify.CodeUnknownUser, "notifications[1].to.users[1] is not known (line 15)", false},
		"none of many": {notify.ScopeSend, body(&wire.SendMany{}), 400, notify.CodeInvalid,
			"notifications must be 1 to 1000, and are 0 (line 2)", false},
		"not ours":       {notify.ScopeSend, body(&wire.GetStatus{ID: "x"}), 404, notify.CodeUnknownNotification, "", false},
		"another scope":  {notify.ScopeSend, body(&wire.RegisterDevice{User: "kim", Device: phone()}), 403, notify.CodeForbidden, "", false},
		"a reader":       {notify.ScopeRead, body(&wire.Send{Notification: toKim()}), 403, notify.CodeForbidden, "", false},
		"a person":       {notify.ScopeUser, body(&wire.Send{Notification: toKim()}), 403, notify.CodeForbidden, "", false},
		"nobody's phone": {notify.ScopeAdmin, body(&wire.RegisterDevice{User: "nobody", Device: phone()}), 422, notify.CodeUnknownUser, "user is not known (line 2)", false},
		"no user":        {notify.ScopeAdmin, messageOf(&wire.RegisterDevice{Device: phone()}), 400, notify.CodeInvalid, "user is required (line 1)", false},
		"no such app": {notify.ScopeAdmin, body(&wire.RegisterDevice{User: "kim", Device: wire.DeviceInput{App: "x", Platform: notify.APNs, Token: "ab"}}),
			422, notify.CodeUnknownApp, "device.app is not known (line 4)", false},
		"urgent": {notify.ScopeSend, body(&wire.Send{Notification: urgent}), 403, notify.CodeForbidden, "notification.urgent needs the scope urgent (line 9)", false},
		"an unknown element": {notify.ScopeSend, "<send xmlns='urn:allim:v1'>\n<notification><titel>x</titel></notification></send>", 400, notify.CodeInvalid,
			"notification.titel is not a known field; did you mean title? (line 2)", false},
		"wrong types": {notify.ScopeSend, "<send xmlns='urn:allim:v1'><notification><to/>\n<ttl>soon</ttl>\n<urgent>yes</urgent></notification></send>", 400, notify.CodeInvalid,
			"notification.ttl must be a whole number of at most 64 bits (line 2)\nnotification.urgent must be true or false (line 3)", false},
		"a strange operation": {notify.ScopeSend, "<sent/>", 404, notify.CodeNotFound, "", false},
		"a foreign operation": {notify.ScopeSend, "<sent xmlns='urn:x'/>", 404, notify.CodeNotFound, "", false},
		"nothing":             {notify.ScopeSend, "", 400, notify.CodeInvalid, "", false},
		"two operations":      {notify.ScopeSend, "<getStatus><id>1</id></getStatus><getStatus/>", 400, notify.CodeMalformed, "", false},
		"an entity":           {notify.ScopeSend, "<getStatus><id>&x;</id></getStatus>", 400, notify.CodeMalformed, "", false},
		"too deep":            {notify.ScopeSend, strings.Repeat("<send>", 40), 400, notify.CodeMalformed, "", false},
		"many attributes":     {notify.ScopeSend, "<send " + manyAttributes(40) + "/>", 400, notify.CodeMalformed, "", false},
		"a bad key": {notify.ScopeSend, "<send><idempotencyKey>가</idempotencyKey><notification><to/></notification></send>", 400, notify.CodeInvalid,
			"idempotencyKey must be 1 to 255 ASCII characters (line 1)", false},
		"the hub's fault": {notify.ScopeSend, body(&wire.SendMany{Notifications: []wire.NotificationInput{toKim()}}), 503, notify.CodeUnavailable, "", true},
	} {
		for version := range soapTypes {
			h := newHouse(t)
			if f.server {
				h.hub.broken = &notify.Error{Code: notify.CodeUnavailable, Detail: "the disk does not keep up", RetryAfter: 2 * time.Second}
			}
			r := h.soap(h.keys[f.scope], version, enveloped(version, "", f.body))
			p, doc := h.faultOf(r)
			c.document(reflect.TypeFor[wire.Problem](), doc)
			var said []string
			for _, e := range p.Errors {
				said = append(said, e.Path+" "+e.Message)
			}
			if p.Status != f.status || p.Code != f.code || strings.Join(said, "\n") != f.paths {
				t.Errorf("%s: %d %s %q", name, p.Status, p.Code, said)
			}
			status, word := 500, map[bool]string{false: "<faultcode>soap:Client</faultcode>", true: "<faultcode>soap:Server</faultcode>"}[f.server]
			if version == soap.SOAP12 {
				word = map[bool]string{false: "<soap:Code><soap:Value>soap:Sender</soap:Value>", true: "<soap:Code><soap:Value>soap:Receiver</soap:Value>"}[f.server]
				if !f.server {
					status = 400
				}
			}
			if r.status != status || !strings.Contains(r.body, word) || r.header.Get("Content-Type") != soapTypes[version] {
				t.Errorf("%s: %d %s", name, r.status, r.body)
			}
			if f.server && r.header.Get("Retry-After") != "2" {
				t.Errorf("%s: Retry-After %q", name, r.header.Get("Retry-After"))
			}
			if len(h.store.sent)+len(h.store.devices) > 0 {
				t.Errorf("%s left something behind", name)
			}
		}
	}
	c.lint()
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" a" + strings.Repeat("b", i) + "=''")
	}
	return b.String()
}

// TestSOAPEnvelopes: what is wrong around the Body, and what is not.
func TestSOAPEnvelopes(t *testing.T) {
	const op = "<getStatus><id>x</id></getStatus>"
	must := func(version, more string) string {
		return `<S:Header><t:Tx xmlns:t="urn:t" S:mustUnderstand="1"` + more + `>5</t:Tx></S:Header>`
	}
	in := func(version, header string) string { return enveloped(version, header, op) }
	for name, c := range map[string]struct {
		version, doc string
		status       int
		want         []string
	}{
		"not understood, 1.1": {soap.SOAP11, in(soap.SOAP11, must(soap.SOAP11, "")), 500,
			[]string{"<faultcode>soap:MustUnderstand</faultcode><faultstring>", "{urn:t}Tx</faultstring></soap:Fault>"}},
		"not understood, 1.2": {soap.SOAP12, in(soap.SOAP12, must(soap.SOAP12, "")), 500,
			[]string{`<soap:Header><soap:NotUnderstood xmlns:h="urn:t" qname="h:Tx"/></soap:Header>`, "<soap:Value>soap:MustUnderstand</soap:Value>", "</soap:Reason></soap:Fault>"}},
		"in the role next": {soap.SOAP12, in(soap.SOAP12, must(soap.SOAP12, ` S:role="`+soap.SOAP12+`/role/next"`)), 500, []string{"MustUnderstand"}},
		"another's":        {soap.SOAP12, in(soap.SOAP12, must(soap.SOAP12, ` S:role="urn:cache"`)), 400, []string{"unknown-notification"}},
		"another actor's":  {soap.SOAP11, in(soap.SOAP11, must(soap.SOAP11, ` S:actor="urn:cache"`)), 500, []string{"unknown-notification"}},
		"optional":         {soap.SOAP11, in(soap.SOAP11, `<S:Header><t:Tx xmlns:t="urn:t"><t:a/></t:Tx></S:Header>`), 500, []string{"unknown-notification"}},
		"another version": {soap.SOAP11, in("urn:soap13", ""), 500, []string{"<soap:Upgrade><soap:SupportedEnvelope", `qname="v:Envelope"`,
			"<soap:Value>soap:VersionMismatch</soap:Value>", `xmlns:soap="` + soap.SOAP12}},
		"1.2 called text/xml": {soap.SOAP11, in(soap.SOAP12, ""), 400, []string{"<soap:Value>soap:Sender</soap:Value>", "unknown-notification"}},
		"1.1 called soap+xml": {soap.SOAP12, in(soap.SOAP11, ""), 500, []string{"<faultcode>soap:Client</faultcode>", "unknown-notification"}},
		"no envelope":         {soap.SOAP12, op, 400, []string{"invalid-input", "it should be an Envelope"}},
		"no XML":              {soap.SOAP11, "{}", 500, []string{"malformed-body", "line 1, column 3"}},
		"empty":               {soap.SOAP11, "", 500, []string{"malformed-body"}},
		"no Body":             {soap.SOAP11, "<S:Envelope xmlns:S='" + soap.SOAP11 + "'>\n</S:Envelope>", 500, []string{"the Envelope has no Body", "line 2"}},
		"a DTD":               {soap.SOAP11, "<!DOCTYPE a [<!ENTITY x 'y'>]>" + in(soap.SOAP11, "")[38:], 500, []string{"a document type declaration is not allowed"}},
		"text":                {soap.SOAP11, strings.Replace(in(soap.SOAP11, ""), "<S:Body>", "<S:Body>x", 1), 500, []string{"text where only elements may stand"}},
		"more behind":         {soap.SOAP11, strings.Replace(in(soap.SOAP11, ""), "</S:Body>", "</S:Body><x/>", 1), 500, []string{"behind what the Envelope may hold"}},
		"cut off":             {soap.SOAP11, in(soap.SOAP11, "")[:150], 500, []string{"malformed-body"}},
		"encoded": {soap.SOAP11, enveloped(soap.SOAP11, "", `<getStatus S:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"/>`), 500,
			[]string{"<faultcode>soap:Client</faultcode>", "document/literal", "unsupported-media-type"}},
		"encoded, 1.2": {soap.SOAP12, enveloped(soap.SOAP12, "", `<getStatus S:encodingStyle="http://www.w3.org/2003/05/soap-encoding"/>`), 500,
			[]string{"<soap:Value>soap:DataEncodingUnknown</soap:Value>"}},
		"a flood of headers": {soap.SOAP11, in(soap.SOAP11, "<S:Header><h>"+strings.Repeat("<a/>", 2000)+"</h></S:Header>"), 500, []string{"too-large", "more than 1000 elements"}},
	} {
		h := newHouse(t)
		r := h.soap(h.keys[notify.ScopeRead], c.version, c.doc)
		if r.status != c.status {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		for _, want := range c.want {
			if !strings.Contains(r.body, want) {
				t.Errorf("%s: no %q in %s", name, want, r.body)
			}
		}
	}
}

// TestSOAPOverHTTP: media types, encodings, parameters and sizes.
func TestSOAPOverHTTP(t *testing.T) {
	h := newHouse(t, func(o *api.Options) { o.Limits.Body = 600 })
	key := h.keys[notify.ScopeSend]
	doc := enveloped(soap.SOAP11, "", messageOf(&wire.Send{Notification: toKim()}))
	eucKR, err := korean.EUCKR.NewEncoder().String(strings.Replace(doc, "UTF-8", "EUC-KR", 1))
	h.must(nil, err)
	for name, c := range map[string]struct {
		path, body, contentType string
		more                    []string
		status                  int
		want                    string
	}{
		"by the declaration":     {"/soap", eucKR, "text/xml", nil, 200, "sendResponse"},
		"by the type":            {"/soap", strings.Replace(eucKR, "EUC-KR", "utf-8", 1), "text/xml; charset=euc-kr", nil, 200, "sendResponse"},
		"with SOAPAction":        {"/soap", doc, "text/xml", []string{"SOAPAction", `"urn:allim:v1:send"`}, 200, "sendResponse"},
		"with an action":         {"/soap", strings.ReplaceAll(doc, soap.SOAP11, soap.SOAP12), `application/soap+xml; charset=utf-8; action="urn:allim:v1:send"`, nil, 200, "sendResponse"},
		"without a type":         {"/soap", doc, "", nil, 200, "sendResponse"},
		"what is accepted":       {"/soap", doc, "text/xml", []string{"Accept", "image/png"}, 200, "sendResponse"},
		"wrong bytes":            {"/soap", eucKR, "text/xml; charset=utf-8", nil, 500, "line 1, column"},
		"an unknown encoding":    {"/soap", doc, "text/xml; charset=klingon", nil, 500, "klingon"},
		"JSON":                   {"/soap", "{}", "application/json", nil, 500, "unsupported-media-type"},
		"attachments":            {"/soap", doc, `multipart/related; type="application/xop+xml"`, nil, 500, "without attachments"},
		"packed":                 {"/soap", doc, "text/xml", []string{"Content-Encoding", "gzip"}, 500, "gzip"},
		"a parameter":            {"/soap?nope=1", doc, "text/xml", nil, 500, "nope"},
		"too large":              {"/soap", doc + strings.Repeat(" ", 600), "text/xml", nil, 500, "limits.body, which is 600 bytes"},
		"too large, 1.2 by type": {"/soap", doc + strings.Repeat(" ", 600), "application/soap+xml", nil, 400, "soap:Sender"},
	} {
		before := len(h.store.sent)
		headers := append([]string{"Authorization", "Bearer " + key}, c.more...)
		if c.contentType != "" {
			headers = append(headers, "Content-Type", c.contentType)
		}
		r := h.ask(http.MethodPost, c.path, c.body, headers...)
		if r.status != c.status || !strings.Contains(r.body, c.want) || !strings.Contains(r.body, ":Envelope") {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		sent := h.store.sent[before:]
		if (len(sent) == 1) != (c.status == 200) || len(sent) == 1 && sent[0].Content.Title != "점심" {
			t.Errorf("%s: sent %v", name, sent)
		}
	}
}

const wsse = `xmlns:w="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd" xmlns:u="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"`

// TestSOAPKeys: as a bearer, in Basic, or in a UsernameToken that is then understood.
func TestSOAPKeys(t *testing.T) {
	h := newHouse(t)
	key := h.keys[notify.ScopeSend]
	token := func(password string) string {
		return `<w:UsernameToken><w:Username>erp</w:Username>` + password + `</w:UsernameToken>`
	}
	password := func(typ, s string) string {
		return `<w:Password Type="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#Password` + typ + `">` + s + `</w:Password>`
	}
	plain := "<w:Password>" + key + "</w:Password>"
	stamp := func(d time.Duration) string {
		return "<u:Timestamp><u:Created>x</u:Created><u:Expires>" + h.clock.Now().Add(d).UTC().Format(time.RFC3339Nano) + "</u:Expires></u:Timestamp>"
	}
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte("erp:"+s)) }
	for name, c := range map[string]struct {
		auth, security string
		status         int
		want           string
	}{
		"a bearer":          {"Bearer " + key, "", 200, ""},
		"Basic":             {basic(key), "", 200, ""},
		"a token":           {"", token(plain), 200, ""},
		"of a type":         {"", token(password("Text", key)), 200, ""},
		"with a nonce":      {"", token(plain + "<w:Nonce>x</w:Nonce><u:Created>x</u:Created>"), 200, ""},
		"in time":           {"", stamp(-time.Minute) + token(plain), 200, ""},
		"both":              {basic(key), token(plain), 200, ""},
		"the name only":     {"", "<w:UsernameToken><w:Username>" + key + "</w:Username></w:UsernameToken>", 200, ""},
		"none":              {"", "", 401, "a key is missing"},
		"an empty header":   {"", " ", 401, "a key is missing"},
		"a wrong bearer":    {"Bearer secret-x", "", 401, "is not known"},
		"a wrong token":     {"", token("<w:Password>secret-x</w:Password>"), 401, "is not known"},
		"an empty token":    {"", "<w:UsernameToken/>", 401, "a key is missing"},
		"a digest":          {"", token(password("Digest", "secret-x")), 401, "PasswordText"},
		"two tokens":        {"", token(plain) + token(plain), 401, "two of them"},
		"two keys":          {"Bearer " + key, token("<w:Password>secret-x</w:Password>"), 401, "different keys"},
		"too late":          {"", token(plain) + stamp(-time.Hour), 401, "has expired"},
		"no time":           {"", "<u:Timestamp><u:Expires>x</u:Expires></u:Timestamp>" + token(plain), 500, "no time"},
		"signed":            {"Bearer " + key, token(plain) + `<s:Signature xmlns:s="http://www.w3.org/2000/09/xmldsig#"/>`, 500, "soap:MustUnderstand"},
		"a long password":   {"", token("<w:Password>" + strings.Repeat("x", 2000) + "</w:Password>"), 500, "longer than 1024 bytes"},
		"the cookie's ways": {"Digest x", "", 401, "Bearer KEY"},
	} {
		header := ""
		if c.security != "" {
			header = `<S:Header><w:Security ` + wsse + ` S:mustUnderstand="1">` + c.security + `</w:Security></S:Header>`
		}
		var headers []string
		if c.auth != "" {
			headers = []string{"Authorization", c.auth}
		}
		before := len(h.store.sent)
		r := h.soap("", soap.SOAP11, enveloped(soap.SOAP11, header, messageOf(&wire.Send{Notification: toKim()})), headers...)
		if r.status != c.status || !strings.Contains(r.body, c.want) || strings.Contains(r.body, "secret-x") {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		if (len(h.store.sent) > before) != (c.status == 200) {
			t.Errorf("%s: sent %d", name, len(h.store.sent)-before)
		}
		if c.status == 401 && (len(r.header.Values("WWW-Authenticate")) != 2 || !strings.Contains(r.body, "<code>unauthenticated</code>")) {
			t.Errorf("%s: %v %s", name, r.header, r.body)
		}
	}
	cookie := h.ask(http.MethodPost, "/soap", enveloped(soap.SOAP11, "", messageOf(&wire.Send{Notification: toKim()})),
		"Content-Type", "text/xml", "Cookie", api.SessionCookie+"="+h.keys[notify.ScopeSend])
	if cookie.status != 401 {
		t.Error("a cookie:", cookie)
	}
}

// TestSOAPIdempotency: the same key with the same notification, whether it comes over REST or SOAP, sends once.
func TestSOAPIdempotency(t *testing.T) {
	h := newHouse(t)
	key := h.keys[notify.ScopeSend]
	var first, again wire.SendResponse
	doc := enveloped(soap.SOAP11, "", messageOf(&wire.Send{IdempotencyKey: "k", Notification: toKim()}))
	h.answerOf(h.soap(key, soap.SOAP11, doc), &first)
	h.answerOf(h.soap(key, soap.SOAP11, doc, "Idempotency-Key", "k"), &again)
	if !again.Replayed || first.Replayed || again.Notification.ID != first.Notification.ID {
		t.Error(first, again)
	}
	rest := h.ask(http.MethodPost, "/v1/notifications", messageOf(toKim()), "Content-Type", "application/xml", "Authorization", "Bearer "+key, "Idempotency-Key", "k")
	if rest.status != 202 || rest.header.Get("Idempotency-Replayed") != "true" {
		t.Error(rest)
	}
	if p, _ := h.faultOf(h.soap(key, soap.SOAP11, doc, "Idempotency-Key", "other")); p.Code != notify.CodeInvalid {
		t.Error(p)
	}
	other := toKim()
	other.Title = "저녁"
	if p, _ := h.faultOf(h.soap(key, soap.SOAP11, enveloped(soap.SOAP11, "", messageOf(&wire.Send{IdempotencyKey: "k", Notification: other})))); p.Code != notify.CodeIdempotencyConflict {
		t.Error(p)
	}
	if len(h.store.sent) != 1 {
		t.Errorf("sent %d", len(h.store.sent))
	}
	many := func(list ...wire.NotificationInput) string {
		return enveloped(soap.SOAP11, "", messageOf(&wire.SendMany{IdempotencyKey: "k", Notifications: list}))
	}
	var one wire.SendManyResponse
	h.answerOf(h.soap(key, soap.SOAP11, many(toKim(), other)), &one)
	h.answerOf(h.soap(key, soap.SOAP11, many(toKim(), other)), &one)
	if !one.Replayed || len(h.store.sent) != 3 {
		t.Error(one, len(h.store.sent))
	}
	if p, _ := h.faultOf(h.soap(key, soap.SOAP11, many(toKim()))); p.Code != notify.CodeIdempotencyConflict {
		t.Error(p)
	}
}

// TestWSDL: everybody may read it, and it names the hub's own address, or that at which it was asked for.
func TestWSDL(t *testing.T) {
	for address, h := range map[string]*house{
		"https://allim.example.com/x/soap": newHouse(t, func(o *api.Options) { o.SOAPURL = "https://allim.example.com/x/" }),
		"":                                 newHouse(t),
	} {
		if address == "" {
			address = h.server.URL + "/soap"
		}
		for _, path := range []string{"/soap?wsdl", "/soap?WSDL", "/soap?singleWsdl", "/soap"} {
			r := h.ask(http.MethodGet, path, "")
			if r.status != 200 || r.header.Get("Content-Type") != "text/xml; charset=utf-8" || strings.Count(r.body, `location="`+address+`"`) != 2 {
				t.Errorf("%s: %d %s", path, r.status, r.body)
			}
			for _, o := range api.Operations() {
				if strings.Count(r.body, `<wsdl:operation name="`+o.Name+`">`) != 3 || strings.Count(r.body, `soapAction="urn:allim:v1:`+o.Name+`"`) != 2 {
					t.Errorf("%s: %s is not everywhere", path, o.Name)
				}
			}
		}
		if r := h.ask(http.MethodGet, "/soap?nope", ""); r.status != 400 {
			t.Error(r)
		}
		if r := h.ask(http.MethodHead, "/soap?wsdl", ""); r.status != 200 || r.body != "" {
			t.Error(r)
		}
	}
}
