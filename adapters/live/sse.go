package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"allim.dev/allim/notify"
)

// serveSSE streams by WHATWG HTML section 9.2, "Server-sent events".
//
// Events: ready (the stream begins; its id is the first cursor), notification and data (an item, shown or silent),
// resync (forget what you have: it is of another log or too old; what is kept follows), ping (alive). Items and ready
// carry an id, which the browser sends back as Last-Event-ID.
//
// Status 204 would stop a browser for ever, so it is never used; to make one come back later the stream says "retry:"
// and ends.
func (l *Live) serveSSE(w http.ResponseWriter, r *http.Request, user string) {
	leave, err := l.open.enter(user, transportSSE)
	if err != nil {
		l.refuse(w, err)
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
	s := &sse{w: w, rc: http.NewResponseController(w), timeout: l.writeTimeout}
	if err := s.begin(); err != nil {
		l.refuse(w, notify.Wrap(notify.CodeInternal, err, "streams cannot be served here"))
		return
	}
	l.ended(ctx, user, s, l.run(ctx, f, s, first))
}

// ended says why a stream ended, once, and lets a client that is not at fault come back.
func (l *Live) ended(ctx context.Context, user string, s *sse, err error) {
	switch {
	case err == nil || ctx.Err() != nil: // told to come back, or the client left
		l.log.Debug("live stream ended", "user", user, "transport", transportSSE)
	case s.failed && errors.Is(err, os.ErrDeadlineExceeded):
		l.log.Info("live client is too slow: dropped", "user", user, "transport", transportSSE)
	case s.failed:
		l.log.Debug("live stream broke", "user", user, "transport", transportSSE, "error", err)
	default:
		l.log.Warn("live stream ended by an error", "user", user, "transport", transportSSE, "error", err)
		_ = s.goodbye(l.spread(retryTrouble, 2*retryTrouble)) // best effort: the stream ends anyway
	}
}

// sse writes events. Each write is whole events, then a flush, under one deadline.
type sse struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	timeout time.Duration
	failed  bool // a write failed: nothing more can be said
}

// begin sets the headers. It fails where a wrapped writer hides the deadline, without which one slow client could hold
// its handler for ever.
func (s *sse) begin() error {
	if err := s.rc.SetWriteDeadline(time.Time{}); err != nil {
		return fmt.Errorf("the response writer has no write deadline: %w", err)
	}
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "private, no-cache, no-store, must-revalidate, max-age=0")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	s.w.WriteHeader(http.StatusOK)
	return nil
}

func (s *sse) ready(at notify.Cursor) error {
	var b bytes.Buffer
	writeRetry(&b, retryUsual)
	writeEvent(&b, "ready", at.String(), cursorData(at))
	return s.write(&b)
}

func (s *sse) resync(at notify.Cursor) error {
	var b bytes.Buffer
	writeRetry(&b, retryUsual)
	writeEvent(&b, "resync", at.String(), cursorData(at))
	return s.write(&b)
}

func cursorData(at notify.Cursor) []byte {
	return []byte(`{"cursor":` + strconv.Quote(at.String()) + `}`)
}

func (s *sse) items(items []item) error {
	var b bytes.Buffer
	for _, i := range items {
		data, err := json.Marshal(i) // one line: JSON escapes line ends
		if err != nil {
			return fmt.Errorf("encode inbox item: %w", err)
		}
		name := "notification"
		if i.Silent {
			name = "data"
		}
		writeEvent(&b, name, i.cursor().String(), data)
		if b.Len() >= 32<<10 { // so that a deadline covers no more than this
			if err := s.write(&b); err != nil {
				return err
			}
			b.Reset()
		}
	}
	return s.write(&b)
}

func (s *sse) ping() error {
	var b bytes.Buffer
	// A named event and not a comment: a page's own watchdog can see it.
	writeEvent(&b, "ping", "", []byte("{}"))
	return s.write(&b)
}

func (s *sse) goodbye(retry time.Duration) error {
	var b bytes.Buffer
	writeRetry(&b, retry)
	return s.write(&b)
}

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

func (s *sse) write(b *bytes.Buffer) error {
	if b.Len() == 0 {
		return nil
	}
	err := s.tryWrite(b.Bytes())
	s.failed = s.failed || err != nil
	return err
}

// tryWrite leaves the deadline when it fails, so that the server's own end of the response does not hang either. Sockets
// know real time only, hence time.Now.
func (s *sse) tryWrite(p []byte) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return err
	}
	if _, err := s.w.Write(p); err != nil {
		return err
	}
	if err := s.rc.Flush(); err != nil {
		return err
	}
	return s.rc.SetWriteDeadline(time.Time{})
}
