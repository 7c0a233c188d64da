package docmap

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"allim.dev/allim/notify/docmap/strict"
)

// kind is the sort of a node.
type kind uint8

const (
	rootNode kind = iota
	elementNode
	textNode
)

// node is a node of a document as XPath sees it.
type node struct {
	kind   kind
	line   int32
	name   qname
	text   string // of a text node
	attrs  []attr
	parent *node
	first  *node
	last   *node
	prev   *node
	next   *node
}

// qname is a name with its namespace and the prefix that it was written with; both may be empty.
type qname struct{ prefix, space, local string }

type attr struct {
	name  qname
	value string
}

func (n *node) add(kid *node) {
	kid.parent = n
	if kid.prev = n.last; kid.prev != nil {
		kid.prev.next = kid
	} else {
		n.first = kid
	}
	n.last = kid
}

// value appends the node's string-value (XPath 1.0 section 5): the text of all that is below.
func (n *node) value(b *strings.Builder) {
	b.WriteString(n.text)
	for k := n.first; k != nil; k = k.next {
		k.value(b)
	}
}

// readTree reads a document of UTF-8.
func readTree(src []byte, isXML bool) (*node, error) {
	if isXML {
		return treeOfXML(src)
	}
	v, err := strict.ReadJSON(src)
	if err != nil {
		return nil, err
	}
	root := &node{}
	addJSON(root, v)
	return root, nil
}

// addJSON adds what stands in a JSON value.
func addJSON(to *node, v *strict.Node) {
	switch v.Kind {
	case strict.Object, strict.Array:
		for i := range v.Kids {
			kid := &v.Kids[i]
			n := &node{kind: elementNode, line: kid.Line, name: qname{local: kid.Name}}
			to.add(n)
			addJSON(n, kid)
		}
	case strict.Null:
	default:
		to.add(&node{kind: textNode, line: v.Line, text: v.Text})
	}
}

// binding is a prefix that is declared at a depth of the document.
type binding struct {
	prefix, space string
	depth         int
}

// xmlTree builds the tree of an XML document. Texts of nothing but white space are left out.
type xmlTree struct {
	*strict.XML
	at    *node
	depth int
	bound []binding
	text  strings.Builder // of at, not yet added
}

func treeOfXML(src []byte) (*node, error) {
	root := &node{}
	t := &xmlTree{XML: strict.NewXML(src), at: root}
	for {
		tok, err := t.Next()
		if errors.Is(err, io.EOF) {
			if t.depth > 0 {
				return nil, t.Fail("the document ends within <%s>", strict.Shorten(t.at.name.local))
			}
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			t.flush()
			t.start(tok)
		case xml.CharData:
			t.text.Write(tok)
		case xml.EndElement:
			t.flush()
			t.end()
		}
	}
}

func (t *xmlTree) flush() {
	if s := t.text.String(); strings.TrimSpace(s) != "" {
		t.at.add(&node{kind: textNode, text: s})
	}
	t.text.Reset()
}

func (t *xmlTree) start(tok xml.StartElement) {
	t.depth++
	n := &node{kind: elementNode, line: int32(t.Line())}
	for _, a := range tok.Attr {
		switch {
		case a.Name.Space == "xmlns":
			t.bound = append(t.bound, binding{a.Name.Local, a.Value, t.depth})
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			t.bound = append(t.bound, binding{"", a.Value, t.depth})
		}
	}
	n.name = t.named(tok.Name, true)
	for _, a := range tok.Attr {
		if a.Name.Space != "xmlns" && (a.Name.Space != "" || a.Name.Local != "xmlns") {
			n.attrs = append(n.attrs, attr{t.named(a.Name, false), a.Value})
		}
	}
	t.at.add(n)
	t.at = n
}

func (t *xmlTree) end() {
	for len(t.bound) > 0 && t.bound[len(t.bound)-1].depth == t.depth {
		t.bound = t.bound[:len(t.bound)-1]
	}
	t.at = t.at.parent
	t.depth--
}

// maxBound is how many declarations are looked through for a prefix: no honest document has more.
const maxBound = 64

// named finds the prefix again that the decoder has replaced by its namespace: the innermost one that is bound to it.
func (t *xmlTree) named(n xml.Name, element bool) qname {
	q := qname{space: n.Space, local: n.Local}
	for i := len(t.bound) - 1; i >= max(0, len(t.bound)-maxBound); i-- {
		if b := t.bound[i]; b.space == n.Space && n.Space != "" && (element || b.prefix != "") {
			q.prefix = b.prefix
			return q
		}
	}
	q.prefix = n.Space // not bound: what stands there is the prefix itself
	return q
}
