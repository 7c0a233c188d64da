package describe

import (
	"fmt"
	"strings"
)

// xsdWriter writes lines of XML, indented by what is open.
type xsdWriter struct {
	book  *Book
	out   strings.Builder
	depth int
}

func (w *xsdWriter) line(format string, args ...any) {
	w.out.WriteString(strings.Repeat("  ", w.depth))
	fmt.Fprintf(&w.out, format+"\n", args...)
}

func (w *xsdWriter) open(format string, args ...any) {
	w.line(format, args...)
	w.depth++
}

func (w *xsdWriter) close(tag string) {
	w.depth--
	w.line("%s", tag)
}
