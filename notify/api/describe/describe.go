// Package describe writes the API down for others, from the one table of its calls and the structs that they read and
// write: the OpenAPI document, the XML Schemas, the WSDL and pages for people. What a struct cannot say stands in calls.go
// (what a call is for), params.go, raw.go (calls that are no JSON or XML of ours) and examples.go; the words on fields are
// the comments of package wire. Book.Missing names what a new call still lacks.
//
// Reading order: describe.go, comments.go, words.go, then one file for each kind of description: openapi.go with
// jsonschema.go, xsd.go, wsdl.go, pages.go.
package describe

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

// Call is one call as the router has it.
type Call struct {
	Method, Path    string
	Scopes          []notify.Scope // one of them is needed; none: no key is needed
	Query           []string
	Request, Answer reflect.Type // structs of package wire; nil: no body
	Status          int          // of a success
	OptionalBody    bool
}

func (c Call) name() string { return c.Method + " " + c.Path }

// Operation is one operation of SOAP as its handler has it.
type Operation struct {
	Name            string
	Scopes          []notify.Scope
	Request, Answer reflect.Type // structs of package wire
}

// Book is the API written down. Its parts are made when they are asked for; keep what you got.
type Book struct {
	codec      *codec.Codec
	calls      []Call
	raw        []Raw // the served ones
	operations []Operation
	unknown    []string
	comments   comments
	examples   map[reflect.Type]any
	schemas    schemas
}

// Parts are what a book is made of. Served are the routes besides the calls, as "METHOD /path": streams and the like.
type Parts struct {
	Calls      []Call
	Operations []Operation
	Served     []string
}

// New makes the book.
func New(p Parts) *Book {
	b := &Book{codec: &codec.Codec{}, calls: p.Calls, operations: p.Operations, comments: readComments(), examples: map[reflect.Type]any{}}
	for _, v := range examples() {
		b.examples[reflect.TypeOf(v)] = v
	}
	for _, name := range p.Served {
		name = strings.Replace(name, "...}", "}", 1) // OpenAPI has one kind of parameter
		i := slices.IndexFunc(raws(), func(r Raw) bool { return r.Method+" "+r.Path == name })
		if i < 0 {
			b.unknown = append(b.unknown, name)
			continue
		}
		b.raw = append(b.raw, b.withSOAP(raws()[i]))
	}
	slices.SortFunc(b.raw, func(x, y Raw) int { return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Method, y.Method)) })
	b.schemas = b.collect()
	return b
}

// Missing names what the book does not know of its calls: each is a line to be written in this package or in wire.
func (b *Book) Missing() []string {
	var out []string
	for _, name := range b.unknown {
		out = append(out, "raw.go does not say what "+name+" is")
	}
	ids := map[string]string{}
	for _, c := range b.calls {
		e, ok := entries()[c.name()]
		if !ok {
			out = append(out, "calls.go does not say what "+c.name()+" is for")
			continue
		}
		if ids[e.ID] != "" {
			out = append(out, "calls.go gives "+c.name()+" the id of "+ids[e.ID])
		}
		ids[e.ID] = c.name()
		for _, p := range b.params(c) {
			if p.Text == "" {
				out = append(out, "params.go does not say what "+p.Name+" of "+c.name()+" is")
			}
		}
	}
	for _, o := range b.operations {
		if operationTexts()[o.Name] == "" {
			out = append(out, "wsdl.go does not say what the operation "+o.Name+" is for")
		}
	}
	for _, t := range b.documents() {
		if b.examples[t] == nil {
			out = append(out, "examples.go has no "+t.Name())
		}
	}
	for _, m := range b.schemas.objects {
		if b.comments.ofType(m.Type) == "" {
			out = append(out, m.Type.String()+" has no comment")
		}
	}
	return append(out, b.schemas.conflicts...)
}

// roots gives the types of all requests and answers, and that of errors, each once.
func (b *Book) roots() []reflect.Type {
	var out []reflect.Type
	add := func(t reflect.Type) {
		if t != nil && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	for _, c := range b.calls {
		add(c.Request)
		add(c.Answer)
	}
	for _, r := range b.raw {
		for _, m := range append(slices.Clone(r.Request), r.Answer...) {
			add(m.Struct)
		}
	}
	add(reflect.TypeFor[wire.Problem]())
	return out
}

// documents gives the types of all documents in XML: roots, and the bodies of SOAP.
func (b *Book) documents() []reflect.Type {
	out := b.roots()
	for _, o := range b.operations {
		out = append(out, o.Request, o.Answer)
	}
	return out
}

// wraps tells whether a type is the body of an operation.
func (b *Book) wraps(t reflect.Type) bool {
	return slices.ContainsFunc(b.operations, func(o Operation) bool { return o.Request == t || o.Answer == t })
}

// Example gives the example of a type in the form; empty: there is none.
func (b *Book) Example(t reflect.Type, f codec.Form) string {
	v, ok := b.examples[t]
	if !ok {
		return ""
	}
	return string(b.codec.Encode(f, v))
}
