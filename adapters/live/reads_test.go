package live

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/adapters/live/livetest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// MarksAfter implements MarkReader.
func (f *fakeInbox) MarksAfter(_ context.Context, user string, after int64, limit int) (marks []notify.ReadMark, end int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.marks[user] {
		if end = m.Seq; m.Seq > after && len(marks) < limit {
			marks = append(marks, m)
		}
	}
	return marks, end, f.check(user)
}

// mark notes that a person saw or read something, and wakes as the hub does.
func (f *fakeInbox) mark(user, id string, read bool) {
	f.mu.Lock()
	m := notify.ReadMark{Seq: int64(len(f.marks[user]) + 1), Notification: id, Mark: notify.Mark{SeenAt: time.Unix(1, 0)}}
	if read {
		m.Mark.ReadAt = time.Unix(2, 0)
	}
	if f.marks == nil {
		f.marks = map[string][]notify.ReadMark{}
	}
	f.marks[user] = append(f.marks[user], m)
	f.mu.Unlock()
	if read {
		f.bus.Wake(notify.SubjectMarks(user))
	}
}

// TestReadElsewhere: who asks for it is told what the person read after a number, at once and after a break, once on one
// connection and without a place in the inbox; who does not ask is not told.
func TestReadElsewhere(t *testing.T) {
	h := newHouse(t, nil, nil)
	h.inbox.mark("kim", "a", true)
	h.inbox.mark("kim", "seen", false)
	h.inbox.mark("kim", "b", true)
	deaf := h.open("user=kim", "")
	s := h.open("user=kim&marks=1", "")
	h.want(s, "ready e1.0")
	h.want(deaf, "ready e1.0")
	h.wantRead(s, `{"ids":["b"],"next":3}`)
	h.inbox.mark("alex", "c", true)
	h.inbox.mark("kim", "d", true)
	h.wantRead(s, `{"ids":["d"],"next":4}`)
	h.inbox.putText("kim", "behind")
	h.want(deaf, "notification e1.1")
	h.want(s, "notification e1.1")
	h.inbox.mark("kim", "e", true)
	h.wantRead(s, `{"ids":["e"],"next":5}`)
	if s.LastID != "e1.1" {
		t.Errorf("what was read moved the last id to %q", s.LastID)
	}
	again := h.open("user=kim&marks=3", s.LastID)
	h.want(again, "ready e1.1")
	h.wantRead(again, `{"ids":["d","e"],"next":5}`)
}

// TestReadsComeInPages: a page that was away for long is told all of it.
func TestReadsComeInPages(t *testing.T) {
	h := newHouse(t, nil, nil)
	for i := range 2*readsPage + 1 {
		h.inbox.mark("kim", fmt.Sprint(i), true)
	}
	s := h.open("user=kim&marks=0", "")
	h.want(s, "ready e1.0")
	for _, want := range []int{readsPage, readsPage, 1} {
		e := h.next(s)
		var n news
		if err := json.Unmarshal([]byte(e.Data), &n); err != nil || e.Name != "read" || len(n.IDs) != want {
			t.Fatalf("%s with %d ids, want %d: %v", e.Name, len(n.IDs), want, err)
		}
	}
}

// TestLostWakeUpsOfReads: what was read without a wake-up is told at a heartbeat.
func TestLostWakeUpsOfReads(t *testing.T) {
	h := newHouse(t, nil, nil)
	h.inbox.mark("kim", "before", true)
	s := h.open("user=kim&marks=0", "")
	h.want(s, "ready e1.0")
	h.wantRead(s, `{"ids":["before"],"next":1}`)
	h.bus.deaf.Store(true)
	h.inbox.mark("kim", "a", true)
	for range lookEvery {
		notifytest.Until(t, "the heartbeat's timer", func() bool { return h.clock.Waiting() == 1 })
		h.clock.Advance(DefaultHeartbeat)
		h.want(s, "ping e1.0")
	}
	h.wantRead(s, `{"ids":["a"],"next":2}`)
}

func TestReadsParameter(t *testing.T) {
	h := newHouse(t, nil, nil)
	for _, path := range []string{"/me/stream", "/me/poll"} {
		for _, bad := range []string{"x", "-1", "99999999999999999999"} {
			res, err := h.srv.Client().Get(h.url(path, "user=kim&marks="+bad))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusBadRequest {
				t.Errorf("%s with marks=%s: %d", path, bad, res.StatusCode)
			}
		}
	}
}

// TestWebSocketReadElsewhere: the same over a WebSocket.
func TestWebSocketReadElsewhere(t *testing.T) {
	h := newHouse(t, nil, nil)
	c := h.socket("user=kim&marks=0")
	h.wantMessages(c, "ready e1.0")
	h.inbox.mark("kim", "a", true)
	if m := h.message(c); m.T != "read" || strings.Join(m.IDs, " ") != "a" || m.Next != 1 || m.Cursor != "" {
		t.Errorf("%+v", m)
	}
}

func (h *house) wantRead(s *livetest.Stream, data string) {
	h.t.Helper()
	if e := h.next(s); e.Name != "read" || e.Data != data {
		h.t.Fatalf("got event %q with %s, want read with %s", e.Name, e.Data, data)
	}
}
