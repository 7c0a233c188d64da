package webpush

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"allim.dev/allim/adapters/push/h2"
	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// moved rebuilds a house's adapter with other ways out: addresses of the house's own network that are allowed, where
// names lead, and the proxy.
func (h *house) moved(t *testing.T, via string, out notify.Outgoing, lead func(string) string) {
	t.Helper()
	names, err := sim.NewNames(lead)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = names.Close() })
	dir := t.TempDir()
	ca, err := h.sim.CAFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	env := testEnv(dir, "ca_file: "+ca+"\nsubject: mailto:it@example.com\n"+via)
	env.Clock, env.Outgoing = h.clock, out
	h.adapter = mustBuild(t, env, names.Resolver())
	if h.key, err = h.adapter.PublicKey(); err != nil {
		t.Fatal(err)
	}
}

func TestNamesThatLeadInside(t *testing.T) { both(t, testNamesThatLeadInside) }

// Every connection is looked at when it is opened, after the name was resolved.
func testNamesThatLeadInside(t *testing.T, via string) {
	h := newHouse(t, sim.WebPushOptions{}, via)
	stay := func(string) string { return "127.0.0.1" }
	h.moved(t, via, notify.Outgoing{}, stay)
	for _, mode := range []sim.PushMode{sim.ModeUnifiedPush, sim.ModeGoogle} {
		for range 5 { // also when it was refused before
			if o := h.deliver(t, notice(), h.device(t, mode))[0]; o.Verdict != notify.Suspect {
				t.Errorf("a name that leads to loopback: %+v", o)
			}
		}
	}
	if n := h.sim.Opened(); n != 0 {
		t.Fatalf("%d connections", n)
	}
	var now atomic.Value
	now.Store("127.0.0.1")
	h.moved(t, via, notify.Outgoing{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, func(string) string { return now.Load().(string) })
	d := h.device(t, sim.ModeUnifiedPush)
	if o := h.deliver(t, notice(), d)[0]; o.Verdict != notify.Accepted {
		t.Fatalf("%+v", o)
	}
	now.Store("127.0.0.2")
	h.sim.Script(d.Token, sim.Fault{Drop: sim.DropBefore})
	before := h.sim.Opened()
	if o := h.deliver(t, notice(), d)[0]; o.Verdict != notify.Suspect {
		t.Errorf("a name that leads elsewhere the second time: %+v", o)
	}
	if h.sim.Opened() != before {
		t.Error("it was connected to")
	}
}

// tunnels is a CONNECT proxy that leads every tunnel to one address, and tells what it is asked for.
func tunnels(t *testing.T, to string) (*url.URL, func() []string) {
	t.Helper()
	var mu sync.Mutex
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.Method+" "+r.Host)
		mu.Unlock()
		notifytest.Tunnel(t, w, to)
	}))
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), asked...)
	}
}

func TestProxy(t *testing.T) { both(t, testProxy) }

// Through a proxy the same addresses are refused, as far as they are known here.
func testProxy(t *testing.T, via string) {
	h := newHouse(t, sim.WebPushOptions{}, via)
	at := strings.TrimPrefix(h.sim.URL(), "https://")
	proxy, asked := tunnels(t, at)
	h.moved(t, via, notify.Outgoing{Proxy: http.ProxyURL(proxy)}, func(name string) string {
		if strings.HasPrefix(name, "ntfy.") {
			return "10.0.0.1"
		}
		return "" // many houses resolve no outside names
	})
	d, inside := h.device(t, sim.ModeGoogle), h.device(t, sim.ModeUnifiedPush)
	literal := d
	literal.Token = "https://192.168.1.1/x"
	out := h.deliver(t, notice(), d, d, inside, literal)
	if out[0].Verdict != notify.Accepted || out[1].Verdict != notify.Accepted || out[2].Verdict != notify.Suspect || out[3].Verdict != notify.Suspect {
		t.Errorf("%+v", out)
	}
	_, port, _ := net.SplitHostPort(at)
	for _, got := range asked() {
		if got != "CONNECT fcm.googleapis.com:"+port {
			t.Errorf("the proxy was asked for %q", got)
		}
	}
	if len(asked()) == 0 {
		t.Error("the proxy was not asked")
	}
}

