package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"allim.dev/allim/notify/api"
)

// front is the one address that people open: the demo's page, and the hub's API behind it, so that both are of one origin
// and the page's cookie reaches the API.
type front struct {
	url    string
	listen net.Listener
	cancel context.CancelFunc
	server *http.Server // nil before serve
	served chan error
	ended  bool
}

func newFront(ctx context.Context, addr string) (*front, error) {
	l, err := listenLoopback(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &front{url: "http://" + l.Addr().String(), listen: l, served: make(chan error, 1)}, nil
}

// listenLoopback listens on a loopback address only: the demo hands out its people's tokens.
func listenLoopback(ctx context.Context, addr string) (net.Listener, error) {
	chosen := addr != ""
	if !chosen {
		addr = defaultListen
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("--listen %s: the demo is for loopback only, such as %s", addr, defaultListen)
	}
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", addr)
	if err != nil && !chosen {
		l, err = c.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	return l, nil
}

// serve answers with pages below /demo, and with the hub everywhere else.
func (f *front) serve(pages http.Handler, hub string) error {
	target, err := url.Parse(hub)
	if err != nil {
		return fmt.Errorf("the hub's address: %w", err)
	}
	quiet := log.New(io.Discard, "", 0) // who leaves or is cut off is no trouble here
	mux := http.NewServeMux()
	mux.Handle("/demo", pages)
	mux.Handle("/demo/", pages)
	behind := &httputil.ReverseProxy{ErrorLog: quiet, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
	}}
	mux.Handle("/", behind)
	// Whom the demo's page has signed in has a page of their own here.
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie(api.SessionCookie); err == nil {
			behind.ServeHTTP(w, r)
			return
		}
		http.Redirect(w, r, "/demo", http.StatusFound)
	})
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	f.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, ErrorLog: quiet,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	go func() { f.served <- f.server.Serve(f.listen) }()
	return nil
}

// stop cuts streams, and lets other requests under way finish while ctx lasts. A second call does nothing.
func (f *front) stop(ctx context.Context) error {
	if f.ended {
		return nil
	}
	f.ended = true
	if f.server == nil {
		return f.listen.Close()
	}
	f.cancel()
	err := f.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, f.server.Close())
	}
	if end := <-f.served; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}
