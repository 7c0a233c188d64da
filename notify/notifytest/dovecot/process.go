package dovecot

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// launch starts Dovecot in the foreground as a child of this process.
func (s *Server) launch() {
	s.t.Helper()
	cmd := exec.Command("dovecot", "-F", "-c", s.path("dovecot.conf"))
	cmd.SysProcAttr = childAttr()
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	started, done := make(chan error), make(chan struct{})
	go func() {
		// The child dies with the thread that started it (childAttr), so that thread waits for it.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended does not matter: await looks whether it works
		}
		close(done)
	}()
	if err := <-started; err != nil {
		s.t.Fatalf("dovecot: %v", err)
	}
	s.done = done
	var once sync.Once
	s.kill = func() {
		once.Do(func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			<-done
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what is left of its group
			if out.Len() > 0 {
				s.t.Logf("dovecot said: %s", out.String())
			}
		})
	}
}

// raiseInotify allows more than the kernel's 128 inotify instances a user: beyond that Dovecot's IDLE silently becomes a
// poll every 30 seconds. Only root can; elsewhere the limit bounds how many mailboxes a test may watch at once
// (sysctl fs.inotify.max_user_instances).
func raiseInotify() {
	for name, want := range map[string]int{"max_user_instances": 16384, "max_user_watches": 524288} {
		file := "/proc/sys/fs/inotify/" + name
		have, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimSpace(string(have))); err == nil && n < want {
			_ = os.WriteFile(file, []byte(strconv.Itoa(want)), 0o644) // refused: see above
		}
	}
}

func giveAway(path, name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return fmt.Errorf("user %s: %w", name, err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return fmt.Errorf("user %s: %w", name, err)
	}
	return os.Chown(path, uid, gid)
}

// freePorts finds ports that nobody listens on, below the range from which the kernel takes those of outgoing
// connections: so they are still free after a restart.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for range 1000 {
		p := 12000 + rand.IntN(20000)
		l, err := net.Listen("tcp", addr(p))
		if err != nil {
			continue
		}
		defer func() { _ = l.Close() }() // held until all are found, so that they differ
		if ports = append(ports, p); len(ports) == n {
			return ports
		}
	}
	t.Fatal("dovecot: found no free ports on loopback")
	return nil
}
