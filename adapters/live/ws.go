package live

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // RFC 6455 section 4.2.2 names it; it keeps nothing secret
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"allim.dev/allim/notify"
)

// subprotocol is chosen when a client offers it; one that offers none gets none.
const subprotocol = "push.v1.json"

// serveWS streams by RFC 6455. Every message is text, a JSON object whose member t is the name of the same event of
// Server-Sent Events: ready and resync with a cursor, notification and data with a cursor and the item, read with ids and
// next, ping, and, before
// the hub closes, bye with retry in milliseconds. A ping frame goes with every ping: who does not answer it is dropped.
// What a client sends is checked and passed over.
func (l *Live) serveWS(w http.ResponseWriter, r *http.Request, user string) {
	accept, err := handshake(w, r)
	if err != nil {
		l.refuseHandshake(w, err)
		return
	}
	leave, err := l.open.enter(user, transportWS)
	if err != nil {
		l.refuse(w, err)
		return
	}
	if l.mayTakeOver(w, r) {
		p, err := l.park(r, ws{}, user, pageSize, leave)
		if err != nil {
			l.refuse(w, err)
			return
		}
		switchProtocols(w, accept)
		p.takeOver(http.NewResponseController(w), &wsReader{})
		return
	}
	defer leave()
	f, first, err := l.start(r.Context(), r, user, pageSize)
	if err != nil {
		l.refuse(w, err)
		return
	}
	defer f.close()
	switchProtocols(w, accept)
	rc := http.NewResponseController(w)
	conn, buffered, err := hijack(rc)
	if err != nil {
		l.log.Debug("websocket could not be taken over", "user", user, "error", err)
		return
	}
	defer conn.Close()
	sent, _ := buffered.Peek(buffered.Buffered())
	l.serveSocket(conn, f, first, sent)
}

// errVersion is a handshake of another version; the answer names ours.
var errVersion = notify.Errorf(notify.CodeInvalid, "the websocket version must be 13")

// handshake checks a request by RFC 6455 section 4.2.1 and gives what is to be answered.
func handshake(w http.ResponseWriter, r *http.Request) (accept string, err error) {
	h := r.Header
	key, err := base64.StdEncoding.DecodeString(h.Get("Sec-WebSocket-Key"))
	switch {
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return "", notify.Errorf(notify.CodeInvalid, "a websocket is opened over HTTP/1.1")
	case !hasToken(h, "Connection", "upgrade") || !hasToken(h, "Upgrade", "websocket"):
		return "", notify.Errorf(notify.CodeInvalid, "this call opens a websocket: Connection: Upgrade and Upgrade: websocket are missing")
	case h.Get("Sec-WebSocket-Version") != "13":
		return "", errVersion
	case err != nil || len(key) != 16:
		return "", notify.Errorf(notify.CodeInvalid, "Sec-WebSocket-Key must be 16 bytes in base64")
	case !canHijack(w):
		return "", notify.Errorf(notify.CodeInternal, "websockets cannot be served here")
	}
	if hasToken(h, "Sec-WebSocket-Protocol", subprotocol) {
		w.Header().Set("Sec-WebSocket-Protocol", subprotocol)
	}
	return acceptOf(h.Get("Sec-WebSocket-Key")), nil
}

// acceptOf answers a key (RFC 6455 section 4.2.2).
func acceptOf(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // see the import
	return base64.StdEncoding.EncodeToString(sum[:])
}

// hasToken looks for one of a header's comma-separated words, in any case.
func hasToken(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for word := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(word), token) {
				return true
			}
		}
	}
	return false
}

func (l *Live) refuseHandshake(w http.ResponseWriter, err error) {
	if err == errVersion { // RFC 6455 section 4.4
		w.Header().Set("Sec-WebSocket-Version", "13")
		l.refuseAs(w, http.StatusUpgradeRequired, err)
		return
	}
	l.refuse(w, err)
}

// switchProtocols writes the header; it goes out with the next flush.
func switchProtocols(w http.ResponseWriter, accept string) {
	h := w.Header()
	h.Set("Upgrade", "websocket")
	h.Set("Connection", "Upgrade")
	h.Set("Sec-WebSocket-Accept", accept)
	w.WriteHeader(http.StatusSwitchingProtocols)
}

