package describe

import (
	"math"
	"net/http"
	"reflect"
	"slices"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

// Raw is a call that is no JSON or XML of the API's rule: a stream, a document, a call of an old push service.
type Raw struct {
	Method, Path string
	entry
	Scopes []notify.Scope // none: no key is needed
	Params []Param
	// Request and Answers are the bodies by media type; a call has one status when it works.
	Request, Answer []Media
	Status          int
	// Own: errors have the form of the old service, not of the API.
	Own bool
	// SOAP: the bodies are messages, with the examples of an operation.
	SOAP bool
}

// Media is a body in one media type, with an example; Type is its struct, nil for a text.
type Media struct {
	Type    string
	Struct  reflect.Type
	Example string
}

// raws has all calls besides the table of routes that a hub may serve.
func raws() []Raw {
	return slices.Concat(liveRaws(), documentRaws(), oldRaws(), soapRaws())
}

func liveRaws() []Raw {
	user := []notify.Scope{notify.ScopeUser}
	after := Param{Name: "after", In: "query", Text: "the cursor to go on from; absent: from now on"}
	marks := Param{Name: "marks", In: "query", Text: "also tell what was read after this number, next of GET /v1/me/marks; absent: do not", Integer: true, Max: math.MaxInt}
	return []Raw{
		{Method: http.MethodGet, Path: "/v1/me/stream", Scopes: user, Status: http.StatusOK, Params: []Param{after, marks,
			{Name: "Last-Event-ID", In: "header", Text: "the last id that was seen, as a browser sends it by itself"}},
			entry: entry{"stream", groupMe, "What the person is told from now on, as server-sent events: ready, notification, " +
				"data (a silent one), read (what was read on any page or device), resync, ping. It resumes after Last-Event-ID.", nil},
			Answer: []Media{{Type: "text/event-stream", Example: "id: e1.42\nevent: notification\ndata: {\"id\":\"" + uuid + "\",\"seq\":42,\"title\":\"New mail\"}\n\n"}}},
		{Method: http.MethodGet, Path: "/v1/me/ws", Scopes: user, Status: http.StatusSwitchingProtocols, Params: []Param{after, marks},
			entry:  entry{"ws", groupMe, "The same items over a WebSocket (RFC 6455).", nil},
			Answer: nil},
		{Method: http.MethodGet, Path: "/v1/me/poll", Scopes: user, Status: http.StatusOK, Params: []Param{after,
			{Name: "wait", In: "query", Text: "seconds to wait for something", Integer: true, Min: 0, Max: 55},
			{Name: "limit", In: "query", Text: "how many items at most", Integer: true, Min: 1, Max: 1000}},
			entry:  entry{"poll", groupMe, "The same items as a long poll: it answers as soon as there is something after the cursor.", nil},
			Answer: []Media{{Type: "application/json", Struct: reflect.TypeFor[wire.Inbox]()}}},
	}
}

func documentRaws() []Raw {
	page := func(path, id, text string, media ...string) Raw {
		r := Raw{Method: http.MethodGet, Path: path, Status: http.StatusOK, entry: entry{id, groupHouse, text, nil}}
		for _, m := range media {
			r.Answer = append(r.Answer, Media{Type: m})
		}
		return r
	}
	return []Raw{
		page("/metrics", "metrics", "Measurements for Prometheus.", "text/plain"),
		page("/openapi.json", "openapi", "This description, as OpenAPI 3.1.", "application/json"),
		page("/schemas/allim.xsd", "xsd", "The XML Schema of all requests and answers.", "application/xml"),
		page("/schemas/problem.xsd", "problemXsd", "The XML Schema of errors (RFC 9457, appendix B).", "application/xml"),
		page("/docs", "docs", "These pages.", "text/html"),
		page("/docs/{call}", "docsCall", "The page of one call.", "text/html"),
	}
}
