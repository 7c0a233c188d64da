package api_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

// TestEveryAnswerKeepsItsDescription walks the table of routes in both forms and holds what was asked and what was
// answered, errors too, against the OpenAPI document (JSON) and the XML Schemas (XML).
func TestEveryAnswerKeepsItsDescription(t *testing.T) {
	c := newCheck(t)
	for _, r := range api.Routes() {
		for _, f := range []codec.Form{codec.JSON, codec.XML} {
			h := newHouse(t)
			v := &visit{house: h, route: r, form: f, sample: samples(h.furnish())[r.Method+" "+r.Path]}
			c.exchange(v, v.sample.path, v.body(), r.Answer)
			if v.sample.missing != "" {
				c.exchange(v, v.sample.missing, v.body(), r.Answer)
			}
			if r.Request != nil {
				c.exchange(v, v.sample.path, "{<", nil)
			}
		}
	}
	c.lint()
	if c.answers < 2*len(api.Routes()) {
		t.Errorf("only %d answers were looked at", c.answers)
	}
}

// TestEveryExampleKeepsItsDescription: the examples of all requests and answers, in both forms.
func TestEveryExampleKeepsItsDescription(t *testing.T) {
	c := newCheck(t)
	book := api.Book()
	var co codec.Codec
	for _, r := range append(api.Routes(), api.Route{Answer: reflect.TypeFor[wire.Problem]()}) {
		for _, typ := range []reflect.Type{r.Request, r.Answer} {
			if typ == nil {
				continue
			}
			c.document(typ, book.Example(typ, codec.XML))
			for _, f := range []codec.Form{codec.JSON, codec.XML} {
				into := reflect.New(typ).Interface()
				if err := co.Decode(codec.Document{Form: f, Data: []byte(book.Example(typ, f))}, into); err != nil {
					t.Errorf("the example of %s in %s: %v", typ, f, err)
				}
			}
		}
	}
	c.lint()
}

// TestASchemaRefuses proves that the checks above can fail.
func TestASchemaRefuses(t *testing.T) {
	for name, doc := range map[string]string{
		"unknown element": `<notification xmlns="urn:allim:v1"><to/><nope/></notification>`,
		"wrong word":      `<notification xmlns="urn:allim:v1"><to/><priority>huge</priority></notification>`,
		"wrong number":    `<notification xmlns="urn:allim:v1"><to/><ttl>soon</ttl></notification>`,
		"missing":         `<notification xmlns="urn:allim:v1"><title>a</title></notification>`,
		"no such root":    `<nope xmlns="urn:allim:v1"/>`,
	} {
		c := newCheck(t)
		c.document(reflect.TypeFor[wire.NotificationInput](), doc)
		if wrong := c.wrong(); wrong == "" {
			t.Errorf("%s: the schema takes it", name)
		}
	}
}

// check collects documents and holds them against the descriptions that the hub serves.
type check struct {
	t       *testing.T
	openAPI validator.Validator
	dir     string
	docs    map[reflect.Type][]string // files by the type that they are
	types   []reflect.Type
	count   int
	answers int
}

func newCheck(t *testing.T) *check {
	t.Helper()
	h := newHouse(t)
	doc, err := libopenapi.NewDocument([]byte(h.ask(http.MethodGet, "/openapi.json", "").body))
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, wrong := v.ValidateDocument(); !ok {
		for _, w := range wrong {
			t.Errorf("the OpenAPI document: %v", w)
		}
	}
	c := &check{t: t, openAPI: v, dir: t.TempDir(), docs: map[reflect.Type][]string{}}
	for _, name := range []string{"allim.xsd", "problem.xsd"} {
		c.file(name, h.ask(http.MethodGet, "/schemas/"+name, "").body)
	}
	return c
}

