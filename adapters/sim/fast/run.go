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
	URL      string `json:"url"`       // the endpoint of both platforms
	TokenURL string `json:"token_url"` // where an FCM account gets its access tokens
	CAPEM    string `json:"ca_pem"`    // of the certificate's authority
	Control  string `json:"control"`   // plain HTTP: GET /stats, POST /reset, POST /disconnect
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
	hello := Hello{URL: s.URL(), TokenURL: s.TokenURL(), CAPEM: string(s.ca.PEM()), Control: "http://" + lis.Addr().String()}
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
// cuts every connection.
func (s *Server) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.Stats()) // who asked is gone
	})
	mux.HandleFunc("POST /reset", func(http.ResponseWriter, *http.Request) { s.Reset() })
	mux.HandleFunc("POST /disconnect", func(http.ResponseWriter, *http.Request) { s.Disconnect() })
	return mux
}
