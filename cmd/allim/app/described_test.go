package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"allim.dev/allim/configs"
	"allim.dev/allim/notify/web"
)

// TestEveryMountedRouteIsDescribed holds the routes of the whole program's router (REST, live, old services, SOAP,
// documents) against the OpenAPI document that it serves, both ways.
func TestEveryMountedRouteIsDescribed(t *testing.T) {
	config, err := configs.Parse(filepath.Join(t.TempDir(), "allim.yaml"), []byte("listen: 127.0.0.1:0\ndata_dir: data\n"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), Options{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	document := describedRoutes(t, a)
	mounted := a.api.Mounted()
	for _, route := range mounted {
		if !slices.Contains(document, route) {
			t.Errorf("%s is served, and /openapi.json does not describe it", route)
		}
	}
	for _, route := range document {
		if !slices.Contains(mounted, route) {
			t.Errorf("/openapi.json describes %s, which is not served", route)
		}
	}
	for _, part := range []string{"GET /v1/me/stream", "POST /compat/gcm/send", "POST /soap", "POST /v1/notifications", "GET /metrics"} {
		if !slices.Contains(mounted, part) {
			t.Errorf("%s is not mounted: the test looks at half a router", part)
		}
	}
	// The pages stand before the API, for people: they are no calls, and are in docs/web.md.
	for _, r := range web.Routes() {
		if slices.Contains(document, r.Method+" "+r.Path) {
			t.Errorf("the page %s hides a described call", r.Path)
		}
	}
}

func describedRoutes(t *testing.T, a *App) (all []string) {
	t.Helper()
	w := httptest.NewRecorder()
	a.server.Handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/openapi.json", http.NoBody))
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		for method := range methods {
			all = append(all, strings.ToUpper(method)+" "+path)
		}
	}
	return all
}
