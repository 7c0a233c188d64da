package imaptest

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	writeTimeout = 10 * time.Second // a client that reads nothing is dropped
	maxLine      = 64 << 10
	maxLiteral   = 1 << 20
)

// conn is one client.
type conn struct {
	srv    *Server
	raw    net.Conn // TCP, as accepted
	net    net.Conn // the same, or TLS on it
	br     *bufio.Reader
	secure bool
	gone   chan struct{}

	wmu sync.Mutex
	bw  *bufio.Writer

	idling atomic.Bool
	frozen atomic.Bool
	login  atomic.Pointer[user]

	vmu      sync.Mutex
	selected *mbox
	view     []uint32 // the UIDs that the client knows of, by sequence number
	expunges int      // of the mailbox, as the view knows them
}

func newConn(s *Server, raw net.Conn) *conn {
	return &conn{srv: s, raw: raw, net: raw, gone: make(chan struct{})}
}

func (c *conn) loginName() string {
	if u := c.login.Load(); u != nil {
		return u.login
	}
	return ""
}

func (c *conn) serve() {
	defer c.srv.wg.Done()
	defer c.srv.forget(c)
	defer func() { c.deselect(); _ = c.raw.Close() }() // closing twice is harmless
	defer close(c.gone)
	if c.srv.opts.TLS {
		if err := c.startTLS(); err != nil {
			return
		}
	} else {
		c.buffers()
	}
	f, _ := c.srv.faultFor(Command{Name: "CONNECT"})
	if c.apply(f, "*") {
		c.write("* OK [CAPABILITY " + c.capabilities() + "] imaptest ready\r\n")
	}
	c.finish(f, "*")
	for c.command() {
	}
}

func (c *conn) buffers() {
	c.br = bufio.NewReaderSize(c.net, 512)
	c.bw = bufio.NewWriterSize(c.net, 1024)
}

func (c *conn) startTLS() error {
	t := tls.Server(c.raw, c.srv.tlsConfig())
	if err := t.Handshake(); err != nil {
		return fmt.Errorf("imaptest: %w", err)
	}
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.net, c.secure = t, true
	c.buffers()
	return nil
}

// command reads and runs one command; false when the connection is to end.
func (c *conn) command() bool {
	line, err := c.readLine()
	if err != nil {
		return false
	}
	if c.frozen.Load() {
		_, _ = io.Copy(io.Discard, c.net) // a black hole swallows until it is closed
		return false
	}
	tag, rest, _ := strings.Cut(line, " ")
	name, args := splitCommand(rest)
	f, _ := c.srv.faultFor(Command{Login: c.loginName(), Name: name, Args: args})
	goOn := true
	if c.apply(f, tag) {
		goOn = c.run(tag, name, args)
	}
	c.finish(f, tag)
	return goOn
}

func splitCommand(rest string) (name, args string) {
	name, args, _ = strings.Cut(rest, " ")
	name = strings.ToUpper(name)
	if name == "UID" {
		sub, more, _ := strings.Cut(args, " ")
		return "UID " + strings.ToUpper(sub), more
	}
	return name, args
}

// readLine reads a command line with its literals in place.
func (c *conn) readLine() (string, error) {
	var b strings.Builder
	for {
		part, err := c.br.ReadString('\n')
		if err != nil {
			return "", err
		}
		c.srv.count(func(s *Stats) { s.BytesReceived += int64(len(part)) })
		b.WriteString(strings.TrimRight(part, "\r\n"))
		if b.Len() > maxLine {
			return "", fmt.Errorf("imaptest: line too long")
		}
		n, sync, ok := literalAt(strings.TrimRight(part, "\r\n"))
		if !ok {
			return b.String(), nil
		}
		if n > maxLiteral {
			return "", fmt.Errorf("imaptest: literal too long")
		}
		if sync {
			c.writeNow("+ go on\r\n")
		}
		lit := make([]byte, n)
		if _, err := io.ReadFull(c.br, lit); err != nil {
			return "", err
		}
		b.WriteString("\r\n")
		b.Write(lit)
	}
}

// literalAt tells whether a line ends with {n} or {n+}.
func literalAt(line string) (n int, sync, ok bool) {
	if !strings.HasSuffix(line, "}") {
		return 0, false, false
	}
	i := strings.LastIndexByte(line, '{')
	if i < 0 {
		return 0, false, false
	}
	digits := line[i+1 : len(line)-1]
	sync = !strings.HasSuffix(digits, "+")
	n, err := strconv.Atoi(strings.TrimSuffix(digits, "+"))
	return n, sync, err == nil && n >= 0
}

func (c *conn) write(s string) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.put(s)
}

// put buffers s; the lock is held.
func (c *conn) put(s string) {
	if s == "" || c.frozen.Load() || c.bw == nil {
		return
	}
	_ = c.net.SetWriteDeadline(time.Now().Add(writeTimeout)) // a failure shows at the write
	_, _ = c.bw.WriteString(s)                               // a broken connection ends its reader
}

func (c *conn) flush() {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if c.bw != nil && !c.frozen.Load() {
		_ = c.bw.Flush() // a broken connection ends its reader
	}
}

func (c *conn) writeNow(s string) {
	c.write(s)
	c.flush()
}

// freeze makes the connection a black hole.
func (c *conn) freeze() { c.frozen.Store(true) }
