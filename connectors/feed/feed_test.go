package feed

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a server whose answer a test sets.
type site struct {
	t      *testing.T
	url    string
	mu     sync.Mutex
	answer http.HandlerFunc
	asked  []http.Header
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.Header.Clone())
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/feed"
	return s
}

func (s *site) serve(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = h
}

// says answers with a body as it is.
func (s *site) says(body string) {
	s.serve(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
}

// last gives the header of the last request.
func (s *site) last() http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[len(s.asked)-1]
}

func (s *site) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// rss writes a feed of items, each "guid|title" or "guid|title|date", the newest first.
func rss(items ...string) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>News</title><link>https://example.com/</link>`)
	for _, i := range items {
		part := append(strings.Split(i, "|"), "")
		fmt.Fprintf(&b, "<item><guid isPermaLink=\"false\">%s</guid><title>%s</title><link>https://example.com/%s</link>", part[0], part[1],
			strings.ReplaceAll(part[1], " ", "-"))
		if part[2] != "" {
			fmt.Fprintf(&b, "<pubDate>%s</pubDate>", part[2])
		}
		b.WriteString("</item>")
	}
	return b.String() + "</channel></rss>"
}

// look is a feed that is looked at by hand.
type look struct {
	t     *testing.T
	site  *site
	clock *notifytest.Clock
	watch *notifytest.Watch
	w     *watcher
	set   func(*Settings)
	out   notify.Outgoing
}

func newLook(t *testing.T, set func(*Settings)) *look {
	t.Helper()
	l := &look{t: t, site: newSite(t), clock: notifytest.NewClock(time.Time{}), watch: notifytest.NewWatch(notify.Account{Login: "feed"}), set: set}
	l.restart()
	return l
}

// restart makes a new connector on what was stored.
func (l *look) restart() {
	l.t.Helper()
	env := notifytest.ConnectorEnv("feed", l.clock, func(s *Settings) {
		s.URL = l.site.url
		if l.set != nil {
			l.set(s)
		}
	})
	env.Source.Topic, env.Outgoing = "staff", l.out
	made, err := New(env)
	if err != nil {
		l.t.Fatal(err)
	}
	c := made.(*connector)
	l.t.Cleanup(c.fetcher.close)
	accounts, _, err := l.watch.Accounts(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	l.w = &watcher{connector: c, watch: l.watch, account: accounts[0].ID, health: accounts[0].Health, zones: []string{""}}
}

// round looks once and gives the titles that were told by it.
func (l *look) round() []string {
	l.t.Helper()
	before := len(l.watch.Events())
	if err := l.w.round(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
	var titles []string
	for _, e := range l.watch.Events()[before:] {
		titles = append(titles, e.Params["title"])
	}
	return titles
}

// tells looks once and checks what is told, and that it went well.
func (l *look) tells(want ...string) {
	l.t.Helper()
	if got := l.round(); strings.Join(got, ",") != strings.Join(want, ",") {
		l.t.Errorf("told of %q, want %q", got, want)
	}
	if h := l.health(); h.State != notify.HealthPolling || !h.LastOKAt.Equal(l.clock.Now()) {
		l.t.Errorf("health %+v", h)
	}
}

// fails looks once and checks that the health says why nothing could be read.
func (l *look) fails(state notify.HealthState, words string) {
	l.t.Helper()
	if got := l.round(); len(got) != 0 {
		l.t.Errorf("told of %q", got)
	}
	h := l.health()
	if h.State != state || !strings.Contains(h.LastError, words) || !h.LastErrorAt.Equal(l.clock.Now()) {
		l.t.Errorf("health %s, %q; want %s, …%s…", h.State, h.LastError, state, words)
	}
}

func (l *look) health() notify.Health { return l.watch.Health(l.w.account) }

// later turns the clock to the next look.
func (l *look) later() { l.clock.Set(l.w.next) }

func TestConformance(t *testing.T) {
	notifytest.ConnectorSuite(t, func(t *testing.T) notifytest.ConnectorSetup {
		s := newSite(t)
		var mu sync.Mutex
		items, broken := []string{"0|old"}, false
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if broken {
				http.Error(w, "out of order", http.StatusInternalServerError)
				return
			}
			fmt.Fprint(w, rss(items...))
		})
		mend := func(b bool) func(*testing.T) {
			return func(*testing.T) {
				mu.Lock()
				defer mu.Unlock()
				broken = b
			}
		}
		return notifytest.ConnectorSetup{
			Accounts: []notify.Account{{Login: "feed"}},
			New: func(t *testing.T) notify.Connector {
				env := notifytest.ConnectorEnv("feed", notify.SystemClock{}, func(into *Settings) { into.URL = s.url })
				env.Source.Topic = "staff"
				c, err := New(env)
				if err != nil {
					t.Fatal(err)
				}
				c.(*connector).settings.Poll = 10 * time.Millisecond
				return c
			},
			Happen: func(_ *testing.T, n int) {
				mu.Lock()
				defer mu.Unlock()
				items = append([]string{fmt.Sprintf("%d|item %d", n, n)}, items...)
			},
			Break: mend(true), Mend: mend(false),
		}
	})
}
