package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/soap"
	"allim.dev/allim/notify/api/wire"
	"allim.dev/allim/notify/docmap"
)

// ForeignRoute is a call that takes a document in a form of its sender's making, which a mapping describes.
type ForeignRoute struct {
	Path   string // POST, with {mapping}
	Status int    // of a success
	trial  bool   // nothing is sent or counted, and faults are told in the API's form
	serve  func(*API, *call, *foreignCall) error
}

// ForeignRoutes are all of them; each needs the scope send.
func ForeignRoutes() []ForeignRoute {
	return []ForeignRoute{
		{Path: "/v1/ingest/{mapping}", Status: http.StatusAccepted, serve: (*API).ingest},
		{Path: "/v1/mappings/{mapping}/try", Status: http.StatusOK, trial: true, serve: (*API).tryMapping},
	}
}

// foreignCall is what a call with a foreign document knows of it.
type foreignCall struct {
	mapping  *docmap.Mapping // nil: there is none of this name
	document notify.Foreign
	form     docmap.Form
	trial    bool
}

// foreignHandler is handler for foreign documents: whatever is wrong is told in the sender's own form.
func (a *API) foreignHandler(r ForeignRoute) gin.HandlerFunc {
	return func(g *gin.Context) {
		c := callOf(g)
		ctx, cancel := context.WithTimeout(g.Request.Context(), callTimeout)
		defer cancel()
		c.ctx, c.route, c.status = ctx, post+" "+r.Path, r.Status
		f := &foreignCall{mapping: (*a.mappings.Load())[c.param("mapping")], trial: r.trial}
		a.formOf(c, f)
		if err := a.serveForeign(c, f, r); err != nil {
			a.refuse(c, f, err)
		}
	}
}

func (a *API) serveForeign(c *call, f *foreignCall, r ForeignRoute) error {
	known := carriedKey(c.gin.Request, f.mapping)
	if err := a.admit(c, send()); err != nil {
		return err
	}
	if err := checkQuery(c.gin.Request, known); err != nil {
		return err
	}
	switch {
	case f.mapping == nil:
		return notify.Errorf(notify.CodeNotFound, "the configuration has no mapping %q", c.param("mapping"))
	case !f.mapping.Allows(c.key):
		return notify.Errorf(notify.CodeForbidden, "the mapping %s is for other keys", f.mapping.ID())
	}
	if err := checkEncoding(c.gin.Request); err != nil {
		return err
	}
	data, err := a.body(c)
	if err != nil {
		return err
	}
	f.document.Data = data
	a.formOf(c, f)
	return r.serve(a, c, f)
}

// formOf finds the sender's form, by the document when it is there, else by the request's headers.
func (a *API) formOf(c *call, f *foreignCall) {
	r := c.gin.Request
	f.document.ContentType = r.Header.Get("Content-Type")
	f.form = docmap.FormOf(f.document)
	if f.form.SOAP == "" && r.Header.Get("SOAPAction") != "" {
		f.form.XML, f.form.SOAP = true, docmap.SOAP11
	}
	as := r.Clone(r.Context())
	as.Header.Set("Content-Type", "application/json")
	if f.form.XML {
		as.Header.Set("Content-Type", "application/xml")
	}
	c.form, c.mediaType, _ = negotiate(as) // an answer that is not accepted is better than none
}

// carriedKey moves a key that came in Basic auth or in the mapping's query parameter to where all keys stand, and takes
// it out of the URL, so that nothing can log it. It gives the parameters that the call knows.
func carriedKey(r *http.Request, m *docmap.Mapping) (known []string) {
	secret := ""
	if scheme, coded, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Basic") {
		secret = basicSecret(coded)
	}
	if m != nil && m.KeyParameter() != "" {
		query := r.URL.Query()
		known = []string{m.KeyParameter()}
		if values := query[m.KeyParameter()]; len(values) == 1 && r.Header.Get("Authorization") == "" {
			secret = values[0]
		}
		if query.Has(m.KeyParameter()) {
			query.Del(m.KeyParameter())
			r.URL.RawQuery = query.Encode()
			r.RequestURI = r.URL.RequestURI()
		}
	}
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	return known
}

// basicSecret takes the key from Basic auth (RFC 7617): the password, or the user's name where there is none.
func basicSecret(coded string) string {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(coded))
	if err != nil {
		return ""
	}
	user, password, _ := strings.Cut(string(raw), ":")
	if password == "" {
		return user
	}
	return password
}

// apply asks the mapping what the document wants.
func (a *API) apply(c *call, f *foreignCall) (*docmap.Result, error) {
	r, err := a.mapped(c, f)
	if err != nil {
		return nil, err
	}
	var faults notify.Faults
	for i := range r.Items {
		s := &r.Items[i]
		if s.Idempotency.Key != "" {
			s.Idempotency.KeyID = c.key.ID
		}
		s.Notification.Released = c.key.Allows(notify.ScopeBroadcast)
		if s.Notification.Urgent && !c.key.Allows(notify.ScopeUrgent) {
			faults.Add(*s, &notify.Error{Code: notify.CodeForbidden, Fields: []notify.FieldError{{Path: "urgent", Message: "needs the scope urgent"}}})
		}
	}
	return r, faults.Err(len(r.Items))
}

