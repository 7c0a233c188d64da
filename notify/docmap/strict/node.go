package strict

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

// Kind is what stands at a place of a document.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	Bool
	Number
	Text
	Array
	Object
	Element // XML: what it means is said by the reader
)

// String is the kind's name for people.
func (k Kind) String() string {
	return [...]string{"null", "true or false", "a number", "a text", "an array", "an object", "an element"}[k]
}

// Node is one value of a document. In JSON Name is the key, in XML the element's local name.
type Node struct {
	Kind  Kind
	Line  int32 // where it begins in JSON, where its first tag ends in XML; from 1; 0: JSON of one line
	Name  string
	Text  string // the text, the number as written, or "true"
	Kids  []Node
	Attrs []Attr
}

// Attr is an attribute of an element, without a namespace.
type Attr struct{ Name, Value string }

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
