package ical

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
)

// Bounds of a stream. MaxStream is also what a connector need not read beyond.
const (
	MaxStream  = 32 << 20 // bytes
	maxDepth   = 8        // components in components
	maxObjects = 50_000
	// maxOverrides is how many single instances of one series may be changed.
	maxOverrides = 5_000
	maxProps     = 20_000 // kept properties of one component
	maxKids      = 2_000  // alarms of one event, observances of one time zone
	maxFaults    = 100    // that are kept; more are counted only
	maxBroken    = 50     // components without an end, after which the rest is not worth reading
	maxText      = 4 << 10
)

// component is a BEGIN…END block with the properties that are used; the others (descriptions, attachments) are not kept.
type component struct {
	name  string
	line  int
	props []prop
	kids  []*component
	fault string // why it is set aside
	at    int    // line of the fault
}

// get gives the first property of that name; nil when there is none.
func (c *component) get(name string) *prop {
	for i := range c.props {
		if c.props[i].name == name {
			return &c.props[i]
		}
	}
	return nil
}

// value gives the first property's value without spaces around it; "" when there is none.
func (c *component) value(name string) string {
	if p := c.get(name); p != nil {
		return strings.TrimSpace(p.value)
	}
	return ""
}

// text gives a TEXT property unescaped (RFC 5545 section 3.3.11).
func (c *component) text(name string) string {
	if p := c.get(name); p != nil {
		return unescape(p.value)
	}
	return ""
}

// kept names the properties that mean something to us, by component.
var kept = map[string]map[string]bool{
	"VCALENDAR": set("METHOD X-WR-TIMEZONE X-WR-CALNAME NAME REFRESH-INTERVAL X-PUBLISHED-TTL"),
	"VEVENT":    set(entryProps),
	"VTODO":     set(entryProps),
	"VALARM":    set("ACTION TRIGGER REPEAT DURATION ACKNOWLEDGED UID RELATED-TO"),
	"VTIMEZONE": set("TZID X-LIC-LOCATION"),
	"STANDARD":  set("DTSTART TZOFFSETFROM TZOFFSETTO RRULE RDATE"),
	"DAYLIGHT":  set("DTSTART TZOFFSETFROM TZOFFSETTO RRULE RDATE"),
}

const entryProps = "UID RECURRENCE-ID DTSTART DTEND DUE DURATION RRULE EXRULE RDATE EXDATE SUMMARY LOCATION STATUS CLASS " +
	"ORGANIZER ATTENDEE SEQUENCE DTSTAMP LAST-MODIFIED URL COMPLETED PERCENT-COMPLETE X-MOZ-LASTACK"

func set(names string) map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(names) {
		m[n] = true
	}
	return m
}

// topLevel are the components that stand side by side in a VCALENDAR: one begins only where another has ended.
var topLevel = set("VEVENT VTODO VJOURNAL VFREEBUSY VTIMEZONE VAVAILABILITY VPOLL")

// errHopeless ends the reading: what comes has no structure any more.
var errHopeless = errors.New("the rest of the stream is not read")

// treeBuilder makes components of lines. A component that is broken is handed on with its fault; its neighbours are whole.
type treeBuilder struct {
	charset encoding.Encoding // what the stream is said to be in; nil: not said, or UTF-8
	open    []*component
	done    func(c *component) // a top-level component, or a VCALENDAR, after all that is in it
	fault   func(f Fault)
	cut     bool // something began and did not end
	broken  int
}

// build reads the stream to its end, or to where it has no structure any more.
func (b *treeBuilder) build(data []byte) {
	l := lines{rest: data, next: 1}
	for {
		raw, number, ok := l.read()
		if !ok {
			break
		}
		if err := b.take(raw, number); err != nil {
			b.cut = true
			b.fault(Fault{Line: number, Message: err.Error()})
			b.closeDown(0, number, "is not read to its end")
			return
		}
	}
	if len(b.open) > 0 {
		b.cut = true
		b.closeDown(0, l.next, "the stream ends in the middle of it")
	}
}

