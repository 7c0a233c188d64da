package imap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// kind says what went wrong, by what is to be done about it.
type kind int

const (
	kindNone        kind = iota
	kindNetwork          // the connection broke or the server was silent: try again
	kindUnreachable      // no connection, or no greeting: the host is in trouble
	kindTransient        // the server said to come again
	kindLimit            // too many connections: make do with less
	kindThrottle         // the server said how long to wait, or that it is too much
	kindAuth             // the login was refused: slow lane
	kindRefused          // a command was refused, the connection is good
	kindSetup            // the set-up is wrong (TLS, mechanisms): only people can help
	kindStore            // what was seen could not be stored
)

// trouble is an error with its kind. Its text is for people: plain words, no secrets, no mail.
type trouble struct {
	kind kind
	text string
	wait time.Duration // kindThrottle: how long the server wants to be left alone; 0: not said
	code string        // the server's response code
	dead bool          // the connection is of no more use
	err  error
}

func (t *trouble) Error() string { return t.text }
func (t *trouble) Unwrap() error { return t.err }

func troublef(k kind, format string, args ...any) *trouble {
	err := fmt.Errorf(format, args...)
	return &trouble{kind: k, text: err.Error(), err: errors.Unwrap(err)}
}

// asTrouble finds the trouble in an error; anything else counts as the network's. Without an error it is one of kindNone.
func asTrouble(err error) *trouble {
	if err == nil {
		return &trouble{}
	}
	var t *trouble
	if errors.As(err, &t) {
		return t
	}
	return &trouble{kind: kindNetwork, text: "the connection failed: " + netWords(err), dead: true, err: err}
}

// netWords says a network error in a few words, without addresses and operations repeated.
func netWords(err error) string {
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return "the name " + dns.Name + " cannot be resolved"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the server closed the connection"
	case errors.As(err, &op) && op.Err != nil:
		return op.Err.Error()
	}
	return err.Error()
}

// tlsTrouble tells a failed handshake: a certificate is for people to mend, the rest for time.
func tlsTrouble(err error) *trouble {
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		return troublef(kindSetup, "the server's certificate is signed by an authority that is not known here; set ca_file: %w", err)
	case errors.As(err, &verify):
		return troublef(kindSetup, "the server's certificate is not good: %w", verify.Err)
	case errors.As(err, &record):
		return troublef(kindSetup, "the server does not speak TLS at this port; check address and security")
	}
	return &trouble{kind: kindUnreachable, text: "the TLS handshake failed: " + netWords(err), dead: true, err: err}
}

var backoffTime = regexp.MustCompile(`(?i)backoff time:? *(\d{1,9})`)

// refusedLogin sorts a refused login by response code (RFC 5530) and, for servers without codes, by their words.
func refusedLogin(st status) *trouble {
	words := strings.ToLower(st.text)
	t := &trouble{kind: kindAuth, code: st.code, text: said(st)}
	switch {
	case throttled(st, t):
	case st.code == "LIMIT", tooMany(words):
		t.kind = kindLimit
	case strings.Contains(words, "authenticated but not connected"):
		t.kind = kindTransient // Exchange: the login was right, the mailbox's server is away
	case st.code == "UNAVAILABLE", st.code == "INUSE", st.code == "SERVERBUG":
		t.kind = kindTransient
	case st.code == "AUTHENTICATIONFAILED", st.code == "AUTHORIZATIONFAILED", st.code == "EXPIRED":
	case st.code == "PRIVACYREQUIRED":
		t.kind = kindSetup
	case st.kind == "BAD", passing(words):
		t.kind = kindTransient
	}
	return t
}

// throttled looks for a wish to be left alone, with or without a time.
func throttled(st status, t *trouble) bool {
	words := strings.ToLower(st.text + " " + st.arg)
	if m := backoffTime.FindStringSubmatch(words); m != nil {
		ms, _ := strconv.Atoi(m[1]) // at most nine digits
		t.kind, t.wait = kindThrottle, time.Duration(ms)*time.Millisecond
		return true
	}
	for _, w := range []string{"throttl", "rate limit", "bandwidth limit", "too many login", "too many attempts"} {
		if strings.Contains(words, w) {
			t.kind = kindThrottle
			return true
		}
	}
	return false
}

func tooMany(words string) bool {
	for _, w := range []string{"maximum number of connections", "too many connections", "simultaneous connections",
		"too many open connections", "connection limit", "too many sessions"} {
		if strings.Contains(words, w) {
			return true
		}
	}
	return false
}

func passing(words string) bool {
	for _, w := range []string{"temporar", "try again", "unavailable", "internal error", "server error", "timeout", "timed out"} {
		if strings.Contains(words, w) {
			return true
		}
	}
	return false
}

// farewell sorts the end of a connection by the server's BYE; nil st: it said nothing.
func farewell(st *status, err error) *trouble {
	if st == nil {
		t := asTrouble(err)
		t.dead = true
		return t
	}
	t := &trouble{kind: kindTransient, code: st.code, text: "the server said good bye: " + said(*st), dead: true, err: err}
	words := strings.ToLower(st.text)
	switch {
	case throttled(*st, t):
	case st.code == "LIMIT", tooMany(words):
		t.kind = kindLimit
	}
	return t
}

// refusedCommand is NO or BAD to a command on a good connection.
func refusedCommand(name string, st status) *trouble {
	t := &trouble{kind: kindRefused, code: st.code, text: "the server refused " + name + ": " + said(st)}
	if !throttled(st, t) && st.code == "UNAVAILABLE" {
		t.kind = kindTransient
	}
	return t
}

func said(st status) string {
	text := st.text
	if st.code != "" {
		text = strings.TrimSpace("[" + st.code + "] " + text)
	}
	if text == "" {
		return st.kind
	}
	return text
}