func hijack(rc *http.ResponseController) (net.Conn, *bufio.Reader, error) {
	if err := rc.Flush(); err != nil {
		return nil, nil, err
	}
	conn, rw, err := rc.Hijack()
	if err != nil {
		return nil, nil, err
	}
	return conn, rw.Reader, nil
}

// serveSocket keeps a websocket going in its handler's goroutine, with one more that reads.
func (l *Live) serveSocket(conn net.Conn, f *follower, first stretch, sent []byte) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &socket{conn: conn, timeout: l.writeTimeout}
	var reader sync.WaitGroup
	reader.Go(func() {
		defer cancel()
		err := s.read(sent)
		l.log.Debug("websocket ended by its client", "user", f.user, "reason", err)
	})
	st := &stream{enc: ws{}, put: s.write, alive: s.alive}
	l.ended(ctx, f.user, st, l.run(ctx, f, st, first))
	cancel()
	_ = conn.Close()
	reader.Wait()
}

// socket is a websocket that two goroutines write to.
type socket struct {
	conn    net.Conn
	timeout time.Duration
	mu      sync.Mutex
	in      wsReader
}

func (s *socket) write(p []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writeLocked(p)
}

func (s *socket) writeLocked(p []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return err
	}
	_, err := s.conn.Write(p)
	return err
}

// alive is asked before each ping.
func (s *socket) alive() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.in.beat()
}

// read takes what the client sends until it ends, and gives why; never nil.
// read reads until the connection ends, and gives why.
func (s *socket) read(sent []byte) error {
	in := make([]byte, 512)
	for p := sent; ; {
		if err := s.take(p); err != nil {
			return err
		}
		n, err := s.conn.Read(in)
		if err != nil {
			return err
		}
		p = in[:n]
	}
}

func (s *socket) take(p []byte) error {
	var out bytes.Buffer
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.in.feed(p, &out)
	if out.Len() > 0 {
		err = errors.Join(err, s.writeLocked(out.Bytes()))
	}
	return err
}

// read takes what a taken over connection has sent.
func (p *parked) read(d *desk) error {
	d.out.Reset()
	err := p.in.feed(nil, &d.out) // what was there before the connection was taken over
	for err == nil {
		var n int
		if n, err = d.turn.tryRead(p.raw, d.in[:]); err != nil || n == 0 {
			break
		}
		err = p.in.feed(d.in[:n], &d.out)
	}
	if d.out.Len() > 0 {
		if e := p.write(d.out.Bytes(), d); e != nil {
			return e
		}
	}
	return err
}

// ws is the encoder of a websocket's messages.
type ws struct{}

func (ws) name() string { return transportWS }

func (ws) ready(b *bytes.Buffer, at notify.Cursor)  { cursorMessage(b, "ready", at) }
func (ws) resync(b *bytes.Buffer, at notify.Cursor) { cursorMessage(b, "resync", at) }

func cursorMessage(b *bytes.Buffer, name string, at notify.Cursor) {
	writeFrame(b, opText, []byte(`{"t":"`+name+`","cursor":`+strconv.Quote(at.String())+`}`))
}

func (ws) item(b *bytes.Buffer, i *item) error {
	data, err := json.Marshal(struct {
		T      string `json:"t"`
		Cursor string `json:"cursor"`
		Item   *item  `json:"item"`
	}{nameOf(i), i.cursor().String(), i})
	if err == nil {
		writeFrame(b, opText, data)
	}
	return err
}

func (ws) read(b *bytes.Buffer, n news) error {
	data, err := json.Marshal(struct {
		T string `json:"t"`
		news
	}{"read", n})
	if err == nil {
		writeFrame(b, opText, data)
	}
	return err
}

// ping is a frame that the client answers, and a message that a page's own watchdog can see.
func (ws) ping(b *bytes.Buffer) {
	writeFrame(b, opPing, nil)
	writeFrame(b, opText, []byte(`{"t":"ping"}`))
}

func (ws) goodbye(b *bytes.Buffer, why farewell, retry time.Duration) {
	writeFrame(b, opText, []byte(`{"t":"bye","retry":`+strconv.FormatInt(retry.Milliseconds(), 10)+`}`))
	code := map[farewell]int{aged: closeGoingAway, stopping: closeRestart, trouble: closeError}[why]
	writeClose(b, code, "come back after "+strconv.FormatInt(retry.Milliseconds(), 10)+" ms")
}
