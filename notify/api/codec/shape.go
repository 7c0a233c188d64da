package codec

import (
	"reflect"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Namespace is the namespace of the API's XML.
const Namespace = "urn:allim:v1"

// Codec reads and writes documents; the zero value is ready. It remembers the shapes of the types that it has seen.
// Safe for concurrent use.
type Codec struct {
	shapes sync.Map // reflect.Type -> *shape
}

type kind uint8

const (
	kindString kind = iota
	kindBool
	kindInt
	kindFloat
	kindTime
	kindStruct
	kindSlice
	kindMap
	kindPointer
)

// shape is what the codec knows of a Go type.
type shape struct {
	kind   kind
	typ    reflect.Type
	elem   *shape // of slices, maps and pointers
	fields []field
	byName map[string]int // struct: position in fields, by outside name
	root   string         // struct: the element's name at the root
	space  string         // struct: the XML namespace at the root
	item   string         // struct: the element name of all array items below it; empty: the singular
	text   int            // struct: position of the field that is the element's text; -1: none
	word   bool           // string: an enumeration, whose spaces at the ends mean nothing
}

// field is one field of a struct.
type field struct {
	name  string
	index []int
	omit  bool   // left out when it is the zero value
	attr  bool   // XML: an attribute
	item  string // slice: the element name of its items
	shape *shape
}

// shapeOf describes t. Types must not hold themselves.
func (c *Codec) shapeOf(t reflect.Type) *shape {
	if s, ok := c.shapes.Load(t); ok {
		return s.(*shape)
	}
	s := c.describe(t)
	c.shapes.Store(t, s)
	return s
}

func (c *Codec) describe(t reflect.Type) *shape {
	s := &shape{typ: t, text: -1}
	if t == reflect.TypeFor[time.Time]() {
		s.kind = kindTime
		return s
	}
	switch t.Kind() {
	case reflect.String:
		s.kind, s.word = kindString, t.Name() != "string"
	case reflect.Bool:
		s.kind = kindBool
	case reflect.Int, reflect.Int32, reflect.Int64:
		s.kind = kindInt
	case reflect.Float64:
		s.kind = kindFloat
	case reflect.Slice:
		s.kind, s.elem = kindSlice, c.shapeOf(t.Elem())
	case reflect.Map:
		s.kind, s.elem = kindMap, c.shapeOf(t.Elem())
	case reflect.Pointer:
		s.kind, s.elem = kindPointer, c.shapeOf(t.Elem())
	case reflect.Struct:
		s.kind, s.byName = kindStruct, map[string]int{}
		s.root, s.space = lowerCamel(t.Name()), Namespace
		c.addFields(s, t, nil)
	default:
		panic("codec: " + t.String() + " has no form") // a fault of the program, found by the test that walks the routes
	}
	return s
}

func (c *Codec) addFields(s *shape, t reflect.Type, index []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(append([]int{}, index...), i)
		switch {
		case f.Name == "_":
			s.rootTag(f.Tag.Get("wire"))
		case f.Anonymous:
			c.addFields(s, f.Type, at)
		default:
			c.addField(s, f, at)
		}
	}
}

func (c *Codec) addField(s *shape, f reflect.StructField, index []int) {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	out := field{name: name, index: index, omit: strings.HasPrefix(options, "omit"), shape: c.shapeOf(f.Type)}
	out.item = singular(name)
	xmlName, xmlKind, _ := strings.Cut(f.Tag.Get("xml"), ",")
	switch {
	case xmlKind == "attr":
		out.attr = true
	case xmlKind == "chardata":
		s.text = len(s.fields)
	case xmlName != "":
		out.item = xmlName
	}
	s.byName[name] = len(s.fields)
	s.fields = append(s.fields, out)
}

// rootTag reads "name,ns=…,item=…".
func (s *shape) rootTag(tag string) {
	for i, part := range strings.Split(tag, ",") {
		key, value, _ := strings.Cut(part, "=")
		switch {
		case i == 0 && part != "":
			s.root = part
		case key == "ns":
			s.space = value
		case key == "item":
			s.item = value
		}
	}
}

// singular gives the name of one item of a plural: users, identities, boxes. What is no plural has items.
func singular(plural string) string {
	switch {
	case strings.HasSuffix(plural, "ies"):
		return strings.TrimSuffix(plural, "ies") + "y"
	case strings.HasSuffix(plural, "xes"), strings.HasSuffix(plural, "sses"), strings.HasSuffix(plural, "ches"):
		return strings.TrimSuffix(plural, "es")
	case strings.HasSuffix(plural, "s"):
		return strings.TrimSuffix(plural, "s")
	}
	return "item"
}

func lowerCamel(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[n:]
}
