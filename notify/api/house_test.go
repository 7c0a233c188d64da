package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/api/client"
	"allim.dev/allim/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is an API over fakes, behind a real server.
type house struct {
	t      testing.TB
	clock  *notifytest.Clock
	store  *memStore
	hub    *fakeHub
	api    *api.API
	server *httptest.Server
	http   *http.Client
	keys   map[notify.Scope]string // a key with only that scope; ScopeUser: kim's token
}

func newHouse(t testing.TB, change ...func(*api.Options)) *house {
	t.Helper()
	h := &house{t: t, clock: notifytest.NewClock(time.Time{}), store: newMemStore(), keys: map[notify.Scope]string{}}
	h.hub = &fakeHub{store: h.store, clock: h.clock}
	registry := prometheus.NewRegistry()
	o := api.Options{Hub: h.hub, Store: h.store, Clock: h.clock, Log: notifytest.Quiet(), PublicURL: "https://allim.example.com",
		Registerer: registry, Gatherer: registry, Mappings: mappings(t)}
	for _, f := range change {
		f(&o)
	}
	var err error
	if h.api, err = api.New(o); err != nil {
		t.Fatal(err)
	}
	h.server = httptest.NewServer(h.api)
	transport := &http.Transport{}
	h.http = &http.Client{Transport: transport, Timeout: notifytest.Patience}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		h.server.Close()
		if err := h.api.Close(); err != nil {
			t.Error(err)
		}
	})
	h.must(h.store.PutUser(t.Context(), notify.User{ID: "kim", Name: "김철수", Locale: "ko-KR",
		Identities: []notify.Identity{{Kind: "email", Value: "kim@example.com"}}}))
	h.must(h.store.PutUser(t.Context(), notify.User{ID: "lee"}))
	for _, s := range notify.KeyScopes() {
		h.keys[s] = h.key(s)
	}
	h.keys[notify.ScopeUser] = h.token("kim")
	return h
}

func (h *house) must(_ any, err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// key stores a key and gives its secret.
func (h *house) key(scopes ...notify.Scope) string {
	h.t.Helper()
	k, secret, err := api.NewKey("test", scopes, h.clock)
	h.must(nil, err)
	h.must(nil, h.store.PutKey(context.Background(), k, notify.HashSecret(secret)))
	return secret
}

func (h *house) token(user string) string {
	h.t.Helper()
	k, secret := api.NewToken(user, "phone", h.clock)
	h.must(nil, h.store.PutKey(context.Background(), k, notify.HashSecret(secret)))
	return secret
}

func (h *house) client(key string, xml bool) *client.Client {
	h.t.Helper()
	c, err := client.New(client.Options{URL: h.server.URL, Key: key, XML: xml, HTTP: h.http, Clock: h.clock})
	h.must(nil, err)
	return c
}
