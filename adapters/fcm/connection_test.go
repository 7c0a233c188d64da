package fcm

import (
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// verdicts counts the outcomes.
func verdicts(list []notify.Outcome) map[notify.Verdict]int {
	got := map[notify.Verdict]int{}
	for _, o := range list {
		got[o.Verdict]++
	}
	return got
}

func TestConnectionsAreReused(t *testing.T) { both(t, testConnectionsAreReused) }

func testConnectionsAreReused(t *testing.T, via string) {
	h := newHouse(t, sim.FCMOptions{}, via+"ramp: 0s\n")
	for range 5 {
		if got := verdicts(h.push(t, deliveries(t, h, 1000))); got[notify.Accepted] != 1000 {
			t.Fatalf("%v", got)
		}
	}
	// One more was for the access token.
	if n := h.sim.Opened(); n > int64(h.adapter.config.Connections)+1 {
		t.Errorf("%d connections", n)
	}
	if n := h.sim.RefusedStreams(); n != 0 {
		t.Errorf("%d streams over the server's limit", n)
	}
	if c := h.sim.Log().Counts(); c.Accepted != 1000 || c.Duplicates != 4000 {
		t.Errorf("%+v", c)
	}
}

// A quiet app needs one connection.
func TestOneConnectionForAFew(t *testing.T) { both(t, testOneConnectionForAFew) }

func testOneConnectionForAFew(t *testing.T, via string) {
	h := newHouse(t, sim.FCMOptions{}, via)
	for n := range 20 {
		h.one(t, n)
	}
	if n := h.sim.Opened(); n != 2 {
		t.Errorf("%d connections, want one for the token and one for the messages", n)
	}
}

// What is under way when the server says goodbye, or just goes, is neither lost nor taken for a verdict on the devices.
func TestGoodbyesLoseNothing(t *testing.T) { both(t, testGoodbyesLoseNothing) }

func testGoodbyesLoseNothing(t *testing.T, via string) {
	for name, leave := range map[string]func(*sim.FCM){
		"goodbye":           func(s *sim.FCM) { s.GoAway(sim.GoAway{}) },
		"goodbye and close": func(s *sim.FCM) { s.GoAway(sim.GoAway{Close: true}) },
		"cut":               func(s *sim.FCM) { s.Disconnect() },
	} {
		t.Run(name, func(t *testing.T) {
			var taken atomic.Int64
			var s *sim.FCM
			again := make(chan struct{}, 100)
			h := newHouse(t, sim.FCMOptions{Latency: time.Millisecond, OnAccepted: func(sim.Entry) {
				if taken.Add(1)%500 == 0 {
					again <- struct{}{}
				}
			}}, via+"ramp: 0s\n")
			s = h.sim
			done := make(chan struct{})
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for n := 0; n < 3; n++ {
					select {
					case <-again:
						leave(s)
					case <-done:
						return
					}
				}
			}()
			list := deliveries(t, h, 3000)
			got := h.push(t, list)
			close(done)
			<-ended
			var left []notify.Delivery
			for i, o := range got {
				switch o.Verdict {
				case notify.Accepted:
				case notify.Retry:
					left = append(left, list[i])
				default:
					t.Fatalf("%d: %+v", i, o)
				}
			}
			if got := verdicts(h.push(t, left)); got[notify.Accepted] != len(left) {
				t.Errorf("of %d left: %v", len(left), got)
			}
			if c := h.sim.Log().Counts(); c.Accepted != 3000 {
				t.Errorf("%d of 3000 arrived", c.Accepted)
			}
			if n := h.sim.Opened(); n > 60 {
				t.Errorf("%d connections: a storm", n)
			}
		})
	}
}

// A service that takes everything and answers nothing is the service's fault, soon, not each device's.
func TestDeadNetwork(t *testing.T) { both(t, testDeadNetwork) }

func testDeadNetwork(t *testing.T, via string) {
	h := newHouse(t, sim.FCMOptions{}, via+"ramp: 0s\ntimeout: 1s\n")
	h.one(t, 0)
	h.sim.Mute(true)
	start := time.Now()
	got := h.push(t, deliveries(t, h, 2000))
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %s to see that nobody answers", took)
	}
	lane := 0
	for _, o := range got {
		if o.Verdict != notify.Retry {
			t.Fatalf("%+v", o)
		}
		if o.WholeLane {
			lane++
		}
	}
	if lane < 1900 {
		t.Errorf("%d of 2000 tell of the lane", lane)
	}
}

