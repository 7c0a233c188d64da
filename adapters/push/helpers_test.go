package push

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestEach(t *testing.T) {
	for _, test := range []struct{ n, workers int }{{0, 4}, {1, 4}, {1000, 7}, {3, 0}} {
		calls := make([]atomic.Int32, test.n)
		var now, most atomic.Int32
		begun := Each(test.n, test.workers, func(i int) bool {
			most.Store(max(most.Load(), now.Add(1)))
			calls[i].Add(1)
			now.Add(-1)
			return true
		})
		for i := range calls {
			if calls[i].Load() != 1 {
				t.Errorf("%+v: %d was called %d times", test, i, calls[i].Load())
			}
		}
		if begun != test.n || most.Load() > int32(max(test.workers, 1)) {
			t.Errorf("%+v: %d begun, %d at a time", test, begun, most.Load())
		}
	}
}

func TestEachStops(t *testing.T) {
	var calls atomic.Int32
	begun := Each(100000, 4, func(i int) bool { return calls.Add(1) < 10 })
	if begun != int(calls.Load()) || begun < 10 || begun > 13 {
		t.Errorf("%d begun, %d called", begun, calls.Load())
	}
}

func TestReasonTellsNothingOfTheRequest(t *testing.T) {
	const secret = "https://push.example/s3cr3t"
	for want, errs := range map[string][]error{
		"":                                {nil},
		"stopped":                         {context.Canceled},
		"timeout":                         {context.DeadlineExceeded, os.ErrDeadlineExceeded},
		"connection refused":              {syscall.ECONNREFUSED, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}},
		"connection lost":                 {io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE},
		"the host is unreachable":         {syscall.EHOSTUNREACH, syscall.ENETUNREACH},
		"the host name was not found":     {&net.DNSError{Name: secret}},
		"out of paper":                    {Plain("out of paper")},
		"the request did not get through": {errors.New(secret)},
		"the server's certificate is from an unknown authority": {x509.UnknownAuthorityError{}},
		"the server's certificate is for another name":          {x509.HostnameError{Certificate: &x509.Certificate{}, Host: secret}},
		"the server's certificate is not valid":                 {x509.CertificateInvalidError{Reason: x509.Expired}},
	} {
		for _, err := range errs {
			if got := Reason(err); got != want {
				t.Errorf("Reason(%v) = %q, want %q", err, got, want)
			}
			if err == nil {
				continue
			}
			wrapped := fmt.Errorf("send: %w", &url.Error{Op: "Post", URL: secret, Err: err})
			if got := Reason(wrapped); got != want || strings.Contains(got, "s3cr3t") {
				t.Errorf("Reason(%v) = %q, want %q", wrapped, got, want)
			}
		}
	}
}

func TestWord(t *testing.T) {
	for in, want := range map[string]string{"BadDeviceToken": "BadDeviceToken", "two words\r\nX: y": "twowordsXy",
		strings.Repeat("x", 100): strings.Repeat("x", 64), "한글<script>": "script", "a-b_c.d": "a-b_c.d"} {
		if got := Word(in); got != want {
			t.Errorf("Word(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"": {}, "soon": {}, "-5": {}, "1.5": {},
		"0":                    now,
		" 120 ":                now.Add(2 * time.Minute),
		"99999999":             now.Add(MaxRetryAfter),
		"99999999999999999999": {},
		now.Add(time.Hour).Format(http.TimeFormat):           now.Add(time.Hour),
		now.Add(-time.Hour).Format(http.TimeFormat):          now,
		now.Add(90 * 24 * time.Hour).Format(http.TimeFormat): now.Add(MaxRetryAfter),
	} {
		if got := RetryAfter(in, now); !got.Equal(want) {
			t.Errorf("RetryAfter(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestRoots(t *testing.T) {
	if pool, err := Roots(""); pool != nil || err != nil {
		t.Errorf("none: %v, %v", pool, err)
	}
	text := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(text, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{text, text + "x"} {
		if _, err := Roots(path); err == nil {
			t.Errorf("%s: no error", filepath.Base(path))
		}
	}
}
