package codec

import (
	"fmt"
	"reflect"
	"strings"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/docmap/strict"
)

// maxFaults is how many bad fields one answer names.
const maxFaults = 100

// binder puts a tree into a struct, and collects every fault with its at.
type binder struct {
	lenient bool // skips unknown fields: answers of a newer hub
	root    *shape
	faults  []notify.FieldError
	more    int // faults beyond maxFaults
}

func (b *binder) bad(n *node, at *trail, format string, args ...any) {
	if len(b.faults) >= maxFaults {
		b.more++
		return
	}
	message := fmt.Sprintf(format, args...)
	if n.Line > 0 {
		message += fmt.Sprintf(" (line %d)", n.Line)
	}
	b.faults = append(b.faults, notify.FieldError{Path: at.String(), Message: message})
}

func (b *binder) err() error {
	if len(b.faults) == 0 {
		return nil
	}
	detail := "the document does not have the form of " + b.root.root
	if b.more > 0 {
		detail += fmt.Sprintf("; %d more faults are not listed", b.more)
	}
	return &notify.Error{Code: notify.CodeInvalid, Detail: detail, Fields: b.faults}
}

// value puts n into v. Null is as if the field was not there; within arrays and maps it is a fault.
func (b *binder) value(n *node, s *shape, v reflect.Value, at *trail) {
	switch s.kind {
	case kindPointer:
		if n.Kind == strict.Null {
			return
		}
		p := reflect.New(s.elem.typ)
		b.value(n, s.elem, p.Elem(), at)
		v.Set(p)
	case kindStruct:
		b.object(n, s, v, at)
	case kindMap:
		b.entries(n, s, v, at)
	default:
		b.scalar(n, s, v, at)
	}
}

// field puts a struct's field.
func (b *binder) field(n *node, f *field, v reflect.Value, at *trail) {
	if n.Kind == strict.Null {
		return
	}
	if f.shape.kind == kindSlice {
		b.items(n, f, v, at)
		return
	}
	b.value(n, f.shape, v, at)
}

func (b *binder) object(n *node, s *shape, v reflect.Value, at *trail) {
	if n.Kind != strict.Object && n.Kind != strict.Element {
		b.bad(n, at, "must be an object, but is %s", n.Kind)
		return
	}
	seen := make([]bool, len(s.fields))
	for _, a := range n.Attrs {
		i, ok := s.byName[a.Name]
		if !ok || !s.fields[i].attr {
			b.unknown(n, s, a.Name, at.field(a.Name))
			continue
		}
		f := &s.fields[i]
		b.field(&node{Kind: strict.Element, Line: n.Line, Text: a.Value}, f, v.FieldByIndex(f.index), at.field(a.Name))
	}
	for i := range n.Kids {
		kid := &n.Kids[i]
		at := at.field(kid.Name)
		k, ok := s.byName[kid.Name]
		if !ok || n.Kind == strict.Element && (s.fields[k].attr || k == s.text) {
			b.unknown(kid, s, kid.Name, at)
			continue
		}
		if seen[k] {
			b.bad(kid, at, "is given twice")
			continue
		}
		seen[k] = true
		f := &s.fields[k]
		b.field(kid, f, v.FieldByIndex(f.index), at)
	}
	if n.Kind == strict.Element {
		b.text(n, s, v, at)
	}
}

// text takes the text of an element that is an object.
func (b *binder) text(n *node, s *shape, v reflect.Value, at *trail) {
	if s.text >= 0 {
		f := &s.fields[s.text]
		b.scalar(&node{Kind: strict.Element, Line: n.Line, Text: n.Text}, f.shape, v.FieldByIndex(f.index), at)
	} else {
		b.noText(n, at)
	}
}

func (b *binder) noText(n *node, at *trail) {
	if strings.TrimSpace(n.Text) != "" {
		b.bad(n, at, "holds text where only elements may stand")
	}
}

func (b *binder) items(n *node, f *field, v reflect.Value, at *trail) {
	if n.Kind != strict.Array && n.Kind != strict.Element {
		b.bad(n, at, "must be an array, but is %s", n.Kind)
		return
	}
	if n.Kind == strict.Element {
		b.noText(n, at)
		b.noAttributes(n, at)
	}
	item := f.item
	if b.root.item != "" {
		item = b.root.item
	}
	list := reflect.MakeSlice(f.shape.typ, len(n.Kids), len(n.Kids))
	for i := range n.Kids {
		kid, at := &n.Kids[i], at.item(i)
		switch {
		case n.Kind == strict.Element && kid.Name != item:
			b.bad(kid, at, "is <%s>; the items of <%s> are <%s>", kid.Name, n.Name, item)
		case kid.Kind == strict.Null:
			b.bad(kid, at, "must not be null")
		default:
			b.value(kid, f.shape.elem, list.Index(i), at)
		}
	}
	v.Set(list)
}

func (b *binder) entries(n *node, s *shape, v reflect.Value, at *trail) {
	if n.Kind != strict.Object && n.Kind != strict.Element {
		b.bad(n, at, "must be an object, but is %s", n.Kind)
		return
	}
	if n.Kind == strict.Element {
		b.noText(n, at)
		b.noAttributes(n, at)
	}
	m := reflect.MakeMapWithSize(s.typ, len(n.Kids))
	for i := range n.Kids {
		kid := n.Kids[i]
		if n.Kind == strict.Element {
			key, ok := entryKey(&kid)
			if !ok {
				b.bad(&kid, at, `holds <%s>; its items are <entry key="…">`, kid.Name)
				continue
			}
			kid.Name, kid.Attrs = key, nil
		}
		at := at.field(kid.Name)
		key := reflect.ValueOf(kid.Name).Convert(s.typ.Key())
		switch {
		case kid.Kind == strict.Null:
			b.bad(&kid, at, "must not be null")
		case m.MapIndex(key).IsValid():
			b.bad(&kid, at, "is given twice")
		default:
			b.checkText(&kid, kid.Name, at)
			value := reflect.New(s.elem.typ).Elem()
			b.value(&kid, s.elem, value, at)
			m.SetMapIndex(key, value)
		}
	}
	v.Set(m)
}

func entryKey(n *node) (string, bool) {
	if n.Name != "entry" || len(n.Attrs) != 1 || n.Attrs[0].Name != "key" {
		return "", false
	}
	return n.Attrs[0].Value, true
}

func (b *binder) noAttributes(n *node, at *trail) {
	if b.lenient {
		return
	}
	for _, a := range n.Attrs {
		b.bad(n, at.field(a.Name), "is not a known attribute")
	}
}
