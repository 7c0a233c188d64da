package live

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// wsMessage is a message of the hub.
type wsMessage struct {
	T      string
	Cursor string
	Retry  int
	Item   json.RawMessage
	IDs    []string
	Next   int64
}

// socket opens a websocket with another implementation's client.
func (h *house) socket(query string) *websocket.Conn {
	h.t.Helper()
	c, res, err := websocket.Dial(h.t.Context(), h.url("/me/ws", query), &websocket.DialOptions{HTTPClient: h.srv.Client()})
	if err != nil {
		h.t.Fatal(err)
	}
	if res.Body != nil {
		res.Body.Close()
	}
	c.SetReadLimit(1 << 20)
	h.t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

func (h *house) message(c *websocket.Conn) wsMessage {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), notifytest.Patience)
	defer cancel()
	kind, data, err := c.Read(ctx)
	if err != nil {
		h.t.Fatalf("waited for a message, got: %v", err)
	}
	var m wsMessage
	if err := json.Unmarshal(data, &m); err != nil || kind != websocket.MessageText {
		h.t.Fatalf("got message %s of kind %v: %v", data, kind, err)
	}
	return m
}

// wantMessages reads the next messages and compares their names and cursors: "ready e1.0".
func (h *house) wantMessages(c *websocket.Conn, want ...string) {
	h.t.Helper()
	for _, w := range want {
		m := h.message(c)
		if got := strings.TrimSpace(m.T + " " + m.Cursor); got != w {
			h.t.Fatalf("got message %q, want %q", got, w)
		}
	}
}

func TestWebSocketHasTheStreamsItems(t *testing.T) {
	h := newHouse(t, nil, nil)
	stream, c := h.open("user=kim", ""), h.socket("user=kim")
	h.want(stream, "ready e1.0")
	h.wantMessages(c, "ready e1.0")
	h.inbox.put("kim", notify.Notification{Content: notify.Content{Title: "새 소식", Data: map[string]string{"k": "v"}}})
	e, m := h.next(stream), h.message(c)
	if e.Name != m.T || e.ID != m.Cursor || e.Data != string(m.Item) {
		t.Errorf("the stream has %+v, the websocket %+v", e, m)
	}
	h.inbox.put("", notify.Notification{Silent: true})
	h.inbox.putText("alex", "not for kim")
	h.inbox.putText("", strings.Repeat("x", 70_000))
	h.wantMessages(c, "data e1.2", "notification e1.4")
	if got := h.connections(); got[transportWS] != 1 || got[transportSSE] != 1 {
		t.Errorf("allim_live_connections says %v", got)
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("the close was not answered: %v", err)
	}
	notifytest.Until(t, "the websocket's end", func() bool { return h.bus.count() == 1 })
}

func TestWebSocketResumes(t *testing.T) {
	h := newHouse(t, nil, nil)
	for range 2*pageSize + 3 {
		h.inbox.putText("kim", strings.Repeat("x", 1000))
	}
	c := h.socket("user=kim&after=e1.1")
	h.wantMessages(c, "ready e1.1")
	for seq := int64(2); seq <= 2*pageSize+3; seq++ {
		h.wantMessages(c, "notification "+id(seq))
	}
	h.wantMessages(h.socket("user=kim&after=e0.7"), "resync e1.0", "notification e1.1")
}

