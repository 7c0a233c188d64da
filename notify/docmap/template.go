package docmap

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"text/template"
	"text/template/parse"
)

// maxText is the greatest text that a template may make, in bytes: more than any field of a notification may hold.
const maxText = 64 << 10

// tmpl is a compiled template; a text without {{ is one that never changes.
type tmpl struct {
	fixed  string
	t      *template.Template // nil: fixed
	choice bool               // it has if, range or with: its author has thought of what is not there
}

// templatePlace is what text/template puts before its messages.
var templatePlace = regexp.MustCompile(`^template: [^:]*:(\d+:)*\s*(executing "[^"]*" at )?`)

func templateError(err error) error {
	return errors.New(templatePlace.ReplaceAllString(err.Error(), ""))
}

// newTemplate compiles a template over variables of the given names.
func newTemplate(source string, names map[string]any) (*tmpl, error) {
	if !strings.Contains(source, "{{") {
		return &tmpl{fixed: source}, nil
	}
	t, err := template.New("text").Funcs(functions()).Option("missingkey=error").Parse(source)
	if err != nil {
		return nil, templateError(err)
	}
	g := &templateGuard{names: names}
	if len(t.Templates()) > 1 {
		g.fail("define and block are not allowed here")
	}
	if t.Tree != nil {
		g.walk(t.Root, true, 0)
	}
	if g.fault != nil {
		return nil, g.fault
	}
	return &tmpl{t: t, choice: g.choice}, nil
}

// errLong is what a template's writer says when there is too much.
var errLong = errors.New("is too long")

// limited takes what a template writes, up to a bound.
type limited struct {
	strings.Builder
	left int
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errLong
	}
	return l.Builder.Write(p)
}

// render makes the text of at most max bytes.
func (t *tmpl) render(env map[string]any, max int) (string, error) {
	if t.t == nil {
		return t.fixed, nil
	}
	w := &limited{left: max}
	err := t.t.Execute(w, env)
	switch {
	case errors.Is(err, errLong):
		return "", fmt.Errorf("is longer than %d bytes", max)
	case err != nil:
		return "", fmt.Errorf("cannot be made: %w", templateError(err))
	}
	return w.String(), nil
}

// templateGuard looks through a template for names that there are not, and for what could make its work grow beyond the
// document: templates that call templates, loops within loops, loops over anything but a list.
type templateGuard struct {
	names  map[string]any
	choice bool
	fault  error
}

func (g *templateGuard) fail(format string, args ...any) {
	if g.fault == nil {
		g.fault = fmt.Errorf(format, args...)
	}
}

// walk looks at a node; whole tells that the dot is the match, not a part of it.
func (g *templateGuard) walk(n parse.Node, whole bool, loops int) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, k := range n.Nodes {
			g.walk(k, whole, loops)
		}
	case *parse.ActionNode:
		g.pipe(n.Pipe, whole)
	case *parse.IfNode:
		g.branch(&n.BranchNode, whole, whole, loops)
	case *parse.WithNode:
		g.branch(&n.BranchNode, whole, false, loops)
	case *parse.RangeNode:
		if loops > 0 {
			g.fail("a range within a range is not allowed here")
		}
		if cmds := n.Pipe.Cmds; len(cmds) != 1 || len(cmds[0].Args) != 1 || !isName(cmds[0].Args[0]) {
			g.fail("range goes over a list by its name only")
		}
		g.branch(&n.BranchNode, whole, false, loops+1)
	case *parse.TemplateNode:
		g.fail("template is not allowed here")
	}
}

func isName(n parse.Node) bool {
	t := n.Type()
	return t == parse.NodeField || t == parse.NodeVariable
}

func (g *templateGuard) branch(b *parse.BranchNode, whole, inside bool, loops int) {
	g.choice = true
	g.pipe(b.Pipe, whole)
	g.walk(b.List, inside, loops)
	if b.ElseList != nil {
		g.walk(b.ElseList, whole, loops)
	}
}

func (g *templateGuard) pipe(p *parse.PipeNode, whole bool) {
	if p == nil {
		return
	}
	for _, c := range p.Cmds {
		for _, a := range c.Args {
			g.argument(a, whole)
		}
	}
}

func (g *templateGuard) argument(n parse.Node, whole bool) {
	switch n := n.(type) {
	case *parse.FieldNode:
		if whole {
			g.known(n.Ident[0])
		}
	case *parse.VariableNode:
		if n.Ident[0] == "$" && len(n.Ident) > 1 {
			g.known(n.Ident[1])
		}
	case *parse.PipeNode:
		g.pipe(n, whole)
	case *parse.ChainNode:
		g.argument(n.Node, whole)
	}
}

func (g *templateGuard) known(name string) {
	if _, ok := g.names[name]; !ok {
		g.fail("there is no variable %q; there are: %s", name, listed(g.names))
	}
}
