package caldav

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"unicode/utf8"
)

// cleaner makes what a server sends readable for an XML parser: characters that XML 1.0 section 2.2 does not allow, raw or
// as &#1;, become spaces, bytes that are no UTF-8 become U+FFFD, and a byte order mark goes. One event with a control
// character in its title must not cost a whole calendar. An & that begins nothing becomes &amp;.
type cleaner struct {
	in    *bufio.Reader
	out   []byte // ready, not yet given
	mark  bool   // the start was looked at
	cdata bool   // between <![CDATA[ and ]]>, where & is only itself
}

func newCleaner(r io.Reader) *cleaner { return &cleaner{in: bufio.NewReaderSize(r, 16<<10)} }

// Read implements io.Reader.
func (c *cleaner) Read(p []byte) (int, error) {
	if len(c.out) == 0 {
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

// fill makes some output ready. Runs of plain bytes go through as they are.
func (c *cleaner) fill() error {
	if !c.mark {
		c.mark = true
		if b, err := c.in.Peek(3); err == nil && string(b) == "\xef\xbb\xbf" {
			_, _ = c.in.Discard(3)
		}
	}
	if _, err := c.in.Peek(1); err != nil {
		return err
	}
	b, _ := c.in.Peek(c.in.Buffered())
	n := 0
	for n < len(b) && plain(b[n]) {
		n++
	}
	if n > 0 {
		return c.pass(n)
	}
	switch {
	case b[0] == '<':
		if b, _ := c.in.Peek(len(cdataBegin)); string(b) == cdataBegin {
			c.cdata = true
			return c.pass(len(cdataBegin))
		}
		return c.pass(1)
	case b[0] == ']':
		if b, _ := c.in.Peek(len(cdataEnd)); string(b) == cdataEnd {
			c.cdata = false
			return c.pass(len(cdataEnd))
		}
		return c.pass(1)
	case b[0] == '&':
		if c.cdata {
			return c.pass(1)
		}
		return c.reference()
	case b[0] < utf8.RuneSelf:
		c.out = append(c.out[:0], ' ')
		_, err := c.in.Discard(1)
		return err
	}
	r, _, err := c.in.ReadRune() // utf8.RuneError for a byte that is none
	if err != nil {
		return err
	}
	if !legal(r) {
		r = utf8.RuneError
	}
	c.out = utf8.AppendRune(c.out[:0], r)
	return nil
}

// longestReference is more than any character reference that means a character needs.
const longestReference = 12

const (
	cdataBegin = "<![CDATA["
	cdataEnd   = "]]>"
)

// pass lets n bytes through, which were peeked at.
func (c *cleaner) pass(n int) error {
	b, err := c.in.Peek(n)
	c.out = append(c.out[:0], b...)
	if err != nil {
		return err
	}
	_, err = c.in.Discard(n)
	return err
}

// reference looks at what begins with &: a reference to a character that may not be becomes a space.
func (c *cleaner) reference() error {
	b, _ := c.in.Peek(longestReference) // fewer at the end
	end := bytes.IndexByte(b, ';')
	switch {
	case end > 2 && b[1] == '#':
		if legalReference(string(b[2:end])) {
			return c.pass(end + 1)
		}
		c.out = append(c.out[:0], ' ')
	case end > 1 && entities[string(b[1:end])]:
		return c.pass(end + 1)
	default:
		end = 0
		c.out = append(c.out[:0], "&amp;"...)
	}
	_, err := c.in.Discard(end + 1)
	return err
}

// entities are those that XML knows without a DTD.
var entities = map[string]bool{"amp": true, "lt": true, "gt": true, "quot": true, "apos": true}

func legalReference(digits string) bool {
	base := 10
	if digits != "" && (digits[0] == 'x' || digits[0] == 'X') {
		base, digits = 16, digits[1:]
	}
	n, err := strconv.ParseUint(digits, base, 32)
	return err == nil && n <= utf8.MaxRune && legal(rune(n))
}

func plain(b byte) bool {
	return b >= ' ' && b < utf8.RuneSelf && b != '&' && b != '<' && b != ']' || b == '\t' || b == '\n' || b == '\r'
}

// legal is Char of XML 1.0 section 2.2.
func legal(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}
