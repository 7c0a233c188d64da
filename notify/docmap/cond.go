package docmap

import (
	"errors"
	"fmt"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
)

// condition is a compiled expression of expr-lang whose work is bounded by the document: it has no ranges of numbers, no
// repetition, no loops within loops, and no clock.
type condition struct{ program *vm.Program }

// newCondition compiles a condition over variables of the given types.
func newCondition(source string, env map[string]any) (*condition, error) {
	guard := &condGuard{}
	options := []expr.Option{expr.Env(env), expr.AsBool(), expr.Patch(guard)}
	for _, name := range []string{"repeat", "now", "toJSON", "fromJSON"} {
		options = append(options, expr.DisableBuiltin(name))
	}
	p, err := expr.Compile(source, options...)
	if err == nil {
		err = guard.fault
	}
	if err != nil {
		return nil, fmt.Errorf("is not a valid condition: %w", err)
	}
	return &condition{p}, nil
}

// holds tells whether the condition is true for a match.
func (c *condition) holds(env map[string]any) (bool, error) {
	v, err := vm.Run(c.program, env)
	if err != nil {
		return false, fmt.Errorf("the condition cannot be evaluated: %w", err)
	}
	b, ok := v.(bool)
	if !ok {
		return false, errors.New("the condition is neither true nor false")
	}
	return b, nil
}

// condGuard looks for what could make the work grow beyond the document.
type condGuard struct{ fault error }

// Visit implements ast.Visitor.
func (g *condGuard) Visit(n *ast.Node) {
	switch n := (*n).(type) {
	case *ast.BinaryNode:
		if n.Operator == ".." {
			g.fault = errors.New("ranges (..) are not allowed here")
		}
	case *ast.PredicateNode:
		inner := &loops{}
		ast.Walk(&n.Node, inner)
		if inner.found {
			g.fault = errors.New("a loop within a loop is not allowed here")
		}
	}
}

// loops finds a predicate below a node.
type loops struct{ found bool }

// Visit implements ast.Visitor.
func (l *loops) Visit(n *ast.Node) {
	if _, ok := (*n).(*ast.PredicateNode); ok {
		l.found = true
	}
}
