package codec

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// The namespaces whose attributes are looked at or over in a request.
const (
	schemaInstance = "http://www.w3.org/2001/XMLSchema-instance"
	xmlItself      = "http://www.w3.org/XML/1998/namespace"
)

// xmlReader reads XML 1.0 with namespaces, without DTDs, into a tree. The source is UTF-8, whatever it declares.
type xmlReader struct {
	src    []byte
	dec    *xml.Decoder
	space  string // the only namespace allowed, besides none
	first  bool   // nothing was read yet
	values int
}

func readXML(src []byte, space string) (*node, error) {
	r := &xmlReader{src: src, dec: xml.NewDecoder(bytes.NewReader(src)), space: space, first: true}
	r.dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	var root *node
	for {
		tok, err := r.next()
		if errors.Is(err, io.EOF) {
			if root == nil {
				return nil, r.fail("there is no element")
			}
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if root != nil {
				return nil, r.fail("there is a second element after the end of the document")
			}
			n, err := r.element(t, 1)
			if err != nil {
				return nil, err
			}
			root = &n
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, r.fail("there is text outside of the document's element")
			}
		}
	}
}

func (r *xmlReader) fail(format string, args ...any) error {
	return malformed(placeOf(r.src, int(r.dec.InputOffset())), format, args...)
}

// next gives the next start, end or text.
func (r *xmlReader) next() (xml.Token, error) {
	for {
		tok, err := r.dec.Token()
		first := r.first
		r.first = false
		if err != nil {
			return nil, r.wrap(err)
		}
		switch t := tok.(type) {
		case xml.Directive:
			return nil, r.fail("a document type declaration is not allowed")
		case xml.ProcInst:
			if strings.EqualFold(t.Target, "xml") && !first {
				return nil, r.fail("the XML declaration must stand at the very beginning")
			}
		case xml.Comment:
		default:
			return tok, nil
		}
	}
}

func (r *xmlReader) wrap(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return r.fail("%s", syntax.Msg)
	}
	return r.fail("%s", strings.TrimPrefix(err.Error(), "xml: "))
}

func (r *xmlReader) element(start xml.StartElement, depth int) (node, error) {
	line, _ := r.dec.InputPos()
	n := node{kind: nodeElement, name: start.Name.Local, line: int32(line)}
	if err := r.check(start, depth); err != nil {
		return n, err
	}
	if err := r.attributes(&n, start.Attr); err != nil {
		return n, err
	}
	var text strings.Builder
	for {
		tok, err := r.next()
		if errors.Is(err, io.EOF) {
			return n, r.fail("the document ends within <%s>", n.name)
		}
		if err != nil {
			return n, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			kid, err := r.element(t, depth+1)
			if err != nil {
				return n, err
			}
			n.kids = append(n.kids, kid)
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			n.text = text.String()
			return n, nil
		}
	}
}

func (r *xmlReader) check(start xml.StartElement, depth int) error {
	if r.values++; r.values > MaxValues {
		return r.fail("the document has more than %d elements", MaxValues)
	}
	if depth > MaxDepth {
		return r.fail("the document is nested more than %d deep", MaxDepth)
	}
	if s := start.Name.Space; s != "" && s != r.space {
		return r.fail("<%s> is in the namespace %q; this API's is %q", start.Name.Local, s, r.space)
	}
	if len(start.Attr) > MaxAttributes {
		return r.fail("<%s> has more than %d attributes", start.Name.Local, MaxAttributes)
	}
	return nil
}

func (r *xmlReader) attributes(n *node, attrs []xml.Attr) error {
	for i, a := range attrs {
		for _, b := range attrs[:i] {
			if a.Name == b.Name {
				return r.fail("the attribute %s is given twice", a.Name.Local)
			}
		}
		switch {
		case a.Name.Space == "xmlns", a.Name.Space == "" && a.Name.Local == "xmlns", a.Name.Space == xmlItself:
		case a.Name.Space == schemaInstance:
			if a.Name.Local == "nil" && (a.Value == "true" || a.Value == "1") {
				n.kind = nodeNull
			}
		case a.Name.Space != "":
			return r.fail("the attribute %s is in the namespace %q, which is not allowed here", a.Name.Local, a.Name.Space)
		default:
			n.attrs = append(n.attrs, attribute{name: a.Name.Local, value: a.Value})
		}
	}
	return nil
}
