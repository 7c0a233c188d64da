package feed

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// Case 58: 304, an ETag that is ignored, a Last-Modified in the future.
func TestNotModified(t *testing.T) {
	l := newLook(t, nil)
	body, etag, modified := rss("1|first"), `"a"`, "Mon, 23 Nov 2026 08:00:00 GMT"
	l.site.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", etag)
		w.Header().Set("Last-Modified", modified)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, body)
	})
	l.tells()
	if h := l.site.last(); h.Get("If-None-Match") != "" || h.Get("If-Modified-Since") != "" {
		t.Errorf("the first request has a condition: %v", h)
	}
	l.later()
	puts := l.watch.Puts()
	l.tells()
	if h := l.site.last(); h.Get("If-None-Match") != `"a"` || h.Get("If-Modified-Since") != modified {
		t.Errorf("the second request has the conditions %q and %q", h.Get("If-None-Match"), h.Get("If-Modified-Since"))
	}
	if l.watch.Puts() != puts {
		t.Error("nothing new was written to the store")
	}
	l.restart() // the conditions outlive it
	l.tells()
	if l.site.last().Get("If-None-Match") != `"a"` {
		t.Error("after a restart the whole feed is asked for")
	}
	body, etag = rss("2|second", "1|first"), `"b"`
	l.tells("second")

	l.site.serve(func(w http.ResponseWriter, _ *http.Request) { // gives an ETag and does not look at it
		w.Header().Set("ETag", fmt.Sprintf("%q", l.clock.Now()))
		fmt.Fprint(w, rss("3|third", "2|second", "1|first"))
	})
	l.tells("third")
	l.later()
	l.tells()

	l.site.serve(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Last-Modified", "Mon, 23 Nov 2037 08:00:00 GMT")
		fmt.Fprint(w, rss("4|fourth", "3|third"))
	})
	l.tells("fourth")
	l.later()
	l.tells()
	if got := l.site.last().Get("If-Modified-Since"); got != "" {
		t.Errorf("a time in the future is believed: %s", got)
	}
}