// A service that speaks HTTP/1.1 only is found out once in a while, not for every push.
func TestServiceWithoutHTTP2(t *testing.T) {
	h := newHouse(t, sim.WebPushOptions{HTTP1: true}, "")
	d := h.device(t, sim.ModeUnifiedPush)
	push := func(opened int64) {
		t.Helper()
		if o := h.deliver(t, notice(), d)[0]; o.Verdict != notify.Accepted {
			t.Errorf("%+v", o)
		}
		if n := h.sim.Opened(); n != opened {
			t.Errorf("%d connections, want %d", n, opened)
		}
	}
	push(2) // one that finds it out
	push(2)
	push(2)
	h.clock.Advance(plainFor)
	push(3)
	push(3)
}

// Where an endpoint is dialled, and what its service is told that it is.
func TestPlaces(t *testing.T) {
	for raw, want := range map[string][2]string{
		"https://Push.Example.net/x?y":        {"push.example.net", "push.example.net:443"},
		"https://push.example.net:443/x":      {"push.example.net", "push.example.net:443"},
		"https://push.example.net:8443/x":     {"push.example.net:8443", "push.example.net:8443"},
		"https://[2606:4700:4700::1111]/x":    {"[2606:4700:4700::1111]", "[2606:4700:4700::1111]:443"},
		"https://[2606:4700::1111]:8443/x":    {"[2606:4700::1111]:8443", "[2606:4700::1111]:8443"},
		"http://push.example.net/x":           {"", ""},
		"https://%e2%91%a0.example.net/x":     {"", ""},
		"https://push.example.net%2f.evil/x":  {"", ""},
		"https://[fe80::1%25eth0]/x":          {"", ""},
		"https://push.example.net%0d%0ax:1/x": {"", ""},
	} {
		u, err := url.Parse(raw)
		if err != nil {
			if want[0] != "" {
				t.Errorf("%s: %v", raw, err)
			}
			continue
		}
		if authority, address := placeOf(u); authority != want[0] || address != want[1] {
			t.Errorf("%s: %q, %q", raw, authority, address)
		}
	}
}

// The client of a service is one for all its endpoints, and a stranger cannot take the big ones' places.
func TestStrangersAreKeptApart(t *testing.T) {
	h := newHouse(t, sim.WebPushOptions{}, "")
	for range clientsMost {
		c, _ := h.adapter.h2.others.Take(notify.NewID(), func() *h2.Client { return h.adapter.h2.open("x", "x:443", 1, time.Second) })
		if c == nil {
			t.Fatal("no room")
		}
	}
	out := h.deliver(t, notice(), h.device(t, sim.ModeGoogle), h.device(t, sim.ModeUnifiedPush))
	if out[0].Verdict != notify.Accepted || out[1].Verdict != notify.Accepted {
		t.Errorf("%+v", out)
	}
	var agents []string
	for _, e := range h.sim.Log().Entries() {
		agents = append(agents, e.Get("User-Agent"))
	}
	// net/http names itself and push/h2 does not: the stranger's push went over net/http, as there was no room for it.
	if len(agents) != 2 || strings.Join(agents, "") != "Go-http-client/2.0" {
		t.Errorf("user agents %q", agents)
	}
}

// What the section says goes before outgoing.transport.
func TestTransportIsChosen(t *testing.T) {
	for _, c := range []struct {
		outgoing, section string
		h2                bool
	}{{"", "", true}, {notify.TransportNetHTTP, "", false}, {notify.TransportNetHTTP, "transport: h2\n", true}, {notify.TransportH2, "transport: nethttp\n", false}} {
		env := testEnv(t.TempDir(), goodSection+c.section)
		env.Outgoing.Transport = c.outgoing
		if a := mustBuild(t, env, nil); (a.h2 != nil) != c.h2 {
			t.Errorf("%+v: over h2: %v", c, a.h2 != nil)
		}
	}
}
