package apns

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"time"

	"allim.dev/allim/adapters/push"
)

// maxAnswer bounds an answer's body, which is a few dozen bytes of JSON.
const maxAnswer = 4 << 10

// roundTrip sends r on a connection and reads the answer into a.
func (s *httpSender) roundTrip(ctx context.Context, link *push.Link, r request, a *answer) error {
	req := &http.Request{Method: http.MethodPost, Proto: "HTTP/2.0", ProtoMajor: 2,
		URL:    &url.URL{Scheme: "https", Host: s.host, Path: "/3/device/" + r.token},
		Host:   s.host,
		Header: header(r, a.bearer), Body: io.NopCloser(bytes.NewReader(r.body)), ContentLength: int64(len(r.body))}
	resp, err := link.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 {
		return errNotHTTP2
	}
	a.status = resp.StatusCode
	a.retryAfter = push.RetryAfter(resp.Header.Get("Retry-After"), s.clock.Now())
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode == http.StatusOK {
		return nil // it was accepted, whatever follows
	}
	var said struct {
		Reason    string
		Timestamp int64 // milliseconds
	}
	if err != nil {
		return err // a 410 without its timestamp must not cost a device
	}
	if json.Unmarshal(body, &said) == nil {
		a.reason = push.Word(said.Reason)
		if said.Timestamp > 0 {
			a.since = time.UnixMilli(said.Timestamp)
		}
	}
	return nil
}

// header makes a request's header fields. The names are in lower case already, as HTTP/2 has them.
func header(r request, bearer string) http.Header {
	h := make(http.Header, len(r.header)+5)
	for _, f := range r.header {
		h[f.Name] = []string{f.Value}
	}
	h["apns-id"] = []string{r.id}
	if r.expiration != "" {
		h["apns-expiration"] = []string{r.expiration}
	}
	if bearer != "" {
		h["authorization"] = []string{"bearer " + bearer}
	}
	h["user-agent"] = []string{""} // none
	return h
}

// goodbye gives the reason that a GOAWAY frame carried in its debug data, as JSON like an answer's; "" when there was
// none. net/http does not export the type of its error, only its fields.
func goodbye(err error) string {
	for ; err != nil; err = errors.Unwrap(err) {
		v := reflect.ValueOf(err)
		if v.Kind() != reflect.Struct {
			continue
		}
		debug := v.FieldByName("DebugData")
		if !debug.IsValid() || debug.Kind() != reflect.String {
			continue
		}
		var said struct{ Reason string }
		if json.Unmarshal([]byte(debug.String()), &said) == nil {
			return push.Word(said.Reason)
		}
	}
	return ""
}
