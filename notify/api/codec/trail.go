package codec

import "strconv"

// trail is the path to a place in a document, from the place upwards; nil is the root. It is written out for faults only.
type trail struct {
	up    *trail
	name  string // of a field
	index int    // of an item; -1: a field
}

func (t *trail) field(name string) *trail { return &trail{up: t, name: name, index: -1} }

func (t *trail) item(i int) *trail { return &trail{up: t, index: i} }

// String is the path as people write it, such as "to.users[2]".
func (t *trail) String() string {
	switch {
	case t == nil:
		return ""
	case t.index >= 0:
		return t.up.String() + "[" + strconv.Itoa(t.index) + "]"
	case t.up == nil:
		return shorten(t.name)
	}
	return t.up.String() + "." + shorten(t.name)
}
