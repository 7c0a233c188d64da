package dovecot

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// Log gives everything that the server wrote to its log since it was first started.
func (s *Server) Log() string {
	text, err := os.ReadFile(s.path("log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Login is one login at IMAP, as Dovecot logged it.
type Login struct {
	User string
	At   time.Time // to the second
	OK   bool      // else it was refused
}

// Logins gives all logins in the order of the log, which tells of a refused one when its connection closes. The probe of
// Start (user "probe") is left out.
func (s *Server) Logins() []Login {
	var out []Login
	for line := range strings.Lines(s.Log()) {
		stamp, rest, _ := strings.Cut(line, " imap-login: ")
		_, after, found := strings.Cut(rest, "user=<")
		user, _, _ := strings.Cut(after, ">")
		at, err := time.ParseInLocation("2006-01-02T15:04:05", strings.TrimSpace(stamp), time.Local)
		ok := strings.HasPrefix(rest, "Info: Login:")
		if !found || err != nil || user == "" || user == probe || !(ok || strings.Contains(rest, "auth failed")) {
			continue
		}
		out = append(out, Login{User: user, At: at, OK: ok})
	}
	return out
}

const probe = "probe"

// tryLogin logs in once with the probe's own mailbox.
func tryLogin(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	until, _ := ctx.Deadline()
	if err := conn.SetDeadline(until); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "a LOGIN %s %s\r\nb LOGOUT\r\n", probe, Password); err != nil {
		return err
	}
	in := bufio.NewScanner(conn)
	for in.Scan() {
		if rest, ok := strings.CutPrefix(in.Text(), "a "); ok {
			if strings.HasPrefix(rest, "OK") {
				return nil
			}
			return fmt.Errorf("the login was answered with %q", rest)
		}
	}
	return fmt.Errorf("the connection ended before the login was answered: %v", in.Err())
}
