package soap

import (
	"bytes"
	"encoding/xml"

	"allim.dev/allim/notify/api/wire"
	"allim.dev/allim/notify/docmap"
)

// MediaType is the media type of a version's messages.
func MediaType(version string) string {
	if version == SOAP12 {
		return "application/soap+xml; charset=utf-8" // SOAP 1.2 part 2, section 7.1.4
	}
	return "text/xml; charset=utf-8" // SOAP 1.1, section 6
}

// Answer puts an XML document into an envelope.
func Answer(version string, status int, doc []byte) docmap.Reply {
	return envelope(version, status, nil, withoutDeclaration(doc))
}

func envelope(version string, status int, header, body []byte) docmap.Reply {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<soap:Envelope xmlns:soap="` + version + `">`)
	b.Write(header)
	b.WriteString(`<soap:Body>`)
	b.Write(body)
	b.WriteString("</soap:Body></soap:Envelope>\n")
	return docmap.Reply{Status: status, ContentType: MediaType(version), Body: b.Bytes()}
}

// Refusal is a problem as a fault: doc, the problem as XML, is its detail. err may be a *Fault, else it is the sender's or
// the receiver's by the problem's status.
func Refusal(version string, err error, p wire.Problem, doc []byte) docmap.Reply {
	f := faultOf(err, p)
	words := p.Title
	if p.Detail != "" {
		words += ": " + p.Detail
	}
	var b bytes.Buffer
	if version == SOAP12 {
		f.write12(&b, p, words, withoutDeclaration(doc))
		return envelope(version, f.status(version, p), f.header12(), b.Bytes())
	}
	f.write11(&b, words, withoutDeclaration(doc))
	return envelope(version, f.status(version, p), nil, b.Bytes())
}

// write12 writes a fault of 1.2 (part 1, section 5.4).
func (f *Fault) write12(b *bytes.Buffer, p wire.Problem, words string, detail []byte) {
	b.WriteString(`<soap:Fault><soap:Code><soap:Value>soap:` + f.word(SOAP12) +
		`</soap:Value><soap:Subcode><soap:Value xmlns:a="urn:allim:error">a:`)
	escapeTo(b, string(p.Code))
	b.WriteString(`</soap:Value></soap:Subcode></soap:Code><soap:Reason><soap:Text xml:lang="en">`)
	escapeTo(b, words)
	b.WriteString(`</soap:Text></soap:Reason>`)
	if f.aboutBody() {
		b.WriteString(`<soap:Detail>`)
		b.Write(detail)
		b.WriteString(`</soap:Detail>`)
	}
	b.WriteString(`</soap:Fault>`)
}

// write11 writes a fault of 1.1 (section 4.4).
func (f *Fault) write11(b *bytes.Buffer, words string, detail []byte) {
	b.WriteString(`<soap:Fault><faultcode>soap:` + f.word(SOAP11) + `</faultcode><faultstring>`)
	escapeTo(b, words)
	b.WriteString(`</faultstring>`)
	if f.aboutBody() {
		b.WriteString(`<detail>`)
		b.Write(detail)
		b.WriteString(`</detail>`)
	}
	b.WriteString(`</soap:Fault>`)
}

// aboutBody: a detail means that the Body was looked at (SOAP 1.1, section 4.4; 1.2 says it of headers, section 5.4.5).
func (f *Fault) aboutBody() bool { return f.Code != MustUnderstand && f.Code != VersionMismatch }

// header12 names the headers that were not understood (part 1, section 5.4.8), or the versions that are (5.4.7).
func (f *Fault) header12() []byte {
	var b bytes.Buffer
	switch f.Code {
	case MustUnderstand:
		b.WriteString(`<soap:Header>`)
		for _, n := range f.Headers {
			notUnderstoodTo(&b, n)
		}
		b.WriteString(`</soap:Header>`)
	case VersionMismatch:
		b.WriteString(`<soap:Header><soap:Upgrade><soap:SupportedEnvelope xmlns:v="` + SOAP12 + `" qname="v:Envelope"/>` +
			`<soap:SupportedEnvelope xmlns:v="` + SOAP11 + `" qname="v:Envelope"/></soap:Upgrade></soap:Header>`)
	}
	return b.Bytes()
}

// maxEcho is how long a stranger's name may be to be given back, in bytes.
const maxEcho = 256

func notUnderstoodTo(b *bytes.Buffer, n xml.Name) {
	switch {
	case len(n.Space)+len(n.Local) > maxEcho:
		return
	case n.Space == "": // a header must have a namespace (section 5.2.1), and this one has none
		b.WriteString(`<soap:NotUnderstood qname="`)
	default:
		b.WriteString(`<soap:NotUnderstood xmlns:h="`)
		escapeTo(b, n.Space)
		b.WriteString(`" qname="h:`)
	}
	escapeTo(b, n.Local)
	b.WriteString(`"/>`)
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
