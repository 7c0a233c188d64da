package notify

import (
	"context"
	"time"

	"golang.org/x/text/language"
)

// Say is what a person wants to be done with a notice.
type Say string

// What can be said of a notice.
const (
	SayNothing Say = ""       // no opinion
	SayTell    Say = "tell"   // as usual
	SayInbox   Say = "inbox"  // only kept in the inbox
	SayUrgent  Say = "urgent" // tell at once, through quiet hours too
)

// Valid tells whether s is one of the words that a choice can have.
func (s Say) Valid() bool { return s == SayTell || s == SayInbox || s == SayUrgent }

// Choice says what is to be done with some notices. An empty field fits everything.
type Choice struct {
	Source   string    `json:"source,omitempty"`
	Folder   string    `json:"folder,omitempty"`
	Calendar string    `json:"calendar,omitempty"`
	Topic    string    `json:"topic,omitempty"`
	Type     EventType `json:"type,omitempty"` // or "notice": what a system posted
	Say      Say       `json:"say"`
}

// TypeNotice is the type of what was posted, in choices and rules.
const TypeNotice EventType = "notice"

// Preferences are what a person wants. The zero value is: tell everything at once.
type Preferences struct {
	Choices []Choice `json:"choices,omitempty"` // the first that fits decides
	Quiet   Quiet    `json:"quiet,omitzero"`
	// Bundle, in seconds: mails that follow one that was told within that time are one notice at its end. 0: none.
	Bundle  int     `json:"bundle,omitempty"`
	Privacy Privacy `json:"privacy,omitempty"` // at most this much is told on devices; empty: as the source says
	// Language of the hub's own words, BCP 47; empty: the device's, else the person's.
	Language string `json:"language,omitempty"`
	// LiveFirst, in seconds: while a page is open, devices are told only when no page has shown it in that time. 0: at once.
	LiveFirst int  `json:"liveFirst,omitempty"`
	KeepRead  bool `json:"keepRead,omitempty"` // reading on one device does not clear the others
	// Rule is an expression (expr-lang) that gives "urgent", "tell", "inbox" or "" (then the choices decide).
	Rule string `json:"rule,omitempty"`
}

// The limits of preferences.
const (
	maxChoices   = 200
	maxRule      = 1000 // bytes
	maxBundle    = 3600 // seconds
	maxLiveFirst = 600  // seconds
)

// IsZero tells whether nothing is wished for.
func (p Preferences) IsZero() bool {
	return len(p.Choices) == 0 && p.Quiet.IsZero() && p.Bundle == 0 && p.Privacy == "" && p.Language == "" &&
		p.LiveFirst == 0 && !p.KeepRead && p.Rule == ""
}

// Validate names every bad field: CodeInvalid.
func (p Preferences) Validate() error {
	var bad problems
	if len(p.Choices) > maxChoices {
		bad.add("choices", "are more than %d", maxChoices)
		p.Choices = nil
	}
	for i, c := range p.Choices {
		if !c.Say.Valid() {
			bad.add(indexed("choices", i)+".say", "must be tell, inbox or urgent")
		}
		for _, f := range []struct{ name, value string }{{"source", c.Source}, {"folder", c.Folder}, {"calendar", c.Calendar},
			{"topic", c.Topic}, {"type", string(c.Type)}} {
			if len(f.value) > 200 {
				bad.add(indexed("choices", i)+"."+f.name, "is longer than 200 bytes")
			}
		}
	}
	p.Quiet.validate(&bad)
	if p.Bundle < 0 || p.Bundle > maxBundle {
		bad.add("bundle", "must be 0 to %d seconds", maxBundle)
	}
	if p.LiveFirst < 0 || p.LiveFirst > maxLiveFirst {
		bad.add("liveFirst", "must be 0 to %d seconds", maxLiveFirst)
	}
	if p.Privacy != "" && !p.Privacy.Valid() {
		bad.add("privacy", "must be full, sender or none")
	}
	if p.Language != "" {
		if _, err := language.Parse(p.Language); err != nil {
			bad.add("language", "is not a BCP 47 language tag such as ko-KR")
		}
	}
	if p.Rule != "" {
		if _, err := compileRule(p.Rule); err != nil {
			bad.add("rule", "%s", err)
		}
	}
	return bad.err("the preferences are not valid")
}

// choose gives what the first fitting choice says.
func (p *Preferences) choose(n Notification) Say {
	for _, c := range p.Choices {
		if c.fits(n) {
			return c.Say
		}
	}
	return SayNothing
}

func (c Choice) fits(n Notification) bool {
	fit := func(wanted, has string) bool { return wanted == "" || wanted == has }
	return fit(c.Source, n.source()) && fit(c.Folder, n.Params["folder"]) && fit(c.Calendar, n.Params["calendar"]) &&
		fit(string(c.Type), string(n.eventType())) && (c.Topic == "" || contains(n.To.Topics, c.Topic))
}

// source is that of an event's notice; empty for what was posted.
func (n Notification) source() string {
	if n.Event == "" {
		return ""
	}
	return n.Content.Data["source"]
}

// eventType is the event's, or TypeNotice.
func (n Notification) eventType() EventType {
	if n.Event == "" {
		return TypeNotice
	}
	return EventType(n.Template)
}

// PreferenceStore keeps what people want.
type PreferenceStore interface {
	// PutPreferences replaces them; CodeUnknownUser.
	PutPreferences(ctx context.Context, user string, p Preferences) error
	// Preferences gives them; the zero value for who never said anything. CodeUnknownUser.
	Preferences(ctx context.Context, user string) (Preferences, error)
}

// PutPreferences checks and stores what a person wants.
func (h *Hub) PutPreferences(ctx context.Context, user string, p Preferences) error {
	if err := p.Validate(); err != nil {
		return err
	}
	return h.store.PutPreferences(ctx, user, p)
}

// told is when a notice was to be told.
func (n Notification) told() time.Time {
	if n.SendAt.After(n.CreatedAt) {
		return n.SendAt
	}
	return n.CreatedAt
}
