package compat

import (
	"net/http"
	"strings"
)

// Secret gives the key of a request, wherever an old client can put it: GCM's "key=KEY", C2DM's "GoogleLogin auth=KEY",
// "Bearer KEY", the password of Basic (or its name, when there is no password), else the query parameter key. Empty: none.
func Secret(r *http.Request) string {
	header := strings.TrimSpace(r.Header.Get("Authorization"))
	if header == "" {
		return r.URL.Query().Get("key")
	}
	if secret, ok := strings.CutPrefix(header, "key="); ok {
		return strings.TrimSpace(secret)
	}
	if name, password, ok := r.BasicAuth(); ok {
		if password == "" {
			return name
		}
		return password
	}
	scheme, rest, _ := strings.Cut(header, " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(scheme) {
	case "bearer":
		return rest
	case "googlelogin":
		secret, _ := strings.CutPrefix(rest, "auth=")
		return secret
	}
	return ""
}
