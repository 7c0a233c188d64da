package h2

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"allim.dev/allim/adapters/push"
	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/adapters/sim/fast"
	"allim.dev/allim/notify/notifytest"
)

// tunnels is a CONNECT proxy that answers with a line, and leads to an address when that says 200.
func tunnels(t *testing.T, lis net.Listener, to, line string) *atomic.Value {
	t.Helper()
	var asked atomic.Value
	asked.Store(http.Header{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := lis.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer nc.Close()
				req, err := http.ReadRequest(bufio.NewReader(nc))
				if err != nil || req.Method != http.MethodConnect {
					return
				}
				h := req.Header.Clone()
				h.Set("Target", req.Host)
				asked.Store(h)
				if _, err := io.WriteString(nc, line); err != nil || !strings.HasPrefix(line, "HTTP/1.1 200") {
					return
				}
				out, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer out.Close()
				var both sync.WaitGroup
				both.Go(func() { _, _ = io.Copy(out, nc); _ = out.Close() })
				_, _ = io.Copy(nc, out)
				_ = nc.Close()
				both.Wait()
			})
		}
	})
	t.Cleanup(func() { _ = lis.Close(); wg.Wait() })
	return &asked
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return lis
}

// Through a proxy over http and over https, with and without a password.
func TestProxy(t *testing.T) {
	ca, err := sim.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Server()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ scheme, user, auth string }{
		{"http://", "", ""}, {"http://", "kim:s3cret@", "Basic a2ltOnMzY3JldA=="}, {"https://", "kim@", "Basic a2ltOg=="},
	} {
		s := server(t, fast.Options{CA: ca})
		lis := listen(t)
		address := test.scheme + test.user + lis.Addr().String()
		if test.scheme == "https://" {
			lis = tls.NewListener(lis, &tls.Config{Certificates: []tls.Certificate{cert}})
		}
		asked := tunnels(t, lis, s.URL()[len("https://"):], "HTTP/1.1 200 Fine\r\n\r\n")
		via, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		d := Dialer{Address: "localhost:443", TLS: &tls.Config{RootCAs: ca.Pool()}, Proxy: http.ProxyURL(via)}
		c := New(options(d.Dial))
		if got := pushN(t, c, 100).count(); got[200] != 100 {
			t.Errorf("%s: %v", address, got)
		}
		h := asked.Load().(http.Header)
		if h.Get("Proxy-Authorization") != test.auth || h.Get("Target") != "localhost:443" {
			t.Errorf("%s: %v", address, h)
		}
		c.Close()
		_ = s.Close()
	}
}

// What is wrong is said in words that hold nothing of the address.
func TestDialErrors(t *testing.T) {
	s := server(t, fast.Options{})
	plain := httptest.NewUnstartedServer(http.NotFoundHandler())
	plain.Config.ErrorLog = log.New(io.Discard, "", 0)
	plain.StartTLS()
	t.Cleanup(plain.Close)
	refusing := listen(t)
	tunnels(t, refusing, "", "HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n")
	forbidding := listen(t)
	tunnels(t, forbidding, "", "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
	talking := listen(t)
	tunnels(t, talking, s.URL()[len("https://"):], "HTTP/1.1 200 OK\r\n\r\nhello")
	proxy := func(address string) func(*http.Request) (*url.URL, error) {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return http.ProxyURL(u)
	}
	at := s.URL()[len("https://"):]
	trusting := &tls.Config{RootCAs: s.CA().Pool()}
	for name, test := range map[string]struct {
		d    Dialer
		want string
	}{
		"http/1.1 only": {Dialer{Address: plain.Listener.Addr().String(), TLS: &tls.Config{RootCAs: rootsOf(plain)}}, string(ErrNotHTTP2)},
		"authority":     {Dialer{Address: at, TLS: &tls.Config{}}, "the server's certificate is from an unknown authority"},
		"name":          {Dialer{Address: at, TLS: &tls.Config{RootCAs: s.CA().Pool(), ServerName: "example.com"}}, "the server's certificate is for another name"},
		"407":           {Dialer{Address: at, TLS: trusting, Proxy: proxy("http://a:b@" + refusing.Addr().String())}, "the proxy wants other credentials (407)"},
		"403":           {Dialer{Address: at, TLS: trusting, Proxy: proxy("http://" + forbidding.Addr().String())}, "the proxy refuses the connection (403)"},
		"talks":         {Dialer{Address: at, TLS: trusting, Proxy: proxy("http://" + talking.Addr().String())}, "the proxy does not speak as it should"},
		"scheme":        {Dialer{Address: at, TLS: trusting, Proxy: proxy("socks5://" + talking.Addr().String())}, "the proxy must be http or https"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), notifytest.Patience)
		w, err := test.d.Dial(ctx)
		cancel()
		if err == nil {
			_ = w.Close()
		}
		if got := push.Reason(err); got != test.want {
			t.Errorf("%s: %q, want %q (%v)", name, got, test.want, err)
		}
	}
	chosen := errors.New("no choice")
	d := Dialer{Address: at, TLS: trusting, Proxy: func(*http.Request) (*url.URL, error) { return nil, chosen }}
	if _, err := d.Dial(t.Context()); !errors.Is(err, chosen) {
		t.Errorf("%v", err)
	}
}

// A proxy that says nothing is given up with the context.
func TestSilentProxy(t *testing.T) {
	lis := listen(t)
	t.Cleanup(func() { _ = lis.Close() })
	via, err := url.Parse("http://" + lis.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	d := Dialer{Address: "localhost:443", TLS: &tls.Config{}, Proxy: http.ProxyURL(via)}
	got := make(chan error, 1)
	go func() {
		_, err := d.Dial(ctx)
		got <- err
	}()
	nc, err := lis.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	cancel()
	if err := notifytest.Receive(t, "Dial ends", got); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
