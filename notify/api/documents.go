package api

import (
	"bytes"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/describe"
)

// documents are what the hub serves about its own API. They are made when the first one asks.
type documents struct {
	openAPI, xsd, problemXSD []byte
	wsdl                     func(address string) []byte
	pages                    describe.Pages
}

// Book gives the API written down: the table of routes, and those of served, which are "METHOD /path".
func Book(served ...string) *describe.Book {
	routes := Routes()
	calls := make([]describe.Call, len(routes))
	for i, r := range routes {
		calls[i] = describe.Call{Method: r.Method, Path: r.Path, Scopes: r.Scopes, Query: r.Query, Request: r.Request,
			Answer: r.Answer, Status: r.Status, OptionalBody: r.OptionalBody}
	}
	return describe.New(describe.Parts{Calls: calls, Served: served, Operations: mapped(Operations(), func(o Operation) describe.Operation {
		return describe.Operation{Name: o.Name, Scopes: o.Scopes, Request: o.Request, Answer: o.Answer}
	})})
}

// describeLater gives the documents, made once.
func describeLater(served []string, url string) func() (documents, error) {
	return sync.OnceValues(func() (d documents, err error) {
		b := Book(served...)
		d.xsd, d.problemXSD, d.wsdl = b.XSD(), b.ProblemXSD(), b.WSDL()
		if d.openAPI, err = b.OpenAPI(url); err == nil {
			d.pages, err = b.Pages()
		}
		return d, err
	})
}

// document is one of them.
type document struct {
	path, mediaType string
	body            func(d documents, call string) (body []byte, found bool)
}

func documentRoutes() []document {
	one := func(pick func(d documents) []byte) func(documents, string) ([]byte, bool) {
		return func(d documents, _ string) ([]byte, bool) { return pick(d), true }
	}
	return []document{
		{"/openapi.json", "application/json", one(func(d documents) []byte { return d.openAPI })},
		{"/schemas/allim.xsd", "application/xml; charset=utf-8", one(func(d documents) []byte { return d.xsd })},
		{"/schemas/problem.xsd", "application/xml; charset=utf-8", one(func(d documents) []byte { return d.problemXSD })},
		{"/docs", "text/html; charset=utf-8", one(func(d documents) []byte { return d.pages.Index })},
		{"/docs/{call}", "text/html; charset=utf-8", func(d documents, call string) ([]byte, bool) {
			body, ok := d.pages.Calls[call]
			return body, ok
		}},
	}
}

// serveDocument answers with a document. It needs no key: what it says is the same on every hub.
func (a *API) serveDocument(d document) gin.HandlerFunc {
	return func(g *gin.Context) {
		c := callOf(g)
		c.route = http.MethodGet + " " + d.path
		c.form, c.mediaType, _ = negotiate(g.Request)
		all, err := a.documents()
		if err != nil {
			a.fail(c, err)
			return
		}
		body, found := d.body(all, c.param("call"))
		if !found {
			a.fail(c, notify.Errorf(notify.CodeNotFound, "there is no such page; /docs lists them all"))
			return
		}
		h := g.Writer.Header()
		h.Set("Content-Type", d.mediaType)
		h.Set("Content-Security-Policy", all.pages.Policy)
		h.Set("Cache-Control", "max-age=300")
		http.ServeContent(g.Writer, g.Request, "", a.started, bytes.NewReader(body))
	}
}
