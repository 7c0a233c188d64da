package configs

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in a configuration file.
type Problem struct {
	File   string // the file's name; may be empty
	Line   int    // from 1; 0: the mistake has no place
	Column int    // from 1
	Text   string // plain words, without any value of the file

	cause error
}

// Error is "file: line 7, column 3: text".
func (p *Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File + ": ")
	}
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d, column %d: ", p.Line, p.Column)
	}
	return b.String() + p.Text
}

// Unwrap gives what Errorf was given for %w, if anything.
func (p *Problem) Unwrap() error { return p.cause }

// Problems are all mistakes that were found, in the order of the file.
type Problems []*Problem

// Error has one line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// ProblemsOf collects the problems in an error's tree, sorted by their place; other is what is left: the parts of err
// that are no problems of a file.
func ProblemsOf(err error) (found Problems, other []error) {
	collect(err, &found, &other)
	slices.SortStableFunc(found, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return found, other
}

func collect(err error, found *Problems, other *[]error) {
	if err == nil {
		return
	}
	var p *Problem
	if !errors.As(err, &p) {
		*other = append(*other, err)
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { // Problems too
		for _, e := range joined.Unwrap() {
			collect(e, found, other)
		}
		return
	}
	var ps Problems
	if errors.As(err, &ps) {
		*found = append(*found, ps...)
		return
	}
	*found = append(*found, p)
}

// Unwrap gives each of them.
func (p Problems) Unwrap() []error {
	errs := make([]error, len(p))
	for i, one := range p {
		errs[i] = one
	}
	return errs
}

// err gives the problems as an error, sorted, or nil when there are none.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	sorted, _ := ProblemsOf(p)
	return sorted
}
