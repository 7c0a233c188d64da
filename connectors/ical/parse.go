package ical

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"

	"allim.dev/allim/notify"
)

// Parse reads a stream in linear time and memory. The charset is what the transport says of it (Content-Type); empty: the
// bytes tell. An error (notify.CodeMalformed, notify.CodeTooLarge) means that nothing of it is a calendar; what is wrong with
// a part of it is one of the Faults.
func Parse(data []byte, charset string) (*Calendar, error) {
	if len(data) > MaxStream {
		return nil, notify.Errorf(notify.CodeTooLarge, "the calendar is larger than %d MiB", MaxStream>>20)
	}
	p := collector{cal: &Calendar{}, byUID: map[string]*Object{}, overrides: map[overrideKey]int{}, here: map[*Object]bool{}}
	b := treeBuilder{charset: encodingOf(charset), done: p.done, fault: p.fault}
	b.build(plain(data))
	p.endCalendar()
	if !p.found {
		return nil, notify.Errorf(notify.CodeMalformed, "this is no iCalendar: it has no BEGIN:VCALENDAR")
	}
	p.cal.Complete = !b.cut
	return p.cal, nil
}

// collector sorts components into objects.
type collector struct {
	cal   *Calendar
	byUID map[string]*Object // by kind and UID
	found bool
	// Of the VCALENDAR that is being read: its objects and zones, which may come in any order.
	objects []*Object
	here    map[*Object]bool
	zones   []*component
	// overrides finds an override again when another version of it comes.
	overrides map[overrideKey]int
}

type overrideKey struct {
	o        *Object
	id, tzid string
}

func (p *collector) fault(f Fault) {
	if len(p.cal.Faults) < maxFaults {
		p.cal.Faults = append(p.cal.Faults, f)
	}
}

// done takes a component that has ended.
func (p *collector) done(c *component) {
	p.found = true
	switch {
	case c.name == "VCALENDAR":
		p.head(c)
	case c.fault != "":
		p.fault(Fault{Line: c.at, Component: c.name, UID: c.value("UID"), Message: c.fault})
	case c.name == "VTIMEZONE":
		p.zones = append(p.zones, c)
	case c.name == "VEVENT":
		p.add(c, KindEvent)
	case c.name == "VTODO":
		p.add(c, KindTask)
	}
}

// head takes what the VCALENDAR says of all in it.
func (p *collector) head(c *component) {
	if p.cal.Name == "" {
		name := c.text("NAME")
		if name == "" {
			name = c.text("X-WR-CALNAME")
		}
		p.cal.Name = notify.Clip(notify.CleanText(name), 200)
	}
	for _, name := range []string{"REFRESH-INTERVAL", "X-PUBLISHED-TTL"} {
		if d, err := parseSpan(c.value(name)); err == nil && p.cal.Refresh == 0 && !d.neg {
			p.cal.Refresh = d.about()
		}
	}
	for _, o := range p.objects {
		o.method, o.calZone = strings.ToUpper(c.value("METHOD")), c.value("X-WR-TIMEZONE")
	}
	p.endCalendar()
}

// endCalendar gives each object the zones that it names, and begins anew.
func (p *collector) endCalendar() {
	byName := make(map[string]*component, len(p.zones))
	for _, z := range p.zones {
		byName[z.value("TZID")] = z
	}
	for _, o := range p.objects {
		for _, name := range slices.Sorted(maps.Keys(o.zoneNames())) {
			if z := byName[name]; z != nil {
				o.zones = append(o.zones, z)
			}
		}
	}
	p.objects, p.zones, p.here = nil, nil, map[*Object]bool{}
}

// add puts a VEVENT or VTODO to its object.
func (p *collector) add(c *component, kind Kind) {
	uid := strings.TrimSpace(unescape(c.value("UID")))
	if why := checkEntry(c, kind); why != "" {
		p.fault(Fault{Line: c.line, Component: c.name, UID: uid, Message: why})
		return
	}
	made := uid == ""
	if made {
		uid = madeUID(c)
	}
	o := p.byUID[string(kind)+uid]
	if o == nil {
		if len(p.cal.Objects) == maxObjects {
			p.fault(Fault{Line: c.line, Component: c.name, UID: uid, Message: "there are more than " + strconv.Itoa(maxObjects) + " objects"})
			return
		}
		o = &Object{UID: uid, Kind: kind, MadeUID: made}
		p.byUID[string(kind)+uid] = o
		p.cal.Objects = append(p.cal.Objects, o)
	}
	if !p.here[o] { // some writers put every instance into a VCALENDAR of its own
		p.here[o] = true
		p.objects = append(p.objects, o)
	}
	p.place(o, c)
}

// place puts a component where it belongs in its object; of two versions of the same the newer one stays.
func (p *collector) place(o *Object, c *component) {
	id := c.get("RECURRENCE-ID")
	if id == nil {
		if o.master == nil || !newer(o.master, c) {
			o.master = c
		}
		return
	}
	key := overrideKey{o, strings.TrimSpace(id.value), id.param("TZID")}
	i, known := p.overrides[key]
	switch {
	case known && !newer(o.overrides[i], c):
		o.overrides[i] = c
	case !known && len(o.overrides) == maxOverrides:
		p.fault(Fault{Line: c.line, Component: c.name, UID: o.UID, Message: "changes more than " + strconv.Itoa(maxOverrides) + " instances"})
	case !known:
		p.overrides[key] = len(o.overrides)
		o.overrides = append(o.overrides, c)
	}
}

// newer tells whether a is a later version than b (RFC 5546 section 2.1.5: SEQUENCE, then DTSTAMP).
func newer(a, b *component) bool {
	if x, y := sequence(a), sequence(b); x != y {
		return x > y
	}
	return a.value("DTSTAMP") > b.value("DTSTAMP")
}

func sequence(c *component) int {
	n, err := strconv.Atoi(c.value("SEQUENCE"))
	if err != nil {
		return 0 // RFC 5545 section 3.8.7.4: the default
	}
	return n
}

// checkEntry tells what makes an event or task unusable; "": nothing.
func checkEntry(c *component, kind Kind) string {
	start := c.get("DTSTART")
	if start == nil {
		if kind == KindEvent {
			return "has no DTSTART"
		}
	} else if _, err := parseStamp(start); err != nil {
		return "DTSTART " + err.Error()
	}
	for _, name := range []string{"DTEND", "DUE", "RECURRENCE-ID"} {
		if p := c.get(name); p != nil {
			if _, err := parseStamp(p); err != nil {
				return name + " " + err.Error()
			}
		}
	}
	if p := c.get("DURATION"); p != nil {
		if _, err := parseSpan(p.value); err != nil {
			return "DURATION " + err.Error()
		}
	}
	return ""
}

// madeUID names an object without a UID by what it says.
func madeUID(c *component) string {
	var b bytes.Buffer
	for _, name := range []string{"DTSTART", "DUE", "RRULE", "SUMMARY", "LOCATION", "URL"} {
		b.WriteString(c.value(name))
		b.WriteByte(0)
	}
	sum := sha256.Sum256(b.Bytes())
	return "content:" + hex.EncodeToString(sum[:16])
}
