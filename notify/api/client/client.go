// Package client calls a hub's API, over the same requests and answers (package wire) that the hub itself reads and
// writes, in JSON or XML.
package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

// Options is what a client is made of.
type Options struct {
	URL   string       // the hub's address, such as http://127.0.0.1:8080
	Key   string       // an API key or a person's own token; empty: none
	XML   bool         // speaks XML instead of JSON
	HTTP  *http.Client // nil: one with a deadline of a minute for each call
	Clock notify.Clock // for Wait; nil: the machine's
}

// Client calls one hub. Safe for concurrent use.
type Client struct {
	base  string
	key   string
	form  codec.Form
	http  *http.Client
	clock notify.Clock
	codec codec.Codec
}

// callTimeout is more than the hub takes for any call.
const callTimeout = time.Minute

// maxAnswer bounds an answer, in bytes: a page of a thousand rows is far below it.
const maxAnswer = 64 << 20

// New makes a client; it makes no connection yet.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("the hub's address must be a URL such as http://127.0.0.1:8080, not %q", o.URL)
	}
	c := &Client{base: strings.TrimSuffix(u.String(), "/"), key: o.Key, http: o.HTTP, clock: o.Clock}
	if o.XML {
		c.form = codec.XML
	}
	if c.http == nil {
		c.http = &http.Client{Timeout: callTimeout}
	}
	if c.clock == nil {
		c.clock = notify.SystemClock{}
	}
	return c, nil
}

// request is one call.
type request struct {
	method string
	path   string
	query  url.Values
	header http.Header
	in     any    // nil: no body, or a foreign one
	doc    []byte // a foreign body, with its Content-Type in header
	out    any    // nil: no answer is expected
	also   int    // a status from 400 on that carries out, too; 0: none
}

// at joins a path, each part escaped.
func at(parts ...string) string {
	var b strings.Builder
	b.WriteString("/v1")
	for _, p := range parts {
		b.WriteString("/" + url.PathEscape(p))
	}
	return b.String()
}

// do makes a call and gives the answer's status. An error that the hub answered is a *notify.Error with the code, the
// detail and the fields; a hub that cannot be reached is CodeUnavailable.
func (c *Client) do(ctx context.Context, r request) (status int, err error) {
	var body io.Reader
	switch {
	case r.in != nil:
		body = bytes.NewReader(c.codec.Encode(c.form, r.in))
	case r.doc != nil:
		body = bytes.NewReader(r.doc)
	}
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return 0, err
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if r.in != nil {
		req.Header.Set("Content-Type", c.form.MediaType())
	}
	req.Header.Set("Accept", c.form.MediaType())
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, c.unreachable(err)
	}
	defer func() { _ = res.Body.Close() }() // nothing is left to do with the answer
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return 0, c.unreachable(err)
	}
	if res.StatusCode >= 400 && res.StatusCode != r.also {
		return res.StatusCode, c.refused(res, data)
	}
	if r.out == nil || res.StatusCode == http.StatusNoContent {
		return res.StatusCode, nil
	}
	if err := c.decode(res, data, r.out); err != nil {
		return 0, fmt.Errorf("the answer of %s is not one of a hub: %w", c.base, err)
	}
	return res.StatusCode, nil
}

func (c *Client) unreachable(err error) error {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err // without the URL, which may hold what is asked for
	}
	return notify.Errorf(notify.CodeUnavailable, "the hub at %s cannot be reached: %w", c.base, err)
}

func (c *Client) decode(res *http.Response, data []byte, into any) error {
	f, charset, ok := codec.ParseContentType(res.Header.Get("Content-Type"))
	if !ok {
		return fmt.Errorf("its Content-Type is %q", res.Header.Get("Content-Type"))
	}
	return c.codec.Decode(codec.Document{Form: f, Charset: charset, Data: data, Lenient: true}, into)
}

// refused makes an error of a problem document.
func (c *Client) refused(res *http.Response, data []byte) error {
	var p wire.Problem
	if err := c.decode(res, data, &p); err != nil || p.Code == "" {
		return notify.Errorf(notify.CodeInternal, "%s answered %s", c.base, res.Status)
	}
	out := &notify.Error{Code: p.Code, Detail: p.Detail, Fields: p.Errors}
	if out.Detail == "" {
		out.Detail = p.Title
	}
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		out.RetryAfter = time.Duration(seconds) * time.Second
	}
	return out
}

// call makes a call that answers a T.
func call[T any](ctx context.Context, c *Client, r request) (T, error) {
	out, _, err := callStatus[T](ctx, c, r)
	return out, err
}

func callStatus[T any](ctx context.Context, c *Client, r request) (T, int, error) {
	var out T
	r.out = &out
	status, err := c.do(ctx, r)
	return out, status, err
}

// nothing makes a call that answers nothing.
func (c *Client) nothing(ctx context.Context, method, path string) error {
	_, err := c.do(ctx, request{method: method, path: path})
	return err
}
