package describe

import (
	"bytes"
	"encoding/xml"
	"reflect"
	"slices"

	"allim.dev/allim/notify/api/codec"
)

// operationTexts says what each operation of SOAP is for.
func operationTexts() map[string]string {
	return map[string]string{
		"send": "Sends a notification. The answer comes after it is on disk. The same idempotencyKey with the same notification gives " +
			"the same answer again for a day and sends nothing.",
		"sendMany":       "Sends up to 1,000 notifications, all of them or none.",
		"getStatus":      "Tells how far a notification is. A key with only the scope send sees what it sent itself.",
		"registerDevice": "Registers a device of a person. The same token again updates the device, and hands it over when the person is another one.",
	}
}

// The namespaces of WSDL 1.1 and of its bindings to SOAP.
const (
	wsdlSpace   = "http://schemas.xmlsoap.org/wsdl/"
	wsdlSOAP11  = "http://schemas.xmlsoap.org/wsdl/soap/"
	wsdlSOAP12  = "http://schemas.xmlsoap.org/wsdl/soap12/"
	overHTTP    = "http://schemas.xmlsoap.org/soap/http"
	wsdlAddress = "urn:allim:address" // stands where the address will
)

// WSDL gives the WSDL 1.1 of the operations for a hub at an address: document/literal wrapped, one port for each version
// of SOAP, the schemas of /schemas within it, as far as they are used, so that a client needs no other file.
func (b *Book) WSDL() func(address string) []byte {
	w := &xsdWriter{book: b}
	w.line(`<?xml version="1.0" encoding="UTF-8"?>`)
	w.open(`<wsdl:definitions name="Allim" targetNamespace="%s" xmlns:wsdl="%s" xmlns:soap="%s" xmlns:soap12="%s" xmlns:a="%s" xmlns:p="%s">`,
		codec.Namespace, wsdlSpace, wsdlSOAP11, wsdlSOAP12, codec.Namespace, ProblemSpace)
	w.open(`<wsdl:types>`)
	var types []reflect.Type
	for _, o := range b.operations {
		types = append(types, o.Request, o.Answer)
	}
	w.openSchema(codec.Namespace)
	w.documents(func(t reflect.Type) bool { return slices.Contains(types, t) })
	w.types(types)
	w.close(`</xs:schema>`)
	w.problem()
	w.close(`</wsdl:types>`)
	w.messages()
	w.portType()
	w.binding("AllimSoap11", "soap")
	w.binding("AllimSoap12", "soap12")
	w.open(`<wsdl:service name="Allim">`)
	for _, v := range []string{"11", "12"} {
		prefix := map[string]string{"11": "soap", "12": "soap12"}[v]
		w.open(`<wsdl:port name="AllimSoap%s" binding="a:AllimSoap%s">`, v, v)
		w.line(`<%s:address location="%s"/>`, prefix, wsdlAddress)
		w.close(`</wsdl:port>`)
	}
	w.close(`</wsdl:service>`)
	w.close(`</wsdl:definitions>`)
	text := []byte(w.out.String())
	return func(address string) []byte {
		var escaped bytes.Buffer
		_ = xml.EscapeText(&escaped, []byte(address)) // a buffer takes everything
		return bytes.ReplaceAll(text, []byte(wsdlAddress), escaped.Bytes())
	}
}

func (w *xsdWriter) messages() {
	message := func(name, part, element string) {
		w.open(`<wsdl:message name="%s">`, name)
		w.line(`<wsdl:part name="%s" element="%s"/>`, part, element)
		w.close(`</wsdl:message>`)
	}
	for _, o := range w.book.operations {
		message(o.Name, "parameters", "a:"+w.book.codec.Model(o.Request).Root)
		message(o.Name+"Response", "parameters", "a:"+w.book.codec.Model(o.Answer).Root)
	}
	message("Refusal", "problem", "p:problem")
}

func (w *xsdWriter) portType() {
	w.open(`<wsdl:portType name="AllimPort">`)
	for _, o := range w.book.operations {
		w.open(`<wsdl:operation name="%s">`, o.Name)
		w.line(`<wsdl:documentation>%s</wsdl:documentation>`, operationTexts()[o.Name]+needs(o.Scopes))
		w.line(`<wsdl:input message="a:%s"/>`, o.Name)
		w.line(`<wsdl:output message="a:%sResponse"/>`, o.Name)
		w.line(`<wsdl:fault name="Refusal" message="a:Refusal"/>`)
		w.close(`</wsdl:operation>`)
	}
	w.close(`</wsdl:portType>`)
}

// binding binds the operations to a version of SOAP, by the prefix of its elements here.
func (w *xsdWriter) binding(name, prefix string) {
	w.open(`<wsdl:binding name="%s" type="a:AllimPort">`, name)
	w.line(`<%s:binding style="document" transport="%s"/>`, prefix, overHTTP)
	for _, o := range w.book.operations {
		w.open(`<wsdl:operation name="%s">`, o.Name)
		w.line(`<%s:operation soapAction="%s:%s" style="document"/>`, prefix, codec.Namespace, o.Name)
		w.line(`<wsdl:input><%s:body use="literal"/></wsdl:input>`, prefix)
		w.line(`<wsdl:output><%s:body use="literal"/></wsdl:output>`, prefix)
		w.line(`<wsdl:fault name="Refusal"><%s:fault name="Refusal" use="literal"/></wsdl:fault>`, prefix)
		w.close(`</wsdl:operation>`)
	}
	w.close(`</wsdl:binding>`)
}
