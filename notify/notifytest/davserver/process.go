package davserver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"
)

// python is Debian's own: the packages' modules are its, not those of another one that comes first on the path.
const python = "/usr/bin/python3"

// Start starts the server, also again after Stop with what it has stored, and returns when it answers.
func (s *Server) Start() {
	s.t.Helper()
	path, err := exec.LookPath(s.args[0])
	if err != nil {
		s.t.Fatalf("%s is not installed: run .ci/setup (as root), which installs what the tests need", s.args[0])
	}
	out, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(python, append([]string{path}, s.args[1:]...)...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = childAttr()
	started, done := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // the child dies with the thread that started it (childAttr)
		defer close(done)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended does not matter: await looks whether it works
		}
		_ = out.Close()
	}()
	if err := <-started; err != nil {
		s.t.Fatal(err)
	}
	s.kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill() // all that it was told of is on the disk
		<-done
	})
	if err := s.await(done); err != nil {
		s.t.Fatalf("%s did not start: %v", s.args[0], err)
	}
}

// Stop ends the server; what it has stored stays.
func (s *Server) Stop() {
	if s.kill != nil {
		s.kill()
	}
}

// await returns when the server answers anything at all.
func (s *Server) await(done <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodOptions, s.URL, nil)
		if err != nil {
			return err
		}
		res, err := s.http.Do(req)
		if err == nil {
			return res.Body.Close()
		}
		select {
		case <-tick.C:
		case <-done:
			return fmt.Errorf("it ended: %w", err)
		case <-ctx.Done():
			return err
		}
	}
}

// freeAddr finds a loopback address that nobody listens on, below the range from which the kernel takes the ports of
// outgoing connections: so it is still free after a restart.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000))
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no free port on loopback")
	return ""
}