func (c *check) file(name, text string) string {
	c.t.Helper()
	name = filepath.Join(c.dir, name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return name
}

// exchange makes a call and looks at both sides of it. A body that is meant to be wrong has no answer type.
func (c *check) exchange(v *visit, path, body string, answer reflect.Type) {
	c.t.Helper()
	r := v.call(v.allowed(), path, body)
	c.answers++
	wrongBody := body == "{<"
	if v.form == codec.XML {
		if body != "" && !wrongBody {
			c.document(v.route.Request, body)
		}
		if strings.HasPrefix(r.header.Get("Content-Type"), "application/problem+xml") {
			answer = reflect.TypeFor[wire.Problem]()
		}
		if r.body != "" {
			c.document(answer, r.body)
		}
		return
	}
	req, err := http.NewRequestWithContext(context.Background(), v.route.Method, v.server.URL+path, strings.NewReader(body))
	v.must(nil, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer x")
	res := &http.Response{StatusCode: r.status, Header: r.header, Body: io.NopCloser(bytes.NewBufferString(r.body)), Request: req}
	ok, wrong := c.openAPI.ValidateHttpResponse(req, res)
	if ok && !wrongBody {
		ok, wrong = c.openAPI.ValidateHttpRequest(req)
	}
	if !ok {
		for _, w := range wrong {
			c.t.Errorf("%s: %s: %s %v\nasked %s\nanswered %d %s", v.route.Method+" "+path, w.Message, w.Reason, w.SchemaValidationErrors, body, r.status, r.body)
		}
	}
}

// document takes an XML document that is to be of the type.
func (c *check) document(t reflect.Type, text string) {
	c.t.Helper()
	c.count++
	if c.docs[t] == nil {
		c.types = append(c.types, t)
	}
	c.docs[t] = append(c.docs[t], c.file(fmt.Sprintf("%d-%s.xml", c.count, t.Name()), text))
}

// lint holds all documents against the schemas.
func (c *check) lint() {
	c.t.Helper()
	if wrong := c.wrong(); wrong != "" {
		c.t.Error(wrong)
	}
}

// wrong gives what xmllint has against the documents: by the published schema, and by one in which an element is of
// exactly the type that the call reads or writes. One run of xmllint takes all documents whose elements do not clash.
func (c *check) wrong() string {
	c.t.Helper()
	var all []string
	var out strings.Builder
	for round, left := 0, c.types; len(left) > 0; round++ {
		var these, later []reflect.Type
		var files []string
		roots := map[string]bool{}
		for _, t := range left {
			var co codec.Codec
			if root := co.Model(t).Root; roots[root] {
				later = append(later, t)
			} else {
				roots[root] = true
				these = append(these, t)
				files = append(files, c.docs[t]...)
			}
		}
		strict := fmt.Sprintf("strict%d.xsd", round)
		c.file(strict, string(api.Book().StrictXSD(these)))
		out.WriteString(c.xmllint(strict, files))
		all = append(all, files...)
		left = later
	}
	return out.String() + c.xmllint("allim.xsd", all)
}

func (c *check) xmllint(schema string, files []string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), "xmllint", append([]string{"--noout", "--nonet", "--schema", schema}, files...)...)
	cmd.Dir = c.dir
	out, err := cmd.CombinedOutput()
	if err == nil {
		return ""
	}
	var wrong []string
	for line := range strings.Lines(string(out)) {
		if !strings.HasSuffix(strings.TrimSpace(line), "validates") {
			wrong = append(wrong, line)
		}
	}
	return schema + ": " + err.Error() + "\n" + strings.Join(wrong, "")
}

// TestEveryCallIsDescribed: a call without a line in package describe, a comment or an example is named here.
func TestEveryCallIsDescribed(t *testing.T) {
	for _, m := range api.Book().Missing() {
		t.Error(m)
	}
	if m := api.Book("GET /v1/nope").Missing(); len(m) != 1 || !strings.Contains(m[0], "GET /v1/nope") {
		t.Errorf("a route that nobody describes: %q", m)
	}
}
