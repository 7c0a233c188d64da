package codec

import (
	"reflect"
	"strconv"
	"strings"
	"time"

	"allim.dev/allim/notify/docmap/strict"
)

// scalar puts a text, number, boolean or time. In XML everything is text, whose meaning the field says; there the spaces
// around a number, boolean, time or enumerated word mean nothing (as in XML Schema's whiteSpace="collapse").
func (b *binder) scalar(n *node, s *shape, v reflect.Value, at *trail) {
	if n.Kind == strict.Null {
		return
	}
	if n.Kind == strict.Element {
		b.noAttributes(n, at)
		if len(n.Kids) > 0 {
			b.bad(n, at, "must be text, but holds <%s>", n.Kids[0].Name)
			return
		}
	}
	text := n.Text
	if n.Kind == strict.Element && (s.kind != kindString || s.word) {
		text = strings.TrimSpace(text)
	}
	switch s.kind {
	case kindString:
		if b.is(n, strict.Text, at) && b.checkText(n, text, at) {
			v.SetString(text)
		}
	case kindBool:
		b.boolean(n, text, v, at)
	case kindInt:
		b.integer(n, text, v, at)
	case kindFloat:
		if b.is(n, strict.Number, at) {
			f, err := strconv.ParseFloat(text, 64)
			if err != nil {
				b.bad(n, at, "must be a number")
			}
			v.SetFloat(f)
		}
	case kindTime:
		if b.is(n, strict.Text, at) {
			b.time(n, text, v, at)
		}
	default:
		b.bad(n, at, "has no form here")
	}
}

// is tells whether n is of the kind, or text of XML that has yet to show it.
func (b *binder) is(n *node, k strict.Kind, at *trail) bool {
	if n.Kind == k || n.Kind == strict.Element {
		return true
	}
	b.bad(n, at, "must be %s, but is %s", k, n.Kind)
	return false
}

func (b *binder) boolean(n *node, text string, v reflect.Value, at *trail) {
	if !b.is(n, strict.Bool, at) {
		return
	}
	switch text {
	case "true", "1":
		v.SetBool(true)
	case "false", "0":
		v.SetBool(false)
	default:
		b.bad(n, at, "must be true or false")
	}
}

func (b *binder) integer(n *node, text string, v reflect.Value, at *trail) {
	if !b.is(n, strict.Number, at) {
		return
	}
	i, err := strconv.ParseInt(text, 10, v.Type().Bits())
	if err != nil {
		b.bad(n, at, "must be a whole number of at most %d bits", v.Type().Bits())
		return
	}
	v.SetInt(i)
}

func (b *binder) time(n *node, text string, v reflect.Value, at *trail) {
	t, err := time.Parse(time.RFC3339, text)
	if year := t.UTC().Year(); err != nil || year < 1 || year > 9999 {
		b.bad(n, at, "must be a time as RFC 3339 writes it, such as 2026-12-01T09:00:00+09:00")
		return
	}
	v.Set(reflect.ValueOf(t))
}

// checkText refuses the characters that XML 1.0 (section 2.2) cannot carry, so that both forms carry the same texts.
func (b *binder) checkText(n *node, s string, at *trail) bool {
	for _, r := range s {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			b.bad(n, at, "holds the character U+%04X, which is not a text character", r)
			return false
		}
	}
	return true
}
