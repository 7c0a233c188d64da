package docmap

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"

	"github.com/antchfx/xpath"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/docmap/strict"
)

// The work that one document may cost, besides its matches: a step is a move in the document or 16 bytes of text, some
// 50 ns; MaxOutput bytes are what all texts of all notifications may have.
const (
	MaxSteps  = 4_000_000
	MaxOutput = 16 << 20
	maxList   = 1000 // values of one list
)

// Result is what a document asks for.
type Result struct {
	Items   []notify.Submission
	matches []map[string]any // the variables of each item
}

// expressions are a mapping's expressions for one document: the engine's have state.
type expressions struct {
	each                *xpath.Expr
	common, vars, lists []*xpath.Expr
}

func (m *Mapping) expressions() (x expressions, err error) {
	if x.each, err = m.each.compile(); err != nil {
		return x, err
	}
	for _, g := range []struct {
		from []variable
		to   *[]*xpath.Expr
	}{{m.common, &x.common}, {m.vars, &x.vars}, {m.lists, &x.lists}} {
		for _, v := range g.from {
			e, err := v.path.compile()
			if err != nil {
				return x, err
			}
			*g.to = append(*g.to, e)
		}
	}
	return x, nil
}

// Map implements notify.Mapping.
func (m *Mapping) Map(ctx context.Context, d notify.Foreign) ([]notify.Submission, error) {
	r, err := m.Apply(ctx, d)
	if err != nil {
		return nil, err
	}
	return r.Items, nil
}

// Apply is Map with what the sender's reply is made of.
func (m *Mapping) Apply(ctx context.Context, d notify.Foreign) (*Result, error) {
	root, err := m.read(d)
	if err != nil {
		return nil, err
	}
	x, err := m.expressions()
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", m.id, err) // cannot be: they compiled before
	}
	w := &work{m: m, x: x, budget: &budget{left: MaxSteps}, output: MaxOutput, common: map[string]any{}}
	matches, err := w.find(newNav(root, w.budget))
	if err != nil {
		return nil, err
	}
	r := &Result{}
	var faults notify.Faults
	for i, at := range matches {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := w.match(i, at, r); err != nil && !faults.Add(where(i, at), err) {
			return nil, err
		}
	}
	if err := w.spent(); err != nil {
		return nil, err
	}
	if err := faults.Err(len(matches)); err != nil {
		return nil, err
	}
	return r, nil
}

// read gives the document's tree.
func (m *Mapping) read(d notify.Foreign) (*node, error) {
	if len(strings.TrimSpace(string(d.Data[:min(len(d.Data), 64)]))) == 0 {
		return nil, notify.Errorf(notify.CodeMalformed, "the document is empty")
	}
	form := FormOf(d)
	charset := form.charset
	if m.charset != "" {
		charset = m.charset
	}
	src, err := strict.ToUTF8(form.XML, d.Data, charset)
	if err != nil {
		return nil, err
	}
	return readTree(src, form.XML)
}

// work is a mapping under way in one document.
type work struct {
	m      *Mapping
	x      expressions
	budget *budget
	output int
	common map[string]any
}

// spent tells that the document was too much work.
func (w *work) spent() error {
	switch {
	case w.budget.left <= 0:
		return notify.Errorf(notify.CodeTooLarge, "the document is more work than the %d steps that a mapping may take; "+
			"split it, or let the mapping look for what is the same in all matches once (common)", MaxSteps)
	case w.output <= 0:
		return notify.Errorf(notify.CodeTooLarge, "the document asks for more than %d bytes of text; split it", MaxOutput)
	}
	return nil
}

// find evaluates what is common to the document, and gives its matches.
func (w *work) find(root *nav) ([]*nav, error) {
	for i, v := range w.m.common {
		value, err := one(w.x.common[i], root)
		if err != nil {
			return nil, notify.Errorf(notify.CodeInvalid, "the mapping's common.%s %s", v.name, err)
		}
		w.common[v.name] = value
	}
	matches, more, err := all(w.x.each, root, w.m.maxMatches)
	if err != nil {
		return nil, notify.Errorf(notify.CodeInvalid, "the mapping's each %s", err)
	}
	if err := w.spent(); err != nil {
		return nil, err
	}
	if more {
		return nil, notify.Errorf(notify.CodeTooLarge, "the document has more than the mapping's maxMatches, which is %d; split it", w.m.maxMatches)
	}
	if len(matches) == 0 && !w.m.allowEmpty {
		return nil, notify.Errorf(notify.CodeInvalid, "the document has nothing that the mapping %s looks for (%s); its outermost element is %s",
			w.m.id, w.m.each.source, outermost(root.at))
	}
	return matches, nil
}

