package h2

import (
	"bytes"
	"slices"
	"strconv"

	"golang.org/x/net/http2/hpack"

	"allim.dev/allim/notify"
)

// cacheLen is how many sets of shared fields are kept encoded; more are encoded anew every time, which costs a
// microsecond.
const cacheLen = 16

// The static table's indexes (RFC 7541 appendix A) and the ways to write a field (section 6.2).
const (
	neverIndexed  = 0x10
	indexPath     = 4
	indexLength   = 28 // content-length
	fieldOverhead = 32 // of a header list's size: RFC 9113 section 6.5.2
)

// encoder encodes header blocks. Fields that many requests have in common go into the server's table; once they are
// there, a set of them is always the same few bytes, which are kept. What differs from request to request (:path, ids)
// is never put into the table: it would only push the others out.
type encoder struct {
	authority string
	buf       bytes.Buffer
	enc       *hpack.Encoder
	cache     [cacheLen]encoded
	at        int // the entry that was used last
	next      int // the entry that is replaced next
}

// encoded is a set of shared fields as it is written while the table stays as it is.
type encoded struct {
	authorization string
	shared        []notify.Header
	pseudo, rest  []byte // before and behind :path
}

func newEncoder(authority string) *encoder {
	e := &encoder{authority: authority}
	e.enc = hpack.NewEncoder(&e.buf)
	return e
}

// limit takes the server's SETTINGS_HEADER_TABLE_SIZE.
func (e *encoder) limit(size uint32) {
	e.enc.SetMaxDynamicTableSizeLimit(min(size, tableSize))
	e.forget()
}

func (e *encoder) forget() { clear(e.cache[:]) }

// size gives the size of a request's header list (RFC 9113 section 6.5.2); false: a field holds what none may.
func (e *encoder) size(r *Request) (int, bool) {
	n := len(":methodPOST:schemehttps:authority:path") + len(e.authority) + len(r.Path) + 4*fieldOverhead +
		len("content-length") + 8 + fieldOverhead
	if r.Authorization != "" {
		n += len("authorization") + len(r.Authorization) + fieldOverhead
	}
	ok := r.Path != "" && clean(r.Path) && clean(r.Authorization)
	for _, list := range [2][]notify.Header{r.Shared, r.Own} {
		for i := range list {
			n += len(list[i].Name) + len(list[i].Value) + fieldOverhead
			ok = ok && list[i].Name != "" && clean(list[i].Value)
		}
	}
	return n, ok
}

// clean tells whether a value can stand in a field (RFC 9113 section 8.2.1).
func clean(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// append appends a request's header block.
func (e *encoder) append(b []byte, r *Request) []byte {
	c := e.find(r)
	if c == nil {
		c = e.encode(r)
	}
	b = append(b, c.pseudo...)
	b = append(b, neverIndexed|indexPath)
	b = text(b, r.Path)
	b = append(b, c.rest...)
	// Without indexing, and the name's index over four bits: section 5.1.
	b = append(b, 0x0f, indexLength-0x0f)
	var digits [20]byte
	b = text(b, strconv.AppendInt(digits[:0], int64(len(r.Body)), 10))
	for i := range r.Own {
		b = append(b, neverIndexed)
		b = text(b, r.Own[i].Name)
		b = text(b, r.Own[i].Value)
	}
	return b
}

// find gives the kept bytes of a request's shared fields; nil: there are none.
func (e *encoder) find(r *Request) *encoded {
	if e.cache[e.at].is(r) {
		return &e.cache[e.at]
	}
	for i := range e.cache {
		if e.cache[i].is(r) {
			e.at = i
			return &e.cache[i]
		}
	}
	return nil
}

func (c *encoded) is(r *Request) bool {
	return c.pseudo != nil && c.authorization == r.Authorization && slices.Equal(c.shared, r.Shared)
}

// encode encodes the shared fields, and keeps them when the table has all of them. Every field that enters the table
// changes the indexes of those before it.
func (e *encoder) encode(r *Request) *encoded {
	e.buf.Reset()
	kept := e.field(":method", "POST")
	kept = e.field(":scheme", "https") && kept
	kept = e.field(":authority", e.authority) && kept
	split := e.buf.Len()
	if r.Authorization != "" {
		kept = e.field("authorization", r.Authorization) && kept
	}
	for i := range r.Shared {
		kept = e.field(r.Shared[i].Name, r.Shared[i].Value) && kept
	}
	all := bytes.Clone(e.buf.Bytes())
	c := encoded{authorization: r.Authorization, shared: r.Shared, pseudo: all[:split:split], rest: all[split:]}
	if !kept {
		e.forget()
		return &c
	}
	e.at = e.next
	e.next = (e.next + 1) % cacheLen
	e.cache[e.at] = c
	return &e.cache[e.at]
}

// field writes one; true: it was only an index (section 6.1), so that the table is as it was.
func (e *encoder) field(name, value string) bool {
	before := e.buf.Len()
	_ = e.enc.WriteField(hpack.HeaderField{Name: name, Value: value}) // to memory: cannot fail
	return e.buf.Bytes()[before]&0x80 != 0
}

// text appends a string as it is (section 5.2). Huffman's code would save a fifth of the bytes and cost more than the
// rest of the request.
func text[T string | []byte](b []byte, s T) []byte {
	if n := len(s); n < 127 {
		b = append(b, byte(n))
	} else {
		b = append(b, 127)
		for n -= 127; n >= 128; n >>= 7 {
			b = append(b, byte(n)|0x80)
		}
		b = append(b, byte(n))
	}
	return append(b, s...)
}
