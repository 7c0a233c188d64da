package compat

import (
	"encoding/xml"
	"errors"
	"io"
	"mime"
	"strings"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/docmap/strict"
)

// wpSpace is the namespace of MPNS's documents.
const wpSpace = "WPNotification"

// readWP reads <wp:Notification><wp:KIND>, and gives the texts of what is in it, and its attributes. Errors:
// CodeMalformed with line and column, CodeUnsupportedMedia.
func readWP(a *Ask, kind string) (map[string]string, error) {
	_, params, _ := mime.ParseMediaType(a.Header.Get("Content-Type")) // without one the declaration says it
	body, err := strict.ToUTF8(true, a.Body, params["charset"])
	if err != nil {
		return nil, err
	}
	r := &wpReader{XML: strict.NewXML(body), kind: kind, fields: map[string]string{}}
	if err := r.enter("Notification"); err != nil {
		return nil, err
	}
	if err := r.enter(kind); err != nil {
		return nil, err
	}
	if err := r.read(); err != nil {
		return nil, err
	}
	return r.fields, r.rest()
}

type wpReader struct {
	*strict.XML
	kind   string
	fields map[string]string
}

// enter goes to the start of the element, past white space.
func (r *wpReader) enter(name string) error {
	for {
		tok, err := r.Next()
		if err != nil {
			return r.early(err)
		}
		switch t := tok.(type) {
		case xml.CharData:
			if strings.TrimSpace(string(t)) != "" {
				return r.Fail("there is text where <wp:%s> should be", name)
			}
			continue
		case xml.StartElement:
			if t.Name.Local != name || t.Name.Space != wpSpace {
				return r.Fail("<%s> is not <wp:%s> of the namespace %s", strict.Shorten(t.Name.Local), name, wpSpace)
			}
			for _, at := range t.Attr {
				if at.Name.Space == "" && at.Name.Local != "xmlns" {
					r.fields[at.Name.Local] = at.Value
				}
			}
			return nil
		}
		return r.Fail("there is no <wp:%s>", name)
	}
}

// read takes the texts up to the end of what was entered.
func (r *wpReader) read() error {
	name, depth := "", 0
	var value strings.Builder
	for {
		tok, err := r.Next()
		if err != nil {
			return r.early(err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if depth++; depth > 1 {
				return r.Fail("<%s> stands where only text may", strict.Shorten(t.Name.Local))
			}
			name = t.Name.Local
			value.Reset()
		case xml.CharData:
			if depth == 1 {
				value.Write(t)
			}
		case xml.EndElement:
			if depth == 0 {
				return nil
			}
			depth--
			r.fields[name] = strings.TrimSpace(value.String())
		}
	}
}

// rest makes sure that the document is whole.
func (r *wpReader) rest() error {
	for {
		tok, err := r.Next()
		if err != nil {
			return atEnd(err)
		}
		if t, ok := tok.(xml.StartElement); ok {
			return r.Fail("<%s> follows after <wp:%s>; one message holds one", strict.Shorten(t.Name.Local), r.kind)
		}
	}
}

// early says that a document ended before it should.
func (r *wpReader) early(err error) error {
	if atEnd(err) == nil {
		return notify.Errorf(notify.CodeMalformed, "the document ends before <wp:%s> does", r.kind)
	}
	return err
}

// atEnd takes the end of the document for no error.
func atEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
