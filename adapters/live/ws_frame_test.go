package live

import (
	"bytes"
	"errors"
	"testing"
)

// The examples of RFC 6455 section 5.7.
func TestFrameExamples(t *testing.T) {
	for name, c := range map[string]struct{ sent, answer string }{
		"masked text": {"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", ""},
		"fragments with a ping between": {"\x01\x83\x00\x00\x00\x00Hel" + "\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58" +
			"\x80\x82\x00\x00\x00\x00lo", "\x8a\x05Hello"},
		"a letter over two fragments": {"\x01\x82\x00\x00\x00\x00\xea\xb0" + "\x80\x81\x00\x00\x00\x00\x80", ""},
	} {
		var r wsReader
		var out bytes.Buffer
		for i := range len(c.sent) { // byte by byte
			if err := r.feed([]byte{c.sent[i]}, &out); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if out.String() != c.answer || r.held != nil || r.message != nil {
			t.Errorf("%s: answered %q and kept %q, want %q and nothing", name, out.String(), r.held, c.answer)
		}
	}
	var b bytes.Buffer
	writeFrame(&b, opText, []byte("Hello"))
	writeFrame(&b, opPing, []byte("Hello"))
	if b.String() != "\x81\x05Hello\x89\x05Hello" {
		t.Errorf("wrote %q", b.String())
	}
}

// Whatever a client sends, and however it is cut, the answer is the same and the memory is bounded.
func FuzzFeed(f *testing.F) {
	f.Add([]byte("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), uint8(3))
	f.Add([]byte("\x88\x82\x00\x00\x00\x00\x03\xe8"), uint8(1))
	f.Add([]byte("\x01\x83\x00\x00\x00\x00Hel\x80\x82\x00\x00\x00\x00lo"), uint8(5))
	f.Fuzz(func(t *testing.T, sent []byte, cut uint8) {
		var whole, parts wsReader
		var a, b bytes.Buffer
		errA := whole.feed(bytes.Clone(sent), &a)
		var errB error
		step := int(cut)%16 + 1
		for rest := bytes.Clone(sent); len(rest) > 0 && errB == nil; {
			n := min(step, len(rest))
			errB = parts.feed(bytes.Clone(rest[:n]), &b)
			rest = rest[n:]
			if len(parts.held) > maxMessage+14+16 || len(parts.message) > maxMessage {
				t.Fatalf("keeps %d and %d bytes", len(parts.held), len(parts.message))
			}
		}
		if (errA == nil) != (errB == nil) || errors.Is(errA, errClosed) != errors.Is(errB, errClosed) || a.String() != b.String() {
			t.Fatalf("as a whole %v %q, in parts %v %q", errA, a.String(), errB, b.String())
		}
	})
}
