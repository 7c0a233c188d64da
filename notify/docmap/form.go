package docmap

import (
	"bytes"
	"mime"
	"strings"

	"allim.dev/allim/notify"
)

// The namespaces of SOAP's envelopes.
const (
	SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
	SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
)

// Form is what a foreign document is, as far as its first bytes and its Content-Type tell.
type Form struct {
	XML     bool
	SOAP    string // SOAP11, SOAP12, or empty
	charset string // of the Content-Type
}

// headSize is how much of a document is looked at for its form.
const headSize = 4096

// FormOf looks at a document's first character, else at its Content-Type: old systems send XML as text/plain and as forms.
func FormOf(d notify.Foreign) Form {
	mediaType, params, err := mime.ParseMediaType(d.ContentType)
	f := Form{XML: err == nil && strings.Contains(mediaType, "xml")}
	if err == nil {
		f.charset = params["charset"]
	}
	head := bytes.ReplaceAll(d.Data[:min(len(d.Data), headSize)], []byte{0}, nil) // UTF-16
	switch first := bytes.TrimLeft(head, " \t\r\n\xEF\xBB\xBF\xFE\xFF"); {
	case len(first) == 0:
	case first[0] == '<':
		f.XML = true
	case first[0] == '{', first[0] == '[':
		f.XML = false
	}
	switch {
	case !f.XML:
	case mediaType == "application/soap+xml", envelope(head, SOAP12):
		f.SOAP = SOAP12
	case envelope(head, SOAP11):
		f.SOAP = SOAP11
	}
	return f
}

func envelope(head []byte, space string) bool {
	return bytes.Contains(head, []byte(space)) && bytes.Contains(head, []byte("Envelope"))
}
