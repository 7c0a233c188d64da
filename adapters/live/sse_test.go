package live

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"allim.dev/allim/adapters/live/livetest"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestStreamBeginsAtTheEnd(t *testing.T) {
	h := newHouse(t, nil, nil)
	h.inbox.putText("kim", "old")
	s := h.open("user=kim", "")
	h.want(s, "ready e1.1")
	if s.Retry != retryUsual {
		t.Errorf("retry %s, want %s", s.Retry, retryUsual)
	}
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "X-Accel-Buffering": "no",
		"Cache-Control": "private, no-cache, no-store, must-revalidate, max-age=0"} {
		if got := s.Response.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	h.inbox.putText("alex", "not for kim")
	h.inbox.putText("kim", "new")
	h.inbox.putText("", "for all")
	h.want(s, "notification e1.3", "notification e1.4")
}

func TestItemFields(t *testing.T) {
	h := newHouse(t, nil, nil)
	s := h.open("user=kim", "")
	h.want(s, "ready e1.0")
	badge := 3
	h.inbox.put("kim", notify.Notification{ID: "n-1", Event: "ev-1", CollapseKey: "ck", Priority: notify.PriorityHigh, Urgent: true,
		Content: notify.Content{Title: "새 소식\n둘째 줄", Subtitle: "s", Body: "a <b> & \r\n\x00\u2028", URL: "https://x/", Image: "https://i/",
			Data: map[string]string{"k": "v"}, Badge: &badge, Sound: "default", Thread: "th", Category: "cat"}})
	var got map[string]any
	if err := json.Unmarshal([]byte(h.next(s).Data), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"id": "n-1", "seq": 1.0, "event": "ev-1", "title": "새 소식\n둘째 줄", "subtitle": "s",
		"body": "a <b> & \r\n\x00\u2028", "url": "https://x/", "image": "https://i/", "data": map[string]any{"k": "v"},
		"badge": 3.0, "sound": "default", "thread": "th", "category": "cat", "collapseKey": "ck", "priority": "high",
		"urgent": true, "createdAt": "2026-11-23T09:00:00Z", "expiresAt": "2026-11-23T10:00:00Z"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("item (-want +got):\n%s", diff)
	}
}

func TestWordsAreInTheReadersLanguage(t *testing.T) {
	mail := notify.Notification{Template: string(notify.MailReceived), Params: map[string]string{"from": "a@b", "subject": "secret"}}
	h := newHouse(t, nil, nil)
	for _, c := range []struct {
		query, want string
		privacy     notify.Privacy
	}{
		{"user=kim", "새 메일", notify.PrivacyNone},
		{"user=alex", "New mail", notify.PrivacyNone},
		{"user=alex&locale=ko", "새 메일", notify.PrivacyNone},
		{"user=kim", "a@b", notify.PrivacyFull},
	} {
		s := h.open(c.query, "")
		h.next(s)
		mail.Privacy = c.privacy
		h.inbox.put("", mail)
		var got item
		data := h.next(s).Data
		if err := json.Unmarshal([]byte(data), &got); err != nil {
			t.Fatal(err)
		}
		if got.Title != c.want {
			t.Errorf("%s %s: title %q, want %q", c.query, c.privacy, got.Title, c.want)
		}
		if c.privacy == notify.PrivacyNone && strings.Contains(data, "secret") {
			t.Errorf("%s: the subject is in %s", c.privacy, data)
		}
		s.Close()
	}
}

func TestTimesAreInTheReadersZone(t *testing.T) {
	meeting := notify.Notification{Template: string(notify.CalendarReminder), Privacy: notify.PrivacyFull,
		Params: map[string]string{"title": "Budget", "start": "2026-11-23T09:00:00Z", "lead": "600"}}
	h := newHouse(t, nil, nil)
	for query, want := range map[string]string{"user=kim": "10분 후 · 11월 23일(월) 18:00", "user=alex": "In 10 minutes · Mon 23 Nov, 09:00",
		"user=kim&locale=en": "In 10 minutes · Mon 23 Nov, 18:00"} {
		s := h.open(query, "")
		h.next(s)
		h.inbox.put("", meeting)
		var got item
		if err := json.Unmarshal([]byte(h.next(s).Data), &got); err != nil {
			t.Fatal(err)
		}
		if got.Body != want {
			t.Errorf("%s reads %q, want %q", query, got.Body, want)
		}
		s.Close()
	}
}

