package ical

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"allim.dev/allim/notify"
)

// meaning are the properties that Hash is made of.
var meaning = set("RECURRENCE-ID DTSTART DTEND DUE DURATION RRULE EXRULE RDATE EXDATE SUMMARY LOCATION STATUS CLASS ORGANIZER ATTENDEE " +
	"URL COMPLETED PERCENT-COMPLETE ACTION TRIGGER REPEAT")

// Hash is of what the object says, whoever wrote it and when: it leaves out UID, DTSTAMP, LAST-MODIFIED, SEQUENCE, PRODID, X-
// properties, acknowledged alarms, the participation of attendees, and the order of properties. Objects with equal hashes mean
// the same; it names an object whose UID changes with every fetch.
func (o *Object) Hash() string {
	h := sha256.New()
	h.Write([]byte(o.Kind))
	if o.method == "CANCEL" {
		h.Write([]byte("cancel"))
	}
	list := make([]string, 0, len(o.overrides)+1)
	for _, c := range o.components() {
		list = append(list, c.meaning())
	}
	slices.Sort(list)
	for _, s := range list {
		h.Write([]byte(s))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// meaning writes a component without what does not matter, in an order of its own.
func (c *component) meaning() string {
	var list []string
	for i := range c.props {
		if p := &c.props[i]; meaning[p.name] {
			list = append(list, p.meaning())
		}
	}
	for _, k := range c.kids {
		list = append(list, k.meaning())
	}
	slices.Sort(list)
	return c.name + "\x01" + strings.Join(list, "\x01") + "\x02"
}

func (p *prop) meaning() string {
	value := strings.TrimSpace(p.value)
	switch p.name {
	case "SUMMARY", "LOCATION":
		value = notify.CleanText(unescape(value))
	case "ORGANIZER", "ATTENDEE":
		return p.name + "\x00" + normalAddress(value)
	case "RRULE", "EXRULE":
		parts := strings.Split(strings.Trim(strings.ToUpper(value), ";"), ";")
		slices.Sort(parts)
		value = strings.Join(parts, ";")
	case "EXDATE", "RDATE":
		parts := strings.Split(value, ",")
		slices.Sort(parts)
		value = strings.Join(parts, ",")
	case "STATUS", "CLASS", "ACTION":
		value = strings.ToUpper(value)
	}
	return p.name + "\x00" + p.param("TZID") + "\x00" + strings.ToUpper(p.param("RELATED")) + "\x00" + value
}

// stamps tells versions of equal meaning apart.
func (o *Object) stamps() string {
	var b strings.Builder
	for _, c := range o.components() {
		for _, name := range []string{"SEQUENCE", "DTSTAMP", "LAST-MODIFIED"} {
			b.WriteString(c.value(name) + "\x00")
		}
	}
	return b.String()
}
