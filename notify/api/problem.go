package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

// problemBase and the code make a problem's type, which is the same on every hub.
const problemBase = "urn:allim:error:"

// statusClosed is what the log and the metrics say of a request whose client left (nginx's word for it).
const statusClosed = 499

// kind is what all errors of one code have in common.
type kind struct {
	status int
	title  string
}

// kindOf is the one table of all codes, in three parts: what is wrong with the request's form, what is wrong with what it
// asks for, and what is not there.
func kindOf(code notify.Code) kind {
	for _, part := range []func(notify.Code) kind{formKind, contentKind} {
		if k := part(code); k.status != 0 {
			return k
		}
	}
	if title, ok := unknowns(code); ok {
		return kind{http.StatusNotFound, title}
	}
	return kind{http.StatusInternalServerError, "Internal error"}
}

func formKind(code notify.Code) kind {
	switch code {
	case notify.CodeMalformed:
		return kind{http.StatusBadRequest, "The body is malformed"}
	case notify.CodeTooLarge:
		return kind{http.StatusRequestEntityTooLarge, "The request is too large"}
	case notify.CodeUnsupportedMedia:
		return kind{http.StatusUnsupportedMediaType, "The body's media type is not supported"}
	case notify.CodeNotAcceptable:
		return kind{http.StatusNotAcceptable, "None of the accepted media types can be answered"}
	case notify.CodeMethodNotAllowed:
		return kind{http.StatusMethodNotAllowed, "The method is not allowed here"}
	case notify.CodeUnauthenticated:
		return kind{http.StatusUnauthorized, "A valid key or token is needed"}
	case notify.CodeForbidden:
		return kind{http.StatusForbidden, "The key may not do this"}
	case notify.CodeTooManyRequests:
		return kind{http.StatusTooManyRequests, "Too many requests"}
	}
	return kind{}
}

func contentKind(code notify.Code) kind {
	switch code {
	case notify.CodeInvalid:
		return kind{http.StatusBadRequest, "The request is not valid"}
	case notify.CodeIdentityTaken:
		return kind{http.StatusConflict, "An identity belongs to another user"}
	case notify.CodeRetiredPlatform:
		return kind{http.StatusUnprocessableEntity, "The platform was shut down by its vendor"}
	case notify.CodeInvalidToken:
		return kind{http.StatusUnprocessableEntity, "The device token has a wrong form"}
	case notify.CodeWrongState:
		return kind{http.StatusConflict, "This cannot be done in the present state"}
	case notify.CodeIdempotencyConflict:
		return kind{http.StatusUnprocessableEntity, "The idempotency key was used with another body"}
	case notify.CodeResync:
		return kind{http.StatusGone, "The cursor is too old"}
	case notify.CodeUnavailable, notify.CodeStaleEpoch:
		return kind{http.StatusServiceUnavailable, "The hub cannot do this at the moment"}
	}
	return kind{}
}

// unknowns are the codes of things that are not there.
func unknowns(code notify.Code) (title string, ok bool) {
	switch code {
	case notify.CodeNotFound:
		return "Not found", true
	case notify.CodeUnknownUser:
		return "There is no such user", true
	case notify.CodeUnknownIdentity:
		return "Nobody has this identity", true
	case notify.CodeUnknownDevice:
		return "There is no such device", true
	case notify.CodeUnknownTopic:
		return "There is no such topic or member", true
	case notify.CodeUnknownSource:
		return "There is no such source", true
	case notify.CodeUnknownAccount:
		return "There is no such account", true
	case notify.CodeUnknownApp:
		return "There is no such app", true
	case notify.CodeUnknownNotification:
		return "There is no such notification", true
	case notify.CodeUnknownDelivery:
		return "There is no such delivery", true
	case notify.CodeUnknownKey:
		return "There is no such key or token", true
	}
	return "", false
}

// problemOf makes the answer to an error. What does not exist is 404 when the URL names it, and 422 when a field of the
// body does. The causes and the text of internal errors are for the log only.
func problemOf(err error, request string) (p wire.Problem, retryAfter string) {
	var e *notify.Error
	if !errors.As(err, &e) {
		e = &notify.Error{Code: notify.CodeInternal}
	}
	k := kindOf(e.Code)
	p = wire.Problem{Type: problemBase + string(e.Code), Title: k.title, Status: k.status, Detail: e.Detail,
		Code: e.Code, Errors: e.Fields, Instance: "urn:uuid:" + request}
	if _, unknown := unknowns(e.Code); unknown && len(e.Fields) > 0 {
		p.Status = http.StatusUnprocessableEntity
	}
	if p.Status == http.StatusInternalServerError {
		p.Code, p.Type = notify.CodeInternal, problemBase+string(notify.CodeInternal)
		p.Detail, p.Errors = "the hub's log says more about this request", nil
	}
	if p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable {
		retryAfter = strconv.Itoa(max(1, int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	return p, retryAfter
}

// fail answers an error, and logs what the caller is not told.
func (a *API) fail(c *call, err error) {
	if p, answer := a.judge(c, err); answer {
		a.problem(c, p)
	}
}

// judge makes a problem of an error, and logs what the caller is not told; false when the caller has left.
func (a *API) judge(c *call, err error) (p wire.Problem, answer bool) {
	c.failure = err
	if errors.Is(err, context.Canceled) && c.gin.Request.Context().Err() != nil {
		c.gin.Status(statusClosed)
		return p, false
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = notify.Wrap(notify.CodeUnavailable, err, "the request took too long")
	}
	var retryAfter string
	p, retryAfter = problemOf(err, c.id)
	if p.Status >= http.StatusInternalServerError {
		a.log.Error("a request failed", "request", c.id, "route", c.route, "status", p.Status, "error", causes(err))
	}
	if retryAfter != "" {
		c.header("Retry-After", retryAfter)
	}
	return p, true
}

// challenge says how to log in, where that is what is missing.
func (a *API) challenge(c *call, p wire.Problem, basic bool) {
	if p.Status != http.StatusUnauthorized {
		return
	}
	c.header("WWW-Authenticate", `Bearer realm="allim"`)
	if basic {
		c.gin.Writer.Header().Add("WWW-Authenticate", `Basic realm="allim"`)
	}
}

// problem writes a problem document.
func (a *API) problem(c *call, p wire.Problem) {
	if c.gin.Writer.Header().Get("WWW-Authenticate") == "" {
		a.challenge(c, p, false)
	}
	mediaType := "application/problem+json"
	if c.form == codec.XML {
		mediaType = "application/problem+xml; charset=utf-8"
	}
	a.write(c, p.Status, mediaType, &p)
}

// causes writes an error with what is inside of it, for the log.
func causes(err error) string {
	s := err.Error()
	if inner := errors.Unwrap(err); inner != nil {
		s += " <- " + inner.Error()
	}
	return s
}
