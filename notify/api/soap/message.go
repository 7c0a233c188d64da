package soap

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/codec"
	"allim.dev/allim/notify/docmap"
	"allim.dev/allim/notify/docmap/strict"
)

// The namespaces of the envelopes, by which a version is known.
const (
	SOAP11 = docmap.SOAP11
	SOAP12 = docmap.SOAP12
)

// The encodings of SOAP, which are not supported, and the word of 1.2 for none (part 1, section 5.1.1).
const noEncoding = SOAP12 + "/encoding/none"

// Message is a message that is read up to the element in its Body, so that it can be decided who asks, and for what,
// before the rest is read.
type Message struct {
	Version string // SOAP11 or SOAP12
	Token   *Token // nil: there is none
	Name    string // of the Body's element
	x       *strict.XML
	start   xml.StartElement
}

// Read reads the envelope of a message in UTF-8, its headers, and the start of what stands in its Body. The message is
// never nil, and has its version as soon as that is known. Errors: CodeMalformed with line and column, CodeInvalid for what
// is well-formed but no message, CodeTooLarge for a flood of headers; *Fault for what SOAP has a word of its own.
func Read(text []byte) (*Message, error) {
	m := &Message{x: strict.NewXML(text)}
	envelope, err := m.begin()
	if err != nil {
		return m, err
	}
	switch space := envelope.Name.Space; {
	case envelope.Name.Local != "Envelope":
		return m, notify.Errorf(notify.CodeInvalid, "the document is <%s>; it should be an Envelope of SOAP 1.1 or 1.2",
			strict.Shorten(envelope.Name.Local))
	case space != SOAP11 && space != SOAP12:
		return m, &Fault{Code: VersionMismatch, Err: notify.Errorf(notify.CodeUnsupportedMedia,
			"the Envelope is in the namespace %q; it should be that of SOAP 1.1 or 1.2", strict.Shorten(space))}
	default:
		m.Version = space
	}
	part, err := m.part()
	if err == nil && part == "Header" {
		if err = m.headers(); err == nil {
			part, err = m.part()
		}
	}
	if err != nil {
		return m, err
	}
	if part != "Body" {
		return m, m.x.Fail("there is <%s> where the Body should stand", part)
	}
	return m, m.body()
}

// begin gives the document's element.
func (m *Message) begin() (xml.StartElement, error) {
	tok, err := m.x.Next()
	if err != nil {
		return xml.StartElement{}, err
	}
	start, ok := tok.(xml.StartElement)
	if !ok { // cannot be: the first token is an element's start
		return start, m.x.Fail("there is no element")
	}
	return start, nil
}

// next gives the next element that begins, or false where the one around ends. Text may not stand there.
func (m *Message) next() (start xml.StartElement, more bool, err error) {
	for {
		tok, err := m.x.Next()
		switch t := tok.(type) {
		case xml.StartElement:
			return t, err == nil, err
		case xml.EndElement:
			return start, false, err
		case xml.CharData:
			if strings.TrimSpace(string(t)) != "" {
				return start, false, m.x.Fail("there is text where only elements may stand")
			}
		}
		if err != nil {
			return start, false, m.ended(err)
		}
	}
}

// ended makes the end of the document an error.
func (m *Message) ended(err error) error {
	if errors.Is(err, io.EOF) {
		return m.x.Fail("the document ends within the Envelope")
	}
	return err
}

// part gives the name of the next part of the envelope.
func (m *Message) part() (string, error) {
	start, more, err := m.next()
	switch {
	case err != nil:
		return "", err
	case !more:
		return "", m.x.Fail("the Envelope has no Body")
	case start.Name.Space != m.Version:
		return "", m.x.Fail("<%s> of another namespace stands in the Envelope", strict.Shorten(start.Name.Local))
	}
	return start.Name.Local, nil
}

// body goes to what stands in the Body.
func (m *Message) body() error {
	start, more, err := m.next()
	if err != nil {
		return err
	}
	if !more {
		return notify.Errorf(notify.CodeInvalid, "the Body is empty (line %d)", m.x.Line())
	}
	if s := start.Name.Space; s != "" && s != codec.Namespace {
		return notify.Errorf(notify.CodeNotFound, "the Body holds <%s> of the namespace %q; the operations are in %q, and documents of "+
			"others are for a mapping, at /v1/ingest/…", strict.Shorten(start.Name.Local), strict.Shorten(s), codec.Namespace)
	}
	for i, a := range start.Attr {
		if a.Name.Space != m.Version || a.Name.Local != "encodingStyle" {
			continue
		}
		if a.Value != "" && a.Value != noEncoding {
			return &Fault{Code: DataEncodingUnknown, Err: notify.Errorf(notify.CodeUnsupportedMedia,
				"the encodingStyle %q is not supported; the operations are document/literal", strict.Shorten(a.Value))}
		}
		start.Attr = append(start.Attr[:i:i], start.Attr[i+1:]...)
		break
	}
	m.Name, m.start = start.Name.Local, start
	return nil
}

// Element reads the Body's element, and sees that nothing stands behind it. It may be called once, after a Read without
// an error. Errors: CodeMalformed with line and column.
func (m *Message) Element() (codec.Element, error) {
	e, err := codec.ReadElement(m.x, m.start)
	if err != nil {
		return e, err
	}
	for _, around := range []string{"Body", "Envelope"} {
		more, found, err := m.next()
		if err != nil {
			return e, err
		}
		if found {
			return e, m.x.Fail("there is <%s> behind what the %s may hold", strict.Shorten(more.Name.Local), around)
		}
	}
	if _, err := m.x.Next(); !errors.Is(err, io.EOF) {
		return e, err
	}
	return e, nil
}
