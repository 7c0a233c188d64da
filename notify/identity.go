package notify

import (
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/net/idna"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// The kinds of identity that are normalised by their own rules; any other word is a kind too, compared as written.
const (
	KindEmail    = "email"
	KindPhone    = "phone"
	KindMAC      = "mac"
	KindEmployee = "employee"
	KindLogin    = "login"
)

// Identity is how the outside world names a user. (Kind, Value) is unique after Normalize.
type Identity struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// String is "kind:value".
func (i Identity) String() string { return i.Kind + ":" + i.Value }

// ParseIdentity reads "kind:value".
func ParseIdentity(s string) (Identity, error) {
	kind, value, ok := strings.Cut(s, ":")
	if !ok || kind == "" || value == "" {
		return Identity{}, Errorf(CodeInvalid, "%q is not an identity; write kind:value, such as email:kim@example.com", s)
	}
	return Identity{Kind: kind, Value: value}, nil
}

// Normalizer folds identities, so that two spellings of one address are one identity.
type Normalizer struct {
	PhoneRegion string // ISO 3166 region of numbers without a country code; empty: KR
	FoldPlus    bool   // kim+lists@example.com is kim@example.com
}

// Normalize gives the one spelling of i, or CodeInvalid with the reason.
func (n Normalizer) Normalize(i Identity) (Identity, error) {
	i.Kind = strings.ToLower(strings.TrimSpace(i.Kind))
	i.Value = norm.NFC.String(strings.TrimSpace(i.Value))
	if i.Kind == "" || len(i.Kind) > 32 || strings.ContainsAny(i.Kind, ": \t\r\n") {
		return i, Errorf(CodeInvalid, "identity kind %q must be one word of at most 32 letters", i.Kind)
	}
	if max := maxValue(i.Kind); i.Value == "" || len(i.Value) > max || !utf8.ValidString(i.Value) || strings.ContainsAny(i.Value, "\x00\r\n") {
		return i, Errorf(CodeInvalid, "identity %s has an empty, oversized (over %d bytes) or unprintable value", i.Kind, max)
	}
	var err error
	switch i.Kind {
	case KindEmail:
		i.Value, err = n.email(i.Value)
	case KindPhone:
		i.Value, err = n.phone(i.Value)
	case KindMAC:
		i.Value, err = mac(i.Value)
	case KindLogin, KindEmployee:
		i.Value = strings.ToLower(i.Value)
	}
	return i, err
}

func (n Normalizer) email(s string) (string, error) {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at == len(s)-1 || strings.ContainsAny(s, " \t<>,;") {
		return "", Errorf(CodeInvalid, "%q is not an e-mail address", s)
	}
	// RFC 5321 2.4 leaves the local part's case to its host; no host in use tells Kim@ and kim@ apart.
	local, domain := strings.ToLower(s[:at]), s[at+1:]
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return "", Errorf(CodeInvalid, "%q is not an e-mail address: its domain is not valid (%w)", s, err)
	}
	if n.FoldPlus {
		if plus := strings.IndexByte(local, '+'); plus > 0 {
			local = local[:plus]
		}
	}
	return local + "@" + strings.ToLower(strings.TrimSuffix(ascii, ".")), nil
}

func (n Normalizer) phone(s string) (string, error) {
	region := n.PhoneRegion
	if region == "" {
		region = "KR"
	}
	num, err := phonenumbers.Parse(s, region)
	if err != nil || !phonenumbers.IsPossibleNumber(num) {
		return "", Errorf(CodeInvalid, "%q is not a phone number (with a country code, or of region %s)", s, region)
	}
	return phonenumbers.Format(num, phonenumbers.E164), nil
}

func mac(s string) (string, error) {
	hex := strings.NewReplacer(":", "", "-", "", ".", "").Replace(strings.ToLower(s))
	if len(hex) == 12 {
		spaced := make([]byte, 0, 17)
		for i := 0; i < 12; i += 2 {
			if i > 0 {
				spaced = append(spaced, ':')
			}
			spaced = append(spaced, hex[i], hex[i+1])
		}
		if hw, err := net.ParseMAC(string(spaced)); err == nil {
			return hw.String(), nil
		}
	}
	return "", Errorf(CodeInvalid, "%q is not a MAC address such as 00:1a:2b:3c:4d:5e", s)
}

// User is a person, known by a stable id and any number of identities.
type User struct {
	ID         string
	Name       string
	Locale     string // BCP 47; empty: en
	TimeZone   string // IANA; empty: UTC
	Identities []Identity
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Validate checks the user and gives it back with its identities normalised and without repeats.
// Errors: CodeInvalid naming every bad field.
func (u User) Validate(n Normalizer) (User, error) {
	var p problems
	if err := CheckName(u.ID); err != nil {
		p.add("id", "%s", err)
	}
	if len(u.Name) > 200 {
		p.add("name", "is longer than 200 bytes")
	}
	if u.Locale != "" {
		if _, err := language.Parse(u.Locale); err != nil {
			p.add("locale", "is not a BCP 47 language tag such as ko-KR")
		}
	}
	checkZone(&p, "timeZone", u.TimeZone)
	seen := map[Identity]bool{}
	ids := make([]Identity, 0, len(u.Identities))
	for k, id := range u.Identities {
		clean, err := n.Normalize(id)
		if err != nil {
			p.add(indexed("identities", k), "%s", detail(err))
			continue
		}
		if !seen[clean] {
			seen[clean] = true
			ids = append(ids, clean)
		}
	}
	u.Identities = ids
	return u, p.err("the user is not valid")
}
