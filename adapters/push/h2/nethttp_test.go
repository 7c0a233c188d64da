package h2

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"allim.dev/allim/notify"
)

func rootsOf(srv *httptest.Server) *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	return roots
}

// Against net/http's own server: bodies of every size both ways, statuses, small limits, connections that it closes.
func TestNetHTTPServer(t *testing.T) {
	for name, conf := range map[string]http.HTTP2Config{
		"as it is": {}, "one stream": {MaxConcurrentStreams: 1},
		"small": {MaxConcurrentStreams: 7, MaxReadFrameSize: 16 << 10, MaxReceiveBufferPerConnection: 1 << 16, MaxReceiveBufferPerStream: 1 << 12,
			MaxDecoderHeaderTableSize: 300},
	} {
		t.Run(name, func(t *testing.T) { testNetHTTPServer(t, conf) })
	}
}

func testNetHTTPServer(t *testing.T, conf http.HTTP2Config) {
	var seen sync.Map
	var served atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		id := r.Header.Get("apns-id")
		if err != nil || r.Method != http.MethodPost || r.ProtoMajor != 2 || r.ContentLength != int64(len(body)) ||
			r.Header.Get("authorization") != bearer || r.Header.Get("apns-topic") != "com.example.mail" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		if _, again := seen.LoadOrStore(id, true); again {
			w.WriteHeader(http.StatusConflict)
			return
		}
		if served.Add(1)%150 == 0 {
			w.Header().Set("Connection", "close") // net/http's way to say GOAWAY
		}
		w.Header().Set("apns-id", id)
		w.Header().Set("X-Other", strings.Repeat("o", len(body)%500))
		w.WriteHeader([]int{200, 400, 410, 429, 503}[len(body)%5])
		_, _ = w.Write(body)
	}))
	srv.EnableHTTP2 = true
	srv.Config.HTTP2 = &conf
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	d := Dialer{Address: srv.Listener.Addr().String(), TLS: &tls.Config{RootCAs: rootsOf(srv), ServerName: "example.com"}}
	o := options(d.Dial)
	o.MaxBody, o.Connections = 64<<10, 2
	c := newClient(t, o)
	const n = 600
	body := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), i*i%20_000) }
	a := newAnswers(t, n)
	c.Do(t.Context(), Batch{N: n, Done: a.done, Fill: func(i int, r *Request) error {
		err := fill(i, r)
		r.Own = append(r.Own, notify.Header{Name: "x-number", Value: fmt.Sprint(i)})
		r.Body = []byte(body(i))
		return err
	}})
	a.count()
	for i, r := range a.list {
		if r.Err != nil || r.Status != []int{200, 400, 410, 429, 503}[len(body(i))%5] || string(r.Body) != body(i) {
			t.Fatalf("%d: %d, %d bytes, %v; want %d bytes", i, r.Status, len(r.Body), r.Err, len(body(i)))
		}
		if r.Status != 200 && (len(r.Header) != 1 || r.Header[0].Value != apnsID(i)) {
			t.Fatalf("%d: %v", i, r.Header)
		}
	}
}
