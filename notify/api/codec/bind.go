package codec

import (
	"fmt"
	"reflect"
	"strings"

	"allim.dev/allim/notify"
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
	if n.line > 0 {
		message += fmt.Sprintf(" (line %d)", n.line)
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
		if n.kind == nodeNull {
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
	if n.kind == nodeNull {
		return
	}
	if f.shape.kind == kindSlice {
		b.items(n, f, v, at)
		return
	}
	b.value(n, f.shape, v, at)
}

func (b *binder) object(n *node, s *shape, v reflect.Value, at *trail) {
	if n.kind != nodeObject && n.kind != nodeElement {
		b.bad(n, at, "must be an object, but is %s", n.kind)
		return
	}
	seen := make([]bool, len(s.fields))
	for _, a := range n.attrs {
		i, ok := s.byName[a.name]
		if !ok || !s.fields[i].attr {
			b.unknown(n, s, a.name, at.field(a.name))
			continue
		}
		f := &s.fields[i]
		b.field(&node{kind: nodeElement, line: n.line, text: a.value}, f, v.FieldByIndex(f.index), at.field(a.name))
	}
	for i := range n.kids {
		kid := &n.kids[i]
		at := at.field(kid.name)
		k, ok := s.byName[kid.name]
		if !ok || n.kind == nodeElement && (s.fields[k].attr || k == s.text) {
			b.unknown(kid, s, kid.name, at)
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
	if n.kind == nodeElement {
		b.text(n, s, v, at)
	}
}

// text takes the text of an element that is an object.
func (b *binder) text(n *node, s *shape, v reflect.Value, at *trail) {
	if s.text >= 0 {
		f := &s.fields[s.text]
		b.scalar(&node{kind: nodeElement, line: n.line, text: n.text}, f.shape, v.FieldByIndex(f.index), at)
	} else {
		b.noText(n, at)
	}
}

func (b *binder) noText(n *node, at *trail) {
	if strings.TrimSpace(n.text) != "" {
		b.bad(n, at, "holds text where only elements may stand")
	}
}

func (b *binder) items(n *node, f *field, v reflect.Value, at *trail) {
	if n.kind != nodeArray && n.kind != nodeElement {
		b.bad(n, at, "must be an array, but is %s", n.kind)
		return
	}
	if n.kind == nodeElement {
		b.noText(n, at)
		b.noAttributes(n, at)
	}
	item := f.item
	if b.root.item != "" {
		item = b.root.item
	}
	list := reflect.MakeSlice(f.shape.typ, len(n.kids), len(n.kids))
	for i := range n.kids {
		kid, at := &n.kids[i], at.item(i)
		switch {
		case n.kind == nodeElement && kid.name != item:
			b.bad(kid, at, "is <%s>; the items of <%s> are <%s>", kid.name, n.name, item)
		case kid.kind == nodeNull:
			b.bad(kid, at, "must not be null")
		default:
			b.value(kid, f.shape.elem, list.Index(i), at)
		}
	}
	v.Set(list)
}

func (b *binder) entries(n *node, s *shape, v reflect.Value, at *trail) {
	if n.kind != nodeObject && n.kind != nodeElement {
		b.bad(n, at, "must be an object, but is %s", n.kind)
		return
	}
	if n.kind == nodeElement {
		b.noText(n, at)
		b.noAttributes(n, at)
	}
	m := reflect.MakeMapWithSize(s.typ, len(n.kids))
	for i := range n.kids {
		kid := n.kids[i]
		if n.kind == nodeElement {
			key, ok := entryKey(&kid)
			if !ok {
				b.bad(&kid, at, `holds <%s>; its items are <entry key="…">`, kid.name)
				continue
			}
			kid.name, kid.attrs = key, nil
		}
		at := at.field(kid.name)
		key := reflect.ValueOf(kid.name).Convert(s.typ.Key())
		switch {
		case kid.kind == nodeNull:
			b.bad(&kid, at, "must not be null")
		case m.MapIndex(key).IsValid():
			b.bad(&kid, at, "is given twice")
		default:
			b.checkText(&kid, kid.name, at)
			value := reflect.New(s.elem.typ).Elem()
			b.value(&kid, s.elem, value, at)
			m.SetMapIndex(key, value)
		}
	}
	v.Set(m)
}

func entryKey(n *node) (string, bool) {
	if n.name != "entry" || len(n.attrs) != 1 || n.attrs[0].name != "key" {
		return "", false
	}
	return n.attrs[0].value, true
}

func (b *binder) noAttributes(n *node, at *trail) {
	if b.lenient {
		return
	}
	for _, a := range n.attrs {
		b.bad(n, at.field(a.name), "is not a known attribute")
	}
}
