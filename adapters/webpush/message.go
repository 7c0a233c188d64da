package webpush

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// message is one encrypted body in a buffer that is used again. The transport may read a body for a while after it
// gave the answer (net/http.RoundTripper), so the buffer goes back only when every reader was closed.
type message struct {
	buf  []byte // grown by plaintextIn
	body []byte
	refs atomic.Int32
	pool *sync.Pool
}

// messages is a pool of messages.
type messages struct{ pool sync.Pool }

func (m *messages) get() *message {
	msg, ok := m.pool.Get().(*message)
	if !ok {
		msg = &message{pool: &m.pool}
	}
	msg.refs.Store(1)
	return msg
}

// release gives up one hold; the last one gives the buffer back.
func (m *message) release() {
	if m.refs.Add(-1) == 0 {
		m.pool.Put(m)
	}
}

// reader gives the body once more; closing it releases its hold.
func (m *message) reader() io.ReadCloser {
	m.refs.Add(1)
	return &bodyReader{msg: m}
}

// bodyReader reads a message until it is closed; a Read after or during Close never touches the buffer.
type bodyReader struct {
	mu  sync.Mutex
	msg *message // nil when closed
	off int
}

var errClosedBody = errors.New("the body was closed")

// Read implements io.Reader.
func (r *bodyReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.msg == nil {
		return 0, errClosedBody
	}
	if r.off == len(r.msg.body) {
		return 0, io.EOF
	}
	n := copy(p, r.msg.body[r.off:])
	r.off += n
	return n, nil
}

// Close implements io.Closer; twice is fine.
func (r *bodyReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.msg != nil {
		r.msg.release()
		r.msg = nil
	}
	return nil
}
