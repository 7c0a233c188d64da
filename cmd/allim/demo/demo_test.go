package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"allim.dev/allim/adapters/live/livetest"
	"allim.dev/allim/notify/notifytest"
	"allim.dev/allim/notify/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// screen is a terminal that can be read while it is written.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// running is a demo in this process.
type running struct {
	t      *testing.T
	url    string
	out    *screen
	cancel context.CancelFunc
	ended  chan error
	client *http.Client
}

// run starts a demo whose temporary folder is below a folder of the test.
func run(t *testing.T, o Options) *running {
	t.Helper()
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, out: &screen{}, cancel: cancel, ended: make(chan error, 1), client: &http.Client{Transport: &http.Transport{}}}
	ready := make(chan string, 1)
	o.Listen, o.Stdout, o.Stderr, o.Ready = "127.0.0.1:0", r.out, r.out, func(url string) { ready <- url }
	go func() { r.ended <- Run(ctx, o) }()
	select {
	case r.url = <-ready:
	case err := <-r.ended:
		cancel()
		t.Fatalf("the demo did not start: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		r.client.CloseIdleConnections()
		if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
			t.Errorf("left in the temporary folder: %v, %v", left, err)
		}
	})
	return r
}

// stop ends it as Ctrl-C does.
func (r *running) stop() {
	r.t.Helper()
	began := time.Now()
	r.cancel()
	if err := notifytest.Receive(r.t, "the demo's end", r.ended); err != nil {
		r.t.Errorf("ended with: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		r.t.Errorf("took %s to stop", took)
	}
}

func (r *running) get(path string, cookie *http.Cookie) *http.Response {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if cookie != nil {
		req.AddCookie(cookie)
	}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(res.Body)
		r.t.Fatalf("GET %s: %s %s", path, res.Status, body)
	}
	return res
}

func (r *running) json(path string, cookie *http.Cookie, into any) {
	r.t.Helper()
	if err := json.NewDecoder(r.get(path, cookie).Body).Decode(into); err != nil {
		r.t.Fatalf("GET %s: %v", path, err)
	}
}

// signIn opens the person's page as a browser does, and gives the session cookie.
func (r *running) signIn(user string) *http.Cookie {
	r.t.Helper()
	for _, c := range r.get("/demo/"+user, nil).Cookies() {
		if c.Name == "allim_session" && c.HttpOnly {
			return c
		}
	}
	r.t.Fatal("the page sets no HttpOnly session cookie")
	return nil
}

