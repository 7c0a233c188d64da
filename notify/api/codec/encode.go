package codec

import (
	"reflect"
	"slices"
	"strconv"
	"time"
)

// writer is one form's way of writing what the renderer walks over.
type writer interface {
	object(s *shape, v reflect.Value)
	array(item string, s *shape, v reflect.Value)
	entries(s *shape, v reflect.Value)
	scalar(s *shape, v reflect.Value)
}

// Encode renders the struct v (or a pointer to one) in the form, in UTF-8.
func (c *Codec) Encode(f Form, v any) []byte {
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer {
		rv = rv.Elem()
	}
	s := c.shapeOf(rv.Type())
	if f == XML {
		w := &xmlWriter{item: s.item}
		w.root(s, rv)
		return w.buf.Bytes()
	}
	w := &jsonWriter{}
	w.object(s, rv)
	return append(w.buf, '\n')
}

// render walks over one value.
func render(w writer, item string, s *shape, v reflect.Value) {
	switch s.kind {
	case kindPointer:
		render(w, item, s.elem, v.Elem())
	case kindStruct:
		w.object(s, v)
	case kindSlice:
		w.array(item, s, v)
	case kindMap:
		w.entries(s, v)
	default:
		w.scalar(s, v)
	}
}

// present gives the fields of a struct that are to be written.
func present(s *shape, v reflect.Value, each func(f *field, v reflect.Value)) {
	for i := range s.fields {
		f := &s.fields[i]
		fv := v.FieldByIndex(f.index)
		if f.shape.kind == kindPointer && fv.IsNil() || f.omit && empty(f.shape, fv) {
			continue
		}
		each(f, fv)
	}
}

func empty(s *shape, v reflect.Value) bool {
	switch s.kind {
	case kindSlice, kindMap:
		return v.Len() == 0
	case kindTime:
		return v.Interface().(time.Time).IsZero()
	}
	return v.IsZero()
}

// keys gives a map's keys in their order.
func keys(v reflect.Value) []reflect.Value {
	list := v.MapKeys()
	slices.SortFunc(list, func(a, b reflect.Value) int {
		switch {
		case a.String() < b.String():
			return -1
		case a.String() > b.String():
			return 1
		}
		return 0
	})
	return list
}

// scalarText gives a value's text; quoted tells whether JSON writes it as a string.
func scalarText(s *shape, v reflect.Value) (text string, quoted bool) {
	switch s.kind {
	case kindBool:
		return strconv.FormatBool(v.Bool()), false
	case kindInt:
		return strconv.FormatInt(v.Int(), 10), false
	case kindFloat:
		return strconv.FormatFloat(v.Float(), 'f', -1, 64), false
	case kindTime:
		return v.Interface().(time.Time).UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano), true
	}
	return v.String(), true
}
