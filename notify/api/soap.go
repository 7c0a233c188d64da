package api

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/soap"
	"allim.dev/allim/notify/docmap/strict"
)

// SOAPPath is where the operations of SOAP are posted, and where their WSDL is.
const SOAPPath = "/soap"

// maxStrangers is how many messages are read at a time that bring no key in a header of HTTP: theirs stands in the
// message, if anywhere, so that a part of it must be read for somebody who may be anybody.
const maxStrangers = 16

// clockSkew is how far a sender's clock may be behind, for a Timestamp that expires.
const clockSkew = 5 * time.Minute

// soapCall is one message on its way.
type soapCall struct {
	*call
	version   string // that of the message as soon as it is known, before that as the headers say
	operation string // empty: not known
	charset   string
}

// serveSOAP answers POST /soap: an operation, or a fault in the version of the message.
func (a *API) serveSOAP(g *gin.Context) {
	ctx, cancel := context.WithTimeout(g.Request.Context(), callTimeout)
	defer cancel()
	s := &soapCall{call: callOf(g), version: soap.SOAP11}
	s.ctx, s.route, s.form = ctx, post+" "+SOAPPath, codec.XML
	out, err := a.operate(s)
	a.countSOAP(s, err)
	if err != nil {
		a.refuseSOAP(s, err)
		return
	}
	a.foreignAnswer(s.call, soap.Answer(s.version, http.StatusOK, a.codec.Encode(codec.XML, out)))
}

func (a *API) refuseSOAP(s *soapCall, err error) {
	p, answer := a.judge(s.call, err)
	if !answer {
		return
	}
	a.challenge(s.call, p, true)
	a.foreignAnswer(s.call, soap.Refusal(s.version, err, p, a.codec.Encode(codec.XML, &p)))
}

// countSOAP counts a call by its operation, and by "ok" or the code that it was refused with.
func (a *API) countSOAP(s *soapCall, err error) {
	result := "ok"
	var f *soap.Fault
	switch {
	case errors.As(err, &f):
		result = string(f.Code)
	case err != nil:
		result = string(notify.CodeOf(err))
	}
	a.soap.WithLabelValues(s.operation, result).Inc()
}

// operate reads the message and does what it asks for.
func (a *API) operate(s *soapCall) (any, error) {
	if err := a.checkSOAP(s); err != nil {
		return nil, err
	}
	m, err := a.signedIn(s)
	if err != nil {
		return nil, err
	}
	all := Operations()
	i := slices.IndexFunc(all, func(o Operation) bool { return o.Name == m.Name })
	if i < 0 {
		return nil, notify.Errorf(notify.CodeNotFound, "there is no operation <%s>; there are: %s", strict.Shorten(m.Name), operationNames())
	}
	o := all[i]
	s.operation = o.Name
	if err := allow(s.key, o.Scopes); err != nil {
		return nil, err
	}
	e, err := m.Element()
	if err != nil {
		return nil, err
	}
	return o.serve(a, s, e)
}

// checkSOAP looks at the headers of HTTP.
func (a *API) checkSOAP(s *soapCall) error {
	r := s.gin.Request
	header := r.Header.Get("Content-Type")
	mediaType, params, err := mime.ParseMediaType(header)
	s.charset = params["charset"]
	if mediaType == "application/soap+xml" {
		s.version = soap.SOAP12
	}
	_, known := codec.FormOf(mediaType)
	if header != "" && (err != nil || !known || !strings.Contains(mediaType, "xml")) {
		return notify.Errorf(notify.CodeUnsupportedMedia,
			"the Content-Type %q is not supported; it is text/xml for SOAP 1.1 and application/soap+xml for SOAP 1.2, without attachments", header)
	}
	if err := checkEncoding(r); err != nil {
		return err
	}
	return checkQuery(r, nil)
}

// signedIn reads the message's headers and says who asks: by the Authorization of HTTP, or by the message's UsernameToken.
// Errors: CodeUnauthenticated, CodeTooManyRequests, those of body and of soap.Read.
func (a *API) signedIn(s *soapCall) (*soap.Message, error) {
	r := s.gin.Request
	named := r.Header.Get("Authorization") != ""
	if named {
		carriedKey(r, nil)
		key, err := a.Authenticate(r)
		if err != nil {
			return nil, err
		}
		s.key = key
	} else {
		select {
		case a.strangers <- struct{}{}:
			defer func() { <-a.strangers }()
		case <-s.ctx.Done():
			return nil, s.ctx.Err()
		}
	}
	data, err := a.body(s.call)
	if err != nil {
		return nil, err
	}
	text, err := strict.ToUTF8(true, data, s.charset)
	if err != nil {
		return nil, err
	}
	m, err := soap.Read(text)
	switch {
	case m.Version != "":
		s.version = m.Version
	case isVersionMismatch(err):
		s.version = soap.SOAP12 // part 1, appendix A
	}
	if err != nil {
		return nil, err
	}
	return m, a.checkToken(s, m.Token, named)
}

func isVersionMismatch(err error) bool {
	var f *soap.Fault
	return errors.As(err, &f) && f.Code == soap.VersionMismatch
}

// checkToken signs in whom the message names, or sees that it names whom HTTP named.
func (a *API) checkToken(s *soapCall, t *soap.Token, named bool) error {
	switch {
	case t == nil && named:
		return nil
	case t == nil:
		return notify.Errorf(notify.CodeUnauthenticated, "a key is missing; it can be a bearer or the password of Basic in the header "+
			"Authorization, or the password of a UsernameToken in the message's header Security")
	case !t.Expires.IsZero() && a.clock.Now().After(t.Expires.Add(clockSkew)):
		return notify.Errorf(notify.CodeUnauthenticated, "the Timestamp of the header Security has expired")
	case !named:
		return a.admitSecret(s.call, t.Secret(), "")
	}
	if secret, _, err := secretOf(s.gin.Request); err != nil || secret != t.Secret() {
		return notify.Errorf(notify.CodeUnauthenticated, "the header Authorization and the message's header Security have different keys")
	}
	return nil
}
