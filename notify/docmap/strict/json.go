package strict

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonReader reads RFC 8259 JSON, and nothing beside it, into a tree. The source is valid UTF-8.
type jsonReader struct {
	src    []byte
	pos    int
	line   int32
	values int
}

// ReadJSON reads a whole document of valid UTF-8 into a tree. Errors: CodeMalformed with line and column.
func ReadJSON(src []byte) (*Node, error) {
	r := &jsonReader{src: src}
	if bytes.IndexByte(src, '\n') >= 0 { // the lines of a document of one line say nothing
		r.line = 1
	}
	r.space()
	n, err := r.value(1)
	if err != nil {
		return nil, err
	}
	r.space()
	if r.pos < len(src) {
		return nil, r.fail("there is more after the end of the document")
	}
	return &n, nil
}

func (r *jsonReader) fail(format string, args ...any) error {
	return malformed(placeOf(r.src, r.pos), format, args...)
}

func (r *jsonReader) space() {
	for r.pos < len(r.src) {
		switch r.src[r.pos] {
		case '\n': // stands nowhere else: in a text it must be escaped
			r.line++
			r.pos++
		case ' ', '\t', '\r':
			r.pos++
		default:
			return
		}
	}
}

// peek gives the next byte, 0 at the end.
func (r *jsonReader) peek() byte {
	if r.pos < len(r.src) {
		return r.src[r.pos]
	}
	return 0
}

// value reads any value and notes where it begins.
func (r *jsonReader) value(depth int) (Node, error) {
	line := r.line
	n, err := r.anything(depth)
	n.Line = line
	return n, err
}

func (r *jsonReader) anything(depth int) (Node, error) {
	if depth > MaxDepth {
		return Node{}, r.fail("the document is nested more than %d deep", MaxDepth)
	}
	if r.values++; r.values > MaxValues {
		return Node{}, r.fail("the document has more than %d values", MaxValues)
	}
	switch c := r.peek(); {
	case c == '{':
		return r.object(depth)
	case c == '[':
		return r.array(depth)
	case c == '"':
		s, err := r.text()
		return Node{Kind: Text, Text: s}, err
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	case r.word("true"), r.word("false"):
		return Node{Kind: Bool, Text: strconv.FormatBool(c == 't')}, nil
	case r.word("null"):
		return Node{Kind: Null}, nil
	case r.pos >= len(r.src):
		return Node{}, r.fail("the document ends where a value should stand")
	}
	return Node{}, r.fail("a value should stand here")
}

func (r *jsonReader) word(w string) bool {
	if !strings.HasPrefix(string(r.src[r.pos:min(len(r.src), r.pos+len(w))]), w) {
		return false
	}
	r.pos += len(w)
	return true
}

// fewFields is how many fields most objects have at most that have more than one.
const fewFields = 6

func (r *jsonReader) object(depth int) (Node, error) {
	n := Node{Kind: Object}
	r.pos++
	for r.space(); ; r.space() {
		if r.peek() == '}' && len(n.Kids) == 0 {
			break
		}
		if r.peek() != '"' {
			return n, r.fail("a field's name in double quotes should stand here")
		}
		name, err := r.text()
		if err != nil {
			return n, err
		}
		if r.space(); r.peek() != ':' {
			return n, r.fail("a colon should stand after the field's name")
		}
		r.pos++
		r.space()
		kid, err := r.value(depth + 1)
		if err != nil {
			return n, err
		}
		kid.Name = name
		if len(n.Kids) == 1 {
			n.Kids = append(make([]Node, 0, fewFields), n.Kids...)
		}
		n.Kids = append(n.Kids, kid)
		if r.space(); r.peek() != ',' {
			break
		}
		r.pos++
	}
	if r.peek() != '}' {
		return n, r.fail("a comma or } should stand here")
	}
	r.pos++
	return n, nil
}

func (r *jsonReader) array(depth int) (Node, error) {
	n := Node{Kind: Array}
	r.pos++
	for r.space(); ; r.space() {
		if r.peek() == ']' && len(n.Kids) == 0 {
			break
		}
		kid, err := r.value(depth + 1)
		if err != nil {
			return n, err
		}
		n.Kids = append(n.Kids, kid)
		if r.space(); r.peek() != ',' {
			break
		}
		r.pos++
	}
	if r.peek() != ']' {
		return n, r.fail("a comma or ] should stand here")
	}
	r.pos++
	return n, nil
}

// number reads RFC 8259 section 6.
func (r *jsonReader) number() (Node, error) {
	start := r.pos
	if r.peek() == '-' {
		r.pos++
	}
	if r.peek() == '0' {
		r.pos++
	} else if !r.digits() {
		return Node{}, r.fail("a digit should stand here")
	}
	if r.peek() == '.' {
		r.pos++
		if !r.digits() {
			return Node{}, r.fail("a digit should stand here")
		}
	}
	if c := r.peek(); c == 'e' || c == 'E' {
		r.pos++
		if c := r.peek(); c == '+' || c == '-' {
			r.pos++
		}
		if !r.digits() {
			return Node{}, r.fail("a digit should stand here")
		}
	}
	return Node{Kind: Number, Text: string(r.src[start:r.pos])}, nil
}

func (r *jsonReader) digits() bool {
	start := r.pos
	for c := r.peek(); c >= '0' && c <= '9'; c = r.peek() {
		r.pos++
	}
	return r.pos > start
}

// text reads a string, the quotes included.
func (r *jsonReader) text() (string, error) {
	r.pos++
	start := r.pos
	var b []byte // nil while nothing was escaped
	for {
		if r.pos >= len(r.src) {
			return "", r.fail("the document ends within a text")
		}
		switch c := r.src[r.pos]; {
		case c == '"':
			s := string(append(b, r.src[start:r.pos]...))
			r.pos++
			return s, nil
		case c < ' ':
			return "", r.fail("a control character in a text must be escaped")
		case c != '\\':
			r.pos++
		default:
			b = append(b, r.src[start:r.pos]...)
			c, err := r.escape()
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, c)
			start = r.pos
		}
	}
}

func (r *jsonReader) escape() (rune, error) {
	const plain, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	r.pos++
	c := r.peek()
	if i := strings.IndexByte(plain, c); i >= 0 && c != 0 {
		r.pos++
		return rune(meant[i]), nil
	}
	if c != 'u' {
		return 0, r.fail("there is no escape like this")
	}
	first, ok := r.hex()
	if !ok {
		return 0, r.fail(`four hexadecimal digits should stand after \u`)
	}
	if !utf16.IsSurrogate(first) {
		return first, nil
	}
	if r.peek() == '\\' && r.pos+1 < len(r.src) && r.src[r.pos+1] == 'u' {
		r.pos++
		if second, ok := r.hex(); ok {
			if pair := utf16.DecodeRune(first, second); pair != utf8.RuneError {
				return pair, nil
			}
		}
	}
	return 0, r.fail("half of a UTF-16 pair stands alone here")
}

// hex reads the "uXXXX" of an escape; it moves on only when it is one.
func (r *jsonReader) hex() (rune, bool) {
	if r.pos+5 > len(r.src) {
		return 0, false
	}
	v, err := strconv.ParseUint(string(r.src[r.pos+1:r.pos+5]), 16, 16)
	if err != nil {
		return 0, false
	}
	r.pos += 5
	return rune(v), true
}
