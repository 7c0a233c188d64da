package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"allim.dev/allim/configs"
	"allim.dev/allim/notify/notifytest"
)

// freeAddr gives an address that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// serveIn starts `allim serve` with a small configuration in dir, and waits until it answers.
func serveIn(t *testing.T, dir string) *process {
	t.Helper()
	addr := freeAddr(t)
	writeConfig(t, dir, "listen: "+addr+"\nlog: {level: info, format: json}\n")
	p := spawn(t, dir, "serve", "-c", "allim.yaml")
	notifytest.Until(t, "the hub to answer", func() bool {
		status, _ := get(t, http.DefaultClient, "http://"+addr+"/readyz")
		return status == http.StatusOK
	})
	http.DefaultClient.CloseIdleConnections()
	return p
}

func writeConfig(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "allim.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (p *process) says(t *testing.T, words string) {
	t.Helper()
	notifytest.Until(t, fmt.Sprintf("the program to say %q", words), func() bool { return strings.Contains(p.errOut.String(), words) })
}

func TestServeEndsInOrder(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := serveIn(t, t.TempDir())
		p.signal(t, s)
		if status := p.status(t); status != 0 {
			t.Errorf("%s: exit status %d", s, status)
		}
		if !strings.Contains(p.errOut.String(), `"msg":"stopped"`) {
			t.Errorf("%s: no word of the stop in the log", s)
		}
		if p.out.String() != "" {
			t.Errorf("with a file nothing is printed, and no key is made: %q", p.out)
		}
	}
}

func TestServeWithoutAFilePrintsTheFirstKeyOnce(t *testing.T) {
	dir := t.TempDir()
	var key string
	for life := range 2 {
		p := spawn(t, dir, "serve")
		p.says(t, "the hub is running")
		if life == 0 {
			key = keyOf(t, p.out.String())
			t.Setenv(envKey, key)
			t.Setenv(envURL, "http://"+p.addr)
			must(t, "key", "list")
			http.DefaultClient.CloseIdleConnections()
		} else if out := p.out.String(); out != "" {
			t.Errorf("a second start printed %q", out)
		}
		p.signal(t, syscall.SIGTERM)
		if status := p.status(t); status != 0 {
			t.Errorf("exit status %d", status)
		}
		if strings.Contains(p.errOut.String(), key) {
			t.Error("the log holds the key")
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "allim.db")); err != nil {
		t.Errorf("the data is not in ./data: %v", err)
	}
}

func TestASecondHubOnTheSameFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	serveIn(t, dir)
	writeConfig(t, dir, "listen: "+freeAddr(t)+"\n")
	second := spawn(t, dir, "serve", "-c", "allim.yaml")
	if status := second.status(t); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	if text := second.errOut.String(); !strings.Contains(text, "another hub") || strings.Count(text, "\n") != 1 {
		t.Errorf("it says %q", text)
	}
	third := spawn(t, dir, "key", "create", "--name", "x", "--scope", "admin", "--data", "data")
	if status := third.status(t); status != 1 || !strings.Contains(third.errOut.String(), "a hub is running on the data folder data; leave out --data") {
		t.Errorf("key create --data beside a hub: exit status %d", status)
	}
}

func TestAnAddressInUseIsOneClearError(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	writeConfig(t, dir, "listen: "+l.Addr().String()+"\n")
	refused(t, 1, "listen on "+l.Addr().String()+": address already in use; stop the program", "serve", "-c", filepath.Join(dir, "allim.yaml"))
	writeConfig(t, dir, "listen: 203.0.113.1:8080\n") // of RFC 5737, so of no machine
	refused(t, 1, "203.0.113.1:8080: this machine does not have the address", "serve", "-c", filepath.Join(dir, "allim.yaml"))
}

func TestSIGHUPReadsTheFileAgain(t *testing.T) {
	dir := t.TempDir()
	p := serveIn(t, dir)
	file, err := os.ReadFile(filepath.Join(dir, "allim.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	writeConfig(t, dir, string(file)+"retentoin: 48h\nlimit: {}\n")
	p.signal(t, syscall.SIGHUP)
	p.says(t, "nothing was changed")
	p.says(t, `line 3, column 1: unknown key \"retentoin\"; did you mean \"retention\"?; allim.yaml: line 4`)

	writeConfig(t, dir, strings.ReplaceAll(string(file), "level: info", "level: debug")+"retention: 48h\n")
	p.signal(t, syscall.SIGHUP)
	p.says(t, `"changed":"retention"`)
	p.signal(t, syscall.SIGTERM)
	if status := p.status(t); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if !regexp.MustCompile(`"level":"DEBUG","msg":"stopped","part":"store"`).MatchString(p.errOut.String()) {
		t.Error("the new log level was not applied")
	}
}

func TestServiceManagerIsTold(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	read := func() string {
		b := make([]byte, 64)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	p := serveIn(t, dir)
	if got := read(); got != "READY=1" {
		t.Errorf("got %q", got)
	}
	p.signal(t, syscall.SIGTERM)
	if got := read(); got != "STOPPING=1" {
		t.Errorf("got %q", got)
	}
	p.status(t)
}

// stuck is a program that does not stop before release.
type stuck struct {
	stopping chan struct{}
	release  chan struct{}
	failed   chan error
}

func (s *stuck) Failed() <-chan error { return s.failed }
func (s *stuck) Reload(*configs.Config, *slog.LevelVar) ([]string, error) {
	return nil, nil
}
func (s *stuck) Stop(context.Context) error {
	close(s.stopping)
	<-s.release
	return nil
}

func newStuck() *stuck {
	return &stuck{stopping: make(chan struct{}), release: make(chan struct{}), failed: make(chan error, 1)}
}

func serverOf(s *stuck, signals chan os.Signal) *server {
	return &server{app: s, log: slog.New(slog.DiscardHandler), signals: signals, tell: func(string) {}}
}

func TestASecondSignalQuitsAtOnce(t *testing.T) {
	s, signals, ended := newStuck(), make(chan os.Signal, 1), make(chan error, 1)
	go func() { ended <- serverOf(s, signals).run(t.Context()) }()
	signals <- syscall.SIGTERM
	notifytest.Receive(t, "the stop", s.stopping)
	signals <- syscall.SIGHUP // no signal to stop
	signals <- syscall.SIGINT
	if err := notifytest.Receive(t, "the end", ended); err == nil || !strings.Contains(err.Error(), "second signal") {
		t.Errorf("got %v", err)
	}
	close(s.release)
}

func TestServeEndsWhenTheServerFails(t *testing.T) {
	s := newStuck()
	close(s.release)
	s.failed <- fmt.Errorf("the HTTP server ended")
	if err := serverOf(s, nil).run(t.Context()); err == nil || !strings.Contains(err.Error(), "the HTTP server ended") {
		t.Errorf("got %v", err)
	}
	notifytest.Receive(t, "the stop", s.stopping)
}

func TestSIGHUPWithoutAFile(t *testing.T) {
	var text bytes.Buffer
	s := &server{app: newStuck(), log: slog.New(slog.NewTextHandler(&text, nil)), tell: func(string) {}}
	s.reload()
	if !strings.Contains(text.String(), "no configuration file") {
		t.Errorf("it says %q", text.String())
	}
}