func (b *treeBuilder) take(raw []byte, number int) error {
	if !b.wanted(raw) {
		return nil
	}
	p, err := splitLine(toUTF8(raw, b.charset), number)
	switch {
	case errors.Is(err, errNoProperty):
		return nil
	case err != nil:
		b.reject(number, err.Error())
		return nil
	}
	switch p.name {
	case "BEGIN":
		return b.begin(strings.ToUpper(strings.TrimSpace(p.value)), number)
	case "END":
		return b.end(strings.ToUpper(strings.TrimSpace(p.value)), number)
	}
	if top := b.top(); top != nil && top.fault == "" && kept[top.name][p.name] {
		b.keep(top, p)
	}
	return nil
}

// wanted tells by the first bytes whether a line is worth decoding: long texts that are not kept cost nothing. A line with
// parameters is, because it may be broken.
func (b *treeBuilder) wanted(raw []byte) bool {
	n := 0
	for n < len(raw) && n <= 128 && nameByte(raw[n]) {
		n++
	}
	if n == 0 || n >= len(raw) {
		return false
	}
	if raw[n] == ';' {
		return true
	}
	name := strings.ToUpper(string(raw[:n]))
	if name == "BEGIN" || name == "END" {
		return len(raw) < 256
	}
	top := b.top()
	return top != nil && kept[top.name][name]
}

func (b *treeBuilder) top() *component {
	if len(b.open) == 0 {
		return nil
	}
	return b.open[len(b.open)-1]
}

func (b *treeBuilder) keep(c *component, p prop) {
	if p.name == "SUMMARY" || p.name == "LOCATION" || p.name == "X-WR-CALNAME" || p.name == "NAME" {
		p.value = cut(p.value, maxText)
	}
	switch {
	case len(p.value) > maxValue:
		c.fault, c.at = fmt.Sprintf("%s is longer than %d KiB", p.name, maxValue>>10), p.line
	case len(c.props) == maxProps:
		c.fault, c.at = fmt.Sprintf("has more than %d properties", maxProps), p.line
	default:
		p.params = keptParams(p.params)
		c.props = append(c.props, p)
	}
}

var usedParams = set("TZID VALUE RANGE RELATED PARTSTAT CN SENT-BY")

func keptParams(all []param) []param {
	var out []param
	for _, p := range all {
		if usedParams[p.name] {
			out = append(out, p)
		}
	}
	return out
}

// cut shortens to at most n bytes without cutting a character in two.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func (b *treeBuilder) begin(name string, number int) error {
	if topLevel[name] || name == "VCALENDAR" {
		for i, c := range b.open {
			if topLevel[c.name] || name == "VCALENDAR" {
				b.cut = b.cut || name == "VCALENDAR"
				b.closeDown(i, number, "has no END")
				break
			}
		}
	}
	switch {
	case len(b.open) == maxDepth:
		return fmt.Errorf("components are nested deeper than %d: %w", maxDepth, errHopeless)
	case b.broken > maxBroken:
		return fmt.Errorf("more than %d components have no END: %w", maxBroken, errHopeless)
	}
	b.open = append(b.open, &component{name: name, line: number})
	return nil
}

func (b *treeBuilder) end(name string, number int) error {
	for i := len(b.open) - 1; i >= 0; i-- {
		if b.open[i].name == name {
			b.closeDown(i+1, number, "has no END")
			b.pop()
			return nil
		}
	}
	return nil // an END without a BEGIN closes nothing
}

// closeDown closes what is open from index i on, all of it broken.
func (b *treeBuilder) closeDown(i, number int, why string) {
	for len(b.open) > i {
		b.broken++
		if top := b.top(); top.fault == "" {
			top.fault, top.at = why, number
		}
		b.pop()
	}
}

// reject sets aside the innermost component, or what is outside of any. Of a VCALENDAR only the line is.
func (b *treeBuilder) reject(number int, why string) {
	top := b.top()
	if top == nil || top.name == "VCALENDAR" {
		b.fault(Fault{Line: number, Message: why})
		return
	}
	if top.fault == "" {
		top.fault, top.at = why, number
	}
}

// pop closes the innermost component and hands it to where it belongs.
func (b *treeBuilder) pop() {
	c := b.top()
	b.open = b.open[:len(b.open)-1]
	parent := b.top()
	switch {
	case topLevel[c.name], c.name == "VCALENDAR":
		b.done(c)
	case kept[c.name] == nil || parent == nil: // nothing that we know, or nowhere to put it
	case c.fault != "":
		b.fault(Fault{Line: c.at, Component: c.name, UID: parent.value("UID"), Message: c.fault})
	case len(parent.kids) < maxKids:
		parent.kids = append(parent.kids, c)
	}
}
