package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/api/codec"
)

// exchange is one call of a run, as cmd/allim/e2e/node/openapi.mjs reads it.
type exchange struct {
	Call      string          `json:"call"`
	Path      string          `json:"path"`
	Method    string          `json:"method"`
	Status    int             `json:"status"`
	MediaType string          `json:"mediaType"`
	Asked     json.RawMessage `json:"asked,omitempty"`
	Answered  json.RawMessage `json:"answered,omitempty"`
}

// exchanges walks the table of routes: what works, what is not there, and a body that is no JSON.
func exchanges(t *testing.T) (all []exchange) {
	for _, r := range api.Routes() {
		h := newHouse(t)
		v := &visit{house: h, route: r, form: codec.JSON, sample: samples(h.furnish())[r.Method+" "+r.Path]}
		ask := func(what, path, body string) {
			got := v.call(v.allowed(), path, body)
			mediaType, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
			e := exchange{Call: what, Path: r.Path, Method: strings.ToLower(r.Method), Status: got.status, MediaType: mediaType}
			if json.Valid([]byte(body)) && got.status < 400 {
				e.Asked = json.RawMessage(body)
			}
			if got.body != "" {
				e.Answered = json.RawMessage(got.body)
			}
			all = append(all, e)
		}
		ask(r.Method+" "+r.Path, v.sample.path, v.body())
		if v.sample.missing != "" {
			ask(r.Method+" "+r.Path+", unknown", v.sample.missing, v.body())
		}
		if r.Request != nil {
			ask(r.Method+" "+r.Path+", broken", v.sample.path, "{<")
		}
	}
	return all
}

// outsideSays gives what validators that are not ours have against exchanges, and how many bodies they looked at.
func outsideSays(t *testing.T, document string, all []exchange) (wrong []string, looked int) {
	t.Helper()
	c := &check{t: t, dir: t.TempDir()}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join("..", "..", "cmd", "allim", "e2e", "node", "openapi.mjs")
	out, err := exec.CommandContext(t.Context(), "node", script, c.file("openapi.json", document), c.file("exchanges.json", string(text))).Output()
	if err != nil {
		t.Fatalf("%v (.ci/setup installs what it needs) %s", err, out)
	}
	var said struct {
		Looked int
		Wrong  []string
	}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return said.Wrong, said.Looked
}

// TestOutsideValidators: validators of npm take the served OpenAPI document, and what every route was asked and answered.
func TestOutsideValidators(t *testing.T) {
	document := newHouse(t).ask(http.MethodGet, "/openapi.json", "").body
	all := exchanges(t)
	wrong, looked := outsideSays(t, document, all)
	for _, w := range wrong {
		t.Error(w)
	}
	if looked < len(api.Routes()) {
		t.Errorf("only %d bodies were looked at", looked)
	}
	// And that this can fail.
	for name, c := range map[string]struct {
		document string
		change   func(*exchange)
		want     string
	}{
		"a document":        {strings.Replace(document, `"openapi": "3.1.0"`, `"openapi": "3.1.0", "pathes": {}`, 1), func(*exchange) {}, "the document: "},
		"an unknown field":  {document, func(e *exchange) { e.Answered = json.RawMessage(`{"nope":1}`) }, "must NOT have additional properties"},
		"a status":          {document, func(e *exchange) { e.Status = 302 }, "302, which the document does not have"},
		"a media type":      {document, func(e *exchange) { e.MediaType = "text/html" }, "text/html, which the document does not have"},
		"a request":         {document, func(e *exchange) { e.Asked = json.RawMessage(`{"to":{"users":"kim"}}`) }, "/to/users must be array"},
		"an unknown path":   {document, func(e *exchange) { e.Path = "/v1/nope" }, "is not in the document"},
		"an unknown method": {document, func(e *exchange) { e.Method = "patch" }, "is not in the document"},
	} {
		e := all[sentAt(all)]
		c.change(&e)
		if wrong, _ := outsideSays(t, c.document, []exchange{e}); !strings.Contains(fmt.Sprint(wrong), c.want) {
			t.Errorf("%s: %q, want %q", name, wrong, c.want)
		}
	}
}

// sentAt finds the exchange that sends a notification.
func sentAt(all []exchange) int {
	for i, e := range all {
		if e.Call == "POST /v1/notifications" {
			return i
		}
	}
	return 0
}
