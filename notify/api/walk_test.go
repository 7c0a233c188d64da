package api_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

// reply is an answer as it came over the wire.
type reply struct {
	status int
	header http.Header
	body   string
}

// ask makes a request; headers come in pairs.
func (h *house) ask(method, path, body string, headers ...string) reply {
	h.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, h.server.URL+path, strings.NewReader(body))
	h.must(nil, err)
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := h.http.Do(req)
	h.must(nil, err)
	defer func() { _ = res.Body.Close() }()
	var b bytes.Buffer
	_, err = io.Copy(&b, res.Body)
	h.must(nil, err)
	return reply{res.StatusCode, res.Header, b.String()}
}

// problem reads an error's answer, in whichever form it is.
func (h *house) problem(r reply) wire.Problem {
	h.t.Helper()
	f, _, ok := codec.ParseContentType(r.header.Get("Content-Type"))
	if !ok || !strings.HasPrefix(r.header.Get("Content-Type"), "application/problem+") {
		h.t.Fatalf("%d %s is no problem document: %s", r.status, r.header.Get("Content-Type"), r.body)
	}
	var c codec.Codec
	var p wire.Problem
	if err := c.Decode(codec.Document{Form: f, Data: []byte(r.body)}, &p); err != nil {
		h.t.Fatalf("%v: %s", err, r.body)
	}
	if p.Status != r.status || p.Type != "urn:allim:error:"+string(p.Code) || p.Title == "" || !strings.HasPrefix(p.Instance, "urn:uuid:") {
		h.t.Errorf("%d: %+v", r.status, p)
	}
	return p
}

// sample is how a route is called in a house that has something of everything.
type sample struct {
	path    string
	body    any // nil: none
	status  int
	missing string      // the path with an unknown id; empty: the route names nothing
	code    notify.Code // what that is answered with
}

