package codec

import (
	"reflect"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/docmap/strict"
)

// Document is a document to be read.
type Document struct {
	Form    Form
	Charset string // of the Content-Type; empty: not said
	Data    []byte
	Lenient bool // unknown fields are skipped; for answers
}

// Decode reads a document into the struct that into points to. Errors: CodeMalformed with line and column when it is no
// well-formed document of its form, CodeUnsupportedMedia for an unknown encoding, CodeInvalid naming every unknown field,
// wrong type and repeated field at once by its path.
func (c *Codec) Decode(d Document, into any) error {
	v := reflect.ValueOf(into).Elem()
	s := c.shapeOf(v.Type())
	text, err := strict.ToUTF8(d.Form == XML, d.Data, d.Charset)
	if err != nil {
		return err
	}
	var root *node
	if d.Form == XML {
		root, err = readXML(text, s.space)
	} else {
		root, err = strict.ReadJSON(text)
	}
	if err != nil {
		return err
	}
	if root.Kind == strict.Element && root.Name != s.root {
		return notify.Errorf(notify.CodeInvalid, "the document is <%s>; it should be <%s>", shorten(root.Name), s.root)
	}
	b := &binder{lenient: d.Lenient, root: s}
	if root.Kind != strict.Object && root.Kind != strict.Element {
		return notify.Errorf(notify.CodeInvalid, "the document must be an object, but is %s", root.Kind)
	}
	b.value(root, s, v, nil)
	return b.err()
}