// mapped applies the mapping, when it is this document's turn: a mapping is all computing, and a big document's tree takes
// some 50 MB, so that there are no more of them at a time than there are processors.
func (a *API) mapped(c *call, f *foreignCall) (*docmap.Result, error) {
	select {
	case a.turns <- struct{}{}:
		defer func() { <-a.turns }()
	case <-c.ctx.Done():
		return nil, c.ctx.Err()
	}
	return f.mapping.Apply(c.ctx, f.document)
}

func (a *API) ingest(c *call, f *foreignCall) error {
	result, err := a.apply(c, f)
	if err != nil {
		return err
	}
	accepted, _, err := a.hub.SendAll(c.ctx, notify.Posting{Items: result.Items, By: c.key.ID})
	if err != nil {
		return err
	}
	a.hub.CountDocument(f.mapping.ID(), nil)
	if len(accepted) > 0 {
		c.header("Location", Base+"/notifications/"+accepted[0].Notification.ID)
	}
	reply, own, err := f.mapping.Reply(result, accepted)
	if err != nil { // it was taken all the same: the sender must not try again
		a.log.Error("a mapping's reply cannot be made", "request", c.id, "mapping", f.mapping.ID(), "error", err)
	}
	if own && err == nil {
		a.foreignAnswer(c, reply)
		return nil
	}
	out := wire.Ingested{IDs: make([]string, len(accepted))}
	for i, one := range accepted {
		out.IDs[i] = one.Notification.ID
		if one.Replayed {
			out.Replayed++
		}
	}
	if f.form.SOAP != "" {
		a.foreignAnswer(c, soap.Answer(f.form.SOAP, http.StatusOK, a.codec.Encode(codec.XML, &out)))
		return nil
	}
	a.answer(c, &out)
	return nil
}

func (a *API) foreignAnswer(c *call, r docmap.Reply) {
	c.header("Cache-Control", "no-store")
	c.gin.Data(r.Status, r.ContentType, r.Body)
}

// refuse tells the sender what is wrong in its own form: the mapping's, a SOAP fault, or a problem.
func (a *API) refuse(c *call, f *foreignCall, cause error) {
	if f.mapping != nil && !f.trial {
		a.hub.CountDocument(f.mapping.ID(), cause)
	}
	p, answer := a.judge(c, cause)
	switch {
	case !answer:
		return
	case f.trial:
		a.problem(c, p)
		return
	}
	a.challenge(c, p, true)
	if f.mapping != nil {
		reply, own, err := f.mapping.ErrorReply(docmap.Refusal{Status: p.Status, Code: p.Code, Title: p.Title, Detail: p.Detail, Errors: p.Errors})
		if err != nil {
			a.log.Error("a mapping's errorReply cannot be made", "request", c.id, "mapping", f.mapping.ID(), "error", err)
		} else if own {
			if p.Status == http.StatusUnauthorized { // else a client that waits to be asked never sends its key
				reply.Status = p.Status
			}
			a.foreignAnswer(c, reply)
			return
		}
	}
	if f.form.SOAP != "" {
		a.foreignAnswer(c, soap.Refusal(f.form.SOAP, cause, p, a.codec.Encode(codec.XML, &p)))
		return
	}
	a.problem(c, p)
}

// tryMapping tells what a document would send, and to whom, and sends nothing.
func (a *API) tryMapping(c *call, f *foreignCall) error {
	result, err := a.apply(c, f)
	if err != nil {
		return err
	}
	found, _, err := a.hub.SendAll(c.ctx, notify.Posting{Items: result.Items, By: c.key.ID, Dry: true})
	if err != nil {
		return err
	}
	out := wire.Trial{Notifications: make([]wire.TrialNotification, len(found))}
	for i, one := range found {
		out.Notifications[i] = TrialOf(result.Items[i], one)
	}
	a.answer(c, &out)
	return nil
}

// TrialOf shows a submission as a trial found it.
func TrialOf(s notify.Submission, found notify.Acceptance) wire.TrialNotification {
	n := found.Notification
	key := s.Idempotency.Key
	return wire.TrialNotification{Where: s.Where, Line: s.Line, Idempotency: key[strings.LastIndexByte(key, '\t')+1:], Replayed: found.Replayed,
		To: toAudience(n.To), People: found.People, Targeted: n.Counts.Targeted, Content: toContent(n.Content),
		CollapseKey: n.CollapseKey, Priority: n.Priority, Urgent: n.Urgent, Silent: n.Silent, TTL: int64(n.TTL / time.Second), SendAt: n.SendAt,
		Template: n.Template, Params: n.Params, Skipped: n.Skipped}
}
