package codec

import (
	"encoding/xml"
	"reflect"
	"strconv"
	"strings"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/docmap/strict"
)

// Element is an element of the API's namespace, or of none, that stands within another document and is read as a whole.
type Element struct{ root node }

// ReadElement reads the element whose start was taken from x last. Errors: CodeMalformed with line and column.
func ReadElement(x *strict.XML, start xml.StartElement) (Element, error) {
	r := &xmlReader{XML: x, space: Namespace}
	root, err := r.element(start)
	return Element{root}, err
}

// DecodeElement puts an element into the struct that into points to. CodeInvalid, as Decode.
func (c *Codec) DecodeElement(e Element, into any) error {
	v := reflect.ValueOf(into).Elem()
	s := c.shapeOf(v.Type())
	if e.root.Name != s.root {
		return notify.Errorf(notify.CodeInvalid, "the element is <%s>; it should be <%s>", shorten(e.root.Name), s.root)
	}
	b := &binder{root: s}
	b.value(&e.root, s, v, nil)
	return b.err()
}

// Line gives the line of what a path names, such as "notification.to.users[1]", or of what is nearest to it.
func (e Element) Line(path string) int {
	at := &e.root
	for step := range strings.SplitSeq(path, ".") {
		name, index, listed := strings.Cut(step, "[")
		next := kidNamed(at, name)
		if next == nil {
			break
		}
		at = next
		i, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
		if listed && err == nil && i >= 0 && i < len(at.Kids) {
			at = &at.Kids[i]
		}
	}
	return int(at.Line)
}

func kidNamed(n *node, name string) *node {
	for i := range n.Kids {
		if n.Kids[i].Name == name {
			return &n.Kids[i]
		}
	}
	return nil
}