// The whole way: mails go into the IMAP server, pushes come out at the simulators, and a page that is open sees them.
func TestMailsBecomePushesAndShowLive(t *testing.T) {
	r := run(t, Options{Every: 20 * time.Millisecond})
	kim, alex := r.signIn("kim"), r.signIn("alex")
	var me struct{ ID, Cursor string }
	r.json("/v1/me", alex, &me)
	if me.ID != "alex" {
		t.Fatalf("alex's page is signed in as %q", me.ID)
	}
	r.json("/v1/me", kim, &me)
	ctx, cancel := context.WithTimeout(t.Context(), notifytest.Patience)
	defer cancel()
	stream, err := livetest.Open(ctx, r.client, r.url+"/v1/me/stream", http.Header{"Cookie": {kim.String()}}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var live []map[string]any
	for len(live) < 5 {
		e, err := stream.Next()
		if err != nil {
			t.Fatalf("after %d items: %v\n%s", len(live), err, r.out)
		}
		if e.Name != "notification" {
			continue
		}
		var item map[string]any
		if err := json.Unmarshal([]byte(e.Data), &item); err != nil {
			t.Fatal(err)
		}
		if data, _ := item["data"].(map[string]any); len(live) == 0 && data["source"] != source {
			continue
		}
		live = append(live, item)
	}
	r.wantInboxLike(kim, live)
	r.wantResume(kim, live)
	r.wantFeed(live)
	notifytest.Until(t, "readable words of the mail with headers in EUC-KR", func() bool {
		return strings.Contains(r.out.String(), "push to kim   인사팀: 연차 사용 안내 제3호")
	})
	ended := make(chan struct{})
	go func() { // what was on its way comes first
		defer close(ended)
		for err := error(nil); err == nil; {
			_, err = stream.Next()
		}
	}()
	r.stop()
	notifytest.Receive(t, "the stream's end", ended)
}

// wantInboxLike checks that the API shows the same items in the same form.
func (r *running) wantInboxLike(cookie *http.Cookie, live []map[string]any) {
	r.t.Helper()
	var inbox struct{ Items []map[string]any }
	r.json("/v1/me/inbox?limit=1000", cookie, &inbox)
	for i, item := range inbox.Items {
		if item["id"] == live[0]["id"] {
			if len(inbox.Items) < i+len(live) {
				r.t.Fatalf("the inbox has %d items, want %d or more", len(inbox.Items), i+len(live))
			}
			if diff := cmp.Diff(inbox.Items[i:i+len(live)], live); diff != "" {
				r.t.Errorf("the stream's items differ from the inbox's (-inbox +stream):\n%s", diff)
			}
			return
		}
	}
	r.t.Errorf("the inbox does not have the stream's item %v", live[0])
}

// wantResume goes on behind the first item, as a browser does after a cut; a cursor of another log is told to resync.
func (r *running) wantResume(cookie *http.Cookie, live []map[string]any) {
	r.t.Helper()
	header := http.Header{"Cookie": {cookie.String()}}
	ctx, cancel := context.WithTimeout(r.t.Context(), notifytest.Patience)
	defer cancel()
	first, err := livetest.Open(ctx, r.client, r.url+"/v1/me/stream", header, "gone.1")
	if err != nil {
		r.t.Fatal(err)
	}
	defer first.Close()
	if e, err := first.Next(); err != nil || e.Name != "resync" {
		r.t.Fatalf("a foreign cursor gives %+v, %v", e, err)
	}
	e, err := first.Next()
	for ; err == nil && !strings.Contains(e.Data, live[0]["id"].(string)); e, err = first.Next() {
	}
	if err != nil {
		r.t.Fatalf("after the resync: %v", err)
	}
	second, err := livetest.Open(ctx, r.client, r.url+"/v1/me/stream", header, e.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	defer second.Close()
	if e, err := second.Next(); err != nil || e.Name != "ready" {
		r.t.Fatalf("resumed with %+v, %v", e, err)
	}
	for _, want := range live[1:] {
		if e, err := second.Next(); err != nil || !strings.Contains(e.Data, want["id"].(string)) {
			r.t.Fatalf("resumed with %+v, %v; want item %v", e, err, want["id"])
		}
	}
}

// wantFeed checks that each item was a mail and went to both of kim's devices, in the terminal and on the page.
func (r *running) wantFeed(live []map[string]any) {
	r.t.Helper()
	for _, item := range live {
		if data, _ := item["data"].(map[string]any); data["source"] != source {
			continue // the calendar's
		}
		title, body := item["title"].(string), item["body"].(string)
		notifytest.Until(r.t, "the mail and two pushes of "+body, func() bool {
			var feed []web.Entry
			r.json("/demo/feed/kim?after=0", nil, &feed)
			mails, pushes := 0, map[string]bool{}
			for _, e := range feed {
				switch {
				case e.Body != body || e.Title != title:
				case e.Kind == web.KindMail:
					mails++
				case e.Kind == web.KindPush && e.Latency > 0:
					pushes[e.Device] = true
				}
			}
			return mails == 1 && len(pushes) == 2
		})
		if n := strings.Count(r.out.String(), "push to kim   "+title+": "+body+" "); n != 2 {
			r.t.Errorf("the terminal shows %d pushes of %q, want 2:\n%s", n, body, r.out)
		}
	}
}

// In each calendar a meeting is proposed, reminds, is moved, and a task is given and becomes due, each told in the reader's
// language and time zone.
func TestCalendarsBecomePushes(t *testing.T) {
	r := run(t, Options{Every: 100 * time.Millisecond})
	for _, want := range []string{
		"push to kim   분기 실적 회의 1: 박서연님의 초대 · ", "push to alex  Quarterly review 1: Priya Shah invites you · ",
		"push to kim   분기 실적 회의 1: 10분 후 · ", "push to alex  Quarterly review 1: In 10 minutes · ",
		"(으)로 변경   [", "push to alex  Quarterly review 1: Moved to ",
		"push to kim   출장비 정산 1: 박서연님이 맡긴 할 일 · 기한 ", "push to alex  Sign the contract 1: Priya Shah gave you this task · due ",
		"push to kim   출장비 정산 1: 지금 마감 · ", "push to alex  Sign the contract 1: Due now · ",
	} {
		notifytest.Until(t, want, func() bool { return strings.Count(r.out.String(), want) >= 2 })
		if n := strings.Count(r.out.String(), want); n != 2 && strings.Contains(want, " 1: ") { // else the next meeting's may be there
			t.Errorf("%q was pushed %d times, want once to each of two devices:\n%s", want, n, r.out)
		}
	}
	r.stop()
}

// Once ends by itself.
func TestOnce(t *testing.T) {
	r := run(t, Options{Every: 20 * time.Millisecond, Once: 8})
	if err := notifytest.Receive(t, "the demo's end", r.ended); err != nil {
		t.Fatal(err)
	}
	out := r.out.String()
	if n := strings.Count(out, "  push to "); n < 8 {
		t.Errorf("%d pushes were shown, want 8:\n%s", n, out)
	}
	for _, want := range []string{"/demo/kim", "/demo/alex"} {
		if !strings.Contains(out, want) {
			t.Errorf("the terminal does not show %q:\n%s", want, out)
		}
	}
}

func TestCommand(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	cmd := Command()
	var out screen
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs([]string{"--listen", "localhost:0", "--once", "2"})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "  push to kim ") {
		t.Errorf("no push was shown:\n%s", out.String())
	}
}

func TestListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:80", "example.com:80", "127.0.0.1", taken.Addr().String()} {
		if err := Run(t.Context(), Options{Listen: addr}); err == nil || !strings.Contains(err.Error(), "--listen") {
			t.Errorf("%q: got %v, want an error about --listen", addr, err)
		}
	}
}

// The printed address works even when the usual port is taken.
func TestUsualPortTaken(t *testing.T) {
	if l, err := net.Listen("tcp", defaultListen); err == nil {
		defer l.Close() // else somebody has it already, which is as good
	}
	l, err := listenLoopback(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Addr().String() == defaultListen {
		t.Errorf("listens on %s although it was taken", defaultListen)
	}
}

// Ctrl-C while it starts.
func TestStopWhileStarting(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, Options{Listen: "127.0.0.1:0"}); err != nil {
		t.Error(err)
	}
}