// A server that says "not modified" for ever is asked without a condition once a day.
func TestWrongNotModifiedIsFoundOut(t *testing.T) {
	l := newLook(t, nil)
	body := rss("1|first")
	l.site.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"always"`)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, body)
	})
	l.tells()
	body = rss("2|second", "1|first")
	l.later()
	l.tells()
	l.clock.Advance(wholeEvery)
	l.tells("second")
	l.later()
	l.tells()
}

// Case 60: what is no feed is an error, and the state is kept.
func TestNoFeedIsAnError(t *testing.T) {
	l := newLook(t, nil)
	good := rss("1|first")
	for body, words := range map[string]string{
		"<!DOCTYPE html><html><body><form>Log in</form></body></html>":     "web page",
		"<HTML><HEAD><TITLE>Anmeldung</TITLE></HEAD></HTML>":               "web page",
		"<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"x\"><html></html>": "web page",
		rss("2|second", "1|first")[:200]:                                   "cut off",
		good[:len(good)-8]:                                                 "cut off",
		`{"version": "https://jsonfeed.org/version/1.1", "items": [{"id":`: "broken or cut off",
		`{"error": "log in first"}`:                                        "no JSON Feed",
		"   ":                                                              "empty",
		"ok":                                                               "neither",
		"<opml><body/></opml>":                                             "neither RSS nor Atom",
		"<rss><channel>" + strings.Repeat("<a>", 10_000) + "</rss>":        "nested deeper",
		"BEGIN:VCALENDA":                                                   "neither",
	} {
		l.site.says(body)
		l.fails(notify.HealthBackoff, words)
	}
	l.site.says(good) // never seen: still the first look
	l.tells()
	l.site.says("<html>gone</html>")
	l.fails(notify.HealthBackoff, "web page")
	l.restart()
	l.fails(notify.HealthBackoff, "web page")
	l.site.says(rss("2|second", "1|first"))
	l.tells("second")
	if h := l.health(); h.LastError == "" || !h.LastErrorAt.Equal(l.clock.Now()) {
		t.Errorf("the last error is forgotten: %+v", h)
	}
}

// Case 61: Retry-After in seconds and as a date, at most a day, and over a restart.
func TestRetryAfter(t *testing.T) {
	l := newLook(t, nil)
	l.site.says(rss("1|first"))
	l.tells()
	now := l.clock.Now()
	for value, want := range map[string]time.Duration{
		"3600": time.Hour, "999999999": 24 * time.Hour, now.Add(2 * time.Hour).Format(http.TimeFormat): 2 * time.Hour,
		now.Add(100 * time.Hour).Format(http.TimeFormat): 24 * time.Hour,
	} {
		l.restart()
		l.clock.Set(now)
		l.site.serve(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		l.w.st = nil
		l.fails(notify.HealthBackoff, "asked too often")
		if got := l.w.next.Sub(now); got != want {
			t.Errorf("Retry-After %s: the next look is after %s, want %s", value, got, want)
		}
		if got := l.health().NextTryAt; !got.Equal(l.w.next) {
			t.Errorf("the health says %s", got)
		}
		asked := l.site.requests()
		l.restart()
		l.round()
		if l.site.requests() != asked {
			t.Errorf("Retry-After %s: asked again right after a restart", value)
		}
		l.site.says(rss("1|first"))
		l.clock.Set(now.Add(want))
		l.tells()
	}
	l.site.serve(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	for range 3 {
		l.fails(notify.HealthBackoff, "HTTP 503")
		l.later()
	}
	if wait := l.w.pause; wait < 4*l.w.settings.Poll*9/10 {
		t.Errorf("after three failures the pause is %s", wait)
	}
	for status, state := range map[int]notify.HealthState{401: notify.HealthAuthFailed, 403: notify.HealthAuthFailed, 404: notify.HealthBackoff,
		410: notify.HealthBackoff, 418: notify.HealthBackoff, 204: notify.HealthBackoff} {
		l.site.serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		l.fails(state, fmt.Sprint("HTTP ", status))
	}
}

// Case 62: a gzip bomb and a body without end.
func TestSizeIsCapped(t *testing.T) {
	l := newLook(t, func(s *Settings) { s.MaxSize = 1 << 20 })
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 50 {
		if _, err := z.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]http.HandlerFunc{
		"packed by the transport": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		},
		"a packed file": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bomb.Bytes()) },
		"50 MB": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.CopyN(w, endless{}, 50<<20)
		},
	} {
		l.site.serve(h)
		l.fails(notify.HealthBackoff, "more than 1048576 bytes")
		if h := l.health(); strings.Contains(h.LastError, "127.0.0.1") {
			t.Errorf("%s: the error names the address: %s", name, h.LastError)
		}
	}
	var small bytes.Buffer
	z = gzip.NewWriter(&small)
	fmt.Fprint(z, rss("1|first"))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	l.site.serve(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(small.Bytes()) })
	l.tells()
}

// endless gives spaces.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// Case 55: redirects do not lead into private networks, unless the configuration allows it; the login stays at home.
func TestRedirects(t *testing.T) {
	var login string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		login = r.Header.Get("Authorization")
		fmt.Fprint(w, rss("1|first"))
	}))
	defer other.Close()
	l := newLook(t, func(s *Settings) { s.User, s.Password = "kim", "secret" })
	to := func(status int, location string) {
		l.site.serve(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/there" {
				fmt.Fprint(w, rss("1|first"))
				return
			}
			w.Header().Set("Location", location)
			w.WriteHeader(status)
		})
	}
	elsewhere, err := url.Parse(other.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, location := range []string{other.URL, "http://localhost:" + elsewhere.Port() + "/", "http://169.254.169.254/latest/meta-data/", "http://[::1]:9/", "http://10.0.0.1/",
		"http://[::ffff:127.0.0.1]:" + elsewhere.Port() + "/"} {
		to(http.StatusFound, location)
		l.fails(notify.HealthBackoff, "private network")
	}
	for _, location := range []string{"", "file:///etc/passwd", "gopher://x/", "%zz"} {
		to(http.StatusFound, location)
		l.fails(notify.HealthBackoff, "no usable address")
	}
	to(http.StatusFound, l.site.url)
	l.fails(notify.HealthBackoff, "circle")
	to(http.StatusMovedPermanently, "/there")
	l.tells()
	if n := l.health().Notes; len(n) != 1 || !strings.Contains(n[0], "moved for good") || !strings.Contains(n[0], "/there") {
		t.Errorf("notes %q", n)
	}
	l.out = notify.Outgoing{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	l.restart()
	to(http.StatusFound, other.URL)
	l.tells()
	if login != "" {
		t.Error("the login went to another server")
	}
	if l.site.last().Get("Authorization") == "" {
		t.Error("the login did not go to the feed's own server")
	}
}

func TestUnreachable(t *testing.T) {
	l := newLook(t, nil)
	dead := httptest.NewServer(http.NotFoundHandler())
	url := dead.URL
	dead.Close()
	l.site.url = url + "/secret-token"
	l.restart()
	l.fails(notify.HealthUnreachable, "cannot be reached")
	if h := l.health(); strings.Contains(h.LastError, "secret-token") {
		t.Errorf("the error tells the address: %s", h.LastError)
	}
}

func TestCheck(t *testing.T) {
	l := newLook(t, nil)
	l.site.says(rss("1|first"))
	if err := l.w.Check(t.Context()); err != nil {
		t.Error(err)
	}
	l.site.says("<html></html>")
	if err := l.w.Check(t.Context()); err == nil {
		t.Error("a web page passes the check")
	}
}

func TestSettings(t *testing.T) {
	for yaml, words := range map[string]string{
		"{}": "url: is required", "url: ftp://a/b": "url: must be an address", "url: http://u:p@a/b": "url: must not hold a login",
		"{url: http://a/b, user: u, password: p}": "readable over http", "{url: https://a/b, user: u}": "belong together",
		"{url: http://a/b, poll: 1ms}": "poll:", "{url: http://a/b, max_size: 5}": "max_size:", "{url: http://a/b, charset: klingon}": "charset:",
		"{url: http://a/b, time_zone: Mars/Olympus}": "time_zone:", "{url: http://a/b, timeout: 1h}": "timeout:", "{url: http://a/b, ca_file: nowhere.pem}": "ca_file:",
		"{url: http://a/b, unknown: 1}": "unknown",
	} {
		_, err := New(notify.ConnectorEnv{Clock: notify.SystemClock{}, Log: notifytest.Quiet(),
			Source: notify.SourceConfig{ID: "n", Topic: "staff", Section: notifytest.YAML(yaml)}})
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want …%s…", yaml, err, words)
		}
	}
	for words, s := range map[string]notify.SourceConfig{"topic: is required": {}, "accounts:": {Topic: "staff", Accounts: notify.AccountsFrom{Kind: "email"}}} {
		s.Section = notifytest.YAML("url: http://a/b")
		if _, err := New(notify.ConnectorEnv{Source: s, Clock: notify.SystemClock{}, Log: notifytest.Quiet()}); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want %s", err, words)
		}
	}
}

// A name that leads into a private network is found out when it is dialled, whatever it looked like before.
func TestNamesAreLookedAtWhenDialled(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	u, err := url.Parse(other.URL)
	if err != nil {
		t.Fatal(err)
	}
	l := newLook(t, nil)
	if _, err := l.w.fetcher.dial(t.Context(), "tcp", "localhost:"+u.Port()); !errors.Is(err, errInner) {
		t.Errorf("a name of this machine was dialled: %v", err)
	}
	l.out = notify.Outgoing{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	l.restart()
	conn, err := l.w.fetcher.dial(t.Context(), "tcp", "localhost:"+u.Port())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}