func TestWebSocketRefusals(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.MaxPerUser = 1 }, nil)
	h.wantMessages(h.socket("user=alex"), "ready e1.0")
	good := map[string]string{"Connection": "keep-alive, Upgrade", "Upgrade": "WebSocket", "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
	for _, c := range []struct {
		query, change, to string
		status            int
		code              notify.Code
	}{
		{"user=kim", "Connection", "close", 400, notify.CodeInvalid},
		{"user=kim", "Upgrade", "h2c", 400, notify.CodeInvalid},
		{"user=kim", "Sec-WebSocket-Version", "8", 426, notify.CodeInvalid},
		{"user=kim", "Sec-WebSocket-Key", "c2hvcnQ=", 400, notify.CodeInvalid},
		{"user=nobody", "Origin", "", 404, notify.CodeUnknownUser},
		{"user=kim&after=x", "Origin", "", 400, notify.CodeInvalid},
		{"user=alex", "Origin", "", 429, notify.CodeTooManyRequests},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url("/me/ws", c.query), nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range good {
			req.Header.Set(name, value)
		}
		req.Header.Set(c.change, c.to)
		res, err := h.srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var p problem
		err = json.NewDecoder(res.Body).Decode(&p)
		res.Body.Close()
		if err != nil || res.StatusCode != c.status || p.Code != c.code {
			t.Errorf("%s, %s %q: got %d %+v, %v; want %d %s", c.query, c.change, c.to, res.StatusCode, p, err, c.status, c.code)
		}
		if c.status == 426 && res.Header.Get("Sec-WebSocket-Version") != "13" {
			t.Error("the answer does not name the version")
		}
		if c.status == 429 && !strings.Contains(p.Detail, "limits.live_per_user") {
			t.Errorf("the limit's setting is not named: %s", p.Detail)
		}
	}
}

func TestWebSocketSubprotocol(t *testing.T) {
	h := newHouse(t, nil, nil)
	for offered, want := range map[string]string{"chat, push.v1.json": "push.v1.json", "chat": ""} {
		c, res, err := websocket.Dial(t.Context(), h.url("/me/ws", "user=kim"), &websocket.DialOptions{HTTPClient: h.srv.Client(),
			Subprotocols: strings.Split(offered, ", ")})
		if err != nil {
			t.Fatal(err)
		}
		if res.Body != nil {
			res.Body.Close()
		}
		if c.Subprotocol() != want {
			t.Errorf("offered %q, got %q, want %q", offered, c.Subprotocol(), want)
		}
		_ = c.CloseNow()
	}
}

func TestWebSocketSaysGoodbye(t *testing.T) {
	h := newHouse(t, nil, nil)
	c := h.socket("user=kim")
	h.wantMessages(c, "ready e1.0")
	if err := h.live.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m := h.message(c); m.T != "bye" || m.Retry != 8000 {
		t.Errorf("got %+v, want bye and 8 s by the fixed chance", m)
	}
	_, _, err := c.Read(t.Context())
	if websocket.CloseStatus(err) != websocket.StatusServiceRestart {
		t.Errorf("closed by %v, want 1012", err)
	}
}

// raw opens a websocket by hand.
func (h *house) raw(query string) (net.Conn, *bufio.Reader) {
	h.t.Helper()
	var d net.Dialer
	c, err := d.DialContext(h.t.Context(), "tcp", h.srv.Listener.Addr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	_, err = io.WriteString(c, "GET /v1/me/ws?"+query+" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if err != nil {
		h.t.Fatal(err)
	}
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols ||
		res.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" { // RFC 6455 section 1.3
		h.t.Fatalf("handshake: %+v, %v", res, err)
	}
	return c, r
}

// readFrame reads one of the hub's frames.
func readFrame(r io.Reader) (op byte, payload []byte, err error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, nil, err
	}
	if head[1] > 125 {
		return 0, nil, errors.New("longer than this test reads")
	}
	payload = make([]byte, head[1])
	_, err = io.ReadFull(r, payload)
	return head[0] & 0x0f, payload, err
}

