package describe

import (
	"cmp"
	"reflect"
	"slices"

	"allim.dev/allim/notify/api/codec"
)

// schemas are all objects that the calls read and write.
type schemas struct {
	objects   []*codec.Model // by name
	conflicts []string
}

func (b *Book) collect() schemas {
	var s schemas
	byName := map[string]reflect.Type{}
	var walk func(m *codec.Model)
	walk = func(m *codec.Model) {
		if m.Elem != nil {
			walk(m.Elem)
		}
		if m.Kind != codec.Object {
			return
		}
		if t := byName[m.Type.Name()]; t != nil {
			if t != m.Type {
				s.conflicts = append(s.conflicts, m.Type.String()+" and "+t.String()+" have the same name")
			}
			return
		}
		byName[m.Type.Name()] = m.Type
		s.objects = append(s.objects, m)
		for _, f := range m.Fields {
			walk(f.Model)
		}
	}
	for _, t := range b.documents() {
		walk(b.codec.Model(t))
	}
	slices.SortFunc(s.objects, func(x, y *codec.Model) int { return cmp.Compare(x.Type.Name(), y.Type.Name()) })
	return s
}

// reach gives the objects that are reached from the roots, by name, and the roots with them.
func (b *Book) reach(roots []reflect.Type) []*codec.Model {
	seen := map[reflect.Type]bool{}
	var walk func(m *codec.Model)
	walk = func(m *codec.Model) {
		if m.Elem != nil {
			walk(m.Elem)
		}
		if m.Kind != codec.Object || seen[m.Type] {
			return
		}
		seen[m.Type] = true
		for _, f := range m.Fields {
			walk(f.Model)
		}
	}
	for _, t := range roots {
		walk(b.codec.Model(t))
	}
	var out []*codec.Model
	for _, m := range b.schemas.objects {
		if seen[m.Type] {
			out = append(out, m)
		}
	}
	return out
}
