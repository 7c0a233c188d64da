package live

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// pollConn is one connection of a client that polls.
type pollConn struct {
	h  *house
	nc net.Conn
	in *bufio.Reader
}

func (h *house) dialPoll() *pollConn {
	h.t.Helper()
	u, err := url.Parse(h.srv.URL)
	if err != nil {
		h.t.Fatal(err)
	}
	nc, err := net.Dial("tcp", u.Host)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = nc.Close() })
	return &pollConn{h: h, nc: nc, in: bufio.NewReader(nc)}
}

// patient gives the next step its time.
func (c *pollConn) patient() { _ = c.nc.SetDeadline(time.Now().Add(notifytest.Patience)) }

// ask sends requests at once, and does not wait for the answers; more are further lines of each header.
func (c *pollConn) ask(queries []string, more string) {
	c.h.t.Helper()
	c.patient()
	var b strings.Builder
	for _, q := range queries {
		b.WriteString("GET /v1/me/poll?" + q + " HTTP/1.1\r\nHost: hub\r\n" + more + "\r\n")
	}
	if _, err := io.WriteString(c.nc, b.String()); err != nil {
		c.h.t.Fatal(err)
	}
}

// answer reads the next answer.
func (c *pollConn) answer() polled {
	c.h.t.Helper()
	c.patient()
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.h.t.Fatalf("read an answer: %v", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.h.t.Fatalf("read an answer's body: %v", err)
	}
	p := polled{status: res.StatusCode, header: res.Header, body: string(body)}
	if res.Close {
		p.header.Set("Connection", "close")
	}
	if err := json.Unmarshal(body, &p.answer); err != nil {
		c.h.t.Error(err)
	}
	return p
}

func (c *pollConn) want(cursor string, seqs ...int64) polled {
	c.h.t.Helper()
	got := make(chan polled, 1)
	got <- c.answer()
	return c.h.wantPoll(got, cursor, seqs...)
}

// ended waits until the other side has closed.
func (c *pollConn) ended() {
	c.h.t.Helper()
	c.patient()
	_, err := c.in.ReadByte()
	var network net.Error
	if err == nil || errors.As(err, &network) && network.Timeout() {
		c.h.t.Errorf("the connection does not end: %v", err)
	}
}

// One connection carries poll after poll: waiting ones, those answered at once, and other requests.
func TestPollsOfOneConnection(t *testing.T) {
	h := newHouse(t, nil, nil)
	c := h.dialPoll()
	for seq := int64(1); seq <= 5; seq++ {
		c.ask([]string{"user=kim&after=" + id(seq-1)}, "")
		h.untilWaiting(1)
		h.inbox.putText([]string{"kim", ""}[seq%2], "news")
		p := c.want(id(seq), seq)
		if p.header.Get("Content-Type") != "application/json" || p.header.Get("Cache-Control") != "no-store" ||
			p.header.Get("Date") == "" || p.header.Get("Connection") != "" {
			t.Errorf("the answer's header is %v", p.header)
		}
		notifytest.Until(t, "nobody listens", func() bool { return h.bus.count() == 0 })
	}
	c.ask([]string{"user=kim"}, "")
	c.want(id(5))
	c.ask([]string{"user=kim&after=" + id(4)}, "")
	c.want(id(5), 5)
	// The next ones are sent before the first is answered.
	c.ask([]string{"user=kim&after=" + id(5), "user=kim&after=" + id(3), "user=kim&after=" + id(6)}, "")
	h.untilWaiting(1)
	h.inbox.putText("kim", "news")
	c.want(id(6), 6)
	c.want(id(6), 4, 5, 6)
	h.untilWaiting(1)
	h.inbox.putText("", "news")
	c.want(id(7), 7)
	// A client that wants no more.
	c.ask([]string{"user=kim&after=" + id(7)}, "Connection: close\r\n")
	h.untilWaiting(1)
	h.inbox.putText("kim", "last")
	if p := c.want(id(8), 8); p.header.Get("Connection") != "close" {
		t.Errorf("the answer's header is %v", p.header)
	}
	c.ended()
}

// Trouble of the store is told as ever, and the connection goes on.
func TestPollMeetsTrouble(t *testing.T) {
	h := newHouse(t, nil, nil)
	c := h.dialPoll()
	c.ask([]string{"user=kim&after=e1.0"}, "")
	notifytest.Until(t, "the poll to have looked", func() bool {
		h.inbox.mu.Lock()
		defer h.inbox.mu.Unlock()
		return h.inbox.looks == 1
	})
	h.inbox.set(func() {
		h.inbox.fail = &notify.Error{Code: notify.CodeUnavailable, Detail: "busy", RetryAfter: 1500 * time.Millisecond}
	})
	h.bus.Wake(notify.SubjectInbox("kim"))
	if p := c.answer(); p.status != 503 || p.header.Get("Retry-After") != "2" || p.header.Get("Content-Type") != "application/problem+json" ||
		!strings.Contains(p.body, `"detail":"busy"`) {
		t.Errorf("got %d %v %s", p.status, p.header, p.body)
	}
	h.inbox.set(func() { h.inbox.fail = nil })
	c.ask([]string{"user=kim&after=e1.0&wait=0"}, "")
	c.want("e1.0")
}

