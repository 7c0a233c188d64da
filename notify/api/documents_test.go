package api_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
)

// TestDocuments: everybody may read them, from pages that need nothing from elsewhere.
func TestDocuments(t *testing.T) {
	h := newHouse(t)
	for path, want := range map[string]string{"/openapi.json": "application/json", "/schemas/allim.xsd": "application/xml; charset=utf-8",
		"/schemas/problem.xsd": "application/xml; charset=utf-8", "/docs": "text/html; charset=utf-8", "/docs/send": "text/html; charset=utf-8"} {
		r := h.ask(http.MethodGet, path, "")
		if r.status != 200 || r.header.Get("Content-Type") != want || r.body == "" {
			t.Errorf("%s: %d %s", path, r.status, r.header.Get("Content-Type"))
		}
		if head := h.ask(http.MethodHead, path, ""); head.status != 200 || head.body != "" {
			t.Errorf("HEAD %s: %d %q", path, head.status, head.body)
		}
	}
	if r := h.ask(http.MethodGet, "/docs/nope", ""); r.status != 404 || h.problem(r).Code != notify.CodeNotFound {
		t.Error(r)
	}
	if r := h.ask(http.MethodPost, "/docs", ""); r.status != 405 {
		t.Error(r)
	}
}

// TestPages: every call has one, with its examples; nothing is asked of another server, and the one style sheet is what
// the policy allows.
func TestPages(t *testing.T) {
	h := newHouse(t)
	index := h.ask(http.MethodGet, "/docs", "")
	var doc struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	h.must(nil, json.Unmarshal([]byte(h.ask(http.MethodGet, "/openapi.json", "").body), &doc))
	pages := []reply{index}
	for _, r := range api.Routes() {
		id := doc.Paths[r.Path][strings.ToLower(r.Method)].OperationID
		if !strings.Contains(index.body, `href="/docs/`+id+`"`) {
			t.Errorf("the index does not lead to %s", id)
		}
		page := h.ask(http.MethodGet, "/docs/"+id, "")
		pages = append(pages, page)
		if !strings.Contains(page.body, "<code>"+r.Method+" "+r.Path+"</code>") || r.Answer != nil && !strings.Contains(page.body, "urn:allim:v1") {
			t.Errorf("/docs/%s is not the page of %s %s", id, r.Method, r.Path)
		}
	}
	elsewhere := regexp.MustCompile(`(src|href)="?(https?:)?//`)
	for _, p := range pages {
		if elsewhere.MatchString(p.body) || strings.Contains(p.body, "<script") {
			t.Error("a page needs something from elsewhere:", p.body)
		}
		_, rest, _ := strings.Cut(p.body, "<style>")
		style, _, _ := strings.Cut(rest, "</style>")
		sum := sha256.Sum256([]byte(style))
		if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(p.header.Get("Content-Security-Policy"), want) {
			t.Errorf("the policy %q does not allow the page's style %s", p.header.Get("Content-Security-Policy"), want)
		}
	}
}

// TestWordsAreTheHubs: the words that the descriptions list are the constants of package notify, all of them.
func TestWordsAreTheHubs(t *testing.T) {
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct {
					Enum  []string
					Items struct{ Enum []string }
				}
			}
		}
	}
	h := newHouse(t)
	h.must(nil, json.Unmarshal([]byte(h.ask(http.MethodGet, "/openapi.json", "").body), &doc))
	consts := constants(t)
	for _, c := range []struct{ schema, field, typ string }{
		{"DeviceInput", "platform", "Platform"}, {"Notification", "priority", "Priority"}, {"Notification", "state", "State"},
		{"Delivery", "state", "DeliveryState"}, {"Device", "state", "DeviceState"}, {"Health", "state", "HealthState"},
	} {
		got := doc.Components.Schemas[c.schema].Properties[c.field].Enum
		slices.Sort(got)
		if want := consts[c.typ]; len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s.%s is one of %q; the constants of notify.%s are %q", c.schema, c.field, got, c.typ, want)
		}
	}
	got := append(doc.Components.Schemas["Key"].Properties["scopes"].Items.Enum, string(notify.ScopeUser)) // no key has that one
	slices.Sort(got)
	if !slices.Equal(got, consts["Scope"]) {
		t.Errorf("Key.scopes are of %q; the constants of notify.Scope are %q", got, consts["Scope"])
	}
}

// constants gives the texts of package notify's typed constants, by type, in order.
func constants(t *testing.T) map[string][]string {
	t.Helper()
	names, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				typ, ok := v.Type.(*ast.Ident)
				if !ok || len(v.Values) != 1 {
					continue
				}
				if lit, ok := v.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					text, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					out[typ.Name] = append(out[typ.Name], text)
				}
			}
		}
	}
	for _, list := range out {
		slices.Sort(list)
	}
	return out
}
