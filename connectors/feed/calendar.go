package feed

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"allim.dev/allim/connectors/ical"
	"allim.dev/allim/notify"
)

const (
	// lookEvery is how often a calendar's reminders are made anew from what is kept, up to ical.Horizon.
	lookEvery = 24 * time.Hour
	// confirmEmpty is how many answers in a row must be empty until a calendar that had objects is believed to have none.
	confirmEmpty = 3
	// lateReminders is how long after its moment a reminder is still of use: what the hub fires late.
	lateReminders = 2 * time.Hour
	chunkObjects  = 200 // in one transaction
	maxNotes      = 5
)

// objectName is the name of an object's state and reminders.
func objectName(kind ical.Kind, uid string) string {
	return fmt.Sprintf("%s%016x", stateObjects, uint64(hashOf("object", string(kind), uid)))
}

func kindOf(component string) ical.Kind {
	if component == "VTODO" {
		return ical.KindTask
	}
	return ical.KindEvent
}

// fingerprint is an object's content without its name and its stamps, which some servers make anew at every answer.
func fingerprint(raw []byte) id {
	var kept []byte
	skip := false
	for line := range bytes.Lines(raw) {
		if line[0] == ' ' || line[0] == '\t' {
			if !skip {
				kept = append(kept, line...)
			}
			continue
		}
		name := line[:max(0, bytes.IndexAny(line, ":;"))]
		switch string(name) {
		case "UID", "DTSTAMP", "CREATED", "LAST-MODIFIED", "SEQUENCE", "PRODID":
			skip = true
		default:
			skip = false
			kept = append(kept, line...)
		}
	}
	return hashOf("print", string(kept))
}

// change is what became of one object.
type change struct {
	name     string // its new one
	old, new *ical.Object
	raw      []byte // as it is now; nil: gone
	was      string // under which it was kept, when another
}

// calendarChanges compares an answer with what is kept.
func (st *state) calendarChanges(cal *ical.Calendar, notes *[]string) (changes []change) {
	there := map[string]bool{}
	var unknown []change
	for _, o := range cal.Objects {
		name, raw := objectName(o.Kind, o.UID), o.Bytes()
		there[name] = true
		switch old, known := st.objects[name]; {
		case !known:
			unknown = append(unknown, change{name: name, new: o, raw: raw})
		case !bytes.Equal(old.raw, raw):
			changes = append(changes, change{name: name, old: old.parsed(), new: o, raw: raw})
		}
	}
	gone := st.gone(cal, there, notes)
	byPrint := map[id]string{}
	for _, name := range slices.Sorted(maps.Keys(gone)) {
		byPrint[st.objects[name].print] = name
	}
	for _, c := range unknown {
		if was, same := byPrint[fingerprint(c.raw)]; same && gone[was] { // a new UID for the same thing
			delete(gone, was)
			c.was, c.old = was, c.new
		}
		changes = append(changes, c)
	}
	for _, name := range slices.Sorted(maps.Keys(gone)) {
		changes = append(changes, change{name: name, old: st.objects[name].parsed()})
	}
	return changes
}

// gone gives the kept objects that are not there any more. An answer that was cut off says nothing of them, nor does the
// first one in which all are missing.
func (st *state) gone(cal *ical.Calendar, there map[string]bool, notes *[]string) map[string]bool {
	gone := map[string]bool{}
	for name := range st.objects {
		if !there[name] {
			gone[name] = true
		}
	}
	for _, f := range cal.Faults { // what cannot be read is still there
		if f.UID == "" {
			return map[string]bool{}
		}
		delete(gone, objectName(kindOf(f.Component), f.UID))
	}
	if !cal.Complete && len(gone) > 0 {
		*notes = append(*notes, "the calendar is cut off: what is missing at its end is kept")
		return map[string]bool{}
	}
	if len(cal.Objects) > 0 || len(st.objects) == 0 {
		if st.head.Missing != 0 {
			st.head.Missing, st.head.dirty = 0, true
		}
		return gone
	}
	st.head.Missing++
	st.head.dirty = true
	if st.head.Missing < confirmEmpty {
		*notes = append(*notes, "the calendar is suddenly empty: its events are kept until it has been so for some time")
		return map[string]bool{}
	}
	st.head.Missing = 0
	return gone
}

