package configs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"allim.dev/allim/notify"
)

var _ notify.Section = (*Section)(nil)

// Section is a part of the file that is not decoded yet: a mapping with its place.
type Section struct {
	file  string // for messages
	dir   string // where relative paths start
	path  string // such as "sources[0]"; empty for the whole file
	entry entry
	taken []string // keys of the same mapping that were decoded already
	plain bool     // texts are taken as they are written
}

// entry is a value with the place where its key stands.
type entry struct {
	node ast.Node // nil: nothing was written
	at   place
}

type place struct{ line, column int }

func placeOf(n ast.Node) place {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return place{}
	}
	// A mapping's own token is its first colon: its place is that of its first key.
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	p := n.GetToken().Position
	return place{p.Line, p.Column}
}

// Decode implements notify.Section: strictly into the struct that into points at, over what it holds. The error is
// Problems: unknown keys, wrong types, secrets that are missing.
func (s *Section) Decode(into any) error {
	d := decoder{section: s}
	d.decode(into)
	return d.problems.err()
}

// Errorf implements notify.Section. The key is a path such as "auth.method" or "folders[1]"; empty: the section itself.
// Where the key is not written, its nearest parent is pointed at.
func (s *Section) Errorf(key, format string, args ...any) error {
	at := s.entry.at
	node := s.entry.node
	for _, step := range steps(key) {
		next, ok := child(node, step)
		if !ok {
			break
		}
		node, at = next.node, next.at
	}
	err := fmt.Errorf(format, args...)
	text := err.Error()
	if where := joinPath(s.path, key); where != "" {
		text = where + ": " + text
	}
	p := s.problem(at, text)
	p.cause = errors.Unwrap(err)
	return p
}

func (s *Section) problem(at place, text string) *Problem {
	return &Problem{File: s.file, Line: at.line, Column: at.column, Text: text}
}

// Keys gives the section's keys in the order of the file, without those that were decoded already.
func (s *Section) Keys() []string {
	var keys []string
	for _, v := range mapping(s.entry.node) {
		if k := keyName(v); !slices.Contains(s.taken, k) && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// Sub gives the part below a key; an empty one where the key is not there or holds nothing.
func (s *Section) Sub(key string) *Section {
	sub := &Section{file: s.file, dir: s.dir, plain: s.plain, path: joinPath(s.path, key), entry: entry{at: s.entry.at}}
	if e, ok := child(s.entry.node, key); ok {
		sub.entry = e
	}
	return sub
}

// broken tells whether something else than keys with values was written.
func (s *Section) broken() bool {
	_, ok := s.entry.node.(*ast.MappingNode)
	return !ok
}

// valuePlace is where the section's value starts, else its key.
func (s *Section) valuePlace() place {
	if s.entry.node == nil || s.entry.node.Type() == ast.NullType {
		return s.entry.at
	}
	return placeOf(s.entry.node)
}

// rest is the section without the keys that were decoded.
func (s *Section) rest(taken []string) *Section {
	r := *s
	r.taken = taken
	return &r
}

func mapping(n ast.Node) []*ast.MappingValueNode {
	if m, ok := n.(*ast.MappingNode); ok {
		return m.Values
	}
	return nil
}

func keyName(v *ast.MappingValueNode) string { return v.Key.GetToken().Value }

// child finds a key of a mapping, or an index of a sequence.
func child(n ast.Node, step string) (entry, bool) {
	if seq, ok := n.(*ast.SequenceNode); ok {
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(seq.Values) {
			return entry{seq.Values[i], placeOf(seq.Values[i])}, true
		}
		return entry{}, false
	}
	for _, v := range mapping(n) {
		if keyName(v) == step {
			return entry{v.Value, placeOf(v.Key)}, true
		}
	}
	return entry{}, false
}

// steps splits "a.b[1]" into a, b, 1.
func steps(key string) []string {
	return strings.FieldsFunc(key, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
}

func joinPath(a, b string) string {
	if a == "" || b == "" || b[0] == '[' {
		return a + b
	}
	return a + "." + b
}
