package api

import (
	"bytes"
	"encoding/xml"
	"net/http"

	"allim.dev/allim/notify/api/wire"
	"allim.dev/allim/notify/docmap"
)

// soapType is the media type of a version of SOAP.
func soapType(version string) string {
	if version == docmap.SOAP12 {
		return "application/soap+xml; charset=utf-8" // SOAP 1.2 part 2, section 7.1.4
	}
	return "text/xml; charset=utf-8" // SOAP 1.1, section 6
}

// soapAnswer puts an XML document into an envelope.
func soapAnswer(version string, status int, doc []byte) docmap.Reply {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<soap:Envelope xmlns:soap="` + version + `"><soap:Body>`)
	b.Write(withoutDeclaration(doc))
	b.WriteString("</soap:Body></soap:Envelope>\n")
	return docmap.Reply{Status: status, ContentType: soapType(version), Body: b.Bytes()}
}

// soapFault is a problem as a fault, the problem itself in its detail.
func soapFault(version string, p wire.Problem, doc []byte) docmap.Reply {
	sender := p.Status < http.StatusInternalServerError
	words := p.Title
	if p.Detail != "" {
		words += ": " + p.Detail
	}
	var b bytes.Buffer
	status := p.Status
	if version == docmap.SOAP12 { // part 1, section 5.4
		code := "soap:Receiver"
		if sender {
			code = "soap:Sender"
		}
		b.WriteString(`<soap:Fault xmlns:soap="` + version + `"><soap:Code><soap:Value>` + code + `</soap:Value><soap:Subcode><soap:Value xmlns:a="urn:allim:error">a:`)
		escapeTo(&b, string(p.Code))
		b.WriteString(`</soap:Value></soap:Subcode></soap:Code><soap:Reason><soap:Text xml:lang="en">`)
		escapeTo(&b, words)
		b.WriteString(`</soap:Text></soap:Reason><soap:Detail>`)
		b.Write(withoutDeclaration(doc))
		b.WriteString(`</soap:Detail></soap:Fault>`)
		return soapAnswer(version, status, b.Bytes())
	}
	code := "soap:Server"
	if sender {
		code = "soap:Client"
	}
	b.WriteString(`<soap:Fault xmlns:soap="` + version + `"><faultcode>` + code + `</faultcode><faultstring>`)
	escapeTo(&b, words)
	b.WriteString(`</faultstring><detail>`)
	b.Write(withoutDeclaration(doc))
	b.WriteString(`</detail></soap:Fault>`)
	if status != http.StatusUnauthorized && status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		status = http.StatusInternalServerError // SOAP 1.1, section 6.2: every fault is a 500
	}
	return soapAnswer(version, status, b.Bytes())
}

func escapeTo(b *bytes.Buffer, s string) {
	_ = xml.EscapeText(b, []byte(s)) // a buffer takes everything
}

func withoutDeclaration(doc []byte) []byte {
	if bytes.HasPrefix(doc, []byte("<?xml")) {
		_, doc, _ = bytes.Cut(doc, []byte("?>"))
	}
	return bytes.TrimSpace(doc)
}
