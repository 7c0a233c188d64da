package live

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"allim.dev/allim/notify"
)

// maxWrite is about how many bytes are handed to a socket at once: so that a deadline covers no more than this.
const maxWrite = 32 << 10

// encoder is one transport's words to a client. Each appends whole messages to b, which may go out in one write.
type encoder interface {
	// name is the transport, as metrics and logs name it.
	name() string
	// ready: the stream begins after this cursor.
	ready(b *bytes.Buffer, at notify.Cursor)
	// resync: what the client has is not what the log holds; what is kept follows, from this cursor on.
	resync(b *bytes.Buffer, at notify.Cursor)
	item(b *bytes.Buffer, i *item) error
	// read: what was read elsewhere, or on this page.
	read(b *bytes.Buffer, n news) error
	// ping shows that the connection is alive.
	ping(b *bytes.Buffer)
	// goodbye ends the stream; the client is to come back after the time.
	goodbye(b *bytes.Buffer, why farewell, retry time.Duration)
}

// farewell is why a stream ends.
type farewell int

const (
	aged     farewell = iota // it is old: connections are renewed, so that a restart finds few
	stopping                 // the hub stops
	trouble                  // the hub's own trouble, such as a busy store
)

// nameOf is the name of an item's event.
func nameOf(i *item) string {
	if i.Silent {
		return "data"
	}
	return "notification"
}

func encodeItem(i *item) ([]byte, error) {
	data, err := json.Marshal(i) // one line: JSON escapes line ends
	if err != nil {
		return nil, fmt.Errorf("encode inbox item: %w", err)
	}
	return data, nil
}

func cursorData(at notify.Cursor) []byte {
	return []byte(`{"cursor":` + strconv.Quote(at.String()) + `}`)
}

// stream writes to one client from its handler's goroutine.
type stream struct {
	enc    encoder
	put    func(p []byte) error // one whole write with its own deadline
	alive  func() error         // asked before each ping; nil: the writes tell
	failed bool                 // a write failed: nothing more can be said
}

func (s *stream) ready(at notify.Cursor) error {
	var b bytes.Buffer
	s.enc.ready(&b, at)
	return s.write(&b)
}

func (s *stream) resync(at notify.Cursor) error {
	var b bytes.Buffer
	s.enc.resync(&b, at)
	return s.write(&b)
}

func (s *stream) items(items []item) error {
	var b bytes.Buffer
	for i := range items {
		if err := s.enc.item(&b, &items[i]); err != nil {
			return err
		}
		if b.Len() >= maxWrite {
			if err := s.write(&b); err != nil {
				return err
			}
			b.Reset()
		}
	}
	return s.write(&b)
}

func (s *stream) read(n news) error {
	if len(n.IDs) == 0 {
		return nil
	}
	var b bytes.Buffer
	if err := s.enc.read(&b, n); err != nil {
		return err
	}
	return s.write(&b)
}

func (s *stream) ping() error {
	if s.alive != nil {
		if err := s.alive(); err != nil {
			s.failed = true
			return err
		}
	}
	var b bytes.Buffer
	s.enc.ping(&b)
	return s.write(&b)
}

func (s *stream) goodbye(why farewell, retry time.Duration) error {
	var b bytes.Buffer
	s.enc.goodbye(&b, why, retry)
	return s.write(&b)
}

func (s *stream) write(b *bytes.Buffer) error {
	if b.Len() == 0 {
		return nil
	}
	err := s.put(b.Bytes())
	s.failed = s.failed || err != nil
	return err
}
