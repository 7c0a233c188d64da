package compat

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"

	"allim.dev/allim/notify"
)

// GCM's and C2DM's words for a whole message; those on one address stand in tell.go.
const (
	wordMissing   = "MissingRegistration"
	wordNoKey     = "MissingCollapseKey"
	wordTooBig    = "MessageTooBig"
	wordDataKey   = "InvalidDataKey"
	wordTTL       = "InvalidTtl"
	wordParameter = "InvalidParameters"
)

// wordOf gives the old word for content that the hub refuses; empty: the error is of another kind.
func wordOf(err error) string {
	var e *notify.Error
	if !errors.As(err, &e) || e.Code != notify.CodeInvalid {
		return ""
	}
	for _, f := range e.Fields {
		switch {
		case strings.Contains(f.Message, "longer than"):
			return wordTooBig
		case strings.HasSuffix(f.Path, "data"):
			return wordDataKey
		case strings.HasSuffix(f.Path, "ttl"):
			return wordTTL
		}
	}
	return wordParameter
}

// trouble is an error of a whole request as an old service told it: with a status.
type trouble struct {
	status     int
	text       string
	retryAfter string
}

// troubleOf gives the status of an error; slow is the service's own for "too many requests".
func troubleOf(err error, slow int) trouble {
	var e *notify.Error
	if !errors.As(err, &e) {
		return trouble{http.StatusInternalServerError, "internal error", ""}
	}
	t := trouble{http.StatusInternalServerError, e.Detail, ""}
	for _, f := range e.Fields {
		t.text += "; " + f.Path + ": " + f.Message
	}
	switch e.Code {
	case notify.CodeUnauthenticated:
		t.status = http.StatusUnauthorized
	case notify.CodeForbidden:
		t.status = http.StatusForbidden
	case notify.CodeTooManyRequests:
		t.status = slow
	case notify.CodeUnavailable, notify.CodeStaleEpoch:
		t.status = http.StatusServiceUnavailable
	case notify.CodeTooLarge:
		t.status = http.StatusRequestEntityTooLarge
	case notify.CodeInternal:
		t.text = "internal error"
	default:
		t.status = http.StatusBadRequest
	}
	if t.status == http.StatusServiceUnavailable || t.status == slow {
		t.retryAfter = strconv.Itoa(max(1, int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	return t
}

// plain answers with a text, as Google's and Microsoft's services did.
func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // a client that left is not our trouble
}

// refuse answers an error of a whole request as Google did: a status and a line.
func (c *Compat) refuse(w http.ResponseWriter, service string, err error) {
	t := troubleOf(err, http.StatusServiceUnavailable)
	c.count(service, strconv.Itoa(t.status))
	if t.retryAfter != "" {
		w.Header().Set("Retry-After", t.retryAfter)
	}
	if t.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="allim"`)
	}
	plain(w, t.status, t.text)
}
