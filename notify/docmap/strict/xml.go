package strict

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// XML gives the tokens of XML 1.0 with namespaces, without document type declarations. The source is UTF-8, whatever it
// declares.
type XML struct {
	src    []byte
	dec    *xml.Decoder
	first  bool // nothing was read yet
	depth  int
	values int
	root   bool // the document's element has begun
}

// NewXML reads from src.
func NewXML(src []byte) *XML {
	x := &XML{src: src, dec: xml.NewDecoder(bytes.NewReader(src)), first: true}
	x.dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	return x
}

// Next gives the next xml.StartElement, xml.EndElement or xml.CharData within the document's one element; io.EOF after
// it. Any other error is CodeMalformed with line and column.
func (x *XML) Next() (xml.Token, error) {
	for {
		tok, err := x.dec.Token()
		first := x.first
		x.first = false
		if err != nil {
			return nil, x.wrap(err)
		}
		switch t := tok.(type) {
		case xml.Directive:
			return nil, x.Fail("a document type declaration is not allowed")
		case xml.ProcInst:
			if strings.EqualFold(t.Target, "xml") && !first {
				return nil, x.Fail("the XML declaration must stand at the very beginning")
			}
		case xml.CharData:
			if x.depth > 0 {
				return t, nil
			}
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, x.Fail("there is text outside of the document's element")
			}
		case xml.StartElement:
			return t, x.start(t)
		case xml.EndElement:
			x.depth--
			return t, nil
		}
	}
}

// Fail makes a CodeMalformed that points behind what was read last.
func (x *XML) Fail(format string, args ...any) error {
	return malformed(placeOf(x.src, int(x.dec.InputOffset())), format, args...)
}

// Line is where what was read last ends, from 1.
func (x *XML) Line() int {
	line, _ := x.dec.InputPos()
	return line
}

func (x *XML) wrap(err error) error {
	var syntax *xml.SyntaxError
	switch {
	case errors.Is(err, io.EOF) && x.root:
		return io.EOF
	case errors.Is(err, io.EOF):
		return x.Fail("there is no element")
	case errors.As(err, &syntax):
		return x.Fail("%s", syntax.Msg)
	}
	return x.Fail("%s", strings.TrimPrefix(err.Error(), "xml: "))
}

func (x *XML) start(t xml.StartElement) error {
	if x.depth == 0 && x.root {
		return x.Fail("there is a second element after the end of the document")
	}
	x.root = true
	if x.values++; x.values > MaxValues {
		return x.Fail("the document has more than %d elements", MaxValues)
	}
	if x.depth++; x.depth > MaxDepth {
		return x.Fail("the document is nested more than %d deep", MaxDepth)
	}
	if len(t.Attr) > MaxAttributes {
		return x.Fail("<%s> has more than %d attributes", Shorten(t.Name.Local), MaxAttributes)
	}
	for i, a := range t.Attr {
		for _, b := range t.Attr[:i] {
			if a.Name == b.Name {
				return x.Fail("the attribute %s is given twice", Shorten(a.Name.Local))
			}
		}
	}
	return nil
}

// maxName is how much of a stranger's name an error repeats, in bytes.
const maxName = 64

// Shorten cuts a name for a message.
func Shorten(name string) string {
	if len(name) <= maxName {
		return name
	}
	return strings.ToValidUTF8(name[:maxName], "") + "…"
}
