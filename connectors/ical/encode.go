package ical

import (
	"bytes"
	"strings"
)

// Bytes writes the object as a VCALENDAR of its own with all that Parse keeps of it: what to store, to be read by Parse again.
func (o *Object) Bytes() []byte {
	var b bytes.Buffer
	line(&b, "BEGIN:VCALENDAR")
	line(&b, "VERSION:2.0")
	line(&b, "PRODID:-//Allim//kept//EN")
	if o.method != "" {
		line(&b, "METHOD:"+o.method)
	}
	if o.calZone != "" {
		line(&b, "X-WR-TIMEZONE:"+o.calZone)
	}
	for _, z := range o.zones {
		z.write(&b)
	}
	for _, c := range o.components() {
		c.write(&b)
	}
	line(&b, "END:VCALENDAR")
	return b.Bytes()
}

// components gives the master, if there is one, and the overrides.
func (o *Object) components() []*component {
	if o.master == nil {
		return o.overrides
	}
	return append([]*component{o.master}, o.overrides...)
}

// zoneNames are the time zones that the object names.
func (o *Object) zoneNames() map[string]bool {
	names := map[string]bool{o.calZone: true}
	for _, c := range o.components() {
		for i := range c.props {
			names[strings.TrimSpace(c.props[i].param("TZID"))] = true
		}
	}
	return names
}

func (c *component) write(b *bytes.Buffer) {
	line(b, "BEGIN:"+c.name)
	for i := range c.props {
		line(b, c.props[i].String())
	}
	for _, k := range c.kids {
		k.write(b)
	}
	line(b, "END:"+c.name)
}

// String writes the property as a content line, not folded.
func (p *prop) String() string {
	var b strings.Builder
	b.WriteString(p.name)
	for _, q := range p.params {
		b.WriteString(";" + q.name + "=" + quoteParam(q.value))
	}
	b.WriteString(":" + p.value)
	return b.String()
}

// quoteParam is the inverse of paramText.
func quoteParam(v string) string {
	v = strings.NewReplacer("^", "^^", "\n", "^n", `"`, "^'").Replace(v)
	if strings.ContainsAny(v, ";:,") {
		return `"` + v + `"`
	}
	return v
}

// line writes a content line, folded at 75 bytes (RFC 5545 section 3.1). Parse unfolds before it decodes.
func line(b *bytes.Buffer, s string) {
	for first := true; ; first = false {
		room := 75
		if !first {
			b.WriteByte(' ')
			room--
		}
		if len(s) <= room {
			b.WriteString(s + "\r\n")
			return
		}
		head := cut(s, room)
		b.WriteString(head + "\r\n")
		s = s[len(head):]
	}
}
