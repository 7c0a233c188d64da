package codec

import "reflect"

// Kind is what a value is in both forms.
type Kind uint8

// The kinds.
const (
	Text Kind = iota
	Bool
	Int
	Float
	Time
	Object
	List
	Map
)

// Model is what the codec knows of a type, for those who describe the API. Pointers are followed: whether a field may be
// left out is said by the field.
type Model struct {
	Kind   Kind
	Type   reflect.Type
	Root   string // Object: the element's name at the root
	Space  string // Object: the XML namespace at the root
	Fields []ModelField
	Elem   *Model // of a List and a Map
	// Word: a Text around which spaces mean nothing in XML.
	Word bool
}

// ModelField is one field of an Object.
type ModelField struct {
	Name     string
	Go       string       // its name in Go
	Owner    reflect.Type // the struct that says it: another one when it is embedded
	Optional bool
	Attr     bool   // XML: an attribute
	Chardata bool   // XML: the text of the element
	Item     string // List: the element name of its items
	Model    *Model
}

// Model describes a struct of package wire.
func (c *Codec) Model(t reflect.Type) *Model {
	return model(c.shapeOf(t), c.shapeOf(t).item)
}

// model converts a shape; item is the name of all array items below the root, when it says so.
func model(s *shape, item string) *Model {
	for s.kind == kindPointer {
		s = s.elem
	}
	m := &Model{Type: s.typ, Root: s.root, Space: s.space, Word: s.word}
	switch s.kind {
	case kindBool:
		m.Kind = Bool
	case kindInt:
		m.Kind = Int
	case kindFloat:
		m.Kind = Float
	case kindTime:
		m.Kind = Time
	case kindSlice:
		m.Kind, m.Elem = List, model(s.elem, item)
	case kindMap:
		m.Kind, m.Elem = Map, model(s.elem, item)
	case kindStruct:
		m.Kind = Object
		for i := range s.fields {
			m.Fields = append(m.Fields, modelField(s, i, item))
		}
	}
	return m
}

func modelField(s *shape, i int, item string) ModelField {
	f := &s.fields[i]
	owner := s.typ
	for _, at := range f.index[:len(f.index)-1] {
		owner = owner.Field(at).Type
	}
	out := ModelField{Name: f.name, Go: owner.Field(f.index[len(f.index)-1]).Name, Owner: owner,
		Optional: f.omit || f.shape.kind == kindPointer, Attr: f.attr, Chardata: i == s.text, Item: f.item,
		Model: model(f.shape, item)}
	if item != "" {
		out.Item = item
	}
	return out
}
