package push

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var onlyOne = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

func newGuard(t testing.TB, o GuardOptions) *Guard {
	t.Helper()
	g := NewGuard(o)
	t.Cleanup(g.Close)
	return g
}

// lead makes a resolver that leads every name to the address, "" for none.
func lead(t testing.TB, address string) *net.Resolver {
	t.Helper()
	return leadTo(t, func() string { return address })
}

func leadTo(t testing.TB, address func() string) *net.Resolver {
	t.Helper()
	names, err := sim.NewNames(func(string) string { return address() })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = names.Close() })
	return names.Resolver()
}

// target is an HTTPS server that counts what reaches it.
type target struct {
	*httptest.Server
	hits, conns atomic.Int64
	roots       *x509.CertPool
	port        string
}

func newTarget(t testing.TB, h http.HandlerFunc) *target {
	t.Helper()
	tg := &target{roots: x509.NewCertPool()}
	tg.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tg.hits.Add(1)
		h(w, r)
	}))
	tg.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			tg.conns.Add(1)
		}
	}
	tg.EnableHTTP2 = true
	tg.Config.ErrorLog = log.New(io.Discard, "", 0)
	tg.StartTLS()
	t.Cleanup(tg.Close)
	tg.roots.AddCert(tg.Certificate()) // for example.com and 127.0.0.1
	_, tg.port, _ = net.SplitHostPort(tg.Listener.Addr().String())
	return tg
}

func get(t testing.TB, g *Guard, address string) (Reply, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	return g.Do(req)
}

func TestGuardReaches(t *testing.T) {
	tg := newTarget(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, r.Proto)
	})
	g := newGuard(t, GuardOptions{Outgoing: notify.Outgoing{AllowPrivate: onlyOne}, RootCAs: tg.roots, Resolver: lead(t, "127.0.0.1")})
	for range 3 {
		r, err := get(t, g, "https://example.com:"+tg.port+"/x")
		if err != nil || r.Status != 201 || string(r.Body) != "HTTP/2.0" {
			t.Fatalf("%d %q %v", r.Status, r.Body, err)
		}
	}
	if n := tg.conns.Load(); n != 1 {
		t.Errorf("%d connections for 3 requests", n)
	}
}

// Names lead to the house, or do so the second time: the address that is dialled is what counts.
func TestGuardRefusesNamesThatLeadInside(t *testing.T) {
	tg := newTarget(t, func(http.ResponseWriter, *http.Request) {})
	g := newGuard(t, GuardOptions{RootCAs: tg.roots, Resolver: lead(t, "127.0.0.1")})
	if _, err := get(t, g, "https://example.com:"+tg.port+"/x"); !errors.Is(err, ErrRefused) {
		t.Errorf("a name that leads to loopback: %v", err)
	}
	var now atomic.Value
	now.Store("127.0.0.1")
	g = newGuard(t, GuardOptions{Outgoing: notify.Outgoing{AllowPrivate: onlyOne}, RootCAs: tg.roots,
		Resolver: leadTo(t, func() string { return now.Load().(string) })})
	if _, err := get(t, g, "https://example.com:"+tg.port+"/x"); err != nil {
		t.Fatalf("the first time: %v", err)
	}
	now.Store("127.0.0.2")
	before := tg.conns.Load()
	notifytest.Until(t, "the first connection is not used any longer", func() bool {
		tg.CloseClientConnections()
		_, err := get(t, g, "https://example.com:"+tg.port+"/x")
		return errors.Is(err, ErrRefused)
	})
	if tg.conns.Load() != before {
		t.Error("rebound to another address, and connected")
	}
	g = newGuard(t, GuardOptions{RootCAs: tg.roots, Resolver: lead(t, "::ffff:127.0.0.1")})
	if _, err := get(t, g, "https://example.com:"+tg.port+"/x"); !errors.Is(err, ErrRefused) {
		t.Errorf("an IPv4-mapped address: %v", err)
	}
}