func TestWebSocketFaultsOfClients(t *testing.T) {
	h := newHouse(t, nil, nil)
	for name, c := range map[string]struct {
		sent string
		code int
	}{
		"unmasked":     {"\x81\x05Hello", closeProtocol},
		"reserved":     {"\xc1\x80\x00\x00\x00\x00", closeProtocol},
		"long ping":    {"\x89\xfe\x00\x7e\x00\x00\x00\x00", closeProtocol},
		"bad UTF-8":    {"\x81\x81\x00\x00\x00\x00\xff", closeNotUTF8},
		"binary":       {"\x82\x81\x00\x00\x00\x00a", closeNoBinary},
		"oversize":     {"\x81\xfe\xff\xff\x00\x00\x00\x00", closeTooBig},
		"lone rest":    {"\x80\x81\x00\x00\x00\x00a", closeProtocol},
		"flood":        {strings.Repeat("\x8a\x80\x00\x00\x00\x00", maxFrames+1), closePolicy},
		"bad close":    {"\x88\x82\x00\x00\x00\x00\x03\xee", closeProtocol}, // 1006
		"usual close":  {"\x88\x82\x00\x00\x00\x00\x03\xe8", 1000},
		"nothing said": {"\x88\x80\x00\x00\x00\x00", closeNoStatus},
	} {
		t.Run(name, func(t *testing.T) {
			conn, r := h.raw("user=kim")
			if _, err := io.WriteString(conn, c.sent); err != nil {
				t.Fatal(err)
			}
			if err := conn.SetReadDeadline(time.Now().Add(notifytest.Patience)); err != nil {
				t.Fatal(err)
			}
			for {
				op, payload, err := readFrame(r)
				if err != nil {
					t.Fatalf("no close frame: %v", err)
				}
				if op != opClose {
					continue
				}
				got := closeNoStatus
				if len(payload) >= 2 {
					got = int(payload[0])<<8 | int(payload[1])
				}
				if got != c.code {
					t.Errorf("closed with %d %q, want %d", got, payload, c.code)
				}
				return
			}
		})
	}
	notifytest.Until(t, "the end of all", func() bool { return h.bus.count() == 0 })
}

// A client that answers no ping is gone, even if its system has not said so.
func TestWebSocketWithoutPongIsDropped(t *testing.T) {
	h := newHouse(t, nil, nil)
	_, silent := h.raw("user=alex") // reads, and answers nothing
	conn, r := h.raw("user=kim")
	// Each turn of the clock waits for both, for one that runs ahead would age them.
	for _, forAlex := range []byte{opPing, opClose} {
		notifytest.Until(t, "both timers", func() bool { return h.timers() == 2 })
		h.clock.Advance(DefaultHeartbeat)
		wantControl(t, silent, forAlex)
		wantControl(t, r, opPing)
		// The answer to a ping of one's own shows that the pong before it has arrived.
		if _, err := io.WriteString(conn, "\x8a\x80\x00\x00\x00\x00\x89\x80\x00\x00\x00\x00"); err != nil {
			t.Fatal(err)
		}
		wantControl(t, r, opPong)
	}
	notifytest.Until(t, "the silent one's end, alone", func() bool { return h.bus.count() == 1 })
}

// timers tells how many taken over connections wait for their heartbeat.
func (h *house) timers() int {
	table := h.live.engineOf().table
	table.mu.Lock()
	defer table.mu.Unlock()
	return len(table.entries)
}

// wantControl passes over text and wants the next control frame to be this one.
func wantControl(t *testing.T, r io.Reader, want byte) {
	t.Helper()
	for {
		op, _, err := readFrame(r)
		if err != nil {
			t.Fatalf("no frame %#x: %v", want, err)
		}
		if op >= opClose {
			if op != want {
				t.Fatalf("frame %#x, want %#x", op, want)
			}
			return
		}
	}
}

func TestWebSocketSlowReaderIsDropped(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.WriteTimeout = 2 * time.Second }, func(s *httptest.Server) {
		s.Listener = smallBuffers{s.Listener}
	})
	conn, _ := h.raw("user=kim&after=e1.0")
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	quick := h.socket("user=kim&after=e1.0")
	h.wantMessages(quick, "ready e1.0")
	notifytest.Until(t, "both", func() bool { return h.bus.count() == 2 })
	big := notify.Notification{Content: notify.Content{Body: strings.Repeat("x", 64<<10)}}
	for range 200 {
		h.inbox.put("kim", big)
	}
	for seq := int64(1); seq <= 200; seq++ {
		h.wantMessages(quick, "notification "+id(seq))
	}
	notifytest.Until(t, "the slow one's end", func() bool { return h.bus.count() == 1 })
}

func TestWebSocketOverTLS(t *testing.T) {
	h := newHouse(t, nil, func(s *httptest.Server) { s.StartTLS() })
	c := h.socket("user=kim")
	h.wantMessages(c, "ready e1.0")
	h.inbox.putText("kim", "x")
	h.wantMessages(c, "notification e1.1")
	notifytest.Until(t, "the heartbeat's timer", func() bool { return h.clock.Waiting() == 1 })
	h.clock.Advance(DefaultHeartbeat)
	h.wantMessages(c, "ping")
	if err := h.live.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.wantMessages(c, "bye")
}