// samples has one for every route; the ids are those that furnish made.
func samples(f furniture) map[string]sample {
	device := wire.DeviceInput{App: "corp", Platform: notify.APNs, Token: strings.Repeat("0f", 32)}
	user := notify.CodeUnknownUser
	return map[string]sample{
		"PUT /v1/users/{id}":                    {"/v1/users/park", wire.UserInput{Name: "박"}, 201, "", ""},
		"GET /v1/users/{id}":                    {"/v1/users/kim", nil, 200, "/v1/users/x", user},
		"DELETE /v1/users/{id}":                 {"/v1/users/lee", nil, 204, "/v1/users/x", user},
		"GET /v1/users":                         {"/v1/users?limit=1", nil, 200, "/v1/users?identity=email:x@y.kr", notify.CodeUnknownIdentity},
		"POST /v1/users/{id}/merge":             {"/v1/users/lee/merge", wire.Merge{Into: "kim"}, 200, "/v1/users/x/merge", user},
		"POST /v1/users/{id}/tokens":            {"/v1/users/kim/tokens", wire.TokenInput{Name: "phone"}, 201, "/v1/users/x/tokens", user},
		"GET /v1/users/{id}/tokens":             {"/v1/users/kim/tokens", nil, 200, "/v1/users/x/tokens", user},
		"DELETE /v1/users/{id}/tokens/{token}":  {"/v1/users/kim/tokens/" + f.token, nil, 204, "/v1/users/lee/tokens/" + f.token, notify.CodeUnknownKey},
		"POST /v1/users/{id}/devices":           {"/v1/users/lee/devices", device, 201, "/v1/users/x/devices", user},
		"GET /v1/users/{id}/devices":            {"/v1/users/kim/devices", nil, 200, "/v1/users/x/devices", user},
		"GET /v1/devices":                       {"/v1/devices", nil, 200, "", ""},
		"GET /v1/devices/{id}":                  {"/v1/devices/" + f.device, nil, 200, "/v1/devices/x", notify.CodeUnknownDevice},
		"DELETE /v1/devices/{id}":               {"/v1/devices/" + f.device, nil, 204, "/v1/devices/x", notify.CodeUnknownDevice},
		"PUT /v1/topics/{topic}/members/{user}": {"/v1/topics/staff/members/lee", nil, 204, "/v1/topics/staff/members/x", user},
		"DELETE /v1/topics/{topic}/members/{user}": {"/v1/topics/staff/members/kim", nil, 204, "/v1/topics/staff/members/lee",
			notify.CodeUnknownTopic},
		"GET /v1/topics":                        {"/v1/topics", nil, 200, "", ""},
		"GET /v1/topics/{topic}":                {"/v1/topics/staff", nil, 200, "/v1/topics/x", notify.CodeUnknownTopic},
		"POST /v1/accounts":                     {"/v1/accounts", wire.AccountInput{Source: "mail", Login: "lee", Password: "pw", Users: []string{"lee"}}, 201, "", ""},
		"GET /v1/accounts":                      {"/v1/accounts?source=mail", nil, 200, "", ""},
		"GET /v1/accounts/{id}":                 {"/v1/accounts/" + f.account, nil, 200, "/v1/accounts/x", notify.CodeUnknownAccount},
		"DELETE /v1/accounts/{id}":              {"/v1/accounts/" + f.account, nil, 204, "/v1/accounts/x", notify.CodeUnknownAccount},
		"GET /v1/sources":                       {"/v1/sources", nil, 200, "", ""},
		"GET /v1/lanes":                         {"/v1/lanes", nil, 200, "", ""},
		"POST /v1/notifications":                {"/v1/notifications", toKim(), 202, "", ""},
		"GET /v1/notifications":                 {"/v1/notifications?state=sending&user=kim", nil, 200, "", ""},
		"GET /v1/notifications/{id}":            {"/v1/notifications/" + f.sent, nil, 200, "/v1/notifications/x", notify.CodeUnknownNotification},
		"GET /v1/notifications/{id}/deliveries": {"/v1/notifications/" + f.sent + "/deliveries?state=failed", nil, 200, "/v1/notifications/x/deliveries", notify.CodeUnknownNotification},
		"POST /v1/notifications/{id}/pause":     {"/v1/notifications/" + f.sent + "/pause", nil, 200, "/v1/notifications/x/pause", notify.CodeUnknownNotification},
		"POST /v1/notifications/{id}/resume":    {"/v1/notifications/" + f.sent + "/resume", nil, 200, "/v1/notifications/x/resume", notify.CodeUnknownNotification},
		"POST /v1/notifications/{id}/cancel":    {"/v1/notifications/" + f.sent + "/cancel", nil, 200, "/v1/notifications/x/cancel", notify.CodeUnknownNotification},
		"POST /v1/notifications/{id}/approve":   {"/v1/notifications/" + f.waiting + "/approve", nil, 200, "/v1/notifications/x/approve", notify.CodeUnknownNotification},
		"POST /v1/notifications/{id}/refuse":    {"/v1/notifications/" + f.waiting + "/refuse", nil, 200, "/v1/notifications/x/refuse", notify.CodeUnknownNotification},
		"GET /v1/dead":                          {"/v1/dead", nil, 200, "", ""},
		"POST /v1/dead/{id}/replay":             {"/v1/dead/" + f.delivery + "/replay", nil, 200, "/v1/dead/x/replay", notify.CodeUnknownDelivery},
		"POST /v1/receipts":                     {"/v1/receipts", wire.Receipt{Delivery: wire.Word(f.delivery), State: wire.ReceiptOpened}, 204, "", ""},
		"GET /v1/trace/{id}":                    {"/v1/trace/e1", nil, 200, "/v1/trace/x", notify.CodeNotFound},
		"GET /v1/me":                            {"/v1/me", nil, 200, "", ""},
		"GET /v1/me/inbox":                      {"/v1/me/inbox?cursor=e1.0&limit=5", nil, 200, "", ""},
		"POST /v1/me/devices":                   {"/v1/me/devices", device, 201, "", ""},
		"GET /v1/me/devices":                    {"/v1/me/devices", nil, 200, "", ""},
		"DELETE /v1/me/devices/{id}":            {"/v1/me/devices/" + f.device, nil, 204, "/v1/me/devices/x", notify.CodeUnknownDevice},
		"PUT /v1/me/devices/{id}":               {"/v1/me/devices/" + f.device, wire.DeviceUpdate{Name: "폰"}, 200, "/v1/me/devices/x", notify.CodeUnknownDevice},
		"POST /v1/me/devices/{id}/test":         {"/v1/me/devices/" + f.device + "/test", nil, 202, "/v1/me/devices/x/test", notify.CodeUnknownDevice},
		"GET /v1/me/preferences":                {"/v1/me/preferences", nil, 200, "", ""},
		"PUT /v1/me/preferences":                {"/v1/me/preferences", wire.Preferences{Quiet: &wire.Quiet{From: "22:00", To: "07:00"}, Choices: []wire.Choice{{Folder: "News", Say: notify.SayInbox}}}, 200, "", ""},
		"GET /v1/me/marks":                      {"/v1/me/marks?after=0", nil, 200, "", ""},
		"POST /v1/me/marks":                     {"/v1/me/marks", wire.MarkInput{IDs: []string{f.sent}, Read: true}, 204, "", ""},
		"GET /v1/me/sessions":                   {"/v1/me/sessions", nil, 200, "", ""},
		"DELETE /v1/me/sessions/{id}":           {"/v1/me/sessions/" + f.session, nil, 204, "/v1/me/sessions/x", notify.CodeUnknownKey},
		"POST /v1/users/{id}/invitations":       {"/v1/users/kim/invitations", nil, 201, "/v1/users/x/invitations", user},
		"PUT /v1/users/{id}/role":               {"/v1/users/kim/role", wire.RoleInput{Role: "operator"}, 204, "/v1/users/x/role", user},
		"GET /v1/apps/{app}/webpush-key":        {"/v1/apps/corp/webpush-key", nil, 200, "/v1/apps/x/webpush-key", notify.CodeUnknownApp},
		"POST /v1/keys":                         {"/v1/keys", wire.KeyInput{Name: "erp", Scopes: []notify.Scope{notify.ScopeSend}}, 201, "", ""},
		"GET /v1/keys":                          {"/v1/keys", nil, 200, "", ""},
		"DELETE /v1/keys/{id}":                  {"/v1/keys/" + f.key, nil, 204, "/v1/keys/x", notify.CodeUnknownKey},
		"GET /healthz":                          {"/healthz", nil, 200, "", ""},
		"GET /readyz":                           {"/readyz", nil, 200, "", ""},
	}
}

