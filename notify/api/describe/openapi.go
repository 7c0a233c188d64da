package describe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

const intro = "Allim tells people on their devices. Every call takes and gives JSON and XML by one rule: an object is an " +
	"element, a field is a child element of the same name, an array `users: [\"a\"]` is `<users><user>a</user></users>`, a map " +
	"is `<entry key=\"k\">v</entry>`, an identity is `<identity kind=\"email\">a@b</identity>`. The XML's namespace is " +
	codec.Namespace + "; /schemas/allim.xsd describes it. The request's form is its Content-Type, the answer's is Accept, " +
	"else the request's."

// OpenAPI is the OpenAPI 3.1 document of all calls. The URL is the hub's as users see it; empty: where the document came
// from.
func (b *Book) OpenAPI(url string) ([]byte, error) {
	if url == "" {
		url = "/"
	}
	doc := object{
		"openapi":    "3.1.0",
		"info":       object{"title": "Allim", "version": "1", "summary": "A self-hosted notification hub", "description": intro},
		"servers":    []object{{"url": url}},
		"tags":       tags(),
		"paths":      b.paths(),
		"components": b.components(),
		"security":   []object{{"key": []string{}}},
	}
	out, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	return append(out, '\n'), nil
}

func tags() []object {
	var out []object
	for _, g := range groups() {
		out = append(out, object{"name": g})
	}
	return out
}

func (b *Book) components() object {
	all := object{}
	for _, m := range b.reach(b.roots()) {
		all[m.Type.Name()] = b.schemaOf(m)
	}
	problem := reflect.TypeFor[wire.Problem]()
	return object{
		"schemas": all,
		"responses": object{"Problem": object{"description": "An error, by RFC 9457, in the caller's form.",
			"content": b.bothForms(problem, "application/problem+json", "application/problem+xml")}},
		"securitySchemes": object{
			"key": object{"type": "http", "scheme": "bearer",
				"description": "An API key, or a person's own token for the calls of the signed-in person."},
			"session": object{"type": "apiKey", "in": "cookie", "name": "allim_session",
				"description": "A person's own token in a browser."},
			"basic":    object{"type": "http", "scheme": "basic", "description": "The password is an API key; the name does not matter."},
			"oldKey":   object{"type": "apiKey", "in": "header", "name": "Authorization", "description": "key=KEY, or GoogleLogin auth=KEY"},
			"queryKey": object{"type": "apiKey", "in": "query", "name": "key", "description": "An API key, where nothing else can be set; it is never logged."},
		},
	}
}

func (b *Book) paths() object {
	out := object{}
	put := func(path, method string, op object) {
		if out[path] == nil {
			out[path] = object{}
		}
		out[path].(object)[strings.ToLower(method)] = op
	}
	for _, c := range b.calls {
		put(c.Path, c.Method, b.operation(c))
	}
	for _, r := range b.raw {
		put(r.Path, r.Method, b.rawOperation(r))
	}
	return out
}

func (b *Book) operation(c Call) object {
	e := entries()[c.name()]
	op := head(e, c.Scopes)
	if ps := b.params(c); len(ps) > 0 {
		op["parameters"] = params(ps)
	}
	if c.Request != nil {
		op["requestBody"] = object{"required": !c.OptionalBody, "content": b.bothForms(c.Request, "application/json", "application/xml")}
	}
	answers := object{"4XX": object{"$ref": "#/components/responses/Problem"}, "5XX": object{"$ref": "#/components/responses/Problem"}}
	success := object{"description": http.StatusText(c.Status)}
	if c.Answer != nil {
		success["content"] = b.bothForms(c.Answer, "application/json", "application/xml")
	}
	if c.Path == "/v1/notifications" && c.Method == http.MethodPost {
		success["headers"] = object{
			"Location":             object{"description": "the notification's address", "schema": object{"type": "string"}},
			"Idempotency-Replayed": object{"description": "true: it was sent before", "schema": object{"type": "string"}}}
	}
	answers[strconv.Itoa(c.Status)] = success
	for status, text := range e.Also {
		also := object{"description": text}
		if c.Answer != nil {
			also["content"] = success["content"]
		}
		answers[strconv.Itoa(status)] = also
	}
	op["responses"] = answers
	return op
}

func head(e entry, scopes []notify.Scope) object {
	summary, _, _ := strings.Cut(e.Text, ".")
	op := object{"operationId": e.ID, "tags": []string{e.Group}, "summary": summary, "description": e.Text + needs(scopes)}
	switch {
	case len(scopes) == 0:
		op["security"] = []object{}
	case slices.Contains(scopes, notify.ScopeUser):
		op["security"] = []object{{"key": []string{}}, {"session": []string{}}}
	}
	return op
}

// needs says what a key must be allowed.
func needs(scopes []notify.Scope) string {
	if len(scopes) == 0 {
		return " Needs no key."
	}
	return " Needs the scope " + strings.Join(words(scopes...), " or ") + "."
}

func params(list []Param) []object {
	var out []object
	for _, p := range list {
		schema := object{"type": "string"}
		if p.Integer {
			schema = object{"type": "integer", "minimum": p.Min, "maximum": p.Max}
		}
		if p.Words != nil {
			schema["enum"] = p.Words
		}
		o := object{"name": p.Name, "in": p.In, "description": p.Text, "required": p.In == "path", "schema": schema}
		if p.Example != "" {
			o["example"] = p.Example
		}
		out = append(out, o)
	}
	return out
}

// bothForms is a body in both forms, with the same example in each. OpenAPI 3.1 cannot say what our XML is (attributes
// beside text, maps), so the XML Schema says it.
func (b *Book) bothForms(t reflect.Type, jsonType, xmlType string) object {
	asJSON := object{"schema": ref(t)}
	if text := b.Example(t, codec.JSON); text != "" {
		asJSON["example"] = json.RawMessage(text)
	}
	schema := "/schemas/allim.xsd"
	if t == reflect.TypeFor[wire.Problem]() {
		schema = "/schemas/problem.xsd"
	}
	asXML := object{"schema": object{"type": "string", "contentMediaType": "application/xml",
		"description": "<" + b.codec.Model(t).Root + "> of the type " + t.Name() + " in " + schema}}
	if text := b.Example(t, codec.XML); text != "" {
		asXML["example"] = text
	}
	return object{jsonType: asJSON, xmlType: asXML}
}
