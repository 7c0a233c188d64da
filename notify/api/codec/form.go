package codec

import (
	"mime"
	"strings"
)

// Form is one of the two forms of a document.
type Form uint8

// The forms.
const (
	JSON Form = iota
	XML
)

// String is the form's name for people.
func (f Form) String() string {
	if f == XML {
		return "XML"
	}
	return "JSON"
}

// MediaType is the form's plain media type.
func (f Form) MediaType() string {
	if f == XML {
		return "application/xml"
	}
	return "application/json"
}

// FormOf gives the form that a media type means: application/json, application/xml, text/xml and every type with the
// suffix +json or +xml (RFC 6839).
func FormOf(mediaType string) (Form, bool) {
	switch {
	case mediaType == "application/json", strings.HasSuffix(mediaType, "+json"):
		return JSON, true
	case mediaType == "application/xml", mediaType == "text/xml", strings.HasSuffix(mediaType, "+xml"):
		return XML, true
	}
	return JSON, false
}

// ParseContentType gives the form and the charset (empty: not said) of a Content-Type header.
func ParseContentType(header string) (f Form, charset string, ok bool) {
	mediaType, params, err := mime.ParseMediaType(header)
	if err != nil {
		return JSON, "", false
	}
	f, ok = FormOf(mediaType)
	return f, params["charset"], ok
}
