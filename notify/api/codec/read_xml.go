package codec

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"allim.dev/allim/notify/docmap/strict"
)

// The namespaces whose attributes are looked at or over in a request.
const (
	schemaInstance = "http://www.w3.org/2001/XMLSchema-instance"
	xmlItself      = "http://www.w3.org/XML/1998/namespace"
)

// xmlReader reads XML of one namespace, or of none, into a tree.
type xmlReader struct {
	*strict.XML
	space string // the only namespace allowed, besides none
}

func readXML(src []byte, space string) (*node, error) {
	r := &xmlReader{XML: strict.NewXML(src), space: space}
	tok, err := r.Next()
	if err != nil {
		return nil, err
	}
	start, ok := tok.(xml.StartElement)
	if !ok { // cannot be: the first token is an element's start
		return nil, r.Fail("there is no element")
	}
	root, err := r.element(start)
	if err != nil {
		return nil, err
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		return nil, err
	}
	return &root, nil
}

func (r *xmlReader) element(start xml.StartElement) (node, error) {
	n := node{Kind: strict.Element, Name: start.Name.Local, Line: int32(r.Line())}
	if s := start.Name.Space; s != "" && s != r.space {
		return n, r.Fail("<%s> is in the namespace %q; this API's is %q", shorten(start.Name.Local), shorten(s), r.space)
	}
	if err := r.attributes(&n, start.Attr); err != nil {
		return n, err
	}
	var text strings.Builder
	for {
		tok, err := r.Next()
		if errors.Is(err, io.EOF) {
			return n, r.Fail("the document ends within <%s>", shorten(n.Name))
		}
		if err != nil {
			return n, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			kid, err := r.element(t)
			if err != nil {
				return n, err
			}
			n.Kids = append(n.Kids, kid)
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			n.Text = text.String()
			return n, nil
		}
	}
}

func (r *xmlReader) attributes(n *node, attrs []xml.Attr) error {
	for _, a := range attrs {
		switch {
		case a.Name.Space == "xmlns", a.Name.Space == "" && a.Name.Local == "xmlns", a.Name.Space == xmlItself:
		case a.Name.Space == schemaInstance:
			if a.Name.Local == "nil" && (a.Value == "true" || a.Value == "1") {
				n.Kind = strict.Null
			}
		case a.Name.Space != "":
			return r.Fail("the attribute %s is in the namespace %q, which is not allowed here", shorten(a.Name.Local), shorten(a.Name.Space))
		default:
			n.Attrs = append(n.Attrs, strict.Attr{Name: a.Name.Local, Value: a.Value})
		}
	}
	return nil
}