func TestSilentItemsHaveTheirOwnName(t *testing.T) {
	h := newHouse(t, nil, nil)
	s := h.open("user=kim", "")
	h.next(s)
	h.inbox.put("kim", notify.Notification{Silent: true, Content: notify.Content{Data: map[string]string{"k": "v"}}})
	h.want(s, "data e1.1")
}

func TestResume(t *testing.T) {
	h := newHouse(t, nil, nil)
	for range 5 {
		h.inbox.putText("kim", "x")
	}
	for _, c := range []struct{ name, query, lastID, ready string }{
		{"after", "user=kim&after=e1.3", "", "ready e1.3"},
		{"cursor", "user=kim&cursor=e1.3", "", "ready e1.3"},
		{"header wins", "user=kim&after=e1.1", "e1.3", "ready e1.3"},
		{"caught up", "user=kim", "e1.5", "ready e1.5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := h.open(c.query, c.lastID)
			h.want(s, c.ready)
			if c.name != "caught up" {
				h.want(s, "notification e1.4", "notification e1.5")
			}
			s.Close()
		})
	}
}

// What comes right behind the first look into the store must not fall between that and the wake-ups.
func TestHandoverHasNoGap(t *testing.T) {
	h := newHouse(t, nil, nil)
	for i, lastID := range []string{"", id(1), id(2)} {
		seq := int64(i + 1)
		h.inbox.set(func() { h.inbox.read = func() { h.inbox.putText("kim", "x") } })
		s := h.open("user=kim", lastID)
		h.want(s, "ready "+id(seq-1), "notification "+id(seq))
	}
	h.inbox.set(func() { h.inbox.read = func() { h.inbox.putText("kim", "x") } })
	h.wantPoll(h.poll("user=kim&after="+id(3)), id(4), 4)
}

func TestLongReplayIsReadInPages(t *testing.T) {
	h := newHouse(t, nil, nil)
	last := int64(0)
	for range 3*pageSize + 7 {
		last = h.inbox.put("kim", notify.Notification{Content: notify.Content{Body: strings.Repeat("x", 1000)}})
	}
	s := h.open("user=kim&after=e1.0", "")
	h.want(s, "ready e1.0")
	for seq := int64(1); seq <= last; seq++ {
		h.want(s, "notification "+id(seq))
	}
}

func TestResync(t *testing.T) {
	h := newHouse(t, nil, nil)
	for range 6 {
		h.inbox.putText("kim", "x")
	}
	h.inbox.set(func() { h.inbox.floor, h.inbox.log = 3, h.inbox.log[3:] })
	s := h.open("user=kim", "e1.2") // too old
	h.want(s, "resync e1.3", "notification e1.4", "notification e1.5", "notification e1.6")
	s = h.open("user=kim", "e1.3") // exactly what is kept
	h.want(s, "ready e1.3", "notification e1.4")
	s = h.open("user=kim", "e0.5") // another log
	h.want(s, "resync e1.3", "notification e1.4")
	h.want(s, "notification e1.5", "notification e1.6")

	// Under an open stream: the log is rebuilt, and nothing is in it yet.
	h.inbox.set(func() { h.inbox.epoch, h.inbox.log, h.inbox.seq, h.inbox.floor = "e2", nil, 0, 0 })
	h.bus.Wake(notify.SubjectInboxAll)
	h.want(s, "resync e2.0")
	h.inbox.putText("kim", "x")
	h.want(s, "notification e2.1")
}

func TestRefusals(t *testing.T) {
	h := newHouse(t, nil, nil)
	for _, c := range []struct {
		query, lastID string
		status        int
		code          notify.Code
	}{
		{"user=kim", "nonsense", 400, notify.CodeInvalid},
		{"user=kim&after=e1.-1", "", 400, notify.CodeInvalid},
		{"user=kim", strings.Repeat("e", 5000) + ".1", 400, notify.CodeInvalid},
		{"user=nobody", "", 404, notify.CodeUnknownUser},
		{"user=nobody", "e1.1", 404, notify.CodeUnknownUser},
	} {
		_, err := livetest.Open(t.Context(), h.srv.Client(), h.url("/me/stream", c.query), nil, c.lastID)
		wantRefusal(t, err, c.status, c.code)
	}
	h.inbox.set(func() { h.inbox.fail = errors.New("disk on fire at /secret/path") })
	_, err := livetest.Open(t.Context(), h.srv.Client(), h.url("/me/stream", "user=kim"), nil, "")
	if e := wantRefusal(t, err, 500, notify.CodeInternal); strings.Contains(e.Body, "secret") {
		t.Errorf("the cause is in the answer: %s", e.Body)
	}
}

