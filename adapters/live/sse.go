package live

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"allim.dev/allim/notify"
)

// serveSSE streams by WHATWG HTML section 9.2, "Server-sent events".
//
// Events: ready (the stream begins; its id is the first cursor), notification and data (an item, shown or silent), read
// (what was read meanwhile, for who asked with ?marks=; see reads.go),
// resync (forget what you have: it is of another log or too old; what is kept follows), ping (alive). Items and ready
// carry an id, which the browser sends back as Last-Event-ID.
//
// Status 204 would stop a browser for ever, so it is never used; to make one come back later the stream says "retry:"
// and ends.
//
// Where the connection can be taken over (takeover.go), the handler ends when the header is out.
func (l *Live) serveSSE(w http.ResponseWriter, r *http.Request, user string) {
	leave, err := l.open.enter(user, transportSSE)
	if err != nil {
		l.refuse(w, err)
		return
	}
	if l.mayTakeOver(w, r) {
		l.takeOverSSE(w, r, user, leave)
		return
	}
	defer leave()
	ctx := r.Context()
	f, first, err := l.start(ctx, r, user, pageSize)
	if err != nil {
		l.refuse(w, err)
		return
	}
	defer f.close()
	out := &responseWriter{w: w, rc: http.NewResponseController(w), timeout: l.writeTimeout}
	if err := out.begin(); err != nil {
		l.refuse(w, notify.Wrap(notify.CodeInternal, err, "streams cannot be served here"))
		return
	}
	s := &stream{enc: sse{}, put: out.write}
	l.ended(ctx, user, s, l.run(ctx, f, s, first))
}

// ended says why a stream ended, once, and lets a client that is not at fault come back.
func (l *Live) ended(ctx context.Context, user string, s *stream, err error) {
	log := l.log.With("user", user, "transport", s.enc.name())
	switch {
	case err == nil || ctx.Err() != nil: // told to come back, or the client left
		log.Debug("live stream ended")
	case s.failed && errors.Is(err, os.ErrDeadlineExceeded):
		log.Info("live client is too slow: dropped")
	case s.failed:
		log.Debug("live stream broke", "error", err)
	default:
		log.Warn("live stream ended by an error", "error", err)
		_ = s.goodbye(trouble, l.spread(retryTrouble, 2*retryTrouble)) // best effort: the stream ends anyway
	}
}

// responseWriter writes events through a handler's writer. Each write is whole events, then a flush, under one deadline.
type responseWriter struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	timeout time.Duration
}

// begin sets the headers. It fails where a wrapped writer hides the deadline, without which one slow client could hold
// its handler for ever.
func (o *responseWriter) begin() error {
	if err := o.rc.SetWriteDeadline(time.Time{}); err != nil {
		return fmt.Errorf("the response writer has no write deadline: %w", err)
	}
	h := o.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "private, no-cache, no-store, must-revalidate, max-age=0")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	o.w.WriteHeader(http.StatusOK)
	return nil
}

// write leaves the deadline when it fails, so that the server's own end of the response does not hang either. Sockets
// know real time only, hence time.Now.
func (o *responseWriter) write(p []byte) error {
	if err := o.rc.SetWriteDeadline(time.Now().Add(o.timeout)); err != nil {
		return err
	}
	if _, err := o.w.Write(p); err != nil {
		return err
	}
	if err := o.rc.Flush(); err != nil {
		return err
	}
	return o.rc.SetWriteDeadline(time.Time{})
}

// sse is the encoder of a stream's events.
type sse struct{}

func (sse) name() string { return transportSSE }

func (sse) ready(b *bytes.Buffer, at notify.Cursor) {
	writeRetry(b, retryUsual)
	writeEvent(b, "ready", at.String(), cursorData(at))
}

func (sse) resync(b *bytes.Buffer, at notify.Cursor) {
	writeRetry(b, retryUsual)
	writeEvent(b, "resync", at.String(), cursorData(at))
}

func (sse) item(b *bytes.Buffer, i *item) error {
	data, err := encodeItem(i)
	if err == nil {
		writeEvent(b, nameOf(i), i.cursor().String(), data)
	}
	return err
}

// read has no id: it is no place in the inbox.
func (sse) read(b *bytes.Buffer, n news) error {
	data, err := n.encode()
	if err == nil {
		writeEvent(b, "read", "", data)
	}
	return err
}

// ping is a named event and not a comment: a page's own watchdog can see it.
func (sse) ping(b *bytes.Buffer) { writeEvent(b, "ping", "", []byte("{}")) }

func (sse) goodbye(b *bytes.Buffer, _ farewell, retry time.Duration) { writeRetry(b, retry) }

func writeRetry(b *bytes.Buffer, d time.Duration) {
	fmt.Fprintf(b, "retry: %d\n\n", d.Milliseconds())
}

// writeEvent writes one event; data is one line, and an empty id leaves the client's last one as it is.
func writeEvent(b *bytes.Buffer, name, id string, data []byte) {
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	b.WriteString("event: " + name + "\ndata: ")
	b.Write(data)
	b.WriteString("\n\n")
}

// chunkedSSE is sse in the chunks of HTTP/1.1 (RFC 9112 section 7.1), for a connection that was taken over from the
// server, which would have made them.
type chunkedSSE struct{ sse }

func (c chunkedSSE) ready(b *bytes.Buffer, at notify.Cursor) {
	defer chunk(b)()
	c.sse.ready(b, at)
}

func (c chunkedSSE) resync(b *bytes.Buffer, at notify.Cursor) {
	defer chunk(b)()
	c.sse.resync(b, at)
}

func (c chunkedSSE) item(b *bytes.Buffer, i *item) error {
	defer chunk(b)()
	return c.sse.item(b, i)
}

func (c chunkedSSE) read(b *bytes.Buffer, n news) error {
	defer chunk(b)()
	return c.sse.read(b, n)
}

func (c chunkedSSE) ping(b *bytes.Buffer) {
	defer chunk(b)()
	c.sse.ping(b)
}

func (c chunkedSSE) goodbye(b *bytes.Buffer, why farewell, retry time.Duration) {
	end := chunk(b)
	c.sse.goodbye(b, why, retry)
	end()
	b.WriteString("0\r\n\r\n")
}

// chunk begins a chunk and gives what ends it. Its size is filled in then: leading zeros are allowed.
func chunk(b *bytes.Buffer) (end func()) {
	const sizeLine = "00000000\r\n"
	start := b.Len()
	b.WriteString(sizeLine)
	return func() {
		n := b.Len() - start - len(sizeLine)
		if n == 0 { // an empty chunk would end the body
			b.Truncate(start)
			return
		}
		hex.Encode(b.Bytes()[start:], []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		b.WriteString("\r\n")
	}
}
