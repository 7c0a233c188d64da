package soap

import (
	"encoding/xml"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

// The namespaces and the password types of WS-Security 1.0 and its UsernameToken profile (OASIS 200401, sections 3.1 and 6).
const (
	securitySpace = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	utilitySpace  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	profile       = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
	passwordText  = profile + "#PasswordText"
)

// maxText is how long a text of the token may be, in bytes.
const maxText = 1024

// Token is who asks, by a UsernameToken with a PasswordText. A digest cannot be looked at: the hub keeps hashes of keys.
type Token struct {
	Username, Password string
	Expires            time.Time // of the header's Timestamp; zero: it has none
}

// Secret is the key: the password, or the name where there is no password, as in Basic auth.
func (t *Token) Secret() string {
	if t.Password == "" {
		return t.Username
	}
	return t.Password
}

// security reads a Security header: a UsernameToken and a Timestamp. Anything else in it is a promise of the sender, such
// as a signature, that the hub could not keep.
func (m *Message) security(header xml.StartElement, budget *int) error {
	var expires time.Time
	var token *Token
	for {
		start, more, err := m.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		switch start.Name {
		case xml.Name{Space: securitySpace, Local: "UsernameToken"}:
			if token != nil {
				return wrongToken("there are two of them")
			}
			if token, err = m.usernameToken(budget); err != nil {
				return err
			}
		case xml.Name{Space: utilitySpace, Local: "Timestamp"}:
			if expires, err = m.timestamp(budget); err != nil {
				return err
			}
		default:
			if m.mustUnderstand(header) {
				return notUnderstood([]xml.Name{start.Name})
			}
			if err := m.skip(budget); err != nil {
				return err
			}
		}
	}
	if token == nil {
		return spend(budget)
	}
	if m.Token != nil {
		return wrongToken("there are two of them")
	}
	token.Expires = expires
	m.Token = token
	return spend(budget)
}

func wrongToken(what string) error {
	return notify.Errorf(notify.CodeUnauthenticated, "the UsernameToken of the Security header cannot be used: %s", what)
}

// usernameToken reads its rest.
func (m *Message) usernameToken(budget *int) (*Token, error) {
	t := &Token{}
	for {
		start, more, err := m.next()
		if err != nil {
			return nil, err
		}
		if !more {
			return t, spend(budget)
		}
		switch start.Name {
		case xml.Name{Space: securitySpace, Local: "Username"}:
			t.Username, err = m.text(budget)
		case xml.Name{Space: securitySpace, Local: "Password"}:
			for _, a := range start.Attr {
				if a.Name.Space == "" && a.Name.Local == "Type" && a.Value != passwordText {
					return nil, wrongToken("its password must be of the type PasswordText")
				}
			}
			t.Password, err = m.text(budget)
		default: // Nonce and Created are of use with a digest only
			err = m.skip(budget)
		}
		if err != nil {
			return nil, err
		}
	}
}

// timestamp reads its rest, and gives when it expires.
func (m *Message) timestamp(budget *int) (expires time.Time, err error) {
	for {
		start, more, err := m.next()
		if err != nil || !more {
			return expires, err
		}
		if start.Name != (xml.Name{Space: utilitySpace, Local: "Expires"}) {
			if err := m.skip(budget); err != nil {
				return expires, err
			}
			continue
		}
		said, err := m.text(budget)
		if err != nil {
			return expires, err
		}
		if expires, err = time.Parse(time.RFC3339, said); err != nil {
			return expires, m.x.Fail("the Timestamp's Expires is no time with a time zone")
		}
	}
}

// text reads the rest of an element that holds only text.
func (m *Message) text(budget *int) (string, error) {
	var b strings.Builder
	for {
		tok, err := m.x.Next()
		if err != nil {
			return "", m.ended(err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			return "", m.x.Fail("there is <%s> where only text may stand", t.Name.Local)
		case xml.EndElement:
			return strings.TrimSpace(b.String()), spend(budget)
		case xml.CharData:
			if b.Len()+len(t) > maxText {
				return "", notify.Errorf(notify.CodeTooLarge, "a text of the Security header is longer than %d bytes", maxText)
			}
			b.Write(t)
		}
	}
}
