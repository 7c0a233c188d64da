package api_test

import (
	"net/http"
	"strings"
	"testing"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
)

// TestOldCalls: an old client's key, where it has it, and the same limits as everybody's; who is told is seen by the hub.
func TestOldCalls(t *testing.T) {
	h := newHouse(t, func(o *api.Options) { o.Limits.Body = 300 })
	h.must(h.store.PutUser(t.Context(), notify.User{ID: "kim", Identities: []notify.Identity{{Kind: "gcm", Value: "OLD-1"}, {Kind: "mpns", Value: "a/b"}}}))
	send, read := h.keys[notify.ScopeSend], h.keys[notify.ScopeRead]
	gcm := `{"to":"OLD-1","data":{"title":"T"}}`
	for name, c := range map[string]struct {
		path, body, auth string
		status           int
	}{
		"GCM's header":   {"/compat/gcm/send", gcm, "key=" + send, 200},
		"C2DM's header":  {"/compat/gcm/send", gcm, "GoogleLogin auth=" + send, 200},
		"in the query":   {"/compat/gcm/send?key=" + send, gcm, "", 200},
		"no key":         {"/compat/gcm/send", gcm, "", 401},
		"a wrong key":    {"/compat/gcm/send", gcm, "key=x", 401},
		"another scope":  {"/compat/gcm/send", gcm, "key=" + read, 403},
		"a token":        {"/compat/gcm/send", gcm, "key=" + h.keys[notify.ScopeUser], 403},
		"too large":      {"/compat/gcm/send", gcm + strings.Repeat(" ", 300), "key=" + send, 413},
		"a channel":      {"/compat/mpns/a%2Fb?key=" + send, "raw", "", 200},
		"a longer path":  {"/compat/mpns/a/b?key=" + send, "raw", "", 200},
		"MPNS, no key":   {"/compat/mpns/a/b", "raw", "", 403},
		"MPNS too large": {"/compat/mpns/a/b?key=" + send, strings.Repeat("x", 301), "", 400},
		"gorush":         {"/api/push?key=" + send, `{"notifications":[{"tokens":["OLD-1"],"platform":2,"message":"M"}]}`, "", 200},
	} {
		before := len(h.store.sent)
		headers := []string{"Content-Type", "application/json"}
		if c.auth != "" {
			headers = append(headers, "Authorization", c.auth)
		}
		r := h.ask(http.MethodPost, c.path, c.body, headers...)
		if r.status != c.status {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		if told := len(h.store.sent) - before; told != 1 && c.status == 200 || told != 0 && c.status != 200 {
			t.Errorf("%s: %d, told %d", name, r.status, told)
		}
	}
	metrics := h.ask(http.MethodGet, "/metrics", "").body
	for _, want := range []string{`allim_old_calls_total{result="ok",service="gcm"} 3`, `allim_old_calls_total{result="401",service="gcm"} 2`,
		`allim_http_requests_total{code="200",route="POST /compat/mpns/{channel...}"} 2`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}