func toKim() wire.NotificationInput {
	return wire.NotificationInput{To: wire.Audience{Users: []string{"kim"}}, Content: wire.Content{Title: "점심"}}
}

// furniture is the ids of one of everything.
type furniture struct{ device, account, sent, waiting, delivery, key, token, session string }

func (h *house) furnish() (f furniture) {
	h.t.Helper()
	ctx := context.Background()
	d, _, err := h.hub.RegisterDevice(ctx, notify.Device{User: "kim", App: "corp", Platform: notify.APNs, Token: strings.Repeat("ab", 32)})
	h.must(nil, err)
	acc, _, err := h.hub.AddAccount(ctx, notify.Account{Source: "mail", Login: "kim", Secret: "pw-of-kim", Users: []string{"kim"}})
	h.must(nil, err)
	sender, err := h.store.KeyByHash(ctx, notify.HashSecret(h.keys[notify.ScopeSend]))
	h.must(nil, err)
	n, _, err := h.hub.Send(ctx, notify.Notification{By: sender.ID, To: notify.Audience{Users: []string{"kim"}}, Content: notify.Content{Title: "x"}}, notify.Idempotency{})
	h.must(nil, err)
	waiting, _, err := h.hub.Send(ctx, notify.Notification{By: sender.ID, To: notify.Audience{All: true}, Content: notify.Content{Title: "all"}}, notify.Idempotency{})
	h.must(nil, err)
	h.must(h.hub.state(waiting.ID, notify.StateAwaitingApproval))
	h.must(nil, h.store.AddMember(ctx, "staff", "kim"))
	h.store.inbox["kim"] = []notify.InboxItem{{Seq: 1, Notification: n, CreatedAt: h.clock.Now()}}
	h.key(notify.ScopeSend)
	h.token("kim")
	keys, _ := h.store.Keys(ctx, "")
	tokens, _ := h.store.Keys(ctx, "kim")
	return furniture{d.ID, acc.ID, n.ID, waiting.ID, h.store.rows[0].ID, keys[len(keys)-1].ID, tokens[len(tokens)-1].ID, h.session("kim")}
}

// TestEveryRoute walks the table of routes in both forms: what works, and the faults that every call can have.
func TestEveryRoute(t *testing.T) {
	for _, r := range api.Routes() {
		for _, f := range []codec.Form{codec.JSON, codec.XML} {
			t.Run(r.Method+" "+r.Path+" "+f.String(), func(t *testing.T) {
				h := newHouse(t)
				s, ok := samples(h.furnish())[r.Method+" "+r.Path]
				if !ok {
					t.Fatal("the route has no sample")
				}
				v := &visit{house: h, route: r, form: f, sample: s}
				v.faults()
				v.success()
			})
		}
	}
}

// visit is one route in one form.
type visit struct {
	*house
	route  api.Route
	form   codec.Form
	sample sample
}

func (v *visit) call(key, path, body string) reply {
	v.t.Helper()
	headers := []string{"Accept", v.form.MediaType()}
	if key != "" {
		headers = append(headers, "Authorization", "Bearer "+key)
	}
	if body != "" {
		headers = append(headers, "Content-Type", v.form.MediaType())
	}
	return v.ask(v.route.Method, path, body, headers...)
}