// A key that Firebase has for iPhones holds up no Android device of the same batch.
func TestThirdPartyKeyHoldsUpNobodyElse(t *testing.T) { both(t, testThirdPartyKeyHoldsUpNobodyElse) }

func testThirdPartyKeyHoldsUpNobodyElse(t *testing.T, via string) {
	h := newHouse(t, sim.FCMOptions{}, via+"ramp: 0s\n")
	h.sim.Script(deviceToken(0), sim.Fault{Status: 401, Reason: "THIRD_PARTY_AUTH_ERROR"})
	got := h.push(t, deliveries(t, h, 1000))
	if n := verdicts(got); got[0].Verdict != notify.Misconfigured || n[notify.Accepted] != 999 {
		t.Errorf("%+v, %v", got[0], n)
	}
	if h.logins() != 1 {
		t.Error("another access token was asked for")
	}
}

// A wrong project or address takes no token along.
func TestWrongProject(t *testing.T) { both(t, testWrongProject) }

func testWrongProject(t *testing.T, via string) {
	h := newHouse(t, sim.FCMOptions{}, via+"project_id: other-project\nramp: 0s\n")
	for i, o := range h.push(t, deliveries(t, h, 2000)) {
		if o.Verdict != notify.Misconfigured || !strings.HasPrefix(o.Reason, "PERMISSION_DENIED") {
			t.Fatalf("%d: %+v", i, o)
		}
	}
	if n := h.sim.Log().Counts().Requests; n != 1 {
		t.Errorf("%d requests, want one: the first word is enough", n)
	}
}

func TestUnknownAuthority(t *testing.T) { both(t, testUnknownAuthority) }

func testUnknownAuthority(t *testing.T, via string) {
	h := newHouse(t, sim.FCMOptions{}, via)
	var section []string
	for _, line := range strings.Split(h.section(t), "\n") {
		if !strings.HasPrefix(line, "ca_file") {
			section = append(section, line)
		}
	}
	h.adapter = newAdapter(t, strings.Join(section, "\n")+via, h.clock, notifytest.Quiet())
	if o := h.one(t, 0); o.Verdict != notify.Retry || !o.WholeLane || !strings.Contains(o.Reason, "unknown authority") {
		t.Errorf("%+v", o)
	}
}

// Something on the way may know HTTP/1.1 only: slower, but it works, and connections are reused.
func TestHTTP1(t *testing.T) { both(t, testHTTP1) }

func testHTTP1(t *testing.T, via string) {
	var opened, pushed atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/token" {
			_, _ = io.WriteString(w, `{"access_token":"ya29.x","expires_in":3599}`)
			return
		}
		pushed.Add(1)
		_, _ = io.WriteString(w, `{"name":"projects/x/messages/1"}`)
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	h := &house{clock: notify.SystemClock{}}
	h.adapter = newAdapter(t, "credentials_file: "+keyFile(t, func(m map[string]string) { m["token_uri"] = srv.URL + "/token" })+
		"\nendpoint: "+srv.URL+"\nca_file: "+ca+"\nramp: 0s\n"+via, h.clock, notifytest.Quiet())
	if got := verdicts(h.push(t, deliveries(t, h, 500))); got[notify.Accepted] != 500 || pushed.Load() != 500 {
		t.Errorf("%v, %d arrived", got, pushed.Load())
	}
	if n := opened.Load(); n > 20 {
		t.Errorf("%d connections for 500 messages", n)
	}
}

// BenchmarkAdapter pushes through the adapter; the simulator's own share of the processor time is in the figure.
func BenchmarkAdapter(b *testing.B) {
	h := newHouse(b, sim.FCMOptions{LogLimit: -1, Quota: -1}, "ramp: 0s\nquota: 100000000\n")
	list := deliveries(b, h, 1000)
	var bad atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; left -= 1000 {
		h.adapter.Push(b.Context(), list[:min(left, 1000)], func(_ int, o notify.Outcome) {
			if o.Verdict != notify.Accepted {
				bad.Add(1)
			}
		})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pushes/s")
	if bad.Load() > 0 {
		b.Fatalf("%d of %d were not accepted", bad.Load(), b.N)
	}
}
