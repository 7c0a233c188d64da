package notify

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code is a stable word for one kind of error; programs outside rely on it.
type Code string

// The codes. Each is answered over HTTP with the status that notify/api lists for it.
const (
	CodeInvalid             Code = "invalid-input"
	CodeMalformed           Code = "malformed-body"
	CodeTooLarge            Code = "too-large"
	CodeUnsupportedMedia    Code = "unsupported-media-type"
	CodeNotAcceptable       Code = "not-acceptable"
	CodeUnauthenticated     Code = "unauthenticated"
	CodeForbidden           Code = "forbidden"
	CodeNotFound            Code = "not-found"
	CodeMethodNotAllowed    Code = "method-not-allowed"
	CodeUnknownUser         Code = "unknown-user"
	CodeUnknownIdentity     Code = "unknown-identity"
	CodeUnknownDevice       Code = "unknown-device"
	CodeUnknownTopic        Code = "unknown-topic"
	CodeUnknownSource       Code = "unknown-source"
	CodeUnknownAccount      Code = "unknown-account"
	CodeUnknownApp          Code = "unknown-app"
	CodeUnknownNotification Code = "unknown-notification"
	CodeUnknownDelivery     Code = "unknown-delivery"
	CodeUnknownKey          Code = "unknown-key"
	CodeIdentityTaken       Code = "identity-taken"
	CodeRetiredPlatform     Code = "retired-platform"
	CodeInvalidToken        Code = "invalid-token"
	CodeWrongState          Code = "wrong-state"
	CodeIdempotencyConflict Code = "idempotency-conflict"
	CodeStaleEpoch          Code = "stale-epoch"
	CodeResync              Code = "resync"
	CodeTooManyRequests     Code = "too-many-requests"
	CodeUnavailable         Code = "unavailable"
	CodeInternal            Code = "internal"
)

// Error is an answer: what was wrong, where, and what to do. Detail is for the person who asked and never holds a
// secret or mail content; the cause (Unwrap) is for the log only.
type Error struct {
	Code       Code
	Detail     string
	Fields     []FieldError  // every bad field at once
	RetryAfter time.Duration // 0: not said
	cause      error
}

// FieldError names one bad field by its path in the request, such as "to.users[2]".
type FieldError struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

// Errorf makes an Error; a %w in the format becomes its cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Detail: err.Error(), cause: errors.Unwrap(err)}
}

// Wrap makes an Error whose detail is for the caller and whose cause stays inside.
func Wrap(code Code, cause error, detail string) *Error {
	return &Error{Code: code, Detail: detail, cause: cause}
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	for _, f := range e.Fields {
		b.WriteString("; " + f.Path + ": " + f.Message)
	}
	return b.String()
}

// Unwrap gives the cause, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.cause }

// CodeOf gives the code of err: CodeInternal when it carries none, "" when err is nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// problems collects the bad fields of one request, so that all of them are named at once.
type problems []FieldError

func (p *problems) add(path, format string, args ...any) {
	*p = append(*p, FieldError{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (p problems) err(detail string) error {
	if len(p) == 0 {
		return nil
	}
	return &Error{Code: CodeInvalid, Detail: detail, Fields: p}
}
