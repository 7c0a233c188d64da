package codec

import (
	"bytes"
	"encoding/xml"
	"reflect"
)

type xmlWriter struct {
	buf  bytes.Buffer
	item string // the name of all items, where the root says so
}

func (w *xmlWriter) root(s *shape, v reflect.Value) {
	w.buf.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	w.buf.WriteString("<" + s.root + ` xmlns="`)
	w.text(s.space)
	w.buf.WriteString(`"`)
	w.object(s, v)
	w.buf.WriteString("</" + s.root + ">\n")
}

// An element is written in three parts: "<name" by who knows the name, the attributes with ">" by the value's writer
// below, "</name>" again by who knows the name.

func (w *xmlWriter) element(name, item string, s *shape, v reflect.Value) {
	w.buf.WriteString("<" + name)
	render(w, item, s, v)
	w.buf.WriteString("</" + name + ">")
}

func (w *xmlWriter) object(s *shape, v reflect.Value) {
	present(s, v, func(f *field, fv reflect.Value) {
		if f.attr {
			w.attribute(f.name, f.shape, fv)
		}
	})
	w.buf.WriteByte('>')
	if s.text >= 0 {
		f := &s.fields[s.text]
		text, _ := scalarText(f.shape, v.FieldByIndex(f.index))
		w.text(text)
		return
	}
	present(s, v, func(f *field, fv reflect.Value) {
		if !f.attr {
			w.element(f.name, f.item, f.shape, fv)
		}
	})
}

func (w *xmlWriter) attribute(name string, s *shape, v reflect.Value) {
	text, _ := scalarText(s, v)
	w.buf.WriteString(" " + name + `="`)
	w.text(text)
	w.buf.WriteByte('"')
}

func (w *xmlWriter) array(item string, s *shape, v reflect.Value) {
	if w.item != "" {
		item = w.item
	}
	w.buf.WriteByte('>')
	for i := range v.Len() {
		w.element(item, "", s.elem, v.Index(i))
	}
}

func (w *xmlWriter) entries(s *shape, v reflect.Value) {
	w.buf.WriteByte('>')
	for _, key := range keys(v) {
		w.buf.WriteString(`<entry key="`)
		w.text(key.String())
		w.buf.WriteByte('"')
		render(w, "", s.elem, v.MapIndex(key))
		w.buf.WriteString("</entry>")
	}
}

func (w *xmlWriter) scalar(s *shape, v reflect.Value) {
	text, _ := scalarText(s, v)
	w.buf.WriteByte('>')
	w.text(text)
}

// text escapes; what XML cannot carry becomes U+FFFD.
func (w *xmlWriter) text(s string) {
	// A bytes.Buffer takes everything, so there is no error to look at.
	_ = xml.EscapeText(&w.buf, []byte(s))
}