func TestGuardFollowsNoRedirect(t *testing.T) {
	inside := newTarget(t, func(http.ResponseWriter, *http.Request) {})
	for _, status := range []int{301, 302, 303, 307, 308} {
		tg := newTarget(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inside.URL, status) })
		g := newGuard(t, GuardOptions{Outgoing: notify.Outgoing{AllowPrivate: onlyOne}, RootCAs: tg.roots})
		if r, err := get(t, g, tg.URL); err != nil || r.Status != status || r.Header.Get("Location") != inside.URL {
			t.Errorf("%d: %+v %v", status, r, err)
		}
	}
	if inside.conns.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestCheckURL(t *testing.T) {
	strict := newGuard(t, GuardOptions{HTTPHosts: []string{"push.lan.example.com"}})
	open := newGuard(t, GuardOptions{Outgoing: notify.Outgoing{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}}})
	for address, want := range map[string]struct{ strict, open bool }{
		"https://push.example.net/x":                    {true, true},
		"https://push.example.net:8443/x?y=%2F":         {true, true},
		"https://8.8.8.8/x":                             {true, true},
		"https://[2606:4700:4700::1111]/x":              {true, true},
		"http://push.lan.example.com/x":                 {true, false},
		"http://PUSH.lan.example.com:8080/x":            {true, false},
		"https://10.1.2.3/x":                            {false, true},
		"https://[::ffff:10.1.2.3]/x":                   {false, true},
		"https://[fd00::1]/x":                           {false, true},
		"https://intranet/x":                            {false, true}, // the dialled address decides
		"https://printer.local/x":                       {false, true},
		"https://metadata.google.internal/x":            {false, true},
		"https://a.home.arpa/x":                         {false, true},
		"https://localhost/x":                           {false, true},
		"https://x.localhost./x":                        {false, true},
		"https://2130706433/x":                          {false, true},
		"https://0x7f.1/x":                              {false, true},
		"https://0177.0.0.1/x":                          {false, true},
		"https://127.1/x":                               {false, true},
		"http://push.example.net/x":                     {false, false},
		"http://push.lan.example.com.evil.org/x":        {false, false},
		"https://10.2.0.1/x":                            {false, false},
		"https://127.0.0.1/x":                           {false, false},
		"https://[::1]/x":                               {false, false},
		"https://[fe80::1%25eth0]/x":                    {false, false},
		"https://0.0.0.0/x":                             {false, false},
		"https://[::]/x":                                {false, false},
		"https://user:pass@push.example.net/x":          {false, false},
		"https://push.example.net/x#f":                  {false, false},
		"https://push.example.net:0/x":                  {false, false},
		"https://push.example.net:/x":                   {false, false},
		"https:///x":                                    {false, false},
		"https://./x":                                   {false, false},
		"https://../x":                                  {false, true},
		"https:push.example.net/x":                      {false, false},
		"file:///etc/passwd":                            {false, false},
		"gopher://push.example.net/":                    {false, false},
		"push.example.net/x":                            {false, false},
		"https://push.example.net\t/x":                  {false, false},
		"https://①②⑦.⓪.⓪.①/x":                           {false, false},
		"https://push.example.net/%zz":                  {false, false},
		"https://x/" + strings.Repeat("a", MaxEndpoint): {false, false},
	} {
		for g, good := range map[*Guard]bool{strict: want.strict, open: want.open} {
			_, err := g.CheckURL(address)
			if (err == nil) != good || err != nil && !errors.Is(err, ErrRefused) {
				t.Errorf("%.60q (private allowed: %v): %v", address, g == open, err)
			}
			if err != nil && strings.Contains(err.Error(), "push.example.net") {
				t.Errorf("the error repeats the address: %v", err)
			}
		}
	}
}

