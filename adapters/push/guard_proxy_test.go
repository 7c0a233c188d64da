package push

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

// proxy is a CONNECT proxy that leads every tunnel to one address.
func proxy(t testing.TB, to string) (*url.URL, *atomic.Int64, chan string) {
	t.Helper()
	asked := make(chan string, 16)
	var conns atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host
		if r.Method != http.MethodConnect {
			return
		}
		notifytest.Tunnel(t, w, to)
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u, &conns, asked
}

func TestGuardGoesThroughTheProxy(t *testing.T) {
	tg := newTarget(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
	via, _, asked := proxy(t, tg.Listener.Addr().String())
	g := newGuard(t, GuardOptions{Outgoing: notify.Outgoing{Proxy: http.ProxyURL(via)}, RootCAs: tg.roots, Resolver: lead(t, "8.8.8.8")})
	r, err := get(t, g, "https://example.com/x")
	if err != nil || r.Status != 201 {
		t.Fatalf("%+v %v", r, err)
	}
	if got := <-asked; got != "CONNECT example.com:443" {
		t.Errorf("the proxy was asked for %q", got)
	}
	for name, c := range map[string]struct {
		resolver *net.Resolver
		address  string
	}{
		"a literal address of the house":   {nil, "https://192.168.1.1/x"},
		"a mapped one":                     {nil, "https://[::ffff:127.0.0.1]/x"},
		"a name of the house":              {nil, "https://localhost/x"},
		"a name that leads into the house": {lead(t, "10.0.0.1"), "https://example.com/x"},
	} {
		g := newGuard(t, GuardOptions{Outgoing: notify.Outgoing{Proxy: http.ProxyURL(via)}, RootCAs: tg.roots, Resolver: c.resolver})
		if _, err := get(t, g, c.address); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	select {
	case got := <-asked:
		t.Errorf("the proxy was asked for %q", got)
	default:
	}
	// Inside a house that resolves no outside names the proxy does.
	g = newGuard(t, GuardOptions{Outgoing: notify.Outgoing{Proxy: http.ProxyURL(via)}, RootCAs: tg.roots, Resolver: lead(t, "")})
	if r, err := get(t, g, "https://example.com/x"); err != nil || r.Status != 201 {
		t.Errorf("a name that only the proxy knows: %+v %v", r, err)
	}
}

// The proxy is the configuration's choice alone, and a stranger cannot name its address as an endpoint.
func TestGuardKeepsTheProxyToItself(t *testing.T) {
	tg := newTarget(t, func(http.ResponseWriter, *http.Request) {})
	via, conns, _ := proxy(t, tg.Listener.Addr().String())
	t.Setenv("HTTPS_PROXY", via.String())
	g := newGuard(t, GuardOptions{RootCAs: tg.roots, Resolver: lead(t, "127.0.0.1")})
	if _, err := get(t, g, "https://example.com:"+tg.port); !errors.Is(err, ErrRefused) {
		t.Errorf("%v", err)
	}
	g = newGuard(t, GuardOptions{RootCAs: tg.roots, Resolver: lead(t, "127.0.0.1"), Outgoing: notify.Outgoing{
		Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Hostname() == "direct.example.com" {
				return nil, nil
			}
			return via, nil
		}}})
	if _, err := get(t, g, "https://direct.example.com:"+via.Port()+"/"); !errors.Is(err, ErrRefused) {
		t.Errorf("the proxy's own address as an endpoint: %v", err)
	}
	if conns.Load() != 0 {
		t.Errorf("%d connections to the proxy", conns.Load())
	}
	g = newGuard(t, GuardOptions{Outgoing: notify.Outgoing{Proxy: func(*http.Request) (*url.URL, error) { return nil, errors.New("no") }}})
	if _, err := get(t, g, "https://example.com/"); err == nil {
		t.Error("an error of the proxy's choice means: send directly")
	}
}
