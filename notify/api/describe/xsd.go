package describe

import (
	"encoding/xml"
	"reflect"
	"slices"
	"strings"

	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

// ProblemSpace is the namespace of errors (RFC 9457, appendix B).
const ProblemSpace = "urn:ietf:rfc:7807"

// XSD is the XML Schema of all requests and answers. Where one element is a request here and an answer there, as
// <notification> is, it may hold the fields of each; the types say which.
func (b *Book) XSD() []byte { return b.xsd(nil) }

// StrictXSD is the same schema for documents of the given types only: an element whose name several types share has the
// type that is listed.
func (b *Book) StrictXSD(types []reflect.Type) []byte { return b.xsd(types) }

func (b *Book) xsd(only []reflect.Type) []byte {
	w := &xsdWriter{book: b}
	w.line(`<?xml version="1.0" encoding="UTF-8"?>`)
	w.openSchema(codec.Namespace)
	w.line(`<xs:import namespace="%s" schemaLocation="problem.xsd"/>`, ProblemSpace)
	w.documents(func(t reflect.Type) bool { return only == nil || slices.Contains(only, t) })
	w.types(slices.DeleteFunc(b.documents(), func(t reflect.Type) bool { return t == reflect.TypeFor[wire.Problem]() }))
	w.close(`</xs:schema>`)
	return []byte(w.out.String())
}

func (w *xsdWriter) openSchema(space string) {
	w.open(`<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="%s" targetNamespace="%s" elementFormDefault="qualified">`,
		space, space)
}

// documents declares the elements of those documents that are asked for.
func (w *xsdWriter) documents(wanted func(reflect.Type) bool) {
	byRoot := map[string][]*codec.Model{}
	var names []string
	for _, t := range w.book.documents() {
		m := w.book.codec.Model(t)
		if m.Space != codec.Namespace || !wanted(t) {
			continue
		}
		if byRoot[m.Root] == nil {
			names = append(names, m.Root)
		}
		byRoot[m.Root] = append(byRoot[m.Root], m)
	}
	slices.Sort(names)
	for _, name := range names {
		w.root(name, byRoot[name])
	}
}

// ProblemXSD is the XML Schema of errors.
func (b *Book) ProblemXSD() []byte {
	w := &xsdWriter{book: b}
	w.line(`<?xml version="1.0" encoding="UTF-8"?>`)
	w.problem()
	return []byte(w.out.String())
}

func (w *xsdWriter) problem() {
	problem := reflect.TypeFor[wire.Problem]()
	w.openSchema(ProblemSpace)
	w.root("problem", []*codec.Model{w.book.codec.Model(problem)})
	w.types([]reflect.Type{problem})
	w.close(`</xs:schema>`)
}

// root declares a document's element.
func (w *xsdWriter) root(name string, types []*codec.Model) {
	switch {
	case len(types) == 1 && w.book.wraps(types[0].Type):
		w.wrapper(name, types[0])
		return
	case len(types) == 1:
		w.line(`<xs:element name="%s" type="%s"/>`, name, types[0].Type.Name())
		return
	}
	names := make([]string, len(types))
	for i, m := range types {
		names[i] = m.Type.Name()
	}
	w.open(`<xs:element name="%s">`, name)
	w.note("One of: " + strings.Join(names, ", ") + ".")
	w.open(`<xs:complexType>`)
	w.open(`<xs:all>`)
	done := map[string]bool{}
	for _, m := range types {
		for _, f := range m.Fields {
			if !done[f.Name] {
				done[f.Name] = true
				f.Optional = f.Optional || !inAll(f.Name, types)
				w.field(f)
			}
		}
	}
	w.close(`</xs:all>`)
	w.close(`</xs:complexType>`)
	w.close(`</xs:element>`)
}

// wrapper declares the body of an operation, in the shape that clients know as "wrapped": a sequence without a name of its
// own. The hub itself takes the elements in any order.
func (w *xsdWriter) wrapper(name string, m *codec.Model) {
	w.open(`<xs:element name="%s">`, name)
	w.note(w.book.comments.ofType(m.Type))
	w.open(`<xs:complexType>`)
	w.open(`<xs:sequence>`)
	for _, f := range m.Fields {
		w.field(f)
	}
	w.close(`</xs:sequence>`)
	w.close(`</xs:complexType>`)
	w.close(`</xs:element>`)
}

// inAll tells whether each of the types needs the field.
func inAll(name string, types []*codec.Model) bool {
	for _, m := range types {
		if !slices.ContainsFunc(m.Fields, func(f codec.ModelField) bool { return f.Name == name && !f.Optional }) {
			return false
		}
	}
	return true
}

// types declares all objects that are reached from the roots, and the types that are one of a few words.
func (w *xsdWriter) types(roots []reflect.Type) {
	objects := w.book.reach(roots)
	used := map[reflect.Type]bool{}
	for _, m := range objects {
		if !w.book.wraps(m.Type) {
			w.object(m)
		}
		for _, f := range m.Fields {
			e := f.Model
			for e.Elem != nil {
				e = e.Elem
			}
			if fieldWords(f.Owner.Name()+"."+f.Go) == nil && typeWords()[e.Type] != nil {
				used[e.Type] = true
			}
		}
	}
	var names []reflect.Type
	for t := range used {
		names = append(names, t)
	}
	slices.SortFunc(names, func(x, y reflect.Type) int { return strings.Compare(x.Name(), y.Name()) })
	for _, t := range names {
		w.open(`<xs:simpleType name="%s">`, t.Name())
		w.restriction(typeWords()[t])
		w.close(`</xs:simpleType>`)
	}
}

// object declares an object as a type. Its elements stand in any order, as the API takes them.
func (w *xsdWriter) object(m *codec.Model) {
	w.open(`<xs:complexType name="%s">`, m.Type.Name())
	w.note(w.book.comments.ofType(m.Type))
	text := slices.IndexFunc(m.Fields, func(f codec.ModelField) bool { return f.Chardata })
	if text >= 0 {
		w.open(`<xs:simpleContent>`)
		w.open(`<xs:extension base="%s">`, simple(m.Fields[text].Model))
	} else {
		w.open(`<xs:all>`)
		for _, f := range m.Fields {
			if !f.Attr {
				w.field(f)
			}
		}
		w.close(`</xs:all>`)
	}
	for _, f := range m.Fields {
		if f.Attr {
			w.line(`<xs:attribute name="%s" type="%s"%s/>`, f.Name, simple(f.Model), map[bool]string{false: ` use="required"`}[f.Optional])
		}
	}
	if text >= 0 {
		w.close(`</xs:extension>`)
		w.close(`</xs:simpleContent>`)
	}
	w.close(`</xs:complexType>`)
}

func (w *xsdWriter) field(f codec.ModelField) {
	head := `<xs:element name="` + f.Name + `"`
	if f.Optional {
		head += ` minOccurs="0"`
	}
	note := w.book.comments.ofField(f.Owner, f.Go)
	inline := f.Model.Elem != nil || fieldWords(f.Owner.Name()+"."+f.Go) != nil
	if !inline {
		head += ` type="` + w.typeName(f.Model) + `"`
		if note == "" {
			w.line("%s/>", head)
			return
		}
	}
	w.open("%s>", head)
	w.note(note)
	switch {
	case f.Model.Kind == codec.List:
		w.list(f)
	case f.Model.Kind == codec.Map:
		w.entries(f.Model.Elem)
	case inline:
		w.open(`<xs:simpleType>`)
		w.restriction(wordsOf(f))
		w.close(`</xs:simpleType>`)
	}
	w.close(`</xs:element>`)
}

func (w *xsdWriter) list(f codec.ModelField) {
	w.open(`<xs:complexType>`)
	w.open(`<xs:sequence>`)
	w.line(`<xs:element name="%s" type="%s" minOccurs="0" maxOccurs="unbounded"/>`, f.Item, w.typeName(f.Model.Elem))
	w.close(`</xs:sequence>`)
	w.close(`</xs:complexType>`)
}

func (w *xsdWriter) entries(value *codec.Model) {
	w.open(`<xs:complexType>`)
	w.open(`<xs:sequence>`)
	w.open(`<xs:element name="entry" minOccurs="0" maxOccurs="unbounded">`)
	w.open(`<xs:complexType>`)
	w.open(`<xs:simpleContent>`)
	w.open(`<xs:extension base="%s">`, simple(value))
	w.line(`<xs:attribute name="key" type="xs:string" use="required"/>`)
	w.close(`</xs:extension>`)
	w.close(`</xs:simpleContent>`)
	w.close(`</xs:complexType>`)
	w.close(`</xs:element>`)
	w.close(`</xs:sequence>`)
	w.close(`</xs:complexType>`)
}

// typeName gives the name of a field's type: our own for objects and words, XML Schema's for the rest.
func (w *xsdWriter) typeName(m *codec.Model) string {
	if m.Kind == codec.Object || typeWords()[m.Type] != nil {
		return m.Type.Name()
	}
	return simple(m)
}

// simple gives the type of XML Schema that holds a value.
func simple(m *codec.Model) string {
	switch m.Kind {
	case codec.Bool:
		return "xs:boolean"
	case codec.Int:
		if m.Type.Bits() < 64 {
			return "xs:int"
		}
		return "xs:long"
	case codec.Float:
		return "xs:double"
	case codec.Time:
		return "xs:dateTime"
	}
	if m.Word {
		return "xs:token"
	}
	return "xs:string"
}

func (w *xsdWriter) restriction(list []string) {
	w.open(`<xs:restriction base="xs:token">`)
	for _, v := range list {
		w.line(`<xs:enumeration value="%s"/>`, v)
	}
	w.close(`</xs:restriction>`)
}

func (w *xsdWriter) note(text string) {
	if text == "" {
		return
	}
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	w.line(`<xs:annotation><xs:documentation>%s</xs:documentation></xs:annotation>`, b.String())
}
