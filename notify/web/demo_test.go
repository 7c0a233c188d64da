package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

type fakeFeed struct{}

func (fakeFeed) After(_ context.Context, user string, n int64) []Entry {
	if user == "kim" && n < 7 {
		return []Entry{{N: 7, Kind: KindMail, Title: "a", Body: "b"}}
	}
	return nil
}

func open(t *testing.T, host, path string) *httptest.ResponseRecorder {
	t.Helper()
	d, err := NewDemo("demo", []Person{
		{ID: "kim", Name: "김하나 <script>", Email: "kim@example.com", Locale: "ko-KR", Token: "secret-kim"},
		{ID: "alex", Name: "Alex", Email: "alex@example.com", Locale: "en-GB", Token: "secret-alex"},
	}, fakeFeed{})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func TestPage(t *testing.T) {
	for user, want := range map[string]string{"kim": `<html lang="ko">`, "alex": `<html lang="en">`} {
		w := open(t, "127.0.0.1:8080", "/demo/"+user)
		body := w.Body.String()
		if w.Code != 200 || !strings.Contains(body, want) {
			t.Fatalf("%s: %d, without %s:\n%s", user, w.Code, want, body)
		}
		if strings.Contains(body, "secret-") || strings.Contains(body, "김하나 <script>") {
			t.Errorf("%s: a token, or a name as markup, is in the page:\n%s", user, body)
		}
		c := w.Result().Cookies()
		if len(c) != 1 || c[0].Name != "allim_session" || c[0].Value != "secret-"+user || !c[0].HttpOnly ||
			c[0].SameSite != http.SameSiteStrictMode || c[0].Path != "/" {
			t.Errorf("%s: cookies %v", user, c)
		}
		// The policy forbids these; a page that has them would be broken.
		if bad := regexp.MustCompile(`(?i)\sstyle=|\son[a-z]+=|<style|<script>|javascript:|https?://`).FindString(body); bad != "" {
			t.Errorf("%s: the page has %q", user, bad)
		}
		for _, file := range regexp.MustCompile(`(?:src|href)="(/demo/assets/[^"]+)"`).FindAllStringSubmatch(body, -1) {
			if w := open(t, "localhost", file[1]); w.Code != 200 {
				t.Errorf("%s: %d", file[1], w.Code)
			}
		}
	}
}

func TestHeaders(t *testing.T) {
	for _, path := range []string{"/demo/kim", "/demo/feed/kim?after=0", "/demo/assets/demo.js", "/demo/nobody"} {
		h := open(t, "localhost:8080", path).Header()
		if !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'; ") ||
			strings.Contains(h.Get("Content-Security-Policy"), "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		host, path string
		status     int
		body       string
	}{
		{"127.0.0.1:1", "/demo", 302, ""},
		{"[::1]:1", "/demo/", 302, ""},
		{"localhost", "/demo/nobody", 404, ""},
		{"localhost", "/demo/feed/nobody?after=0", 404, ""},
		{"localhost", "/demo/feed/kim", 400, ""},
		{"localhost", "/demo/feed/kim?after=-1", 400, ""},
		{"localhost", "/demo/feed/kim?after=0", 200, `"n":7`},
		{"localhost", "/demo/feed/kim?after=7", 200, `[]`},
		{"evil.example", "/demo/kim", 421, ""},
		{"127.0.0.1.evil.example:80", "/demo/kim", 421, ""},
		{"", "/demo/kim", 421, ""},
	} {
		w := open(t, c.host, c.path)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) {
			t.Errorf("%s%s: %d %s, want %d %s", c.host, c.path, w.Code, w.Body, c.status, c.body)
		}
		if c.status != 200 && len(w.Result().Cookies()) > 0 {
			t.Errorf("%s%s: hands out a cookie", c.host, c.path)
		}
	}
}

func TestAllWordsAreThereInBothLanguages(t *testing.T) {
	for _, lang := range []string{"en", "ko"} {
		v := reflect.ValueOf(texts(lang))
		for i := range v.NumField() {
			if v.Field(i).String() == "" {
				t.Errorf("%s: no %s", lang, v.Type().Field(i).Name)
			}
		}
	}
}
