package configs

import (
	"strings"

	"allim.dev/allim/notify"
)

// source is what every source has, whatever its kind.
type source struct {
	ID       string   `yaml:"id"`
	Kind     string   `yaml:"kind"`
	Privacy  string   `yaml:"privacy"` // full, sender or none
	Topic    string   `yaml:"topic"`
	Accounts accounts `yaml:"accounts"`
}

// accounts says where a source's accounts come from, besides those that are added by hand.
type accounts struct {
	From   string `yaml:"from"` // identities; empty: only by hand
	Kind   string `yaml:"kind"`
	Domain string `yaml:"domain"`
}

func (s source) check(at *Section) Problems {
	var c checks
	c.name(at, "id", s.ID)
	if s.Kind == "" {
		c.add(at, "kind", "is required, such as imap")
	}
	if !notify.Privacy(s.Privacy).Valid() {
		c.add(at, "privacy", "must be full, sender or none")
	}
	if s.Topic != "" {
		c.name(at, "topic", s.Topic)
	}
	s.Accounts.check(&c, at)
	return c.problems
}

func (a accounts) check(c *checks, at *Section) {
	switch {
	case a.From == "" && (a.Kind != "" || a.Domain != ""):
		c.add(at, "accounts", "needs from: identities")
	case a.From == "":
	case a.From != "identities":
		c.add(at, "accounts.from", "must be identities")
	case a.Kind == "":
		c.add(at, "accounts.kind", "is required: an identity's kind, such as email")
	case a.Kind != strings.ToLower(a.Kind) || len(a.Kind) > 32 || strings.ContainsAny(a.Kind, ": \t\r\n"):
		c.add(at, "accounts.kind", "must be one word of at most 32 small letters")
	}
	if a.Domain == "" {
		return
	}
	if a.Kind != notify.KindEmail {
		c.add(at, "accounts.domain", "is only for accounts of kind email")
	} else if _, err := (notify.Normalizer{}).Normalize(notify.Identity{Kind: a.Kind, Value: "x@" + a.Domain}); err != nil {
		c.add(at, "accounts.domain", "must be a domain such as example.com")
	}
}
