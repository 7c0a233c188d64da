package notifytest

import (
	"io"
	"net"
	"net/http"
	"testing"
)

// Tunnel does what a CONNECT proxy does (RFC 9110 section 9.3.6), whatever place was asked for: it leads to one address,
// until either side ends.
func Tunnel(t testing.TB, w http.ResponseWriter, to string) {
	out, err := net.Dial("tcp", to)
	if err != nil {
		t.Error(err)
		return
	}
	in, _, err := http.NewResponseController(w).Hijack() // first: the server would read what comes behind an answer
	if err != nil {
		t.Error(err)
		_ = out.Close()
		return
	}
	_, _ = io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(out, in); _ = out.Close() }()
	_, _ = io.Copy(in, out)
	_ = in.Close()
	<-done
}
