package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/configs"
	"allim.dev/allim/notify/store/sqlite"
)

// asProgram makes the test's binary be the program, so that signals can be sent to it. Its value is the address that the
// program listens on without a file.
const asProgram = "ALLIM_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if addr := os.Getenv(asProgram); addr != "" {
		c := &cli{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, defaults: func() *configs.Config {
			config := configs.Default()
			config.Listen = addr
			return config
		}}
		os.Exit(c.run(context.Background(), os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// outcome is what a command line did.
type outcome struct {
	status      int
	out, errOut string
}

// allim runs a command line in this process.
func allim(t *testing.T, args ...string) outcome {
	t.Helper()
	return allimWith(t, "", args...)
}

func allimWith(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	var out, errOut bytes.Buffer
	status := run(args, strings.NewReader(stdin), &out, &errOut)
	return outcome{status, out.String(), errOut.String()}
}

// must runs a command line that has to work, and gives what it printed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	o := allim(t, args...)
	if o.status != 0 || o.errOut != "" {
		t.Fatalf("allim %s: exit status %d, %s", strings.Join(args, " "), o.status, o.errOut)
	}
	return o.out
}

// refused runs a command line that has to fail with one line on standard error that holds the words.
func refused(t *testing.T, status int, words string, args ...string) {
	t.Helper()
	o := allim(t, args...)
	if o.status != status || !strings.Contains(o.errOut, words) || strings.Count(o.errOut, "\n") != 1 || o.out != "" {
		t.Errorf("allim %s: exit status %d, want %d; it says %q, want one line with %q; printed: %q",
			strings.Join(args, " "), o.status, status, o.errOut, words, o.out)
	}
}

// startHub starts a hub on loopback with a fresh folder, and points the environment at it.
func startHub(t *testing.T) *app.App {
	t.Helper()
	config := configs.Default()
	config.Listen, config.DataDir = "127.0.0.1:0", filepath.Join(t.TempDir(), "data")
	var first bytes.Buffer
	a, err := app.New(t.Context(), app.Options{Config: config, Stdout: &first, Synchronous: sqlite.Normal})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := a.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	t.Setenv(envURL, a.URL())
	t.Setenv(envKey, keyOf(t, first.String()))
	return a
}

// keyOf finds the secret in the line that tells the first key.
func keyOf(t *testing.T, line string) string {
	t.Helper()
	_, key, ok := strings.Cut(strings.TrimSpace(line), ": ")
	if !ok || strings.Contains(key, " ") {
		t.Fatalf("no key in %q", line)
	}
	return key
}

// process is the program running as a child.
type process struct {
	addr   string // without a file
	cmd    *exec.Cmd
	out    *buffer
	errOut *buffer
	done   chan struct{}
}

// buffer takes what a child writes.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// spawn starts the program in a folder; the test's end kills it.
func spawn(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	addr := freeAddr(t)
	p := &process{addr: addr, cmd: exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], args...), out: &buffer{}, errOut: &buffer{}, done: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), asProgram+"="+addr)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.errOut
	p.cmd.WaitDelay = 5 * time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // how it ended is in ProcessState
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.done
		if t.Failed() {
			t.Logf("the program wrote:\n%s%s", p.out, p.errOut)
		}
	})
	return p
}

// status waits for the end.
func (p *process) status(t *testing.T) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		t.Fatal("the program did not end")
	}
	return p.cmd.ProcessState.ExitCode()
}

func get(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

var _ running = (*app.App)(nil)
