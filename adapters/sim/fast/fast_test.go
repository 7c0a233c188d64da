package fast

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a simulator and a client of net/http's beside it.
func start(t testing.TB, o Options) (*Server, *http.Client) {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, client(t, s)
}

func client(t testing.TB, s *Server) *http.Client {
	t.Helper()
	tr := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: s.CA().Pool()}, HTTP2: &http.HTTP2Config{StrictMaxConcurrentRequests: true}}
	t.Cleanup(func() { tr.CloseIdleConnections(); _ = s.Close() })
	return &http.Client{Transport: tr}
}

// post sends one push and gives the status, the Retry-After and the body.
func post(c *http.Client, url, id, body string) (status int, retryAfter, text string, err error) {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, "", "", err
	}
	req.Header.Set("apns-id", id)
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", "", err
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("apns-id"); strings.Contains(url, devicePath) && got != id {
		return 0, "", "", fmt.Errorf("apns-id %q, want %q", got, id)
	}
	raw, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("Retry-After"), string(raw), err
}

func token(n int) string { return fmt.Sprintf("%064x", n) }

// Each token gets the answer of its class, and the second time those that were only sent away once are taken.
func TestClasses(t *testing.T) {
	o := Options{Gone: 100_000, Throttled: 100_000, Unavailable: 100_000, RetryAfter: time.Second, Track: true}
	s, c := start(t, o)
	want := map[Class]struct {
		status       int
		apns, fcm    string
		secondStatus int
	}{Taken: {200, "", `"name"`, 200}, Gone: {410, "Unregistered", "UNREGISTERED", 410},
		Throttled:   {429, "TooManyRequests", "Device message rate exceeded", 200},
		Unavailable: {503, "ServiceUnavailable", "UNAVAILABLE", 200}}
	classes := map[Class]int{}
	for n := range 300 {
		w := want[o.Classify(token(n))]
		classes[o.Classify(token(n))]++
		for round := range 2 {
			status, after, text, err := post(c, s.URL()+devicePath+token(n), fmt.Sprint("id-", n), "{}")
			expected := []int{w.status, w.secondStatus}[round]
			if err != nil || status != expected || round == 0 && !strings.Contains(text, w.apns) {
				t.Fatalf("%d, round %d: %d %s %v, want %d %s", n, round, status, text, err, expected, w.apns)
			}
			if (status == 429 || status == 503) != (after == "1") {
				t.Errorf("%d with Retry-After %q", status, after)
			}
		}
	}
	for class, n := range classes {
		if n < 10 || class == Taken && n < 150 {
			t.Errorf("%d of class %d among 300 tokens", n, class)
		}
	}
	st := s.Stats()
	if st.APNs != 600 || st.Distinct != int64(300-classes[Gone]) || st.Duplicates != int64(classes[Taken]) ||
		st.Throttled != int64(classes[Throttled]) || st.FirstNanos == 0 {
		t.Errorf("%+v, classes %v", st, classes)
	}
	s.Reset()
	if st := s.Stats(); st != (Stats{}) {
		t.Errorf("after Reset: %+v", st)
	}
	body := `{"message":{"data":{"delivery":"one"},"token":"` + token(firstOf(o, Throttled)) + `"}}`
	for _, expected := range []int{429, 200} {
		status, _, text, err := post(c, s.URL()+"/v1/projects/p/messages:send", "", body)
		if err != nil || status != expected || !strings.Contains(text, map[int]string{429: want[Throttled].fcm, 200: ":one"}[status]) {
			t.Errorf("FCM: %d %s %v", status, text, err)
		}
	}
}

// A browser's subscription is retired or takes everything.
func TestWebPush(t *testing.T) {
	o := Options{Gone: 100_000, Throttled: 500_000, Track: true}
	s, c := start(t, o)
	for class, want := range map[Class]int{Taken: 201, Throttled: 201, Gone: 410} {
		for range 2 {
			if status, _, _, err := post(c, s.Endpoint(token(firstOf(o, class))), "", "sealed"); err != nil || status != want {
				t.Errorf("class %d: %d %v, want %d", class, status, err, want)
			}
		}
	}
	if st := s.Stats(); st.WebPush != 6 || st.Distinct != 2 || st.Duplicates != 2 || st.Gone != 2 {
		t.Errorf("%+v", st)
	}
}

func firstOf(o Options, c Class) int {
	for n := 0; ; n++ {
		if o.Classify(token(n)) == c {
			return n
		}
	}
}

// Many at a time, over connections that say goodbye, with answers that are held back: all get through.
func TestGoodbyesAndLatency(t *testing.T) {
	for name, o := range map[string]Options{
		"at once": {Track: true}, "held back": {Track: true, Latency: time.Millisecond, OneStream: true, Streams: 50},
		"goodbyes": {Track: true, GoAwayAfter: 100},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := start(t, o)
			var g errgroup.Group
			var mu sync.Mutex
			statuses := map[int]int{}
			for k := range 20 {
				g.Go(func() error {
					for n := range 50 {
						body := fmt.Sprintf(`{"n":%q}`, strings.Repeat("x", n*100))
						status, _, _, err := post(c, s.URL()+devicePath+token(n), fmt.Sprint(k, "-", n), body)
						if err != nil {
							return err
						}
						mu.Lock()
						statuses[status]++
						mu.Unlock()
					}
					return nil
				})
			}
			if err := g.Wait(); err != nil {
				t.Fatal(err)
			}
			st := s.Stats()
			if statuses[200] != 1000 || st.Distinct != 1000 {
				t.Errorf("%v %+v", statuses, st)
			}
			if name == "goodbyes" && st.Connections < 10 {
				t.Errorf("%d connections", st.Connections)
			}
		})
	}
}

func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- Run(ctx, Options{}, w) }()
	line, err := bufio.NewReader(r).ReadBytes('\n')
	var hello Hello
	if err != nil || json.Unmarshal(line, &hello) != nil || hello.CAPEM == "" {
		t.Fatalf("%s %v", line, err)
	}
	plain := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := plain.Get(hello.Control + "/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var st Stats
	if err := json.NewDecoder(resp.Body).Decode(&st); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
