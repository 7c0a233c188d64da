package live

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf8"
)

// Frames of RFC 6455 section 5.

// The opcodes.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

// The close codes that the hub sends: RFC 6455 section 7.4.1, and the private ones of docs/api.md.
const (
	closeGoingAway  = 1001 // the connection is old
	closeProtocol   = 1002
	closeNoBinary   = 1003
	closeNotUTF8    = 1007
	closePolicy     = 1008 // too many frames
	closeTooBig     = 1009
	closeError      = 1011
	closeRestart    = 1012
	closeNoStatus   = 1005 // never on the wire
	closeSlow       = 4413 // too slow a reader
	firstFreeStatus = 3000
	lastFreeStatus  = 4999
)

const (
	maxMessage = 4096 // bytes of what a client sends; pages have nothing to say here
	maxControl = 125  // RFC 6455 section 5.5
	maxFrames  = 256  // from a client between two heartbeats
)

// writeFrame appends one unmasked frame, which the server's are (RFC 6455 section 5.1).
func writeFrame(b *bytes.Buffer, op byte, payload []byte) {
	b.WriteByte(0x80 | op)
	switch n := len(payload); {
	case n < 126:
		b.WriteByte(byte(n))
	case n <= 0xffff:
		b.WriteByte(126)
		b.Write(binary.BigEndian.AppendUint16(nil, uint16(n)))
	default:
		b.WriteByte(127)
		b.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	}
	b.Write(payload)
}

func writeClose(b *bytes.Buffer, code int, reason string) {
	var payload []byte
	if code != closeNoStatus {
		payload = append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...)
	}
	writeFrame(b, opClose, payload)
}

// wsReader is what is remembered of what a client sends. Text is checked and passed over: pages have nothing to say here.
type wsReader struct {
	held    []byte // of a frame that has not arrived as a whole
	message []byte // of a text in fragments
	inside  bool   // a message in fragments is under way
	frames  int    // since the last heartbeat
	heard   bool   // anything since the last heartbeat
	asked   bool   // a ping is out
}

// violation is a client's fault with its close code.
type violation struct {
	code   int
	reason string
}

// Error implements error.
func (v *violation) Error() string { return "websocket: " + v.reason }

var (
	errNoPong = errors.New("the client does not answer pings")
	errClosed = errors.New("the client closed the websocket")
)

// beat is called before each ping: a client that has not answered the last one is gone.
func (r *wsReader) beat() error {
	silent := r.asked && !r.heard
	r.asked, r.heard, r.frames = true, false, 0
	if silent {
		return errNoPong
	}
	return nil
}

// feed takes what arrived and appends the answers to out. Errors: errClosed, *violation; either was answered in out and
// ends the connection.
func (r *wsReader) feed(p []byte, out *bytes.Buffer) error {
	if len(p) > 0 {
		r.heard = true
	}
	if len(r.held) > 0 {
		p = append(r.held, p...)
		r.held = nil
	}
	for {
		f, n, err := parseFrame(p)
		if err == nil && n > 0 {
			p = p[n:]
			err = r.take(f, out)
		}
		var v *violation
		if errors.As(err, &v) {
			writeClose(out, v.code, v.reason)
		}
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	if len(p) > 0 {
		r.held = bytes.Clone(p)
	}
	return nil
}

type frame struct {
	fin     bool
	op      byte
	payload []byte
}

// parseFrame reads a frame off p, whose payload it unmasks in place; n is 0 when it has not arrived as a whole.
func parseFrame(p []byte) (f frame, n int, err error) {
	if len(p) < 2 {
		return f, 0, nil
	}
	f.fin, f.op = p[0]&0x80 != 0, p[0]&0x0f
	size, head := uint64(p[1]&0x7f), 2
	control := f.op&0x8 != 0
	switch {
	case p[0]&0x70 != 0:
		return f, 0, &violation{closeProtocol, "reserved bits are set; no extension was agreed"}
	case f.op > opBinary && f.op < opClose || f.op > opPong:
		return f, 0, &violation{closeProtocol, "unknown opcode"}
	case p[1]&0x80 == 0:
		return f, 0, &violation{closeProtocol, "a client's frames must be masked"}
	case control && (!f.fin || size > maxControl):
		return f, 0, &violation{closeProtocol, "a control frame is whole and at most 125 bytes"}
	}
	least := uint64(0)
	switch size {
	case 126:
		if len(p) < 4 {
			return f, 0, nil
		}
		size, head, least = uint64(binary.BigEndian.Uint16(p[2:])), 4, 126
	case 127:
		if len(p) < 10 {
			return f, 0, nil
		}
		size, head, least = binary.BigEndian.Uint64(p[2:]), 10, 1<<16
	}
	switch {
	case size < least:
		return f, 0, &violation{closeProtocol, "the length is not in its shortest form"}
	case size > maxMessage:
		return f, 0, &violation{closeTooBig, "a message may have 4096 bytes"}
	case len(p) < head+4+int(size):
		return f, 0, nil
	}
	mask := p[head : head+4]
	f.payload = p[head+4 : head+4+int(size)]
	for i := range f.payload {
		f.payload[i] ^= mask[i&3]
	}
	return f, head + 4 + int(size), nil
}

// take acts on one whole frame.
func (r *wsReader) take(f frame, out *bytes.Buffer) error {
	if r.frames++; r.frames > maxFrames {
		return &violation{closePolicy, "too many frames"}
	}
	switch f.op {
	case opPing:
		writeFrame(out, opPong, f.payload)
		return nil
	case opPong:
		return nil
	case opClose:
		return r.closed(f.payload, out)
	case opBinary:
		return &violation{closeNoBinary, "only text is understood"}
	}
	if (f.op == opContinuation) != r.inside {
		return &violation{closeProtocol, "a continuation without a beginning, or a beginning within a message"}
	}
	r.inside = !f.fin
	if len(r.message)+len(f.payload) > maxMessage {
		return &violation{closeTooBig, "a message may have 4096 bytes"}
	}
	if !f.fin {
		r.message = append(r.message, f.payload...)
		return nil
	}
	whole := f.payload
	if r.message != nil {
		whole = append(r.message, f.payload...)
		r.message = nil
	}
	if !utf8.Valid(whole) {
		return &violation{closeNotUTF8, "the text is not UTF-8"}
	}
	return nil
}

// closed answers a close frame with its own code (RFC 6455 section 5.5.1).
func (r *wsReader) closed(payload []byte, out *bytes.Buffer) error {
	if len(payload) == 0 {
		writeClose(out, closeNoStatus, "")
		return errClosed
	}
	if len(payload) == 1 {
		return &violation{closeProtocol, "a close code has two bytes"}
	}
	code := int(binary.BigEndian.Uint16(payload))
	known := code >= firstFreeStatus && code <= lastFreeStatus || code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006
	switch {
	case !known:
		return &violation{closeProtocol, "not a close code"}
	case !utf8.Valid(payload[2:]):
		return &violation{closeNotUTF8, "the reason is not UTF-8"}
	}
	writeClose(out, code, "")
	return errClosed
}
