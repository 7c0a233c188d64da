package push

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// Plain is an error whose text Reason gives as it is: a constant of ours, with nothing of a request in it.
type Plain string

// Error implements error.
func (p Plain) Error() string { return string(p) }

// Reason gives plain words for why a request did not get through. They hold nothing of the request: no token, no
// address, no header, whatever the error's own text says. nil gives "".
func Reason(err error) string {
	var plain Plain
	var dns *net.DNSError
	var unknownCA x509.UnknownAuthorityError
	var wrongHost x509.HostnameError
	var invalid x509.CertificateInvalidError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var network net.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &plain):
		return plain.Error()
	case errors.Is(err, context.Canceled):
		return "stopped"
	case errors.As(err, &dns):
		return "the host name was not found"
	case errors.As(err, &unknownCA):
		return "the server's certificate is from an unknown authority"
	case errors.As(err, &wrongHost):
		return "the server's certificate is for another name"
	case errors.As(err, &invalid):
		return "the server's certificate is not valid"
	case errors.As(err, &alert), errors.As(err, &record):
		return "the TLS handshake failed"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &network) && network.Timeout():
		return "timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "the host is unreachable"
	}
	for _, lost := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, lost) {
			return "connection lost"
		}
	}
	return "the request did not get through"
}

// Word makes what a platform sent as its reason safe to keep and show: its letters, digits and -_. up to 64 of them.
func Word(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r) {
			b.WriteRune(r)
		}
		if b.Len() == 64 {
			break
		}
	}
	return b.String()
}
