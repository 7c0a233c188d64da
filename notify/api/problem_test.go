package api

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
)

// codes reads all codes from the source of package notify, so that a new one cannot be forgotten.
func codes(t *testing.T) []notify.Code {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []notify.Code
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		if lit, ok := spec.Values[0].(*ast.BasicLit); ok {
			s, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, notify.Code(s))
		}
		return true
	})
	if len(out) < 25 {
		t.Fatal("only", out)
	}
	return out
}

func TestEveryCodeHasItsStatus(t *testing.T) {
	for _, code := range codes(t) {
		k := kindOf(code)
		if k.title == "" || (k.status == http.StatusInternalServerError) != (code == notify.CodeInternal) {
			t.Errorf("%s is %d %q", code, k.status, k.title)
		}
	}
}

func TestProblemOf(t *testing.T) {
	fields := []notify.FieldError{{Path: "to.users[0]", Message: "is not known"}}
	for name, c := range map[string]struct {
		err    error
		status int
		detail string
		fields int
		retry  string
	}{
		"unknown in the path": {notify.Errorf(notify.CodeUnknownUser, "no user x"), 404, "no user x", 0, ""},
		"unknown in the body": {&notify.Error{Code: notify.CodeUnknownUser, Fields: fields}, 422, "", 1, ""},
		"a plain error":       {errors.New("secret"), 500, "the hub's log says more about this request", 0, ""},
		"internal":            {&notify.Error{Code: notify.CodeInternal, Detail: "secret", Fields: fields}, 500, "the hub's log says more about this request", 0, ""},
		"a code of nobody's":  {&notify.Error{Code: "new", Detail: "secret"}, 500, "the hub's log says more about this request", 0, ""},
		"a cause":             {notify.Wrap(notify.CodeUnavailable, errors.New("secret"), "busy"), 503, "busy", 0, "1"},
		"a time to come back": {&notify.Error{Code: notify.CodeTooManyRequests, RetryAfter: 1500 * time.Millisecond}, 429, "", 0, "2"},
	} {
		p, retry := problemOf(c.err, "id")
		if p.Status != c.status || p.Detail != c.detail || len(p.Errors) != c.fields || retry != c.retry {
			t.Errorf("%s: %+v %q", name, p, retry)
		}
	}
}

func TestShortToken(t *testing.T) {
	for token, want := range map[string]string{
		strings.Repeat("ab", 32):                         "ababab…abab",
		"https://push.example.com/wpush/v2/gAAAAABsecrt": "https://push.example.com/…ecrt",
		"https://a.b/c":                                  "https://a.b/…",
		"abc":                                            "…",
		"abcdefgh":                                       "…",
		"":                                               "…",
	} {
		if got := shortToken(token); got != want {
			t.Errorf("%q: %q, want %q", token, got, want)
		}
	}
}
