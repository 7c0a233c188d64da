package codec

import "strings"

// unknown names a field that the struct does not have, and what was probably meant.
func (b *binder) unknown(n *node, s *shape, name string, at *trail) {
	if b.lenient {
		return
	}
	if len(b.faults) >= maxFaults { // do not even look for what was meant
		b.more++
		return
	}
	if i, known := s.byName[name]; known { // in XML, at the wrong place
		switch {
		case s.fields[i].attr:
			b.bad(n, at, "must be an attribute of its element")
		case i == s.text:
			b.bad(n, at, "must be the text of its element")
		default:
			b.bad(n, at, "must be an element, not an attribute")
		}
		return
	}
	if near := nearest(name, s); near != "" {
		b.bad(n, at, "is not a known field; did you mean %s?", near)
		return
	}
	b.bad(n, at, "is not a known field")
}

// nearest gives the known field that a wrong name was probably meant to be: another spelling, or one letter off.
func nearest(name string, s *shape) string {
	for _, f := range s.fields {
		if fold(f.name) == fold(name) {
			return f.name
		}
	}
	for _, f := range s.fields {
		if len(name) > 2 && oneOff(name, f.name) {
			return f.name
		}
	}
	return ""
}

func fold(s string) string {
	return strings.TrimSuffix(strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s)), "s")
}

// oneOff tells whether one letter was changed, added, left out, or swapped with the next one.
func oneOff(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	if i == len(a) || a[i+1:] == b[i+1:] {
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
