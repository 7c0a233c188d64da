package h2

import (
	"context"
	"crypto/tls"
	"net"
	"os/exec"
	"strings"
	"testing"

	"allim.dev/allim/adapters/sim"
	"allim.dev/allim/notify/notifytest"
)

// Against a server that is not Go's: nghttp2's, with small windows, padding and few streams, which sends bodies back.
func TestNghttpd(t *testing.T) {
	program, err := exec.LookPath("nghttpd")
	if err != nil {
		t.Fatalf("nghttpd is missing: .ci/setup installs it: %v", err)
	}
	ca, err := sim.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Server()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile, err := sim.PEMFiles(dir, "server", cert)
	if err != nil {
		t.Fatal(err)
	}
	lis := listen(t)
	address := lis.Addr().String()
	_, port, _ := net.SplitHostPort(address) // the listener's own
	_ = lis.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, program, "--address=127.0.0.1", "--echo-upload", "--padding=60", "--max-concurrent-streams=7",
		"--window-bits=12", "--header-table-size=128", "--trailer=x-end: yes", "--htdocs="+dir, port, keyFile, certFile)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() }) // ends by the signal
	notifytest.Until(t, "nghttpd listens", func() bool {
		nc, err := net.Dial("tcp", address)
		if err == nil {
			_ = nc.Close()
		}
		return err == nil
	})
	d := Dialer{Address: address, TLS: &tls.Config{RootCAs: ca.Pool()}}
	o := options(d.Dial)
	o.MaxBody, o.Connections = 64<<10, 2
	c := newClient(t, o)
	const n = 500
	body := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 1+i*i%20_000) }
	a := newAnswers(t, n)
	c.Do(t.Context(), Batch{N: n, Done: a.done, Fill: func(i int, r *Request) error {
		err := fill(i, r)
		r.Body = []byte(body(i))
		return err
	}})
	a.count()
	for i, r := range a.list {
		if r.Err != nil || r.Status != 200 || string(r.Body) != body(i) {
			t.Fatalf("%d: %d, %d bytes, %v; want %d bytes", i, r.Status, len(r.Body), r.Err, len(body(i)))
		}
	}
}
