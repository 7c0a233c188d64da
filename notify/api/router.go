package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/compat"
)

// build makes the router.
func (a *API) build(o Options) error {
	gin.SetMode(gin.ReleaseMode) // else gin prints its routes; the mode is the whole process's, and only gin looks at it
	e := gin.New()
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash, e.RedirectFixedPath = false, false
	e.RemoteIPHeaders = []string{"X-Forwarded-For"}
	proxies := make([]string, len(o.TrustedProxies))
	for i, p := range o.TrustedProxies {
		proxies[i] = p.String()
	}
	if err := e.SetTrustedProxies(proxies); err != nil {
		return err
	}
	e.Use(a.around)
	e.NoRoute(a.noRoute)
	e.NoMethod(a.noMethod)
	for _, r := range Routes() {
		e.Handle(r.Method, pattern(r.Path), a.handler(r))
		if r.Method == http.MethodGet { // RFC 9110 section 9.3.2; net/http leaves the body away
			e.HEAD(pattern(r.Path), a.handler(r))
		}
	}
	var served []string // besides Routes, for the descriptions
	for _, r := range ForeignRoutes() {
		served = append(served, post+" "+r.Path)
		e.POST(pattern(r.Path), a.foreignHandler(r))
	}
	for _, router := range o.Routers {
		for _, r := range router.Routes() {
			e.Handle(r.Method, pattern(Base+r.Path), a.stream(r))
			served = append(served, r.Method+" "+Base+r.Path)
		}
	}
	if o.Gatherer != nil {
		e.GET("/metrics", a.metrics(promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{})))
		served = append(served, "GET /metrics")
	}
	old := compat.New(compat.Options{Hub: o.Hub, Store: o.Store, Clock: o.Clock, Count: a.countOld})
	for _, r := range old.Routes() {
		e.Handle(r.Method, oldPattern(r.Path), a.serveOld(r))
		served = append(served, r.Method+" "+r.Path)
	}
	e.POST(SOAPPath, a.serveSOAP)
	e.GET(SOAPPath, a.serveWSDL)
	e.HEAD(SOAPPath, a.serveWSDL)
	served = append(served, post+" "+SOAPPath, get+" "+SOAPPath)
	for _, d := range documentRoutes() {
		e.GET(pattern(d.path), a.serveDocument(d))
		e.HEAD(pattern(d.path), a.serveDocument(d))
		served = append(served, "GET "+d.path)
	}
	a.documents = describeLater(served, o.PublicURL)
	a.engine = e
	return nil
}

// stream serves another part's route after the login. It has no deadline: it may last for hours.
func (a *API) stream(r notify.Route) gin.HandlerFunc {
	route := r.Method + " " + Base + r.Path
	return func(g *gin.Context) {
		c := callOf(g)
		c.route = route
		if err := a.admit(c, []notify.Scope{r.Scope}); err != nil {
			c.form, c.mediaType, _ = negotiate(g.Request)
			a.fail(c, err)
			return
		}
		r.Handler(g.Writer, g.Request, c.key.User)
	}
}

func (a *API) metrics(h http.Handler) gin.HandlerFunc {
	return func(g *gin.Context) {
		callOf(g).route = "GET /metrics"
		h.ServeHTTP(g.Writer, g.Request)
	}
}
