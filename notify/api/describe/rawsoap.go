package describe

import (
	"net/http"
	"reflect"
	"strings"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/api/wire"
)

// soapRaws are SOAP's own: its operations, and their WSDL.
func soapRaws() []Raw {
	operations := Raw{Method: http.MethodPost, Path: "/soap", Scopes: []notify.Scope{notify.ScopeSend}, Status: http.StatusOK, Own: true, SOAP: true,
		entry: entry{"soap", groupOld, "SOAP 1.1 and 1.2, document/literal: the operations send, sendMany, getStatus and registerDevice, " +
			"which /soap?wsdl describes. They do what the calls of the same meaning do, with the same XML in the Body. registerDevice " +
			"needs the scope admin. The key may also be the password of a UsernameToken (PasswordText) in the header Security.",
			map[int]string{http.StatusBadRequest: "A fault of SOAP 1.2 that is the sender's; its Detail has the problem.",
				http.StatusUnauthorized:        "A fault: a key is missing or not known.",
				http.StatusInternalServerError: "Any other fault: all of SOAP 1.1, and those of SOAP 1.2 that are not the sender's. The detail has the problem."}},
		Params: []Param{{Name: "SOAPAction", In: "header", Text: "is not looked at: the Body says which operation it is"},
			{Name: "Idempotency-Key", In: "header", Example: "order-4711", Text: "as idempotencyKey in the Body of send and sendMany"}}}
	wsdl := Raw{Method: http.MethodGet, Path: "/soap", Status: http.StatusOK,
		entry:  entry{"wsdl", groupOld, "The WSDL 1.1 of the SOAP operations, with all schemas in it; usually asked for as /soap?wsdl.", nil},
		Params: []Param{{Name: "wsdl", In: "query", Text: "may be there, without a value"}},
		Answer: []Media{{Type: "text/xml"}}}
	return []Raw{operations, wsdl}
}

// soapMedia puts an example into the envelopes of both versions.
func (b *Book) soapMedia(t reflect.Type) []Media {
	_, doc, _ := strings.Cut(b.Example(t, codec.XML), "?>\n")
	in := func(space string) string {
		return `<s:Envelope xmlns:s="` + space + `"><s:Body>` + strings.TrimSpace(doc) + `</s:Body></s:Envelope>`
	}
	return []Media{{Type: "text/xml", Example: in("http://schemas.xmlsoap.org/soap/envelope/")},
		{Type: "application/soap+xml", Example: in("http://www.w3.org/2003/05/soap-envelope")}}
}

// withSOAP fills in what is made of the operations' examples.
func (b *Book) withSOAP(r Raw) Raw {
	if r.SOAP {
		r.Request, r.Answer = b.soapMedia(reflect.TypeFor[wire.Send]()), b.soapMedia(reflect.TypeFor[wire.SendResponse]())
	}
	return r
}
