package api

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"

	"github.com/gin-gonic/gin"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
)

// callKey is where gin's context holds the call.
const callKey = "allim.call"

func callOf(g *gin.Context) *call { return g.MustGet(callKey).(*call) }

// around gives every request an id, counts and logs it, and answers a panic.
func (a *API) around(g *gin.Context) {
	c := &call{ctx: g.Request.Context(), gin: g, id: notify.NewID(), form: codec.JSON}
	g.Set(callKey, c)
	g.Header("X-Request-Id", c.id)
	g.Header("X-Content-Type-Options", "nosniff")
	start := a.clock.Now()
	defer func() {
		fault := recover()
		if fault != nil && fault != http.ErrAbortHandler {
			a.recovered(c, fault)
		}
		status := g.Writer.Status()
		a.requests.WithLabelValues(c.route, strconv.Itoa(status)).Inc()
		a.log.Debug("request", "request", c.id, "route", c.route, "status", status, "duration", a.clock.Now().Sub(start),
			"client", g.ClientIP(), "key", c.key.ID, "error", string(notify.CodeOf(c.failure)))
		if fault == http.ErrAbortHandler {
			panic(fault)
		}
	}()
	g.Next()
}

// recovered logs a panic, which is a fault of the program, and answers 500 if there is still room for an answer.
func (a *API) recovered(c *call, fault any) {
	a.log.Error("a request handler panicked", "request", c.id, "route", c.route, "panic", fmt.Sprint(fault),
		"stack", string(debug.Stack()))
	c.failure = &notify.Error{Code: notify.CodeInternal}
	c.gin.Abort()
	if !c.gin.Writer.Written() {
		p, _ := problemOf(c.failure, c.id)
		a.problem(c, p)
	}
}

// The routes of requests that have none, in metrics.
const (
	routeNone     = "none"
	routeNoMethod = "wrong method"
)

func (a *API) noRoute(g *gin.Context) {
	c := callOf(g)
	c.route = routeNone
	c.form, c.mediaType, _ = negotiate(g.Request)
	a.fail(c, notify.Errorf(notify.CodeNotFound, "there is no call with this path; the API's calls are below %s", Base))
}

// noMethod: gin has set Allow.
func (a *API) noMethod(g *gin.Context) {
	c := callOf(g)
	c.route = routeNoMethod
	c.form, c.mediaType, _ = negotiate(g.Request)
	a.fail(c, notify.Errorf(notify.CodeMethodNotAllowed, "the methods of this path are: %s", g.Writer.Header().Get("Allow")))
}
