package apns

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/adapters/push/h2"
	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// push pushes and gives how many got each verdict.
func (h *house) push(ctx context.Context, list []notify.Delivery) map[notify.Verdict]int {
	verdicts := make(chan notify.Verdict, len(list))
	h.adapter.Push(ctx, list, func(_ int, o notify.Outcome) { verdicts <- o.Verdict })
	close(verdicts)
	got := map[notify.Verdict]int{}
	for v := range verdicts {
		got[v]++
	}
	return got
}

func TestPushIsAccepted(t *testing.T) { both(t, testPushIsAccepted) }

func testPushIsAccepted(t *testing.T, via string) {
	h := newHouse(t, sim.APNsOptions{OneStream: true}, via)
	if got := h.push(t.Context(), deliveries(t, h.adapter, 3000)); got[notify.Accepted] != 3000 {
		t.Errorf("%v", got)
	}
	if c := h.sim.Log().Counts(); c.Accepted != 3000 || c.Requests != 3000 {
		t.Errorf("%+v", c)
	}
	if n := h.sim.RefusedStreams(); n != 0 {
		t.Errorf("%d streams were over the server's limit: the connection was not warmed up", n)
	}
	if n := h.sim.Opened(); n > 2 {
		t.Errorf("%d connections, want at most 2", n)
	}
	entries := h.sim.Log().Entries()
	first := slices.IndexFunc(entries, func(e sim.Entry) bool { return e.Get("apns-id") == notify.DeliveryID(1, 1) }) // in about their order
	if first < 0 {
		t.Fatal("the first delivery is not in the log")
	}
	e := entries[first]
	for name, want := range map[string]string{"apns-topic": testTopic, "apns-push-type": "alert", "apns-priority": "5",
		"apns-id": notify.DeliveryID(1, 1), "user-agent": "", "accept-encoding": ""} {
		if got := e.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestExpiration(t *testing.T) { both(t, testExpiration) }

func testExpiration(t *testing.T, via string) {
	clock := notifytest.NewClock(time.Time{})
	h := newHouse(t, sim.APNsOptions{Clock: clock}, via)
	now := clock.Now()
	for _, test := range []struct {
		expires time.Time
		want    string
	}{{now.Add(time.Hour), "1795428000"}, {now, "0"}, {now.Add(-time.Hour), "0"}, {time.Time{}, ""}} {
		list := deliveries(t, h.adapter, 1)
		list[0].Expires = test.expires
		h.push(t.Context(), list)
		all := h.sim.Log().Entries()
		if got := all[len(all)-1].Get("apns-expiration"); got != test.want {
			t.Errorf("expires %s: apns-expiration %q, want %q", test.expires, got, test.want)
		}
	}
}

func TestAQuietAppHasOneConnection(t *testing.T) { both(t, testAQuietAppHasOneConnection) }

func testAQuietAppHasOneConnection(t *testing.T, via string) {
	h := newHouse(t, sim.APNsOptions{}, via+"connections: 8\n")
	for range 50 {
		h.pushOne(t, 0)
	}
	if n := h.sim.Opened(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestABusyAppHasAllItsConnections(t *testing.T) { both(t, testABusyAppHasAllItsConnections) }

func testABusyAppHasAllItsConnections(t *testing.T, via string) {
	h := newHouse(t, sim.APNsOptions{Latency: 5 * time.Millisecond, OneStream: true}, via+"connections: 3\nin_flight: 100\n")
	if got := h.push(t.Context(), deliveries(t, h.adapter, 3000)); got[notify.Accepted] != 3000 {
		t.Errorf("%v", got)
	}
	if n := h.sim.Opened(); n != 3 {
		t.Errorf("%d connections, want 3", n)
	}
	perConn := map[int64]int{}
	for _, e := range h.sim.Log().Entries() {
		perConn[e.Conn]++
	}
	for c, n := range perConn {
		if n < 300 {
			t.Errorf("connection %d carried only %d of 3000", c, n)
		}
	}
}

// Each environment has its own client: they are never mixed, however they come.
func TestEnvironmentsAreKeptApart(t *testing.T) { both(t, testEnvironmentsAreKeptApart) }

func testEnvironmentsAreKeptApart(t *testing.T, via string) {
	ca, err := sim.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	dev, err := sim.NewAPNs(sim.APNsOptions{CA: ca, Environment: notify.Development})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	h := newHouse(t, sim.APNsOptions{CA: ca}, via+"endpoint_development: "+dev.URL()+"\n")
	dev.AddKey(h.key)
	list := deliveries(t, h.adapter, 3000)
	for i := range list {
		list[i].Device.Environment = []string{"", notify.Production, notify.Development}[i%3]
		env := notify.Production
		if i%3 == 2 {
			env = notify.Development
		}
		known := sim.APNsDevice{Token: list[i].Device.Token, Topic: testTopic, Environment: env}
		h.sim.Register(known)
		dev.Register(known)
	}
	if got := h.push(t.Context(), list); got[notify.Accepted] != 3000 {
		t.Errorf("%v", got)
	}
	if p, d := h.sim.Log().Counts().Accepted, dev.Log().Counts().Accepted; p != 2000 || d != 1000 {
		t.Errorf("production %d, development %d", p, d)
	}
}

// One environment's trouble does not stop the other one.
func TestAMisconfiguredEnvironmentStopsOnlyItself(t *testing.T) {
	both(t, testAMisconfiguredEnvironmentStopsOnlyItself)
}

func testAMisconfiguredEnvironmentStopsOnlyItself(t *testing.T, via string) {
	h := newHouse(t, sim.APNsOptions{}, via)
	h.adapter.clients[notify.Development].close()
	bad := newHouse(t, sim.APNsOptions{Environment: notify.Development, CA: h.sim.CA()}, via)
	h.adapter.clients[notify.Development] = bad.adapter.clients[notify.Development]
	bad.sim.RevokeKey(testKeyID)
	list := deliveries(t, h.adapter, 1000)
	for i := range list[:500] {
		list[i].Device.Environment = notify.Development
	}
	if got := h.push(t.Context(), list); got[notify.Accepted] != 500 || got[notify.Misconfigured] != 500 {
		t.Errorf("%v", got)
	}
	if n := bad.sim.Log().Counts().Requests; n != 1 {
		t.Errorf("%d requests with refused credentials, want the warm-up only", n)
	}
}

func TestADeadHostIsNotDialledByEverybody(t *testing.T) {
	both(t, testADeadHostIsNotDialledByEverybody)
}

func testADeadHostIsNotDialledByEverybody(t *testing.T, via string) {
	var dials atomic.Int32
	h := newHouse(t, sim.APNsOptions{}, via)
	var err error
	h.adapter, err = New(notify.AdapterEnv{Section: notifytest.YAML(h.section(t)), Clock: h.clock, Log: notifytest.Quiet(),
		Outgoing: notify.Outgoing{Proxy: func(*http.Request) (*url.URL, error) { // is asked at every dial
			dials.Add(1)
			return nil, nil
		}}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.adapter.Close()
	h.sim.Close()
	if got := h.push(t.Context(), deliveries(t, h.adapter, 5000)); got[notify.Retry] != 5000 {
		t.Errorf("%v", got)
	}
	if n := dials.Load(); n < 1 || n > 3 { // some workers may begin before the first word is known
		t.Errorf("%d dials", n)
	}
}

func TestServerThatSpeaksOnlyHTTP1(t *testing.T) { both(t, testServerThatSpeaksOnlyHTTP1) }

func testServerThatSpeaksOnlyHTTP1(t *testing.T, via string) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	h := newHouse(t, sim.APNsOptions{}, via)
	section := strings.Replace(h.section(t), h.sim.URL(), srv.URL, 1)
	a := newAdapter(t, section, h.clock)
	a.clients[notify.Production].close()
	roots := h.sim.CA().Pool()
	roots.AddCert(srv.Certificate())
	a.clients[notify.Production] = newSender(a.config.Transport, senderConfig{address: srv.Listener.Addr().String(), connections: 1,
		inFlight: 1, timeout: 5 * time.Second, clock: h.clock, roots: roots, sign: a.signer.bearer})
	h.adapter = a
	if o := h.pushOne(t, 0); o.Verdict != notify.Retry || !o.WholeLane {
		t.Errorf("%+v", o)
	} else if a.config.Transport == push.TransportH2 && o.Reason != string(h2.ErrNotHTTP2) {
		t.Errorf("%q does not say what is wrong", o.Reason)
	}
}

// An idle connection that the server closed is noticed before the next push, which goes out on a new one.
func TestIdleConnectionsThatEnd(t *testing.T) { both(t, testIdleConnectionsThatEnd) }

func testIdleConnectionsThatEnd(t *testing.T, via string) {
	h := newHouse(t, sim.APNsOptions{}, via)
	for name, end := range map[string]func(){
		"cut":       h.sim.Disconnect,
		"GOAWAY":    func() { h.sim.GoAway(sim.GoAway{Reason: "Shutdown"}) },
		"IdleReset": func() { h.sim.GoAway(sim.GoAway{Reason: "IdleTimeout", Close: true}) },
	} {
		for i := range 5 {
			if o := h.pushOne(t, i); o.Verdict != notify.Accepted {
				t.Errorf("%s: %+v", name, o)
			}
			end()
		}
	}
}

// Servers go away in the middle of a walk; everything is accepted in the end, under the same ids, without a storm.
func TestGoAwayDuringAWalk(t *testing.T) { both(t, testGoAwayDuringAWalk) }

func testGoAwayDuringAWalk(t *testing.T, via string) {
	h := newHouse(t, sim.APNsOptions{Latency: time.Millisecond, LogLimit: 100000}, via)
	list := deliveries(t, h.adapter, 5000)
	for i := 500; i < 5000; i += 1000 {
		h.sim.Script(list[i].Device.Token, sim.Fault{GoAway: &sim.GoAway{Before: 3}})
		h.sim.Script(list[i+250].Device.Token, sim.Fault{GoAway: &sim.GoAway{}})
		h.sim.Script(list[i+400].Device.Token, sim.Fault{Drop: sim.DropAfter})
	}
	left := list
	for round := 0; len(left) > 0; round++ {
		if round == 5 {
			t.Fatalf("%d are not accepted after 5 rounds", len(left))
		}
		verdicts := make([]notify.Verdict, len(left))
		h.adapter.Push(t.Context(), left, func(i int, o notify.Outcome) { verdicts[i] = o.Verdict })
		var again []notify.Delivery
		for i, v := range verdicts {
			switch v {
			case notify.Accepted:
			case notify.Retry:
				again = append(again, left[i])
			default:
				t.Fatalf("%s", v)
			}
		}
		left = again
	}
	if c := h.sim.Log().Counts(); c.Accepted != 5000 {
		t.Errorf("%d different ids were accepted, want 5000; %+v", c.Accepted, c)
	}
	if n := h.sim.Opened(); n > 2+2*15 {
		t.Errorf("%d connections for 15 that were lost", n)
	}
}

// A network that swallows everything: the attempts end at their deadline, the lane is told, and nothing is left behind.
func TestDeadNetwork(t *testing.T) { both(t, testDeadNetwork) }

func testDeadNetwork(t *testing.T, via string) {
	h := newHouse(t, sim.APNsOptions{}, via+"timeout: 1s\n")
	h.pushOne(t, 0)
	h.sim.Mute(true)
	var lane bool
	outcomes := make(chan notify.Outcome, 3000)
	h.adapter.Push(t.Context(), deliveries(t, h.adapter, 3000), func(_ int, o notify.Outcome) { outcomes <- o })
	close(outcomes)
	for o := range outcomes {
		if o.Verdict != notify.Retry {
			t.Fatalf("%+v", o)
		}
		lane = lane || o.WholeLane
	}
	if !lane {
		t.Error("nobody said that the whole lane is down")
	}
	if n := h.sim.Log().Counts().Requests; n > 2000 {
		t.Errorf("%d requests into a dead network", n)
	}
	h.sim.Mute(false)
	if o := h.pushOne(t, 0); o.Verdict != notify.Accepted {
		t.Errorf("afterwards: %+v", o)
	}
}

// A connection that went dead while nothing was sent is found out by a ping, before a push has to wait for it.
func TestADeadIdleConnectionIsFoundOut(t *testing.T) { both(t, testADeadIdleConnectionIsFoundOut) }

func testADeadIdleConnectionIsFoundOut(t *testing.T, via string) {
	h := newHouse(t, sim.APNsOptions{}, via)
	s := newSender(h.adapter.config.Transport, senderConfig{address: strings.TrimPrefix(h.sim.URL(), "https://"), connections: 1, inFlight: 10,
		timeout: notifytest.Patience, clock: h.clock, roots: h.sim.CA().Pool(), sign: h.adapter.signer.bearer,
		pingAfter: 20 * time.Millisecond})
	h.adapter.clients[notify.Production] = s
	if o := h.pushOne(t, 0); o.Verdict != notify.Accepted {
		t.Fatalf("%+v", o)
	}
	h.sim.Mute(true)
	notifytest.Until(t, "the connection is given up", func() bool { return h.sim.Open() == 0 })
	h.sim.Mute(false)
	if o := h.pushOne(t, 0); o.Verdict != notify.Accepted || h.sim.Opened() != 2 {
		t.Errorf("%+v on connection %d", o, h.sim.Opened())
	}
}

// Pushes leave the house through the proxy that the configuration names.
func TestProxy(t *testing.T) { both(t, testProxy) }

func testProxy(t *testing.T, via string) {
	var connects atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connects.Add(1)
		if r.Method != http.MethodConnect {
			http.Error(w, "only CONNECT", http.StatusBadGateway)
			return
		}
		notifytest.Tunnel(t, w, r.Host)
	}))
	defer proxy.Close()
	h := newHouse(t, sim.APNsOptions{}, via)
	through, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	h.adapter, err = New(notify.AdapterEnv{Section: notifytest.YAML(h.section(t)), Clock: h.clock,
		Log: notifytest.Quiet(), Outgoing: notify.Outgoing{Proxy: http.ProxyURL(through)}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.adapter.Close()
	if got := h.push(t.Context(), deliveries(t, h.adapter, 100)); got[notify.Accepted] != 100 || connects.Load() == 0 {
		t.Errorf("%v, %d through the proxy", got, connects.Load())
	}
}

// A server that allows one stream at a time is served one at a time: nobody is left waiting, no connection is taken for
// one that said goodbye.
func TestOneStreamForEver(t *testing.T) { both(t, testOneStreamForEver) }

func testOneStreamForEver(t *testing.T, via string) {
	h := newHouse(t, sim.APNsOptions{Streams: 1}, via)
	if got := h.push(t.Context(), deliveries(t, h.adapter, 1000)); got[notify.Accepted] != 1000 {
		t.Errorf("%v", got)
	}
	if n, refused := h.sim.Opened(), h.sim.RefusedStreams(); n > 2 || refused > 0 {
		t.Errorf("%d connections, %d refused streams", n, refused)
	}
}
