package fast

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Hello is the line of JSON that Run begins with.
type Hello struct {
	URL       string `json:"url"`        // the endpoint of APNs and FCM
	Push      string `json:"push"`       // what the endpoints of browsers begin with
	TokenURL  string `json:"token_url"`  // where an FCM account gets its access tokens
	TokenPath string `json:"token_path"` // the same under another name of the simulator's: ProxiedHost
	CAPEM     string `json:"ca_pem"`     // of the certificate's authority
	Control   string `json:"control"`    // plain HTTP: see Control
}

// Run runs a simulator until ctx ends; it is the whole of a process. It tells on out where it is, in one line.
func Run(ctx context.Context, o Options, out io.Writer) (err error) {
	s, err := New(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("open the simulator's control port: %w", err)
	}
	control := &http.Server{Handler: s.Control(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- control.Serve(lis) }()
	hello := Hello{URL: s.URL(), Push: s.Endpoint(""), TokenURL: s.TokenURL(), TokenPath: tokenPath, CAPEM: string(s.ca.PEM()), Control: "http://" + lis.Addr().String()}
	if err = json.NewEncoder(out).Encode(hello); err == nil {
		select {
		case <-ctx.Done():
		case err := <-failed:
			return err
		}
	}
	err = errors.Join(err, control.Close())
	<-failed
	return err
}

// Control shows a simulator over plain HTTP: GET /stats gives Stats in JSON, POST /reset forgets them, POST /disconnect
// cuts every connection, and CONNECT is a proxy to it.
func (s *Server) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.Stats()) // who asked is gone
	})
	mux.HandleFunc("POST /reset", func(http.ResponseWriter, *http.Request) { s.Reset() })
	mux.HandleFunc("POST /disconnect", func(http.ResponseWriter, *http.Request) { s.Disconnect() })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			s.tunnel(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// tunnel is an HTTP CONNECT proxy to the simulator itself, wherever the client wants to go.
func (s *Server) tunnel(w http.ResponseWriter, _ *http.Request) {
	to, err := net.Dial("tcp", s.lis.Addr().String())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = to.Close() }()
	from, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer func() { _ = from.Close() }()
	s.counts.tunnels.Add(1)
	if _, err := io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(to, from)
		_ = to.Close()
	}()
	_, _ = io.Copy(from, to)
	_ = from.Close()
	<-done
}
