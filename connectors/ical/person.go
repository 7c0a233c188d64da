package ical

import (
	"net/url"
	"strings"
)

// addresses are a person's own, normalised.
type addresses map[string]bool

func newAddresses(list []string) addresses {
	a := addresses{}
	for _, s := range list {
		if s = normalAddress(s); s != "" {
			a[s] = true
		}
	}
	return a
}

// normalAddress makes a calendar user address (RFC 5545 section 3.3.3) comparable: without mailto:, in lower case, unescaped.
func normalAddress(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 7 && strings.EqualFold(s[:7], "mailto:") {
		s = s[7:]
		s, _, _ = strings.Cut(s, "?")
	}
	if u, err := url.PathUnescape(s); err == nil {
		s = u
	}
	return strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s)), "/")
}

// organizer gives who made an entry; nil: nobody is named.
func (e *entry) organizer() *prop { return e.c.get("ORGANIZER") }

// part tells what a person has to do with an entry.
type part struct {
	attends   bool // is an ATTENDEE
	away      bool // declined, or delegated to somebody else
	completed bool // PARTSTAT=COMPLETED: did the task
	organizes bool // is the ORGANIZER, or acts as one
	others    int  // attendees that are somebody else
	organized bool // there is an ORGANIZER
}

func (a addresses) partIn(e *entry) part {
	var p part
	if o := e.organizer(); o != nil {
		p.organized = true
		p.organizes = a[normalAddress(o.value)]
		if by := o.param("SENT-BY"); by != "" { // somebody acts for the organizer (RFC 5545 section 3.2.18)
			p.organizes = a[normalAddress(by)]
		}
	}
	for i := range e.c.props {
		q := &e.c.props[i]
		if q.name != "ATTENDEE" {
			continue
		}
		if !a[normalAddress(q.value)] {
			p.others++
			continue
		}
		p.attends = true
		switch strings.ToUpper(q.param("PARTSTAT")) {
		case "DECLINED", "DELEGATED":
			p.away = true
		case "COMPLETED":
			p.completed = true
		}
	}
	return p
}
