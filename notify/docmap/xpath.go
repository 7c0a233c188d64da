package docmap

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/antchfx/xpath"
)

// path is an XPath 1.0 expression that is known to compile. An engine's expression has state, so that every document
// compiles its own; the compilation costs a few microseconds.
type path struct {
	source string
	spaces map[string]string
	zero   any // of the expression's type: "", 0.0, false, or nil for nodes
}

// newPath compiles an expression and finds out its type, by looking for it in an empty document.
func newPath(source string, spaces map[string]string) (*path, error) {
	p := &path{source: source, spaces: spaces}
	e, err := p.compile()
	if err != nil {
		return nil, err
	}
	empty := newNav(&node{}, &budget{left: math.MaxInt32})
	v, err := evaluate(e, empty)
	if err != nil {
		return nil, err
	}
	if _, nodes := v.(*xpath.NodeIterator); !nodes {
		p.zero = v
	}
	return p, nil
}

// compile makes an expression of the engine, whose parser panics at some mistakes.
func (p *path) compile() (e *xpath.Expr, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("is not a valid XPath: %v", v)
		}
	}()
	e, err = xpath.CompileWithNS(p.source, p.spaces)
	if err != nil {
		return nil, fmt.Errorf("is not a valid XPath: %w", err)
	}
	return e, nil
}

// evaluate gives a string, a float64, a bool, or the engine's iterator. The engine panics where a function's argument is
// of the wrong type.
func evaluate(e *xpath.Expr, at *nav) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, fmt.Errorf("cannot be evaluated: %v", r)
		}
	}()
	return e.Evaluate(at), nil
}

// next gives the iterator's next place.
func next(it *xpath.NodeIterator) (at *nav, err error) {
	defer func() {
		if r := recover(); r != nil {
			at, err = nil, fmt.Errorf("cannot be evaluated: %v", r)
		}
	}()
	if !it.MoveNext() {
		return nil, nil
	}
	return it.Current().Copy().(*nav), nil
}

// one gives an expression's value at a place: of nodes the text of the first, without the spaces at its ends.
func one(e *xpath.Expr, at *nav) (any, error) {
	v, err := evaluate(e, at.Copy().(*nav))
	if err != nil {
		return nil, err
	}
	it, ok := v.(*xpath.NodeIterator)
	if !ok {
		return v, nil
	}
	first, err := next(it)
	if err != nil || first == nil {
		return "", err
	}
	return strings.TrimSpace(first.Value()), nil
}

// all gives the places that an expression finds, at most limit of them; more tells that there would be others.
func all(e *xpath.Expr, at *nav, limit int) (found []*nav, more bool, err error) {
	v, err := evaluate(e, at.Copy().(*nav))
	if err != nil {
		return nil, false, err
	}
	it, ok := v.(*xpath.NodeIterator)
	if !ok {
		return nil, false, fmt.Errorf("gives no nodes")
	}
	for {
		n, err := next(it)
		if err != nil || n == nil {
			return found, false, err
		}
		if len(found) == limit {
			return found, true, nil
		}
		found = append(found, n)
	}
}

// number is a number of a document; templates show it as XPath writes it, not with an exponent.
type number float64

// String is XPath's own form (section 4.2).
func (n number) String() string {
	f := float64(n)
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0:
		return "0"
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
