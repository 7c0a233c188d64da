package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/compat"
)

// oldPattern is an old call's path as gin writes it: {name...} is all that follows.
func oldPattern(path string) string {
	before, rest, ok := strings.Cut(path, "{")
	if name, all := strings.CutSuffix(rest, "...}"); ok && all {
		return before + "*" + name
	}
	return pattern(path)
}

// serveOld answers a call of an old push service: its own way of naming a key, its own form of errors.
func (a *API) serveOld(r compat.Route) gin.HandlerFunc {
	return func(g *gin.Context) {
		c := callOf(g)
		ctx, cancel := context.WithTimeout(g.Request.Context(), callTimeout)
		defer cancel()
		c.ctx, c.route = ctx, r.Method+" "+r.Path
		ask := &compat.Ask{Request: g.Request.WithContext(ctx)}
		ask.Err = a.admitSecret(c, compat.Secret(g.Request), notify.ScopeSend)
		if ask.Err == nil {
			ask.Body, ask.Err = a.body(c)
		}
		ask.Key, c.failure = c.key, ask.Err
		g.Writer.Header().Set("Cache-Control", "no-store")
		r.Serve(g.Writer, ask)
	}
}

// admitSecret signs in who brings a key elsewhere than as a bearer. Without a scope any key will do.
func (a *API) admitSecret(c *call, secret string, scope notify.Scope) error {
	if secret == "" {
		return notify.Errorf(notify.CodeUnauthenticated, "a key is missing; it can be a bearer, the password of Basic, or where the old service had it")
	}
	r := c.gin.Request.Clone(c.ctx)
	r.Header = http.Header{"Authorization": {"Bearer " + secret}}
	key, err := a.Authenticate(r)
	if err != nil {
		return err
	}
	c.key = key
	if scope != "" && !key.Allows(scope) {
		return notify.Errorf(notify.CodeForbidden, "this call needs the scope %s", scope)
	}
	return nil
}

// countOld counts what became of an address, or of a call.
func (a *API) countOld(service, result string) { a.old.WithLabelValues(service, result).Inc() }