func wantRefusal(t *testing.T, err error, status int, code notify.Code) *livetest.StatusError {
	t.Helper()
	var e *livetest.StatusError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want status %d", err, status)
	}
	var p struct {
		Code   notify.Code
		Status int
	}
	if json.Unmarshal([]byte(e.Body), &p) != nil || e.Status != status || p.Code != code || p.Status != status ||
		e.MediaType != "application/problem+json" {
		t.Errorf("got %v, want status %d and code %s", e, status, code)
	}
	return e
}

func TestStoreTroubleEndsTheStreamWithAHint(t *testing.T) {
	h := newHouse(t, nil, nil)
	s := h.open("user=kim", "")
	h.want(s, "ready e1.0")
	h.inbox.set(func() { h.inbox.fail = notify.Errorf(notify.CodeUnavailable, "busy") })
	h.inbox.putText("kim", "x")
	if _, err := s.Next(); err != io.EOF {
		t.Fatalf("got %v, want an orderly end", err)
	}
	if s.Retry < retryTrouble {
		t.Errorf("retry %s, want %s or more", s.Retry, retryTrouble)
	}
	h.inbox.set(func() { h.inbox.fail = nil })
	h.want(h.open("user=kim", s.LastID), "ready e1.0", "notification e1.1")
}

// http2, a server with a write timeout, and a writer wrapped by middleware: all must stream.
func TestServers(t *testing.T) {
	stream := func(t *testing.T, h *house) {
		s := h.open("user=kim", "")
		h.want(s, "ready e1.0")
		notifytest.Receive(t, "longer than the server's write timeout", time.After(60*time.Millisecond))
		h.inbox.putText("kim", "x")
		h.want(s, "notification e1.1")
	}
	t.Run("http2", func(t *testing.T) {
		h := newHouse(t, nil, func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() })
		stream(t, h)
		if s := h.open("user=kim", ""); s.Response.ProtoMajor != 2 {
			t.Errorf("protocol %s, want HTTP/2", s.Response.Proto)
		}
	})
	t.Run("write timeout", func(t *testing.T) {
		stream(t, newHouse(t, nil, func(s *httptest.Server) { s.Config.WriteTimeout = 30 * time.Millisecond }))
	})
	t.Run("wrapped", func(t *testing.T) {
		stream(t, newHouse(t, nil, wrap(func(w http.ResponseWriter) http.ResponseWriter { return honest{hiding{w}, w} })))
	})
	t.Run("wrapped without Unwrap", func(t *testing.T) {
		h := newHouse(t, nil, wrap(func(w http.ResponseWriter) http.ResponseWriter { return hiding{w} }))
		_, err := livetest.Open(t.Context(), h.srv.Client(), h.url("/me/stream", "user=kim"), nil, "")
		wantRefusal(t, err, 500, notify.CodeInternal)
	})
}

// hiding is a middleware's writer that hides what the server's own can do; honest has Unwrap.
type hiding struct{ http.ResponseWriter }
type honest struct {
	hiding
	inner http.ResponseWriter
}

func (h honest) Unwrap() http.ResponseWriter { return h.inner }

func wrap(f func(http.ResponseWriter) http.ResponseWriter) func(*httptest.Server) {
	return func(s *httptest.Server) {
		inner := s.Config.Handler
		s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { inner.ServeHTTP(f(w), r) })
	}
}

func TestClientLeaving(t *testing.T) {
	h := newHouse(t, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	s, err := livetest.Open(ctx, h.srv.Client(), h.url("/me/stream", "user=kim"), nil, "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h.want(s, "ready e1.0")
	cancel()
	notifytest.Until(t, "the handler's end", func() bool { return h.bus.count() == 0 })
}
