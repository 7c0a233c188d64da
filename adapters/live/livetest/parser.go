// Package livetest is a client for tests of live streams that obeys WHATWG HTML section 9.2 to the letter, as a browser
// does.
package livetest

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// Event is one dispatched event.
type Event struct {
	Name string // "message" when the stream names none
	Data string
	ID   string // the last event id at the time of dispatch
}

// Parser reads an event stream byte by byte (section 9.2.6, "Interpreting an event stream"). The zero Parser is ready.
type Parser struct {
	LastID   string        // what a reconnect sends as Last-Event-ID
	Retry    time.Duration // the last reconnection time that the server asked for; 0: none
	Comments int           // comments seen

	line    []byte
	started bool // the byte order mark is past
	cr      bool // the last byte was a CR: an LF now belongs to it
	name    string
	data    bytes.Buffer
	id      string
	idKnown bool
}

// Feed takes one byte; when it completes an event with data, the event is given.
func (p *Parser) Feed(b byte) (Event, bool) {
	wasCR := p.cr
	p.cr = b == '\r'
	switch {
	case b == '\n' && wasCR:
		return Event{}, false
	case b == '\n' || b == '\r':
		line := p.line
		p.line = p.line[:0]
		p.started = true
		return p.takeLine(string(line))
	}
	p.line = append(p.line, b)
	if !p.started && len(p.line) == 3 {
		p.started = true
		p.line = bytes.TrimPrefix(p.line, []byte("\xef\xbb\xbf"))
	}
	return Event{}, false
}

func (p *Parser) takeLine(line string) (Event, bool) {
	if line == "" {
		return p.dispatch()
	}
	field, value, found := strings.Cut(strings.ToValidUTF8(line, "\ufffd"), ":")
	if found {
		value = strings.TrimPrefix(value, " ")
	}
	switch field {
	case "":
		p.Comments++
	case "event":
		p.name = value
	case "data":
		p.data.WriteString(value + "\n")
	case "id":
		if !strings.Contains(value, "\x00") {
			p.id, p.idKnown = value, true
		}
	case "retry":
		if ms, err := strconv.ParseUint(value, 10, 31); err == nil && !strings.HasPrefix(value, "+") {
			p.Retry = time.Duration(ms) * time.Millisecond
		}
	}
	return Event{}, false
}

// dispatch is what an empty line does. What is not ended by one is never seen.
func (p *Parser) dispatch() (Event, bool) {
	if p.idKnown {
		p.LastID = p.id
	}
	e := Event{Name: p.name, Data: strings.TrimSuffix(p.data.String(), "\n"), ID: p.LastID}
	empty := p.data.Len() == 0
	p.name = ""
	p.data.Reset()
	if e.Name == "" {
		e.Name = "message"
	}
	return e, !empty
}
