package compat

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// house is Compat over a hub that remembers what it was asked to send.
type house struct {
	t       testing.TB
	compat  *Compat
	mu      sync.Mutex
	sent    []notify.Notification
	idem    []notify.Idempotency
	dry     int
	broken  error
	counted map[string]int
}

// Who the house knows.
var (
	holders = map[string]notify.Holder{
		"gcm:OLD-1": {User: "kim", Live: true}, "gcm:OLD-1b": {User: "kim", Live: true}, "gcm:OLD-2": {User: "lee", Live: true},
		"fcm:TOKEN": {User: "lee", Device: "d1", Live: true}, "apns:" + strings.Repeat("ab", 32): {User: "kim", Device: "d2", Live: true},
		"c2dm:ANCIENT": {User: "kim", Live: true}, "mpns:01.00/AAFRQo": {User: "kim", Live: true}, "mpns:off": {User: "lee"},
		"gcm:off": {User: "off"},
	}
	start = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
)

func newHouse(t testing.TB) *house {
	h := &house{t: t, counted: map[string]int{}}
	h.compat = New(Options{Hub: h, Store: h, Clock: notifytest.NewClock(start), Count: func(service, result string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.counted[service+" "+result]++
	}})
	return h
}

func (h *house) Holders(_ context.Context, kind string, platforms []notify.Platform, ids []string) ([]notify.Holder, error) {
	out := make([]notify.Holder, len(ids))
	for i, id := range ids {
		out[i] = holders[kind+":"+id]
		for _, p := range platforms {
			if out[i].User == "" {
				out[i] = holders[string(p)+":"+id]
			}
		}
	}
	return out, h.broken
}

func (h *house) Send(_ context.Context, n notify.Notification, idem notify.Idempotency) (notify.Notification, bool, error) {
	n, err := n.Validate(notify.Normalizer{}, start)
	if err != nil {
		return n, false, err
	}
	n.ID = "n1"
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent, h.idem = append(h.sent, n), append(h.idem, idem)
	return n, false, nil
}

func (h *house) SendAll(ctx context.Context, p notify.Posting) ([]notify.Acceptance, bool, error) {
	for _, s := range p.Items {
		if _, err := s.Notification.Validate(notify.Normalizer{}, start); err != nil {
			return nil, false, err
		}
	}
	var out []notify.Acceptance
	for _, s := range p.Items {
		if p.Dry {
			h.dry++
			continue
		}
		s.Notification.By = p.By
		n, _, err := h.Send(ctx, s.Notification, s.Idempotency)
		if err != nil {
			return nil, false, err
		}
		out = append(out, notify.Acceptance{Notification: n})
	}
	return out, false, nil
}

// post asks the route; headers come in pairs.
func (h *house) post(path, body string, headers ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.ask(path, body, nil, headers...)
}

func (h *house) ask(path, body string, refused error, headers ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), http.MethodPost, path, http.NoBody)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	i := slices.IndexFunc(h.compat.Routes(), func(r Route) bool {
		before, _, rest := strings.Cut(r.Path, "{")
		return r.Path == path || rest && strings.HasPrefix(path, before)
	})
	if i < 0 {
		h.t.Fatalf("there is no route %s", path)
	}
	h.compat.Routes()[i].Serve(w, &Ask{Request: r, Body: []byte(body), Key: notify.Key{ID: "key1"}, Err: refused})
	return w
}

// one gives the only notification that was sent.
func (h *house) one() notify.Notification {
	h.t.Helper()
	if len(h.sent) != 1 {
		h.t.Fatalf("%d were sent: %+v", len(h.sent), h.sent)
	}
	return h.sent[0]
}

func (h *house) none(what string) {
	h.t.Helper()
	if len(h.sent) > 0 {
		h.t.Errorf("%s: sent %+v", what, h.sent)
	}
}

// refusals are what the API may have against a request before its body is looked at, with the statuses of Google's, of
// MPNS and of gorush.
func refusals() map[string]struct {
	err                  error
	google, mpns, gorush int
} {
	slow := notify.Errorf(notify.CodeTooManyRequests, "too many")
	slow.RetryAfter = 90 * time.Second
	type r = struct {
		err                  error
		google, mpns, gorush int
	}
	return map[string]r{
		"no key":    {notify.Errorf(notify.CodeUnauthenticated, "no key"), 401, 403, 401},
		"forbidden": {notify.Errorf(notify.CodeForbidden, "no"), 403, 403, 403},
		"too many":  {slow, 503, 406, 429},
		"too large": {notify.Errorf(notify.CodeTooLarge, "large"), 413, 400, 413},
		"broken":    {notify.Errorf(notify.CodeUnavailable, "full"), 503, 503, 503},
		"internal":  {notify.Errorf(notify.CodeInternal, "secret"), 500, 503, 500},
	}
}

func TestRefusals(t *testing.T) {
	for name, r := range refusals() {
		for path, want := range map[string]int{"/compat/c2dm/send": r.google, "/compat/gcm/send": r.google, "/compat/mpns/01.00/AAFRQo": r.mpns, "/api/push": r.gorush} {
			h := newHouse(t)
			w := h.ask(path, "", r.err)
			if w.Code != want {
				t.Errorf("%s of %s: %d, want %d: %s", name, path, w.Code, want, w.Body)
			}
			if name == "too many" && w.Header().Get("Retry-After") != "90" {
				t.Errorf("%s of %s: Retry-After %q", name, path, w.Header().Get("Retry-After"))
			}
			if strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%s of %s tells the cause: %s", name, path, w.Body)
			}
			h.none(path)
			if len(h.counted) != 1 {
				t.Errorf("%s of %s: counted %v", name, path, h.counted)
			}
		}
	}
}

func TestSecret(t *testing.T) {
	for header, want := range map[string]string{
		"key=K": "K", "Bearer K": "K", "bearer  K": "K", "GoogleLogin auth=K": "K", "Basic eDpL": "K", "Basic Szo=": "K",
		"Digest K": "", "GoogleLogin K": "K", "Basic !": "",
	} {
		r := httptest.NewRequest(http.MethodPost, "/compat/gcm/send?key=Q", http.NoBody)
		r.Header.Set("Authorization", header)
		if got := Secret(r); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
	if got := Secret(httptest.NewRequest(http.MethodPost, "/compat/gcm/send?key=Q", http.NoBody)); got != "Q" {
		t.Errorf("in the query: %q", got)
	}
}
