package api

import (
	"net/http"
	"strings"
)

// Mounted gives every route that is served, as "METHOD /path" with {name} for parameters, in the router's order; without
// HEAD, which goes with GET.
func (a *API) Mounted() []string {
	var out []string
	for _, r := range a.engine.Routes() {
		if r.Method != http.MethodHead {
			out = append(out, r.Method+" "+described(r.Path))
		}
	}
	return out
}

// described writes a path of gin's as the descriptions do.
func described(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, ":") || strings.HasPrefix(p, "*") {
			parts[i] = "{" + p[1:] + "}"
		}
	}
	return strings.Join(parts, "/")
}
