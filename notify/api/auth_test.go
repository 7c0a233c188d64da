package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/notifytest"
)

func TestAuthorizationHeader(t *testing.T) {
	h := newHouse(t)
	key := h.keys[notify.ScopeRead]
	for header, status := range map[string]int{
		"Bearer " + key: 200, "bearer " + key: 200, "BEARER   " + key + " ": 200,
		key: 401, "Bearer": 401, "Bearer ": 401, "Basic " + key: 401, "Bearer " + key + "x": 401, "Bearer " + strings.Repeat("k", 300): 401,
	} {
		if r := h.ask(http.MethodGet, "/v1/sources", "", "Authorization", header); r.status != status {
			t.Errorf("%q: %d, want %d", header, r.status, status)
		}
	}
	if r := h.ask(http.MethodGet, "/v1/sources", "", "Authorization", "Bearer "+key, "Authorization", "Bearer "+key); r.status != 401 {
		t.Error("two headers:", r.status)
	}
	if r := h.ask(http.MethodGet, "/v1/sources?key="+key, ""); r.status != 401 {
		t.Error("a key in the query:", r.status)
	}
}

// TestSession: the cookie signs a person in, and only pages of the hub's own may change something with it.
func TestSession(t *testing.T) {
	h := newHouse(t)
	cookie := api.SessionCookie + "=" + h.keys[notify.ScopeUser]
	device := `{"app":"corp","platform":"apns","token":"` + "00112233" + `"}`
	for name, c := range map[string]struct {
		method  string
		headers []string
		status  int
	}{
		"reading":                        {"GET", nil, 200},
		"reading from another site":      {"GET", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 200},
		"writing, same origin":           {"POST", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		"writing, cross site":            {"POST", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"writing, same site":             {"POST", []string{"Sec-Fetch-Site", "same-site"}, 403},
		"writing, old browser":           {"POST", []string{"Host", "hub.local:8080", "Origin", "http://hub.local:8080"}, 200},
		"writing, old browser elsewhere": {"POST", []string{"Host", "hub.local:8080", "Origin", "http://evil.example"}, 403},
		"writing behind a proxy":         {"POST", []string{"Host", "127.0.0.1", "Origin", "https://allim.example.com"}, 200},
		"opening a WebSocket elsewhere":  {"GET", []string{"Upgrade", "websocket", "Origin", "http://evil.example"}, 403},
		"opening a WebSocket":            {"GET", []string{"Upgrade", "websocket", "Host", "h", "Origin", "http://h"}, 200},
	} {
		body := ""
		if c.method == "POST" {
			body = device
		}
		r := h.ask(c.method, "/v1/me/devices", body, append(c.headers, "Cookie", cookie, "Content-Type", "application/json")...)
		if r.status != c.status && !(c.status == 200 && r.status == 201) {
			t.Errorf("%s: %d, want %d: %s", name, r.status, c.status, r.body)
		}
	}
	// An API key does not belong in a browser; and a header, when there is one, is what counts.
	if r := h.ask("GET", "/v1/sources", "", "Cookie", api.SessionCookie+"="+h.keys[notify.ScopeAdmin]); r.status != 401 {
		t.Error("a key in the cookie:", r.status)
	}
	if r := h.ask("GET", "/v1/me", "", "Cookie", cookie, "Authorization", "Bearer x"); r.status != 401 {
		t.Error("a wrong header beside the cookie:", r.status)
	}
}

func TestRevocation(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	admin := h.client(h.keys[notify.ScopeAdmin], false)
	made, err := admin.NewKey(ctx, "erp", notify.ScopeRead)
	h.must(nil, err)
	erp := h.client(made.Secret, false)
	if _, err := erp.Sources(ctx); err != nil {
		t.Fatal(err)
	}
	// Over this API: at once, though the key is remembered.
	h.must(nil, admin.RevokeKey(ctx, made.ID))
	_, err = erp.Sources(ctx)
	wantCode(t, err, notify.CodeUnauthenticated)
	wantCode(t, admin.RevokeKey(ctx, made.ID), notify.CodeUnknownKey)

	// Elsewhere (another hub on the same store): within a second.
	made, err = admin.NewKey(ctx, "erp", notify.ScopeRead)
	h.must(nil, err)
	erp = h.client(made.Secret, false)
	for range 3 {
		if _, err := erp.Sources(ctx); err != nil {
			t.Fatal(err)
		}
	}
	h.must(nil, h.store.RevokeKey(ctx, made.ID, ""))
	h.clock.Advance(time.Second)
	_, err = erp.Sources(ctx)
	wantCode(t, err, notify.CodeUnauthenticated)

	// A person's token, and the tokens of a person who is erased.
	token, err := admin.NewToken(ctx, "kim", "phone")
	h.must(nil, err)
	kim := h.client(token.Token, false)
	if _, err := kim.Me(ctx); err != nil {
		t.Fatal(err)
	}
	wantCode(t, admin.RevokeToken(ctx, "lee", token.ID), notify.CodeUnknownKey)
	h.must(nil, admin.RevokeToken(ctx, "kim", token.ID))
	_, err = kim.Me(ctx)
	wantCode(t, err, notify.CodeUnauthenticated)
	token, err = admin.NewToken(ctx, "lee", "")
	h.must(nil, err)
	lee := h.client(token.Token, false)
	if _, err := lee.Me(ctx); err != nil {
		t.Fatal(err)
	}
	h.must(nil, admin.DeleteUser(ctx, "lee"))
	_, err = lee.Me(ctx)
	wantCode(t, err, notify.CodeUnauthenticated)
}

// TestLookups: a busy key costs one look-up a second, and when it was used is stored later, all keys at once.
func TestLookups(t *testing.T) {
	h := newHouse(t)
	c := h.client(h.keys[notify.ScopeRead], false)
	for range 20 {
		if _, err := c.Sources(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if h.store.lookups != 1 {
		t.Errorf("%d look-ups for 20 requests in one moment", h.store.lookups)
	}
	h.clock.Advance(999 * time.Millisecond)
	_, _ = c.Sources(t.Context())
	h.clock.Advance(time.Millisecond)
	_, _ = c.Sources(t.Context())
	if h.store.lookups != 2 {
		t.Errorf("%d look-ups after a second", h.store.lookups)
	}
	if len(h.store.touched) != 0 {
		t.Error("stored at once")
	}
	h.clock.Advance(29 * time.Second)
	notifytest.Until(t, "the use is stored", func() bool { defer h.store.locked()(); return len(h.store.touched) == 1 })
	// What is used after that is stored by Close.
	_, _ = h.client(h.keys[notify.ScopeAdmin], false).Sources(t.Context())
	if err := h.api.Close(); err != nil || len(h.store.touched) != 2 {
		t.Error(err, h.store.touched)
	}
}

func TestRequestsPerKey(t *testing.T) {
	h := newHouse(t, func(o *api.Options) { o.Limits.RequestsPerKey = 3 })
	c, other := h.client(h.keys[notify.ScopeRead], true), h.client(h.keys[notify.ScopeAdmin], true)
	for range 3 {
		if _, err := c.Sources(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.Sources(t.Context())
	e := wantCode(t, err, notify.CodeTooManyRequests)
	if e.Detail != "the key exceeds limits.requests_per_key, which is 3 a second" || e.RetryAfter != time.Second {
		t.Errorf("%+v", e)
	}
	if _, err := other.Sources(t.Context()); err != nil {
		t.Error("another key is held up, too:", err)
	}
	h.clock.Advance(334 * time.Millisecond)
	if _, err := c.Sources(t.Context()); err != nil {
		t.Error("the bucket is not filled again:", err)
	}
	_, err = c.Sources(t.Context())
	wantCode(t, err, notify.CodeTooManyRequests)
}

// TestOwnNotifications: a key that may only send sees and steers its own.
func TestOwnNotifications(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	mine, theirs := h.client(h.keys[notify.ScopeSend], false), h.client(h.key(notify.ScopeSend), false)
	sent, err := mine.Send(ctx, toKim(), "")
	h.must(nil, err)
	for name, c := range map[string]struct {
		err  error
		want notify.Code
	}{
		"mine":         {second(mine.Notification(ctx, sent.ID)), ""},
		"theirs":       {second(theirs.Notification(ctx, sent.ID)), notify.CodeUnknownNotification},
		"reader":       {second(h.client(h.keys[notify.ScopeRead], false).Notification(ctx, sent.ID)), ""},
		"their cancel": {second(theirs.Cancel(ctx, sent.ID)), notify.CodeUnknownNotification},
		"read, cancel": {second(h.client(h.key(notify.ScopeRead, notify.ScopeSend), false).Cancel(ctx, sent.ID)), notify.CodeUnknownNotification},
		"admin, pause": {second(h.client(h.keys[notify.ScopeAdmin], false).Pause(ctx, sent.ID)), ""},
	} {
		if got := notify.CodeOf(c.err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if n, err := mine.Cancel(ctx, sent.ID); err != nil || n.State != notify.StateCancelled {
		t.Error(n, err)
	}
	_, err = mine.Pause(ctx, sent.ID)
	wantCode(t, err, notify.CodeWrongState)
}

func second[T any](_ T, err error) error { return err }
