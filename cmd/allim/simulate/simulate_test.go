package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"allim.dev/allim/notify/notifytest"
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

// running is the simulators in this process.
type running struct {
	t      *testing.T
	url    string // of the page, without a slash at its end
	temp   string // where temporary folders are made
	out    *screen
	cancel context.CancelFunc
	ended  chan error
	client *http.Client
}

// run starts the simulators; the test's end stops them, and looks at what they leave.
func run(t *testing.T, o Options) *running {
	t.Helper()
	r := &running{t: t, temp: t.TempDir(), out: &screen{}, ended: make(chan error, 1), client: &http.Client{Transport: &http.Transport{}}}
	t.Setenv("TMPDIR", r.temp)
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(t.Context()))
	ready := make(chan string, 1)
	o.Listen, o.Stdout, o.Ready = "127.0.0.1:0", r.out, func(url string) { ready <- url }
	go func() { r.ended <- Run(ctx, o) }()
	select {
	case url := <-ready:
		r.url = strings.TrimSuffix(url, "/")
	case err := <-r.ended:
		r.cancel()
		t.Fatalf("the simulators did not start: %v", err)
	}
	t.Cleanup(r.stop)
	return r
}

// stop ends them as Ctrl-C does, within a second; a second call does nothing.
func (r *running) stop() {
	r.t.Helper()
	if r.cancel == nil {
		return
	}
	began := time.Now()
	r.cancel()
	r.cancel = nil
	if err := notifytest.Receive(r.t, "the simulators' end", r.ended); err != nil {
		r.t.Errorf("ended with: %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		r.t.Errorf("took %s to stop", took)
	}
	r.client.CloseIdleConnections()
	if left, err := os.ReadDir(r.temp); err != nil || len(left) > 0 {
		r.t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

// ask makes a request to the page and gives status and answer.
func (r *running) ask(method, path, body string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// want asks for what must be given, decoded into v (nil: as text only).
func (r *running) want(method, path, body string, v any) string {
	r.t.Helper()
	status, text := r.ask(method, path, body)
	if status/100 != 2 {
		r.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	if v != nil {
		if err := json.Unmarshal([]byte(text), v); err != nil {
			r.t.Fatalf("%s %s: %q: %v", method, path, text, err)
		}
	}
	return text
}

func (r *running) log(query string) logged {
	r.t.Helper()
	var l logged
	r.want(http.MethodGet, "/log"+query, "", &l)
	return l
}

// logged is GET /log as its readers see it.
type logged struct {
	Counts  map[string]struct{ Requests, Accepted, Duplicates int }
	Entries []entry
}

type entry struct {
	Platform, Key, ID, Method, Path, Reason, Body string
	Status                                        int
	Accepted, Duplicate                           bool
}

// TestGreeting: what is printed is in the folder, and can be read by a hub.
func TestGreeting(t *testing.T) {
	dir := t.TempDir()
	r := run(t, Options{Dir: dir})
	block, err := os.ReadFile(filepath.Join(dir, "apps.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	said := r.out.String()
	if !strings.Contains(said, "\n"+string(block)+"\n") || !strings.Contains(said, r.url+"/") || !strings.Contains(said, "Ctrl-C ends it.\n") {
		t.Errorf("it says %s", said)
	}
	if got := r.want(http.MethodGet, "/apps.yaml", "", nil); got != string(block) {
		t.Errorf("GET /apps.yaml gives %s", got)
	}
	r.stop()
	for _, name := range []string{"ca.pem", "AuthKey_ABC123DEFG.p8", "service-account.json"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if r = run(t, Options{}); !strings.Contains(r.out.String(), "Ctrl-C ends it and removes "+r.temp) {
		t.Errorf("it does not say what it removes: %s", r.out)
	}
}

// TestEndsWhileRequestsAreUnderWay: one that is stalled for ever holds nothing up.
func TestEndsWhileRequestsAreUnderWay(t *testing.T) {
	r := run(t, Options{})
	r.want(http.MethodPost, "/faults", "faults: [{platform: webhook, stall: true}]", nil)
	var hook struct{ Token string }
	r.want(http.MethodPost, "/webhook/hooks", "", &hook)
	gone := make(chan error, 1)
	client := trusting(t, r)
	go func() {
		res, err := client.Post(hook.Token, "application/json", strings.NewReader("{}"))
		if err == nil {
			_ = res.Body.Close()
		}
		gone <- err
	}()
	notifytest.Until(t, "the request to be stalled", func() bool { return len(r.log("?platform=webhook").Entries) == 1 })
	r.stop()
	if err := notifytest.Receive(t, "the request's end", gone); err == nil {
		t.Error("the stalled request was answered")
	}
	client.CloseIdleConnections()
}

// TestAFailedStartLeavesNothing: an address in use, a wrong file.
func TestAFailedStartLeavesNothing(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	file := filepath.Join(t.TempDir(), "faults.yaml")
	if err := os.WriteFile(file, []byte("faults:\n  - platform: apns\n    status: 503\n  - platform: fax\n    status: 503\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"address":     {Options{Listen: "203.0.113.1:1"}, "--listen"},
		"port":        {Options{Ports: 70000}, "port"},
		"wrong fault": {Options{Listen: "127.0.0.1:0", Faults: file}, file + ": line 4, column 5: faults[1].platform: must be one of apns, fcm"},
		"no file":     {Options{Faults: file + ".absent"}, "--faults"},
	} {
		if err := Run(t.Context(), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