// owner is for whom a calendar feed is read: people of these zones, and all of its objects are others' work. Who has no zone
// is with the calendar.
func (c *connector) owner(zones []string) ical.Owner {
	o := ical.Owner{Foreign: true, Reminder: c.settings.Reminder}
	for _, name := range zones {
		loc, err := time.LoadLocation(name)
		if name == "" || err != nil {
			loc = c.settings.zone()
		}
		o.Zones = append(o.Zones, ical.Zone{Name: name, Location: loc})
	}
	return o
}

// meaning tells what a change means.
func (w *watcher) meaning(ch change, st *state, now time.Time, silent bool) ical.Outcome {
	since := now.Add(-lateReminders)
	if st.head.Since.After(since) {
		since = st.head.Since
	}
	return w.reader.Look(ical.Change{Old: ch.old, New: ch.new, Owner: w.owner(w.zones), Now: now, Since: since, Silent: silent})
}

// rezone makes the reminders of a calendar for the zones that people have now, from what is kept.
func (w *watcher) rezone(ctx context.Context) error {
	if w.st == nil || w.st.fresh || !w.st.head.Calendar || w.st.head.Zones == zoneSet(w.zones) {
		return nil
	}
	now, st := w.clock.Now(), w.st.clone()
	st.head.Zones, st.head.dirty = zoneSet(w.zones), true
	batches, _ := w.calendarBatches(st.again(), st, now, true)
	return w.put(ctx, st, batches...)
}

// zoneSet names a set of zones.
func zoneSet(zones []string) string { return strings.Join(zones, " ") + "." }

// calendarBatches turns changes into batches of a bounded size, and the state into what it is after them.
func (w *watcher) calendarBatches(changes []change, st *state, now time.Time, silent bool) (batches []notify.Batch, notes []string) {
	for part := range slices.Chunk(changes, max(1, chunkObjects/len(w.zones))) {
		b := notify.Batch{State: map[string][]byte{}, Reminders: map[notify.Object][]notify.Reminder{}}
		for _, ch := range part {
			out := w.meaning(ch, st, now, silent)
			b.Events = append(b.Events, out.Events...)
			b.Reminders[notify.Object(ch.name)] = out.Reminders
			if notes = append(notes, out.Notes...); len(notes) > maxNotes {
				notes = notes[:maxNotes]
			}
			if ch.was != "" {
				b.State[ch.was], b.Reminders[notify.Object(ch.was)] = nil, nil
				delete(st.objects, ch.was)
			}
			st.keep(ch, b.State)
		}
		batches = append(batches, b)
	}
	return batches, notes
}

// keep makes a change the state of its object.
func (st *state) keep(ch change, stored map[string][]byte) {
	switch {
	case ch.raw == nil:
		stored[ch.name] = nil
		delete(st.objects, ch.name)
	case !bytes.Equal(st.objects[ch.name].raw, ch.raw):
		stored[ch.name] = ch.raw
		st.objects[ch.name] = object{raw: ch.raw, print: fingerprint(ch.raw)}
	}
}

// again looks at every kept object once more, but for those that change, for the reminders of the days that have come
// nearer.
func (st *state) again(but ...change) (changes []change) {
	skip := map[string]bool{}
	for _, ch := range but {
		skip[ch.name], skip[ch.was] = true, true
	}
	for _, name := range slices.Sorted(maps.Keys(st.objects)) {
		if o := st.objects[name].parsed(); o != nil && !skip[name] {
			changes = append(changes, change{name: name, old: o, new: o, raw: st.objects[name].raw})
		}
	}
	return changes
}

// faultNotes say which objects were set aside.
func faultNotes(cal *ical.Calendar) (notes []string) {
	for _, f := range cal.Faults[:min(len(cal.Faults), maxNotes)] {
		notes = append(notes, "set aside: "+f.Error())
	}
	return notes
}
