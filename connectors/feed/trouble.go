package feed

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"allim.dev/allim/notify"
)

// trouble is what went wrong with a look, for people and for the next try.
type trouble struct {
	state notify.HealthState
	text  string    // plain words, without address, login or content
	after time.Time // the server's own word when to come again; zero: none
	// refused: the server said no, so that asking soon again is of no use.
	refused bool
}

// Error implements error.
func (t *trouble) Error() string { return t.text }

func troublef(state notify.HealthState, format string, args ...any) *trouble {
	return &trouble{state: state, text: fmt.Sprintf(format, args...)}
}

// unreadable is an answer that is no feed.
func unreadable(format string, args ...any) *trouble {
	return troublef(notify.HealthBackoff, format, args...)
}

// asTrouble gives any error as a trouble.
func asTrouble(err error) *trouble {
	var t *trouble
	if errors.As(err, &t) {
		return t
	}
	var n *notify.Error
	if errors.As(err, &n) {
		return unreadable("%s", n.Detail)
	}
	return unreadable("%s", err.Error())
}

// errInner is the cause of a refusal to go into a private network.
var errInner = errors.New("leads into a private network")

// transportTrouble says what kept a request from being answered, without the address, which may hold a secret.
func transportTrouble(err error) *trouble {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var network net.Error
	var op *net.OpError
	var t *trouble
	switch {
	case errors.As(err, &t):
		return t
	case errors.Is(err, errInner):
		return unreadable("the address leads into a private network, which outgoing.allow_private does not list")
	case errors.As(err, &dns):
		return troublef(notify.HealthUnreachable, "the server's name cannot be resolved")
	case errors.As(err, &cert):
		return troublef(notify.HealthUnreachable, "the server's certificate is not valid: %s", cert.Err)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return troublef(notify.HealthUnreachable, "the server does not answer in time")
	case errors.As(err, &op) && op.Op == "dial":
		return troublef(notify.HealthUnreachable, "the server cannot be reached: %s", op.Err)
	default:
		return troublef(notify.HealthUnreachable, "the connection broke before the answer was whole")
	}
}
