package api_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/api/wire"
)

var callRow = regexp.MustCompile("(?m)^\\| `([A-Z]+ /\\S+)` \\| ([a-z, ]+) \\|")

// TestTheDocsNameEveryCall: the table in docs/api.md has each route with its scopes, and no other.
func TestTheDocsNameEveryCall(t *testing.T) {
	documented := map[string]string{}
	for _, m := range callRow.FindAllStringSubmatch(apiPage(t), -1) {
		documented[m[1]] = m[2]
	}
	for _, elsewhere := range []string{"GET /v1/me/stream", "GET /v1/me/ws", "GET /v1/me/poll", "GET /metrics", "GET /openapi.json",
		"GET /schemas/allim.xsd", "GET /schemas/problem.xsd", "GET /docs", "POST /v1/ingest/{mapping}", "POST /v1/mappings/{mapping}/try",
		"POST /soap", "GET /soap"} {
		if documented[elsewhere] == "" {
			t.Errorf("docs/api.md has no %s", elsewhere)
		}
		delete(documented, elsewhere)
	}
	for _, r := range api.Routes() {
		call := r.Method + " " + r.Path
		if got, want := documented[call], scopesOf(r); got != want {
			t.Errorf("docs/api.md says %q of %s, want %q", got, call, want)
		}
		delete(documented, call)
	}
	for call := range documented {
		t.Errorf("docs/api.md has %s, which is no call", call)
	}
}

func scopesOf(r api.Route) string {
	if len(r.Scopes) == 0 {
		return "none"
	}
	words := make([]string, len(r.Scopes))
	for i, s := range r.Scopes {
		words[i] = string(s)
	}
	order := []string{string(notify.ScopeSend), string(notify.ScopeRead), string(notify.ScopeUser)}
	slices.SortFunc(words, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
	return strings.Join(words, ", ")
}

// TestTheDocsNameEveryField of what is sent and registered.
func TestTheDocsNameEveryField(t *testing.T) {
	page := apiPage(t)
	for _, v := range []any{wire.NotificationInput{}, wire.Audience{}, wire.Content{}, wire.DeviceInput{}, wire.UserInput{}, wire.AccountInput{}} {
		for f := range fieldsOf(reflect.TypeOf(v)) {
			if !strings.Contains(page, "`"+f+"`") {
				t.Errorf("docs/api.md does not name %s of %T", f, v)
			}
		}
	}
}

func fieldsOf(t reflect.Type) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if name != "" && !yield(name) {
				return
			}
		}
	}
}

func apiPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
