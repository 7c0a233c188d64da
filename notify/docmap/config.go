package docmap

import (
	"allim.dev/allim/notify"
)

// text is a value of the configuration that is taken as it is written: "env:Body" is a path here, not a variable.
type text string

// UnmarshalLiteral takes any scalar.
func (t *text) UnmarshalLiteral(s string) error {
	*t = text(s)
	return nil
}

// spec is one mapping of the configuration.
type spec struct {
	// Charset is the encoding of all documents, whatever they say themselves; empty: as they say.
	Charset text `yaml:"charset"`
	// Namespaces are the prefixes of the paths below.
	Namespaces map[string]text `yaml:"namespaces"`
	// Each is the XPath of the matches: one notification each. Absent: the document as a whole.
	Each text `yaml:"each"`
	// Common are evaluated once for the whole document, Vars for each match; Lists give the values of all nodes.
	Common map[string]text `yaml:"common"`
	Vars   map[string]text `yaml:"vars"`
	Lists  map[string]text `yaml:"lists"`
	// When is the condition under which a match is told; empty: always.
	When         text   `yaml:"when"`
	Notification notice `yaml:"notification"`
	// Idempotency names the match: the same one is told once in 24 hours. Empty: as often as it is posted.
	Idempotency text `yaml:"idempotency"`
	// Reply is the answer in the sender's own form; absent: the API's. ErrorReply is that of a refused document.
	Reply      *replySpec `yaml:"reply"`
	ErrorReply *replySpec `yaml:"errorReply"`
	// KeyParameter is the query parameter that may carry the key; empty: none may.
	KeyParameter text `yaml:"keyParameter"`
	// Keys are the names of the only keys that may use the mapping; empty: every key that may send.
	Keys []text `yaml:"keys"`
	// MaxMatches bounds the matches of one document, 1 to 10,000.
	MaxMatches int `yaml:"maxMatches"`
	// AllowEmpty takes a document without a single match; else it is refused, because the paths are mostly wrong then.
	AllowEmpty bool `yaml:"allowEmpty"`
}

// replySpec is an answer.
type replySpec struct {
	ContentType text `yaml:"contentType"` // with the charset that it is encoded in
	Body        text `yaml:"body"`
	Status      int  `yaml:"status"` // 0: 200, or the problem's
}

// notice are the templates of a notification's fields, named as in the API.
type notice struct {
	To          audience        `yaml:"to"`
	Title       text            `yaml:"title"`
	Subtitle    text            `yaml:"subtitle"`
	Body        text            `yaml:"body"`
	URL         text            `yaml:"url"`
	Image       text            `yaml:"image"`
	Data        map[string]text `yaml:"data"`
	Badge       text            `yaml:"badge"`
	Sound       text            `yaml:"sound"`
	Thread      text            `yaml:"thread"`
	Category    text            `yaml:"category"`
	CollapseKey text            `yaml:"collapseKey"`
	Priority    text            `yaml:"priority"`
	Urgent      text            `yaml:"urgent"`
	TTL         text            `yaml:"ttl"`
	Silent      text            `yaml:"silent"`
	SendAt      text            `yaml:"sendAt"`
	Rate        text            `yaml:"rate"`
	Template    text            `yaml:"template"`
	Params      map[string]text `yaml:"params"`
	Partial     text            `yaml:"partial"`
}

type audience struct {
	Users      []text     `yaml:"users"`
	Identities []identity `yaml:"identities"`
	Devices    []text     `yaml:"devices"`
	Topics     []text     `yaml:"topics"`
	All        text       `yaml:"all"`
	Platforms  []text     `yaml:"platforms"`
	Apps       []text     `yaml:"apps"`
}

type identity struct {
	Kind  text `yaml:"kind"`
	Value text `yaml:"value"`
}

// Options is what mappings need to know of the rest of the configuration.
type Options struct {
	Templates *notify.Templates // nil: the built-in ones only
}
