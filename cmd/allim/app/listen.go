package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"allim.dev/allim/configs"
)

// Limits of the HTTP server. The API bounds bodies and calls, adapters/live its streams; these bound the rest.
const (
	headerTimeout  = 10 * time.Second
	writeTimeout   = 90 * time.Second // streams set their own for each write
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

func listen(ctx context.Context, addr string) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen on %s: %w; stop the program that has it, or set another address with listen", addr, syscall.EADDRINUSE)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("listen on %s: this machine does not have the address; set one that it has with listen", addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("listen on %s: %w; a port below 1024 needs CAP_NET_BIND_SERVICE, see configs/allim.service", addr, syscall.EACCES)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, nil
}

func newServer(h http.Handler, cert *certificate, log *slog.Logger) *http.Server {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes,
		// What clients do wrong at TLS and HTTP level, which any port scan does.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if cert != nil {
		s.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: cert.get}
	}
	return s
}

// serve answers requests until stopHTTP.
func (a *App) serve() {
	defer close(a.served)
	var back sync.WaitGroup
	defer back.Wait()
	var err error
	if a.cert != nil {
		err = a.server.ServeTLS(a.listen, "", "")
	} else {
		back.Go(func() { _ = a.server.Serve(a.live.Returned()) }) // ends with the live part, or with the server
		err = a.server.Serve(a.listen)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		a.failed <- fmt.Errorf("the HTTP server ended: %w", err)
	}
}

// stopHTTP ends the streams, lets calls under way finish while ctx lasts, and then cuts them.
func (a *App) stopHTTP(ctx context.Context) error {
	err := errors.Join(a.live.Close(ctx), a.server.Shutdown(ctx))
	if err != nil {
		err = errors.Join(err, a.server.Close())
	}
	<-a.served
	return err
}

// localURL writes a listener's address so that it can be opened on this machine.
func localURL(addr net.Addr, secure bool) string {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return scheme + "://" + addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// certificate is the listener's, which can be read again while it serves.
type certificate struct {
	current atomic.Pointer[tls.Certificate]
}

// loadCertificate reads it; nil without TLS.
func loadCertificate(c *configs.Config) (*certificate, error) {
	if !c.TLS.Enabled() {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.TLS.CertFile, c.TLS.KeyFile)
	if err != nil {
		return nil, c.Errorf("tls", "the certificate cannot be used: %w", err)
	}
	cert := &certificate{}
	cert.current.Store(&pair)
	return cert, nil
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}
