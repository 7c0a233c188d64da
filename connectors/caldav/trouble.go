package caldav

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// kind says what went wrong, by what is to be done about it.
type kind int

const (
	kindNone        kind = iota
	kindNetwork          // the connection broke or the server was silent: try again
	kindUnreachable      // no connection: the host is in trouble
	kindBusy             // the server said to come again (429, 503, other 5xx), perhaps when
	kindAuth             // the login was refused (401): slow lane
	kindForbidden        // 403 and the like: this resource is not for us
	kindGone             // 404, 410
	kindToken            // the sync token is no good any more: a full look at etags
	kindRefused          // any other refusal, or an answer that makes no sense
	kindForeign          // the server leads to an address that is not allowed
	kindSetup            // the set-up is wrong: only people can help
	kindStore            // what was seen could not be stored
)

// trouble is an error with its kind. Its text is for people: plain words, no secrets, no content.
type trouble struct {
	kind   kind
	text   string
	wait   time.Duration // kindBusy: how long the server wants to be left alone; 0: not said
	status int           // of HTTP; 0: there was none
	err    error
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
	return &trouble{kind: kindNetwork, text: "the connection failed: " + netWords(err), err: err}
}

// is tells whether err is a trouble of one of the kinds.
func is(err error, kinds ...kind) bool {
	var t *trouble
	if !errors.As(err, &t) {
		return false
	}
	for _, k := range kinds {
		if t.kind == k {
			return true
		}
	}
	return false
}

// ofHost tells whether an error concerns the server as a whole, so that going on with other requests is of no use.
func ofHost(err error) bool {
	return is(err, kindNetwork, kindUnreachable, kindBusy, kindAuth, kindSetup, kindStore) ||
		errors.Is(err, errGone) || errors.Is(err, errStale) || errors.Is(err, context.Canceled)
}

// Errors that end an account's watch.
var (
	errGone  = errors.New("the account was removed")
	errStale = errors.New("another hub watches this source now")
)

// transportTrouble sorts what the HTTP transport says.
func transportTrouble(err error) error {
	var op *net.OpError
	var dns *net.DNSError
	var verify *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, errRefusedAddr):
		return troublef(kindForeign, "an address of the server leads into a private network; if that is right, list it in allow_private")
	case errors.As(err, &unknown):
		return troublef(kindSetup, "the server's certificate is signed by an authority that is not known here; set ca_file: %w", err)
	case errors.As(err, &verify):
		return troublef(kindSetup, "the server's certificate is not good: %w", verify.Err)
	case errors.As(err, &record):
		return troublef(kindSetup, "the server does not speak TLS at this port; check url")
	case errors.As(err, &dns), errors.As(err, &op) && op.Op == "dial":
		return &trouble{kind: kindUnreachable, text: "the server cannot be reached: " + netWords(err), err: err}
	}
	return &trouble{kind: kindNetwork, text: "the connection failed: " + netWords(err), err: err}
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
	return clip(err.Error(), 200)
}

// errText is an error of fixed words.
type errText string

func (e errText) Error() string { return string(e) }

// clip cuts a text to n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
