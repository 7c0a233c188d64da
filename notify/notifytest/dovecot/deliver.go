package dovecot

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// deliveries is how many mails are on their way into Dovecot at most; more wait.
const deliveries = 16

// Deliver puts a mail (RFC 5322, with CRLF or LF) into the user's INBOX over LMTP (RFC 2033). It returns when Dovecot
// has taken it. Connections are kept and shared.
func (s *Server) Deliver(ctx context.Context, user string, raw []byte) error {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	c, err := s.lmtp(ctx, user)
	if err != nil {
		return fmt.Errorf("deliver to %s: %w", user, err)
	}
	if err := c.data(raw); err != nil {
		c.close()
		return fmt.Errorf("deliver to %s: %w", user, err)
	}
	s.mu.Lock()
	s.idle = append(s.idle, c)
	s.mu.Unlock()
	return nil
}

// lmtp gives a connection on which the user was accepted; a pooled one may have died, then the next is tried.
func (s *Server) lmtp(ctx context.Context, user string) (*lmtpConn, error) {
	for {
		s.mu.Lock()
		var c *lmtpConn
		if n := len(s.idle); n > 0 {
			c, s.idle = s.idle[n-1], s.idle[:n-1]
		}
		s.mu.Unlock()
		pooled := c != nil
		if !pooled {
			var err error
			if c, err = dialLMTP(ctx, s.LMTP); err != nil {
				return nil, err
			}
		}
		err := c.recipient(ctx, user)
		if err == nil {
			return c, nil
		}
		c.close()
		var refused *textproto.Error
		if !pooled || errors.As(err, &refused) {
			return nil, err
		}
	}
}

// Drop puts a mail into the user's INBOX by writing the file (Maildir), so that mail can queue up while the server is
// stopped. The user must have got a mail or logged in before.
func (s *Server) Drop(user string, raw []byte) error {
	name := fmt.Sprintf("%d.N%d.test", time.Now().UnixNano(), s.dropped.Add(1))
	box := filepath.Join(s.path("mail"), user)
	tmp := filepath.Join(box, "tmp", name)
	if err := os.WriteFile(tmp, raw, 0o644); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		if err := giveAway(tmp, "mail"); err != nil {
			return err
		}
	}
	return os.Rename(tmp, filepath.Join(box, "new", name))
}

// lmtpConn is a session that is ready for a mail.
type lmtpConn struct {
	net  net.Conn
	text *textproto.Conn
}

func (c *lmtpConn) close() { _ = c.text.Close() }

func dialLMTP(ctx context.Context, addr string) (*lmtpConn, error) {
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &lmtpConn{net: conn, text: textproto.NewConn(conn)}
	c.deadline(ctx)
	if _, _, err = c.text.ReadResponse(220); err == nil {
		err = c.command(250, "LHLO localhost")
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *lmtpConn) deadline(ctx context.Context) {
	until, ok := ctx.Deadline()
	if limit := time.Now().Add(patience); !ok || until.After(limit) {
		until = limit
	}
	_ = c.net.SetDeadline(until) // fails on a closed connection only, as the next read does
}

func (c *lmtpConn) command(want int, format string, args ...any) error {
	if err := c.text.PrintfLine(format, args...); err != nil {
		return err
	}
	_, _, err := c.text.ReadResponse(want)
	return err
}

func (c *lmtpConn) recipient(ctx context.Context, user string) error {
	if strings.ContainsAny(user, "<>\r\n") {
		return fmt.Errorf("%q is not a user", user)
	}
	c.deadline(ctx)
	if err := c.command(250, "MAIL FROM:<sender@example.org>"); err != nil {
		return err
	}
	if err := c.command(250, "RCPT TO:<%s>", user); err != nil {
		return err
	}
	return c.command(354, "DATA")
}

// data sends the mail. LMTP answers once for each recipient: here there is one.
func (c *lmtpConn) data(raw []byte) error {
	w := c.text.DotWriter()
	if _, err := w.Write(raw); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, _, err := c.text.ReadResponse(250)
	return err
}
