package soap

import (
	"encoding/xml"
	"strings"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/docmap/strict"
)

// maxHeader is how many elements all headers may have: they are read before anybody is signed in.
const maxHeader = 1000

// maxUnknown is how many headers a fault names.
const maxUnknown = 16

// The roles in which the hub acts (SOAP 1.2 part 1, section 2.2; SOAP 1.1, section 4.2.2, has only next). A header
// without one is for the last receiver, which the hub is.
const (
	actorNext = "http://schemas.xmlsoap.org/soap/actor/next"
	roleNext  = SOAP12 + "/role/next"
	roleLast  = SOAP12 + "/role/ultimateReceiver"
)

// headers reads all headers, and sees that those which must be understood are.
func (m *Message) headers() error {
	var unknown []xml.Name
	budget := maxHeader
	for {
		start, more, err := m.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if start.Name.Space == securitySpace && start.Name.Local == "Security" && m.forUs(start) {
			err = m.security(start, &budget)
		} else {
			if m.mustUnderstand(start) && m.forUs(start) && len(unknown) < maxUnknown {
				unknown = append(unknown, start.Name)
			}
			err = m.skip(&budget)
		}
		if err != nil {
			return err
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return notUnderstood(unknown)
}

func notUnderstood(unknown []xml.Name) error {
	names := make([]string, len(unknown))
	for i, n := range unknown {
		names[i] = "{" + strict.Shorten(n.Space) + "}" + strict.Shorten(n.Local)
	}
	return &Fault{Code: MustUnderstand, Headers: unknown, Err: notify.Errorf(notify.CodeInvalid,
		"headers that must be understood are not: %s", strings.Join(names, ", "))}
}

// attr gives an attribute of the envelope's namespace.
func (m *Message) attr(start xml.StartElement, name string) string {
	for _, a := range start.Attr {
		if a.Name.Space == m.Version && a.Name.Local == name {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

func (m *Message) mustUnderstand(start xml.StartElement) bool {
	v := m.attr(start, "mustUnderstand")
	return v == "1" || v == "true"
}

// forUs tells whether a header is meant for the hub.
func (m *Message) forUs(start xml.StartElement) bool {
	name := "actor"
	if m.Version == SOAP12 {
		name = "role"
	}
	switch m.attr(start, name) {
	case "", actorNext, roleNext, roleLast:
		return true
	}
	return false
}

// skip reads the rest of an element, which may have so many others.
func (m *Message) skip(budget *int) error {
	for depth := 1; depth > 0; {
		tok, err := m.x.Next()
		if err != nil {
			return m.ended(err)
		}
		switch tok.(type) {
		case xml.StartElement:
			depth++
			if err := spend(budget); err != nil {
				return err
			}
		case xml.EndElement:
			depth--
		}
	}
	return spend(budget)
}

// spend counts an element of the headers.
func spend(budget *int) error {
	if *budget--; *budget < 0 {
		return notify.Errorf(notify.CodeTooLarge, "the headers have more than %d elements", maxHeader)
	}
	return nil
}
