package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// hub is one `allim serve` with its own folder; it can be killed and started again.
type hub struct {
	t      testing.TB
	binary string
	dir    string // holds allim.yaml and data
	addr   string
	key    string // of an administrator
	http   *http.Client
	output *output // of all its lives
	proc   *process
	ahead  time.Duration // of the machine's clock, from the next start on
}

// newHub writes the configuration (all but listen, data_dir and log) and makes the first key. Start starts it.
func newHub(t testing.TB, binary, yaml string) *hub {
	t.Helper()
	h := &hub{t: t, binary: binary, dir: t.TempDir(), addr: freeAddr(t), output: &output{},
		http: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	h.configure(yaml)
	h.key = strings.TrimSpace(h.allim("key", "create", "--name", "e2e", "--scope", "admin", "--data", h.data()))
	t.Cleanup(func() {
		h.kill()
		h.http.CloseIdleConnections()
		text := h.output.String()
		if strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic:") {
			t.Error("the hub had a data race or a panic")
		}
		if t.Failed() {
			t.Logf("the end of what the hub wrote:\n%s", lastLines(text, 60))
		}
	})
	return h
}

func (h *hub) configure(yaml string) {
	h.t.Helper()
	head := fmt.Sprintf("listen: %s\ndata_dir: %s\nlog: {level: info, format: text}\n", h.addr, h.data())
	if err := os.WriteFile(h.conf(), []byte(head+yaml), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hub) conf() string { return filepath.Join(h.dir, "allim.yaml") }
func (h *hub) data() string { return filepath.Join(h.dir, "data") }
func (h *hub) url() string  { return "http://" + h.addr }

// start starts the process and returns when it is ready.
func (h *hub) start() {
	h.t.Helper()
	h.launch()
	until(h.t, 30*time.Second, "the hub to be ready", func() bool {
		if h.proc.ended() {
			h.t.Fatal("the hub ended instead of getting ready")
		}
		res, err := h.http.Get(h.url() + "/readyz")
		if err != nil {
			return false
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// launch starts the process and does not wait for more.
func (h *hub) launch() {
	h.t.Helper()
	cmd := exec.Command(h.binary, "serve", "-c", h.conf())
	if h.ahead != 0 { // the same hub with another clock
		options, err := json.Marshal(map[string]any{"config": h.conf(), "ahead": h.ahead})
		if err != nil {
			h.t.Fatal(err)
		}
		cmd = exec.Command(h.binary, "bench", "hub", string(options))
		if _, err := cmd.StdinPipe(); err != nil { // it lives as long as that is open
			h.t.Fatal(err)
		}
	}
	h.proc = spawn(h.t, h.output, cmd)
}

// kill ends it as kill -9 does.
func (h *hub) kill() {
	if h.proc != nil {
		h.proc.signal(syscall.SIGKILL)
		<-h.proc.done
	}
}

// stop ends it in order, which must take less than the promised ten seconds.
func (h *hub) stop() {
	h.t.Helper()
	began := time.Now()
	h.proc.signal(syscall.SIGTERM)
	select {
	case <-h.proc.done:
	case <-time.After(20 * time.Second):
		h.kill()
	}
	if took := time.Since(began); took > 10*time.Second {
		h.t.Errorf("the hub took %s to stop", took)
	}
	if h.proc.err != nil {
		h.t.Errorf("the hub stopped with: %v", h.proc.err)
	}
}

// allim runs an admin command against the hub; it must work. It gives what it printed.
func (h *hub) allim(args ...string) string {
	h.t.Helper()
	out, errText, code := h.try(args...)
	if code != 0 {
		h.t.Fatalf("allim %s: exit status %d: %s", strings.Join(args, " "), code, errText)
	}
	return out
}

// try runs an admin command and gives what came of it.
func (h *hub) try(args ...string) (stdout, stderr string, code int) {
	h.t.Helper()
	var out, errText bytes.Buffer
	cmd := exec.CommandContext(h.t.Context(), h.binary, args...)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "ALLIM_URL="+h.url(), "ALLIM_KEY="+h.key)
	cmd.Stdout, cmd.Stderr = &out, &errText
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		h.t.Fatal(err)
	}
	return out.String(), errText.String(), cmd.ProcessState.ExitCode()
}

// process is a child that ends with the test at the latest.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // how it ended; after done
}

func spawn(t testing.TB, out io.Writer, cmd *exec.Cmd) *process {
	t.Helper()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // Pdeathsig looks at the thread that started the child
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
		close(p.done)
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	return p
}

// signal goes to the child and its own children.
func (p *process) signal(s syscall.Signal) {
	if !p.ended() {
		_ = syscall.Kill(-p.cmd.Process.Pid, s) // fails when it ended in between
	}
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// output gathers what a process writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// freeAddr finds a loopback address below the ports that the kernel gives to outgoing connections, so that it stays free
// while a hub is down.
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
