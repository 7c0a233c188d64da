package live

import (
	"errors"
	"math"
	"net/http"
	"strconv"

	"allim.dev/allim/notify"
)

// problem is an RFC 9457 problem document, as the API writes it. Streams are the calls that exist in JSON only, so there is no XML form.
type problem struct {
	Type   string              `json:"type"`
	Title  string              `json:"title"`
	Status int                 `json:"status"`
	Detail string              `json:"detail,omitempty"`
	Code   notify.Code         `json:"code"`
	Errors []notify.FieldError `json:"errors,omitempty"`
}

// refuse answers an error before the stream has begun.
func (l *Live) refuse(w http.ResponseWriter, err error) {
	l.refuseAs(w, statusOf(notify.CodeOf(err)), err)
}

func (l *Live) refuseAs(w http.ResponseWriter, status int, err error) {
	status, retry, p := l.problemOf(status, err)
	if retry != "" {
		w.Header().Set("Retry-After", retry)
	}
	l.answer(w, status, "application/problem+json", p)
}

// problemOf makes the answer of an error, and its Retry-After; empty: there is none.
func (l *Live) problemOf(status int, err error) (int, string, problem) {
	retry := ""
	code := notify.CodeOf(err)
	p := problem{Type: "urn:allim:error:" + string(code), Code: code, Status: status}
	p.Title = http.StatusText(p.Status)
	var e *notify.Error
	if errors.As(err, &e) {
		p.Detail, p.Errors = e.Detail, e.Fields
		if e.RetryAfter > 0 {
			retry = strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds())))
		}
	}
	if p.Status == http.StatusInternalServerError {
		l.log.Error("live request failed", "error", err)
		p.Detail = ""
	}
	return status, retry, p
}

func statusOf(code notify.Code) int {
	switch code {
	case notify.CodeInvalid:
		return http.StatusBadRequest
	case notify.CodeUnknownUser, notify.CodeNotFound:
		return http.StatusNotFound
	case notify.CodeTooManyRequests:
		return http.StatusTooManyRequests
	case notify.CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