// outermost describes what a document is, for somebody who wonders why nothing was found.
func outermost(root *node) string {
	n := root.first
	switch {
	case n == nil:
		return "missing"
	case n.name.space != "":
		return fmt.Sprintf("%q in the namespace %q", strict.Shorten(n.name.local), strict.Shorten(n.name.space))
	}
	return fmt.Sprintf("%q without a namespace", strict.Shorten(n.name.local))
}

func where(i int, at *nav) notify.Submission {
	return notify.Submission{Where: fmt.Sprintf("match[%d]", i), Line: int(at.at.line)}
}

// match adds what one match asks for; nothing when the condition does not hold.
func (w *work) match(i int, at *nav, r *Result) error {
	env, err := w.variables(at)
	if err != nil {
		return err
	}
	if w.m.when != nil {
		ok, err := w.m.when.holds(env)
		if err != nil {
			return notify.Errorf(notify.CodeInvalid, "%s", oneLine(err.Error()))
		}
		if !ok {
			return nil
		}
	}
	for name, v := range env {
		if f, ok := v.(float64); ok {
			env[name] = number(f)
		}
	}
	out := &made{n: blank(), left: &w.output}
	for _, p := range w.m.parts {
		out.part(p, env)
	}
	for _, p := range w.m.people {
		out.person(p, env)
	}
	s := where(i, at)
	s.Idempotency = w.m.named(out, env)
	if len(out.faults) > 0 {
		return &notify.Error{Code: notify.CodeInvalid, Detail: "the match does not make a notification", Fields: out.faults}
	}
	s.Notification = *out.n
	r.Items = append(r.Items, s)
	r.matches = append(r.matches, env)
	return nil
}

// variables evaluates what a match has.
func (w *work) variables(at *nav) (map[string]any, error) {
	env := maps.Clone(w.common)
	var faults []notify.FieldError
	for i, v := range w.m.vars {
		value, err := one(w.x.vars[i], at)
		if err != nil {
			faults = append(faults, notify.FieldError{Path: "vars." + v.name, Message: err.Error()})
			value = v.path.zero
		}
		env[v.name] = value
	}
	for i, v := range w.m.lists {
		found, more, err := all(w.x.lists[i], at, maxList)
		if more {
			err = fmt.Errorf("has more than %d values", maxList)
		}
		if err != nil {
			faults = append(faults, notify.FieldError{Path: "lists." + v.name, Message: err.Error()})
		}
		values := make([]string, len(found))
		for j, n := range found {
			values[j] = strings.TrimSpace(n.Value())
		}
		env[v.name] = values
	}
	if faults != nil {
		return nil, &notify.Error{Code: notify.CodeInvalid, Detail: "the mapping's expressions do not fit the match", Fields: faults}
	}
	return env, nil
}

// maxName is the greatest name of a match that is kept as it is, in bytes.
const maxName = 200

// named binds a match to its answer. The key has a tab, which no Idempotency-Key header can have.
func (m *Mapping) named(out *made, env map[string]any) notify.Idempotency {
	if m.idempotency == nil {
		return notify.Idempotency{}
	}
	hash := out.hash()
	name, err := m.idempotency.render(env, maxText)
	switch {
	case err != nil:
		out.bad("idempotency", "%s", err)
	case strings.TrimSpace(name) == "":
		out.bad("idempotency", "is empty in this document")
	case len(name) > maxName:
		sum := sha256.Sum256([]byte(name))
		name = hex.EncodeToString(sum[:])
	}
	return notify.Idempotency{Key: "mapping\t" + m.id + "\t" + name, BodyHash: hash}
}
