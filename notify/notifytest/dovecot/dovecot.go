// Package dovecot runs a private Dovecot 2.3 for tests: on loopback, on ports of its own, in a temporary folder, without
// systemd. Every user exists and has the password Password. A test that needs it fails where Dovecot is not installed.
//
// Dovecot holds every EXISTS back by half a second, whatever delivers the mail: it is no yardstick for less than that.
package dovecot

import (
	"context"
	"crypto/x509"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The logins that every server knows.
const (
	Password       = "secret"   // of every user
	MasterUser     = "watcher"  // may log in as anybody: "kim*watcher", or SASL PLAIN with an authorisation identity
	MasterPassword = "masterpw" // of MasterUser
	Separator      = "*"        // between a user and MasterUser in a login name
)

// patience bounds each wait for Dovecot; it is only used up when the test fails.
const patience = 30 * time.Second

// Options change a server; the zero value is a good one.
type Options struct {
	// Extra is Dovecot configuration that is put after the server's own, such as
	// "imap_capability = IMAP4rev1" for a server without IDLE.
	Extra string
}

// Server is a running Dovecot. Its methods may be called from any goroutine, but Start and Stop only from the test's.
type Server struct {
	IMAP   string         // host:port, plain with STARTTLS
	IMAPS  string         // host:port, TLS from the start
	LMTP   string         // host:port
	CAFile string         // PEM file of the authority that signed the server's certificate
	CA     *x509.CertPool // the same

	dir   string
	extra string
	t     testing.TB

	mu    sync.Mutex
	idle  []*lmtpConn // pooled
	slots chan struct{}
	done  chan struct{} // closed when the process has ended; nil before the first start
	kill  func()

	dropped atomic.Int64 // numbers the files of Drop, which must differ
}

// Start runs a server until the test ends, and returns when a login works.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if _, err := exec.LookPath("dovecot"); err != nil {
		t.Fatal("Dovecot is not installed: run .ci/setup (as root), which installs what the tests need")
	}
	// Not t.TempDir: its long name would not leave room in the 108 bytes that a Unix socket's path may have.
	dir, err := os.MkdirTemp("", "dovecot-")
	if err != nil {
		t.Fatalf("dovecot: %v", err)
	}
	ports := freePorts(t, 3)
	s := &Server{IMAP: addr(ports[0]), IMAPS: addr(ports[1]), LMTP: addr(ports[2]), dir: dir, extra: o.Extra, t: t,
		slots: make(chan struct{}, deliveries)}
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("the end of Dovecot's log:\n%s", tail(s.Log(), 40))
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("dovecot: %v", err)
		}
	})
	s.prepare()
	s.Start()
	return s
}

// prepare fills the server's folder.
func (s *Server) prepare() {
	s.t.Helper()
	raiseInotify()
	err := os.Chmod(s.dir, 0o755) // the mail user goes through it
	for _, d := range []string{"mail", "state"} {
		if err == nil {
			err = os.Mkdir(filepath.Join(s.dir, d), 0o755)
		}
	}
	if err == nil {
		err = s.writeConf()
	}
	if err == nil {
		s.CAFile = filepath.Join(s.dir, "ca.pem")
		s.CA, err = writeCertificates(s.dir)
	}
	if err != nil {
		s.t.Fatalf("dovecot: %v", err)
	}
}

// Start starts a stopped server again, on the same ports and with the same mail, and returns when a login works.
func (s *Server) Start() {
	s.t.Helper()
	if s.running() {
		s.t.Fatal("dovecot: it runs already")
	}
	// A socket left over from the last run makes logins stall for five seconds.
	if err := os.RemoveAll(s.path("run")); err != nil {
		s.t.Fatalf("dovecot: %v", err)
	}
	s.launch()
	if err := s.await(); err != nil {
		s.t.Fatalf("dovecot did not start: %v\n%s", err, tail(s.Log(), 40))
	}
}

// Stop ends the server and every process of it; what lies in the mailboxes stays.
func (s *Server) Stop() {
	s.t.Helper()
	s.mu.Lock()
	for _, c := range s.idle {
		c.close()
	}
	s.idle = nil
	s.mu.Unlock()
	if s.kill != nil {
		s.kill()
	}
}

// await returns when a login and LMTP work: Dovecot greets up to two seconds before it can check a password.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := tryLogin(ctx, s.IMAP)
		if err == nil {
			var c *lmtpConn
			if c, err = dialLMTP(ctx, s.LMTP); err == nil {
				c.close()
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-s.done:
			return err
		case <-ctx.Done():
			return err
		}
	}
}

func (s *Server) running() bool {
	if s.done == nil {
		return false
	}
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

func addr(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func tail(s string, lines int) string {
	all := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
