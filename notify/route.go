package notify

import "net/http"

// Route is one HTTP route that a part other than the API serves, such as adapters/live's streams. The API does the
// login and the scope, and passes on who is signed in.
type Route struct {
	Method  string
	Path    string // below /v1, such as "/me/stream"
	Scope   Scope
	Handler func(w http.ResponseWriter, r *http.Request, user string)
}

// Router is a part that serves routes.
type Router interface {
	Routes() []Route
}
