package api

import (
	"context"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

// Deadlines of one call.
const (
	callTimeout = 30 * time.Second // for the work
	bodyTimeout = 30 * time.Second // for a body to arrive
)

// Route is one call of the API, for the router, the documentation and the tests.
type Route struct {
	Method string
	Path   string         // with {name} for its parameters
	Scopes []notify.Scope // one of them is needed; none: no key is needed
	Query  []string       // the query parameters that it knows
	// Request and Answer are structs of package wire; nil: no body.
	Request, Answer reflect.Type
	Status          int // of a success
	OptionalBody    bool

	serve func(a *API, c *call) error
}

// call is one request on its way.
type call struct {
	ctx       context.Context
	gin       *gin.Context
	id        string // of the request: in the log, in errors and in X-Request-Id
	route     string // method and path with {name}
	form      codec.Form
	mediaType string
	key       notify.Key
	status    int
	bodyless  bool  // the body may be left out
	failure   error // what it was answered with, for the log
}

func (c *call) param(name string) string { return c.gin.Param(name) }

func (c *call) header(name, value string) { c.gin.Writer.Header().Set(name, value) }

func (c *call) query(name string) string { return c.gin.Query(name) }

// entry makes a route of a typed handler; wire.None stands for no body.
func entry[In, Out any](method, path string, scopes []notify.Scope, h func(*API, *call, *In) (*Out, error)) Route {
	r := Route{Method: method, Path: path, Scopes: scopes, Status: http.StatusOK,
		Request: bodyType[In](), Answer: bodyType[Out]()}
	if r.Answer == nil {
		r.Status = http.StatusNoContent
	}
	r.serve = func(a *API, c *call) error {
		in := new(In)
		if _, none := any(in).(*wire.None); !none {
			if err := a.read(c, in); err != nil {
				return err
			}
		}
		out, err := h(a, c, in)
		if err != nil {
			return err
		}
		if c.status == http.StatusNoContent {
			c.gin.Status(http.StatusNoContent)
			c.gin.Writer.WriteHeaderNow()
			return nil
		}
		a.answer(c, out)
		return nil
	}
	return r
}

func bodyType[T any]() reflect.Type {
	if t := reflect.TypeFor[T](); t != reflect.TypeFor[wire.None]() {
		return t
	}
	return nil
}

func (r Route) withQuery(names ...string) Route { r.Query = append(r.Query, names...); return r }

func (r Route) withStatus(status int) Route { r.Status = status; return r }

func (r Route) withOptionalBody() Route { r.OptionalBody = true; return r }

// pattern is a path as gin writes it.
func pattern(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// name is the route in logs and metrics.
func (r Route) name() string { return r.Method + " " + r.Path }

// handler does what is the same around every call: who asks, in which form, is it allowed, and the answer to errors.
func (a *API) handler(r Route) gin.HandlerFunc {
	return func(g *gin.Context) {
		c := callOf(g)
		ctx, cancel := context.WithTimeout(g.Request.Context(), callTimeout)
		defer cancel()
		c.ctx, c.route, c.status, c.bodyless = ctx, r.name(), r.Status, r.OptionalBody
		var unacceptable error
		c.form, c.mediaType, unacceptable = negotiate(g.Request)
		err := a.admit(c, r.Scopes)
		if err == nil {
			err = unacceptable
		}
		if err == nil {
			err = checkQuery(g.Request, r.Query)
		}
		if err == nil {
			err = r.serve(a, c)
		}
		if err != nil {
			a.fail(c, err)
			return
		}
		a.audited(c, r)
	}
}

// read decodes the body. Errors: CodeUnsupportedMedia, CodeTooLarge, and those of codec.Decode.
func (a *API) read(c *call, into any) error {
	req := c.gin.Request
	if c.bodyless && req.ContentLength == 0 {
		return nil
	}
	if err := checkEncoding(req); err != nil {
		return err
	}
	if err := a.checkMediaType(req); err != nil {
		return err
	}
	data, err := a.body(c)
	if err != nil || len(data) == 0 && c.bodyless {
		return err
	}
	if len(data) == 0 {
		return notify.Errorf(notify.CodeMalformed, "the body is empty")
	}
	f, charset, ok := codec.ParseContentType(req.Header.Get("Content-Type"))
	if !ok { // no Content-Type: RFC 9110 section 8.3 lets us look
		f = sniff(data)
		if req.Header.Get("Accept") == "" {
			c.form, c.mediaType = f, f.MediaType()
		}
	}
	return a.codec.Decode(codec.Document{Form: f, Charset: charset, Data: data}, into)
}

// checkEncoding refuses bodies that are packed.
func checkEncoding(req *http.Request) error {
	if enc := req.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return notify.Errorf(notify.CodeUnsupportedMedia, "the Content-Encoding %q is not supported; send the body as it is", enc)
	}
	return nil
}

func (a *API) checkMediaType(req *http.Request) error {
	header := req.Header.Get("Content-Type")
	if _, _, ok := codec.ParseContentType(header); ok || header == "" {
		return nil
	}
	return notify.Errorf(notify.CodeUnsupportedMedia, "the Content-Type %q is not supported; "+
		"it can be application/json, application/xml, text/xml, or a type with +json or +xml", header)
}

// sniff tells XML by its first character, after white space and a byte order mark.
func sniff(data []byte) codec.Form {
	for _, b := range data {
		switch b {
		case ' ', '\t', '\r', '\n', 0, 0xEF, 0xBB, 0xBF, 0xFE, 0xFF:
			continue
		case '<':
			return codec.XML
		}
		break
	}
	return codec.JSON
}

// body reads the whole body within the limit and the deadline.
func (a *API) body(c *call) ([]byte, error) {
	// Not every writer can set deadlines (tests' recorders cannot); then the server's own ones hold.
	rc := http.NewResponseController(c.gin.Writer)
	_ = rc.SetReadDeadline(time.Now().Add(bodyTimeout))
	data, err := io.ReadAll(io.LimitReader(c.gin.Request.Body, a.limits.Body+1))
	_ = rc.SetReadDeadline(time.Time{})
	if err != nil {
		return nil, notify.Wrap(notify.CodeMalformed, err, "the body did not arrive as a whole")
	}
	if int64(len(data)) > a.limits.Body {
		c.header("Connection", "close") // the rest of the body is not read
		return nil, notify.Errorf(notify.CodeTooLarge, "the body exceeds limits.body, which is %d bytes", a.limits.Body)
	}
	return data, nil
}

// answer renders v in the negotiated form.
func (a *API) answer(c *call, v any) {
	mediaType := c.mediaType
	if c.form == codec.XML {
		mediaType += "; charset=utf-8"
	}
	a.write(c, c.status, mediaType, v)
}

func (a *API) write(c *call, status int, mediaType string, v any) {
	h := c.gin.Writer.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept, Content-Type")
	c.gin.Data(status, mediaType, a.codec.Encode(c.form, v))
}

// checkQuery refuses parameters that the call does not know, so that a misspelt filter is not taken for none.
func checkQuery(r *http.Request, known []string) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	var bad []notify.FieldError
	for name, values := range r.URL.Query() {
		switch {
		case !slices.Contains(known, name):
			message := "is not a parameter of this call, which has none"
			if len(known) > 0 {
				message = "is not a parameter of this call; known are: " + strings.Join(known, ", ")
			}
			bad = append(bad, notify.FieldError{Path: name, Message: message})
		case len(values) > 1:
			bad = append(bad, notify.FieldError{Path: name, Message: "is given twice"})
		}
	}
	return invalid(badQuery, bad)
}