// What HTTP/1.0 asks for is answered, too.
func TestPollOfOldClients(t *testing.T) {
	h := newHouse(t, nil, nil)
	c := h.dialPoll()
	if _, err := io.WriteString(c.nc, "GET /v1/me/poll?user=kim&after=e1.0 HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	h.untilWaiting(1)
	h.inbox.putText("kim", "news")
	c.want("e1.1", 1)
	c.ended()
}

// A client that leaves while it waits leaves nothing behind; one that asks nothing more is let go.
func TestPollersThatLeave(t *testing.T) {
	h := newHouse(t, nil, nil)
	c := h.dialPoll()
	c.ask([]string{"user=kim&after=e1.0"}, "")
	h.untilWaiting(1)
	_ = c.nc.Close()
	h.untilWaiting(0)

	c = h.dialPoll()
	c.ask([]string{"user=kim&after=e1.0"}, "")
	h.untilWaiting(1)
	h.inbox.putText("kim", "news")
	c.want("e1.1", 1)
	over := make(chan struct{})
	go func() {
		defer close(over)
		c.ended()
	}()
	notifytest.Until(t, "its end", func() bool {
		h.clock.Advance(pollIdle)
		select {
		case <-over:
			return true
		default:
			return false
		}
	})
	notifytest.Until(t, "nothing is watched", func() bool { return len(h.live.engineOf().poller.all()) == 0 })
}

// The end of the hub ends connections between two polls, and those that wait after an answer.
func TestCloseEndsPollers(t *testing.T) {
	h := newHouse(t, nil, nil)
	between, waiting := h.dialPoll(), h.dialPoll()
	between.ask([]string{"user=kim&after=e1.0"}, "")
	h.untilWaiting(1)
	h.inbox.putText("kim", "news")
	between.want("e1.1", 1)
	waiting.ask([]string{"user=kim&after=e1.1"}, "")
	h.untilWaiting(1)
	if err := h.live.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := waiting.want("e1.1"); p.header.Get("Connection") != "close" {
		t.Errorf("the answer's header is %v", p.header)
	}
	waiting.ended()
	between.ended()
}

// Nobody serves what comes back: each answer ends its connection, and says so.
func TestPollsWithoutAWayBack(t *testing.T) {
	h := newHouse(t, nil, nil)
	_ = h.live.Returned().Close()
	c := h.dialPoll()
	c.ask([]string{"user=kim&after=e1.0"}, "")
	h.untilWaiting(1)
	h.inbox.putText("kim", "news")
	if p := c.want("e1.1", 1); p.header.Get("Connection") != "close" {
		t.Errorf("the answer's header is %v", p.header)
	}
	c.ended()
}

// An answer that the socket does not take at once arrives whole at a client that reads, and one that does not is dropped.
func TestLargePollAnswers(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.WriteTimeout = notifytest.Patience }, nil)
	c := h.dialPoll()
	c.ask([]string{"user=kim&after=e1.0&limit=1000"}, "")
	h.untilWaiting(1)
	h.bus.deaf.Store(true)
	const items = 120 // more than the system holds of an answer
	for range items {
		h.inbox.putText("kim", strings.Repeat("x", 100_000))
	}
	h.bus.deaf.Store(false)
	h.bus.Wake(notify.SubjectInbox("kim"))
	h.untilWaiting(0) // it is answered, and nothing was read
	if p := c.answer(); len(p.answer.Items) != items || p.answer.Next != id(items) {
		t.Errorf("%d items up to %s", len(p.answer.Items), p.answer.Next)
	}
	c.ask([]string{"user=kim&after=" + id(items) + "&wait=0"}, "")
	c.want(id(items))

	slow := newHouse(t, func(o *Options) { o.WriteTimeout = 50 * time.Millisecond }, nil)
	c = slow.dialPoll()
	c.ask([]string{"user=kim&after=e1.0&limit=1000"}, "")
	slow.untilWaiting(1)
	slow.bus.deaf.Store(true)
	for range items {
		slow.inbox.putText("kim", strings.Repeat("x", 100_000))
	}
	slow.bus.deaf.Store(false)
	slow.bus.Wake(notify.SubjectInbox("kim"))
	notifytest.Until(t, "it is dropped", func() bool {
		e := slow.live.engineOf()
		return slow.bus.count() == 0 && len(e.poller.all()) == 0
	})
}

// Of the connections that come back the server gets few at a time: the next one when a request of those is answered.
func TestReturnedAreFewAtATime(t *testing.T) {
	l := newReturned()
	accepted := make(chan net.Conn, 2*returnedAtOnce)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	notifytest.Until(t, "it is served", l.taken)
	const n = returnedAtOnce + 3
	for range n {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { _ = ours.Close() })
		l.give(theirs, []byte("sent before"))
	}
	got := make([]net.Conn, n)
	for i := range n {
		got[i] = notifytest.Receive(t, "a connection", accepted)
		l.mu.Lock()
		out := l.out
		l.mu.Unlock()
		if out > returnedAtOnce {
			t.Fatalf("%d are with the server", out)
		}
		if i >= returnedAtOnce-1 {
			_ = got[i-returnedAtOnce+1].Close()
		}
	}
	b := make([]byte, 100)
	if k, err := got[n-1].Read(b); err != nil || string(b[:k]) != "sent before" {
		t.Errorf("%q %v", b[:k], err)
	}
	for _, c := range got {
		_ = c.Close()
	}
	l.mu.Lock()
	if l.out != 0 {
		t.Errorf("%d are with the server", l.out)
	}
	l.mu.Unlock()
	_ = l.Close()
	notifytest.Receive(t, "the end", over)
	ours, theirs := net.Pipe()
	l.give(theirs, nil)
	if _, err := ours.Read(b); err == nil {
		t.Error("what comes back after the end is not closed")
	}
}