func (v *visit) want(what string, r reply, status int, code notify.Code) {
	v.t.Helper()
	if p := v.problem(r); r.status != status || p.Code != code {
		v.t.Errorf("%s: %d %s, want %d %s", what, r.status, p.Code, status, code)
	}
	form, _, _ := codec.ParseContentType(r.header.Get("Content-Type"))
	if form != v.form {
		v.t.Errorf("%s: answered in %s", what, form)
	}
}

func (v *visit) body() string {
	if v.sample.body == nil {
		return ""
	}
	var c codec.Codec
	return string(c.Encode(v.form, v.sample.body))
}

// allowed gives a key that may make the call; empty when none is needed.
func (v *visit) allowed() string {
	if len(v.route.Scopes) == 0 {
		return ""
	}
	return v.keys[v.route.Scopes[0]]
}

func (v *visit) faults() {
	v.t.Helper()
	for _, s := range []notify.Scope{notify.ScopeAdmin, notify.ScopeSend, notify.ScopeRead, notify.ScopeUrgent, notify.ScopeBroadcast, notify.ScopeUser} {
		if allowed := slices.ContainsFunc(v.route.Scopes, notify.Key{Scopes: []notify.Scope{s}}.Allows); len(v.route.Scopes) > 0 && !allowed {
			v.want("with the scope "+string(s), v.call(v.keys[s], v.sample.path, v.body()), 403, notify.CodeForbidden)
		}
	}
	if len(v.route.Scopes) > 0 {
		r := v.call("", v.sample.path, v.body())
		v.want("without a key", r, 401, notify.CodeUnauthenticated)
		if r.header.Get("WWW-Authenticate") != `Bearer realm="allim"` {
			v.t.Error("401 without WWW-Authenticate")
		}
		v.want("with a wrong key", v.call("allim_key_x", v.sample.path, v.body()), 401, notify.CodeUnauthenticated)
	}
	if v.sample.missing != "" {
		v.want("unknown", v.call(v.allowed(), v.sample.missing, v.body()), 404, v.sample.code)
	}
	if v.route.Request != nil {
		v.want("broken body", v.call(v.allowed(), v.sample.path, "{<"), 400, notify.CodeMalformed)
		bad := map[codec.Form]string{codec.JSON: `{"nope":1}`, codec.XML: "<" + rootOf(v.body()) + " xmlns='urn:allim:v1'><nope/></" + rootOf(v.body()) + ">"}[v.form]
		r := v.call(v.allowed(), v.sample.path, bad)
		v.want("unknown field", r, 400, notify.CodeInvalid)
		if p := v.problem(r); len(p.Errors) != 1 || p.Errors[0].Path != "nope" {
			v.t.Error(p.Errors)
		}
	}
	if !v.route.OptionalBody && v.route.Request != nil {
		v.want("no body", v.call(v.allowed(), v.sample.path, ""), 400, notify.CodeMalformed)
	}
	glue := "?"
	if strings.Contains(v.sample.path, "?") {
		glue = "&"
	}
	v.want("unknown parameter", v.call(v.allowed(), v.sample.path+glue+"nope=1", v.body()), 400, notify.CodeInvalid)
}

// rootOf gives the root element of an XML document; the JSON form needs none.
func rootOf(doc string) string {
	_, rest, _ := strings.Cut(doc, "?>\n<")
	root, _, _ := strings.Cut(rest, " ")
	return root
}

func (v *visit) success() {
	v.t.Helper()
	r := v.call(v.allowed(), v.sample.path, v.body())
	if r.status != v.sample.status {
		v.t.Fatalf("%d, want %d: %s", r.status, v.sample.status, r.body)
	}
	if v.route.Answer == nil {
		if r.body != "" || r.status != 204 {
			v.t.Errorf("%d with a body: %q", r.status, r.body)
		}
		return
	}
	want := map[codec.Form]string{codec.JSON: "application/json", codec.XML: "application/xml; charset=utf-8"}[v.form]
	if got := r.header.Get("Content-Type"); got != want || r.header.Get("X-Request-Id") == "" || r.header.Get("Cache-Control") != "no-store" {
		v.t.Error("the headers are", r.header)
	}
	if strings.Contains(r.body, "pw-of-kim") || strings.Contains(r.body, strings.Repeat("ab", 32)) {
		v.t.Error("a secret in the answer:", r.body)
	}
}