func TestGuardAddresses(t *testing.T) {
	g := newGuard(t, GuardOptions{})
	for _, s := range []string{
		"127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1",
		"100.100.100.200", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.0.0.8", "192.0.2.1",
		"198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8%eth0", "::ffff:0:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1",
		"100::1", "2001::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd12::1", "fe80::1", "fe80::1%eth0",
		"fec0::1", "ff02::1", "fd00:ec2::254",
	} {
		a := netip.MustParseAddr(s)
		if s == "::ffff:8.8.8.8%eth0" {
			continue // the zone is dropped, and 8.8.8.8 is public
		}
		if err := g.control("tcp", netip.AddrPortFrom(a, 443).String(), nil); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{"8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "::ffff:8.8.8.8", "2606:4700::1", "2a00:1450::1", "2001:4860::1"} {
		if err := g.control("tcp", netip.AddrPortFrom(netip.MustParseAddr(s), 443).String(), nil); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	if err := g.control("unix", "/run/docker.sock", nil); !errors.Is(err, ErrRefused) {
		t.Errorf("a socket: %v", err)
	}
}

// endless answers with more than anybody wants.
func endless(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/long":
		for range 100 {
			_, _ = io.WriteString(w, strings.Repeat("x", 64<<10))
		}
	case "/headers":
		for i := range 100 {
			w.Header().Set("X-"+strings.Repeat("a", i+1), strings.Repeat("y", 1000))
		}
	case "/breaks":
		w.WriteHeader(http.StatusGone)
		_, _ = io.WriteString(w, "gone")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case "/packed":
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, "not unpacked")
	}
}

func TestGuardReadsNoEndlessAnswer(t *testing.T) {
	tg := newTarget(t, endless)
	g := newGuard(t, GuardOptions{Outgoing: notify.Outgoing{AllowPrivate: onlyOne}, RootCAs: tg.roots})
	if r, err := get(t, g, tg.URL+"/long"); err != nil || len(r.Body) != MaxReply {
		t.Errorf("long: %d bytes, %v", len(r.Body), err)
	}
	if _, err := get(t, g, tg.URL+"/headers"); err == nil {
		t.Error("100 KB of headers were taken")
	}
	if r, err := get(t, g, tg.URL+"/breaks"); err != nil || r.Status != 410 || string(r.Body) != "gone" {
		t.Errorf("breaks: %+v %v", r, err)
	}
	if r, err := get(t, g, tg.URL+"/packed"); err != nil || string(r.Body) != "not unpacked" {
		t.Errorf("packed: %+v %v", r, err)
	}
	if r, err := get(t, g, tg.URL+"/"); err != nil || r.Status != 200 {
		t.Errorf("afterwards: %+v %v", r, err)
	}
}

// Errors are plain words that hold nothing of the address.
func TestGuardErrors(t *testing.T) {
	stuck := make(chan struct{})
	tg := newTarget(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stuck-secret" {
			<-stuck
		}
		panic(http.ErrAbortHandler)
	})
	t.Cleanup(func() { close(stuck) })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = free.Close()
	out := notify.Outgoing{AllowPrivate: onlyOne}
	good := newGuard(t, GuardOptions{Outgoing: out, RootCAs: tg.roots})
	for name, c := range map[string]struct {
		g       *Guard
		address string
		broke   bool
	}{
		"no such host":    {newGuard(t, GuardOptions{Outgoing: out, Resolver: lead(t, "")}), "https://secret.example.com/secret", false},
		"refused":         {good, "https://" + free.Addr().String() + "/secret", false},
		"no trust":        {newGuard(t, GuardOptions{Outgoing: out, RootCAs: x509.NewCertPool()}), tg.URL + "/secret", false},
		"reset":           {good, tg.URL + "/secret", true},
		"timeout":         {good, tg.URL + "/stuck-secret", false},
		"not our network": {newGuard(t, GuardOptions{Resolver: lead(t, "10.0.0.1")}), "https://secret.example.com/secret", false},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.g.Do(req)
		cancel()
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: %v", name, err)
		}
		if Broke(err) != c.broke {
			t.Errorf("%s: broke = %v: %v", name, Broke(err), err)
		}
		t.Logf("%s: %v", name, err)
	}
	if Broke(nil) {
		t.Error("nothing broke")
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{"https://push.example.net/x", "https://[::ffff:127.0.0.1%25x]:443/", "https://2130706433", "https://a@b#c"} {
		f.Add(s)
	}
	g := NewGuard(GuardOptions{})
	f.Fuzz(func(t *testing.T, s string) {
		u, err := g.CheckURL(s)
		if err != nil {
			if !errors.Is(err, ErrRefused) {
				t.Errorf("%v", err)
			}
			return
		}
		if u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(s) > MaxEndpoint {
			t.Errorf("taken: %q", s)
		}
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && (a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()) {
			t.Errorf("taken: %q", s)
		}
	})
}
