package codec

import (
	"fmt"

	"allim.dev/allim/notify"
)

// Limits of a document, besides its length.
const (
	MaxDepth      = 32      // nested objects and arrays, or elements
	MaxAttributes = 32      // of one element
	MaxValues     = 250_000 // objects, arrays, texts and numbers, or elements, of a whole document
)

// nodeKind is what stands at a place of a document.
type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeBool
	nodeNumber
	nodeText
	nodeArray
	nodeObject
	nodeElement // XML: what it means is said by the field that it is for
)

// String is the kind's name for people.
func (k nodeKind) String() string {
	return [...]string{"null", "true or false", "a number", "a text", "an array", "an object", "an element"}[k]
}

// node is one value of a document. In JSON name is the key, in XML the element's local name.
type node struct {
	kind  nodeKind
	line  int32 // XML only
	name  string
	text  string // the text, the number as written, or "true"
	kids  []node
	attrs []attribute
}

type attribute struct{ name, value string }

// place is a position in a document, both numbers from 1; the column counts characters.
type place struct{ line, column int }

func malformed(p place, format string, args ...any) error {
	return notify.Errorf(notify.CodeMalformed, "line %d, column %d: %s", p.line, p.column, fmt.Sprintf(format, args...))
}

// placeOf finds the position of a byte of UTF-8 text.
func placeOf(text []byte, offset int) place {
	p := place{line: 1, column: 1}
	for i, c := range text {
		if i >= offset {
			break
		}
		switch {
		case c == '\n':
			p.line, p.column = p.line+1, 1
		case c&0xC0 != 0x80: // not the middle of a character
			p.column++
		}
	}
	return p
}
