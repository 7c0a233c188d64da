package api_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/api/wire"
)

// syncBuffer takes a log that is written from several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}
func (b *syncBuffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.b.String() }

func logged(level slog.Level) (*syncBuffer, func(*api.Options)) {
	b := &syncBuffer{}
	return b, func(o *api.Options) {
		o.Log = slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: level}))
	}
}

func TestHealth(t *testing.T) {
	var faults []wire.Fault
	h := newHouse(t, func(o *api.Options) { o.Ready = func(context.Context) []wire.Fault { return faults } })
	c, ctx := h.client("", true), t.Context()
	if s := ok[wire.Status](t)(c.Ready(ctx)); s.Status != "ok" {
		t.Error(s)
	}
	h.hub.lanes = []notify.LaneStatus{{LaneState: notify.LaneState{Lane: notify.Lane{App: "corp", Platform: notify.APNs},
		State: "misconfigured", Reason: "the key of team TEAM123 was refused"}}}
	r := h.ask(http.MethodGet, "/readyz", "")
	if want := `{"status":"degraded","faults":[{"part":"lane corp/apns","message":"is misconfigured and keeps its queue"}]}` + "\n"; r.status != 200 || r.body != want {
		t.Error(r)
	}
	faults = []wire.Fault{{Part: "walk", Message: "has not started"}}
	if s := ok[wire.Status](t)(c.Ready(ctx)); s.Status != "unready" || len(s.Faults) != 2 {
		t.Error(s)
	}
	faults = nil
	h.store.broken = errors.New("disk /srv/secret-path is full")
	r = h.ask(http.MethodGet, "/readyz", "")
	if r.status != 503 || r.header.Get("Retry-After") == "" || strings.Contains(r.body, "secret-path") || !strings.Contains(r.body, `"part":"store"`) {
		t.Error(r)
	}
	if r := h.ask(http.MethodHead, "/healthz", ""); r.status != 200 || r.body != "" {
		t.Error(r)
	}
	if r := h.ask(http.MethodGet, "/healthz", ""); r.status != 200 {
		t.Error(r)
	}
}

// TestInternalErrors: the caller gets the id of the request, the log gets the cause.
func TestInternalErrors(t *testing.T) {
	log, with := logged(slog.LevelInfo)
	h := newHouse(t, with)
	h.store.broken = notify.Errorf(notify.CodeInternal, "list users: %w", errors.New("disk /srv/secret-path is full"))
	r := h.ask(http.MethodGet, "/v1/users", "", "Authorization", "Bearer "+h.keys[notify.ScopeRead], "Accept", "application/xml")
	p := h.problem(r)
	if r.status != 500 || p.Code != notify.CodeInternal || strings.Contains(r.body, "secret-path") {
		t.Error(r)
	}
	id := strings.TrimPrefix(p.Instance, "urn:uuid:")
	if id != r.header.Get("X-Request-Id") || !strings.Contains(log.String(), id) || !strings.Contains(log.String(), "secret-path") {
		t.Error(log)
	}
	h.store.broken = notify.Errorf(notify.CodeUnavailable, "the store is busy")
	r = h.ask(http.MethodGet, "/v1/users", "", "Authorization", "Bearer "+h.keys[notify.ScopeRead])
	if r.status != 503 || r.header.Get("Retry-After") != "1" || h.problem(r).Detail != "the store is busy" {
		t.Error(r)
	}
	h.store.broken = context.DeadlineExceeded
	if r = h.ask(http.MethodGet, "/v1/users", "", "Authorization", "Bearer "+h.keys[notify.ScopeRead]); r.status != 503 {
		t.Error(r)
	}
}

func TestPanic(t *testing.T) {
	log, with := logged(slog.LevelInfo)
	h := newHouse(t, with)
	h.hub.panic = true
	r := h.ask(http.MethodGet, "/v1/sources", "", "Authorization", "Bearer "+h.keys[notify.ScopeRead], "Accept", "application/xml")
	if p := h.problem(r); p.Code != notify.CodeInternal || strings.Contains(r.body, "secret in a panic") {
		t.Error(r)
	}
	if !strings.Contains(log.String(), "fakehub_test.go") {
		t.Error("no stack in the log:", log)
	}
	h.hub.panic = false
	if r := h.ask(http.MethodGet, "/v1/sources", "", "Authorization", "Bearer "+h.keys[notify.ScopeRead]); r.status != 200 {
		t.Error("the server did not survive:", r)
	}
}

