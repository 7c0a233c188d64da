package docmap

import (
	"strings"

	"github.com/antchfx/xpath"
)

// budget is what is left of the steps that a mapping may take in one document.
type budget struct{ left int }

// take takes n steps; false when there are none left.
func (b *budget) take(n int) bool {
	b.left -= n
	return b.left > 0
}

// nav is a place in a tree. Every move takes a step of the budget; when none is left no move succeeds, so that whatever
// the engine is doing comes to its end.
type nav struct {
	at     *node
	attr   int // an attribute of at; -1: at itself
	budget *budget
}

var _ xpath.NodeNavigator = (*nav)(nil)

func newNav(at *node, b *budget) *nav { return &nav{at: at, attr: -1, budget: b} }

// NodeType implements xpath.NodeNavigator.
func (n *nav) NodeType() xpath.NodeType {
	switch {
	case n.attr >= 0:
		return xpath.AttributeNode
	case n.at.kind == elementNode:
		return xpath.ElementNode
	case n.at.kind == textNode:
		return xpath.TextNode
	}
	return xpath.RootNode
}

func (n *nav) name() qname {
	if n.attr >= 0 {
		return n.at.attrs[n.attr].name
	}
	return n.at.name
}

// LocalName implements xpath.NodeNavigator.
func (n *nav) LocalName() string { return n.name().local }

// Prefix implements xpath.NodeNavigator: the prefix that was written. A path without a prefix therefore also finds
// elements of a default namespace.
func (n *nav) Prefix() string { return n.name().prefix }

// NamespaceURL is what the engine compares where the path has a prefix.
func (n *nav) NamespaceURL() string { return n.name().space }

// bytesPerStep is how much text counts as one step.
const bytesPerStep = 16

// Value implements xpath.NodeNavigator.
func (n *nav) Value() string {
	if !n.budget.take(1) {
		return ""
	}
	if n.attr >= 0 {
		return n.at.attrs[n.attr].value
	}
	if n.at.kind == textNode {
		return n.at.text
	}
	if k := n.at.first; k != nil && k == n.at.last && k.kind == textNode {
		return k.text
	}
	var b strings.Builder
	n.at.value(&b)
	n.budget.take(b.Len() / bytesPerStep)
	return b.String()
}

// Copy implements xpath.NodeNavigator.
func (n *nav) Copy() xpath.NodeNavigator {
	n.budget.take(1)
	c := *n
	return &c
}

// MoveToRoot implements xpath.NodeNavigator.
func (n *nav) MoveToRoot() {
	n.attr = -1
	for n.at.parent != nil {
		n.at = n.at.parent
	}
}

// to moves to a node, if there is one and the budget allows it.
func (n *nav) to(at *node) bool {
	if at == nil || n.attr >= 0 || !n.budget.take(1) {
		return false
	}
	n.at = at
	return true
}

// MoveToParent implements xpath.NodeNavigator.
func (n *nav) MoveToParent() bool {
	if n.attr >= 0 {
		n.attr = -1
		return true
	}
	return n.to(n.at.parent)
}

// MoveToNextAttribute implements xpath.NodeNavigator.
func (n *nav) MoveToNextAttribute() bool {
	if n.attr+1 >= len(n.at.attrs) || !n.budget.take(1) {
		return false
	}
	n.attr++
	return true
}

// MoveToChild implements xpath.NodeNavigator.
func (n *nav) MoveToChild() bool { return n.to(n.at.first) }

// MoveToNext implements xpath.NodeNavigator.
func (n *nav) MoveToNext() bool { return n.to(n.at.next) }

// MoveToPrevious implements xpath.NodeNavigator.
func (n *nav) MoveToPrevious() bool { return n.to(n.at.prev) }

// MoveToFirst implements xpath.NodeNavigator.
func (n *nav) MoveToFirst() bool {
	if n.attr >= 0 || n.at.prev == nil {
		return false
	}
	return n.to(n.at.parent.first)
}

// MoveTo implements xpath.NodeNavigator.
func (n *nav) MoveTo(other xpath.NodeNavigator) bool {
	o, ok := other.(*nav)
	if !ok {
		return false
	}
	n.at, n.attr = o.at, o.attr
	return true
}
