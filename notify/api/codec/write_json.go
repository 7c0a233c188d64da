package codec

import (
	"reflect"
	"strconv"
	"unicode/utf8"
)

type jsonWriter struct{ buf []byte }

func (w *jsonWriter) object(s *shape, v reflect.Value) {
	w.buf = append(w.buf, '{')
	first := true
	present(s, v, func(f *field, fv reflect.Value) {
		w.next(&first)
		w.buf = append(appendText(w.buf, f.name), ':')
		render(w, f.item, f.shape, fv)
	})
	w.buf = append(w.buf, '}')
}

func (w *jsonWriter) array(item string, s *shape, v reflect.Value) {
	w.buf = append(w.buf, '[')
	first := true
	for i := range v.Len() {
		w.next(&first)
		render(w, item, s.elem, v.Index(i))
	}
	w.buf = append(w.buf, ']')
}

func (w *jsonWriter) entries(s *shape, v reflect.Value) {
	w.buf = append(w.buf, '{')
	first := true
	for _, key := range keys(v) {
		w.next(&first)
		w.buf = append(appendText(w.buf, key.String()), ':')
		render(w, "", s.elem, v.MapIndex(key))
	}
	w.buf = append(w.buf, '}')
}

func (w *jsonWriter) scalar(s *shape, v reflect.Value) {
	text, quoted := scalarText(s, v)
	if quoted {
		w.buf = appendText(w.buf, text)
	} else {
		w.buf = append(w.buf, text...)
	}
}

func (w *jsonWriter) next(first *bool) {
	if !*first {
		w.buf = append(w.buf, ',')
	}
	*first = false
}

// appendText writes a JSON string. What is not valid UTF-8 becomes U+FFFD.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029: // the last two end a line in old JavaScript
			b = append(b, `\u`...)
			b = append(b, strconv.FormatInt(0x10000+int64(r), 16)[1:]...)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
