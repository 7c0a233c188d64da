package live

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

type polled struct {
	status int
	header http.Header
	body   string
	answer pollAnswer
}

// poll asks in the background.
func (h *house) poll(query string) <-chan polled {
	c := make(chan polled, 1)
	ctx, cancel := context.WithCancel(h.t.Context())
	h.t.Cleanup(cancel)
	go func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url("/me/poll", query), nil)
		if err != nil {
			h.t.Error(err)
			return
		}
		res, err := h.srv.Client().Do(req)
		if err != nil {
			h.t.Error(err)
			return
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			h.t.Error(err)
		}
		p := polled{status: res.StatusCode, header: res.Header, body: string(body)}
		if p.status == http.StatusOK {
			if err := json.Unmarshal(body, &p.answer); err != nil {
				h.t.Error(err)
			}
		}
		c <- p
	}()
	return c
}

func (h *house) wantPoll(c <-chan polled, cursor string, seqs ...int64) polled {
	h.t.Helper()
	p := notifytest.Receive(h.t, "the poll's answer", c)
	if p.status != http.StatusOK || p.answer.Next != cursor || len(p.answer.Items) != len(seqs) {
		h.t.Fatalf("got %d %s, want next %s and items %v", p.status, p.body, cursor, seqs)
	}
	for i, seq := range seqs {
		if p.answer.Items[i].Seq != seq {
			h.t.Fatalf("got %s, want items %v", p.body, seqs)
		}
	}
	return p
}

// untilWaiting waits until so many polls listen; one that has not looked yet finds what comes now.
func (h *house) untilWaiting(n int) {
	h.t.Helper()
	notifytest.Until(h.t, "the polls to wait", func() bool { return h.bus.count() == n })
}

func TestPoll(t *testing.T) {
	h := newHouse(t, nil, nil)
	h.inbox.putText("kim", "old")
	p := h.wantPoll(h.poll("user=kim"), "e1.1") // without a cursor: where the log ends, at once
	if p.body != `{"items":[],"next":"e1.1","resync":false}` || p.header.Get("Cache-Control") != "no-store" ||
		p.header.Get("Content-Length") == "" {
		t.Errorf("got %s with %v", p.body, p.header)
	}

	waiting := h.poll("user=kim&after=e1.1")
	h.untilWaiting(1)
	h.inbox.putText("alex", "not for kim")
	h.inbox.putText("kim", "new")
	h.wantPoll(waiting, "e1.3", 3)
	h.wantPoll(h.poll("user=kim&after=e1.1"), "e1.3", 3) // the answer was lost: the same again
	h.wantPoll(h.poll("user=kim&after=e1.0&limit=1"), "e1.1", 1)

	waiting = h.poll("user=kim&after=e1.3&wait=7")
	h.untilWaiting(1)
	notifytest.Until(t, "the end of the wait", func() bool {
		h.clock.Advance(7 * time.Second)
		return len(waiting) > 0
	})
	h.wantPoll(waiting, "e1.3")
	h.wantPoll(h.poll("user=kim&after=e1.3&wait=0"), "e1.3")

	p = h.wantPoll(h.poll("user=kim&after=e0.9"), "e1.3", 1, 3)
	if !p.answer.Resync {
		t.Errorf("another epoch's cursor: %s does not say resync", p.body)
	}
	notifytest.Until(t, "no subscription", func() bool { return h.bus.count() == 0 })
}

func TestPollRefusals(t *testing.T) {
	h := newHouse(t, nil, nil)
	for query, status := range map[string]int{
		"user=kim&after=x": 400, "user=kim&wait=56": 400, "user=kim&wait=x&limit=0": 400, "user=kim&limit=1001": 400,
		"user=nobody": 404,
	} {
		p := notifytest.Receive(t, "the poll's answer", h.poll(query))
		if p.status != status || p.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: got %d %s, want %d", query, p.status, p.body, status)
		}
	}
	p := notifytest.Receive(t, "the poll's answer", h.poll("user=kim&wait=x&limit=0"))
	var bad problem
	if err := json.Unmarshal([]byte(p.body), &bad); err != nil || len(bad.Errors) != 2 || bad.Code != notify.CodeInvalid {
		t.Errorf("got %s, want both parameters named", p.body)
	}
}

func TestPollsEndAtClose(t *testing.T) {
	h := newHouse(t, nil, nil)
	waiting := h.poll("user=kim&after=e1.0")
	h.untilWaiting(1)
	if err := h.live.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.wantPoll(waiting, "e1.0")
	if p := notifytest.Receive(t, "the refusal", h.poll("user=kim&after=e1.0")); p.status != 503 || p.header.Get("Retry-After") == "" {
		t.Errorf("got %d %s, want 503 with Retry-After", p.status, p.body)
	}
}