// TestAccessLog has the pattern, never what was asked for.
func TestAccessLog(t *testing.T) {
	log, with := logged(slog.LevelDebug)
	h := newHouse(t, with, func(o *api.Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	h.ask(http.MethodGet, "/v1/users?identity=email:kim@example.com", "", "Authorization", "Bearer "+h.keys[notify.ScopeRead],
		"X-Forwarded-For", "198.51.100.1, 203.0.113.7")
	h.ask(http.MethodPut, "/v1/users/hong", `{"name":"Gildong"}`, "Authorization", "Bearer "+h.keys[notify.ScopeAdmin])
	h.ask(http.MethodGet, "/v1/me", "", "Cookie", api.SessionCookie+"="+h.keys[notify.ScopeUser])
	got := log.String()
	for _, want := range []string{`route="GET /v1/users" status=200 duration=0s client=203.0.113.7`, `route="PUT /v1/users/{id}" status=201`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	for _, never := range []string{"kim@example.com", "hong", "Gildong", "allim_key_", "allim_user_"} {
		if strings.Contains(got, never) {
			t.Errorf("%s in\n%s", never, got)
		}
	}
	log, with = logged(slog.LevelDebug)
	h = newHouse(t, with)
	h.ask(http.MethodGet, "/healthz", "", "X-Forwarded-For", "203.0.113.7", "X-Real-Ip", "203.0.113.7")
	if strings.Contains(log.String(), "203.0.113.7") || !strings.Contains(log.String(), "client=127.0.0.1") {
		t.Error("a stranger's X-Forwarded-For is believed:", log)
	}
}

func TestMetrics(t *testing.T) {
	h := newHouse(t)
	h.ask(http.MethodGet, "/v1/users/kim", "", "Authorization", "Bearer "+h.keys[notify.ScopeRead])
	h.ask(http.MethodGet, "/v1/users/nobody", "", "Authorization", "Bearer "+h.keys[notify.ScopeRead])
	h.ask(http.MethodGet, "/some/path", "")
	h.ask(http.MethodPatch, "/v1/users", "")
	r := h.ask(http.MethodGet, "/metrics", "")
	for _, want := range []string{
		`allim_http_requests_total{code="200",route="GET /v1/users/{id}"} 1`, `allim_http_requests_total{code="404",route="GET /v1/users/{id}"} 1`,
		`allim_http_requests_total{code="404",route="none"} 1`, `allim_http_requests_total{code="405",route="wrong method"} 1`,
	} {
		if !strings.Contains(r.body, want) {
			t.Errorf("no %s in\n%s", want, r.body)
		}
	}
}

func TestPathsAndMethods(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{"/", "/v1", "/v1/users/", "/v2/users", "/v1/users/a/b/c", "/V1/users"} {
		r := h.ask(http.MethodGet, path, "", "Accept", "application/xml")
		if p := h.problem(r); r.status != 404 || p.Code != notify.CodeNotFound || !strings.Contains(r.body, "<problem") || !strings.Contains(p.Detail, "below /v1") {
			t.Errorf("%s: %v", path, r)
		}
	}
	r := h.ask(http.MethodPost, "/v1/users/kim", "", "Content-Type", "text/xml")
	p := h.problem(r)
	if r.status != 405 || p.Code != notify.CodeMethodNotAllowed || !strings.Contains(r.body, "<problem") {
		t.Error(r)
	}
	for _, m := range []string{"GET", "PUT", "DELETE"} {
		if !strings.Contains(r.header.Get("Allow"), m) {
			t.Error("Allow is", r.header.Get("Allow"))
		}
	}
	// Names stand in paths as they are, in any script.
	admin := h.client(h.keys[notify.ScopeAdmin], false)
	for _, id := range []string{"김철수", "kim@corp.kr", "a b+c&d=e", "x;y,z", "100:1"} {
		if u, _, err := admin.PutUser(t.Context(), id, wire.UserInput{}); err != nil || u.ID != id {
			t.Errorf("%s: %v %v", id, u, err)
		}
		if u, err := admin.User(t.Context(), id); err != nil || u.ID != id {
			t.Errorf("%s: %v %v", id, u, err)
		}
	}
	_, _, err := admin.PutUser(t.Context(), "a%b", wire.UserInput{})
	wantCode(t, err, notify.CodeInvalid, "id")
}

// stream is another part's route.
type stream struct{}

func (stream) Routes() []notify.Route {
	return []notify.Route{{Method: "GET", Path: "/me/stream", Scope: notify.ScopeUser, Handler: func(w http.ResponseWriter, r *http.Request, user string) {
		if _, limited := r.Context().Deadline(); limited || http.NewResponseController(w).Flush() != nil {
			w.WriteHeader(500)
		}
		_, _ = w.Write([]byte("hello " + user + " " + r.URL.Query().Get("cursor")))
	}}}
}

func TestStreams(t *testing.T) {
	h := newHouse(t, func(o *api.Options) { o.Routers = []notify.Router{stream{}} })
	r := h.ask("GET", "/v1/me/stream?cursor=e1.1", "", "Accept", "text/event-stream", "Cookie", api.SessionCookie+"="+h.keys[notify.ScopeUser])
	if r.status != 200 || r.body != "hello kim e1.1" {
		t.Error(r)
	}
	if r := h.ask("GET", "/v1/me/stream", "", "Accept", "text/event-stream"); r.status != 401 || h.problem(r).Code != notify.CodeUnauthenticated {
		t.Error(r)
	}
	if r := h.ask("GET", "/v1/me/stream", "", "Authorization", "Bearer "+h.keys[notify.ScopeAdmin]); r.status != 403 {
		t.Error(r)
	}
	if r := h.ask("GET", "/metrics", ""); !strings.Contains(r.body, `route="GET /v1/me/stream"} 1`) {
		t.Error(r.body)
	}
}

func TestNewRefusesWrongOptions(t *testing.T) {
	if _, err := api.New(api.Options{PublicURL: "allim.example.com"}); err == nil {
		t.Error("a public URL without a scheme is taken")
	}
}
