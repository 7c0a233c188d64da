package caldav

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"allim.dev/allim/connectors/ical"
	"allim.dev/allim/notify"
)

// lateness is how late a reminder is still fired: what is older is not planned any more.
const lateness = 2 * time.Hour

// take fetches what is new or changed and gathers what it means.
func (v *visit) take(ctx context.Context, d *diff) error {
	chunk := map[string]member{}
	for id, m := range d.want {
		if chunk[id] = m; len(chunk) == atOnce {
			if err := v.takeSome(ctx, d, chunk); err != nil {
				return err
			}
			clear(chunk)
		}
	}
	if len(chunk) == 0 {
		return nil
	}
	return v.takeSome(ctx, d, chunk)
}

func (v *visit) takeSome(ctx context.Context, d *diff, want map[string]member) error {
	got, err := v.a.access.fetch(ctx, d.url, want)
	if err != nil {
		return err
	}
	for id, f := range got {
		if f.gone {
			if d.known[id] != nil {
				d.next.Again = true // a listing has to say so, too
			}
			continue
		}
		v.takeOne(d, id, f)
	}
	return v.flush(ctx, false)
}

// takeOne gathers what one object means. One that cannot be read is set aside by its address and etag; what was known of it
// before stays, with its reminders.
func (v *visit) takeOne(d *diff, id string, f fetched) {
	old := d.known[id]
	next := objectState{Href: f.url.String(), ETag: f.etag}
	if old != nil {
		next.Plan, next.UIDs, next.Silent, next.packed = old.Plan, old.UIDs, old.Silent, old.packed
	}
	before := old.content()
	if f.err == nil && before != nil && bytes.Equal(before, f.data) {
		if old.Bad != "" || old.ETag != f.etag || old.Again || old.Absent > 0 {
			v.a.health.unnote(next.Href)
			v.keep(d, id, next)
		}
		return // as it was: nothing to tell, nothing to plan
	}
	var cal *ical.Calendar
	err := f.err
	if err == nil {
		cal, err = ical.Parse(f.data, "")
	}
	if err == nil {
		err = wholeness(cal)
	}
	if err != nil {
		next.Bad = "is left out, because it cannot be read: " + clip(err.Error(), 200)
		next.Again = f.err != nil
		next.Silent = next.Silent || d.first || old != nil && len(old.packed) == 0 && old.Silent
		v.a.health.note(next.Href, next.Bad)
		v.keep(d, id, next)
		return
	}
	v.a.health.unnote(next.Href)
	silent := d.first || old != nil && old.Silent
	next.Silent = false
	next.pack(f.data)
	next.UIDs = uidsOf(cal)
	v.mean(d, id, &next, meaning{before: objectsOf(before), after: cal.Objects, silent: silent})
	for _, fault := range cal.Faults {
		v.a.health.note(next.Href, fault.Error())
	}
	v.keep(d, id, next)
}

// wholeness tells why a calendar object is none to go by: what is not in it may only be cut off.
func wholeness(cal *ical.Calendar) error {
	switch {
	case !cal.Complete:
		return errText("it breaks off")
	case len(cal.Objects) == 0 && len(cal.Faults) > 0:
		return cal.Faults[0]
	}
	return nil
}

func (v *visit) keep(d *diff, id string, next objectState) {
	key := objectKey(d.c.id, id)
	v.batch.State[key] = next.encode()
	d.known[id] = &next
	for _, u := range next.UIDs {
		if v.uids != nil && !slices.Contains(v.uids[u], key) {
			v.uids[u] = append(v.uids[u], key)
		}
	}
}

// meaning is a resource as it was and as it is: in the ordinary case one object each.
type meaning struct {
	before, after []*ical.Object
	silent        bool
}

// mean lets ical tell what a change means, and gathers the events and the reminders.
func (v *visit) mean(d *diff, id string, o *objectState, m meaning) {
	var reminders []notify.Reminder
	look := func(old, now *ical.Object) {
		if old == nil && now != nil && !m.silent {
			old = v.elsewhere(d.c, id, now.UID)
		}
		silent := m.silent || now == nil && v.elsewhere(d.c, id, old.UID) != nil
		since := v.now.Add(-lateness)
		if old != nil || silent {
			since = later(d.next.Since, since) // what was due before the first look is not caught up with
		}
		out := v.a.src.reader.Look(ical.Change{Old: old, New: now, Owner: v.a.owner(d.c), Now: v.now, Since: since, Silent: silent})
		if !silent {
			v.batch.Events = append(v.batch.Events, out.Events...)
		}
		reminders = append(reminders, out.Reminders...)
		for _, note := range out.Notes {
			v.a.health.note(o.Href, note)
		}
	}
	old := map[string]*ical.Object{}
	for _, b := range m.before {
		old[b.UID] = b
	}
	for _, n := range m.after {
		look(old[n.UID], n)
		delete(old, n.UID)
	}
	for _, gone := range old {
		look(gone, nil)
	}
	v.batch.Reminders[object(d.c.id, id)] = reminders
	o.Plan = planOf(reminders)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// planOf names a set of reminders; empty: there are none.
func planOf(reminders []notify.Reminder) string {
	if len(reminders) == 0 {
		return ""
	}
	return shortHash(string(encodeJSON(reminders)))
}

// objectsOf reads a stored content, which was good when it was stored.
func objectsOf(content []byte) []*ical.Object {
	if len(content) == 0 {
		return nil
	}
	cal, err := ical.Parse(content, "")
	if err != nil {
		return nil
	}
	return cal.Objects
}

func uidsOf(cal *ical.Calendar) []string {
	var list []string
	for _, o := range cal.Objects {
		list = append(list, shortHash(o.UID))
	}
	return list
}

// elsewhere gives the same meeting in another place of the account: it was moved from there, or is there as well.
func (v *visit) elsewhere(c *collection, id, uid string) *ical.Object {
	if v.uids == nil {
		v.uids = map[string][]string{}
		for key, value := range v.state {
			if !strings.HasPrefix(key, "o/") {
				continue
			}
			if o := decodeObject(value); o != nil {
				for _, u := range o.UIDs {
					v.uids[u] = append(v.uids[u], key)
				}
			}
		}
	}
	for _, key := range v.uids[shortHash(uid)] {
		value := v.batch.State[key]
		if _, changed := v.batch.State[key]; !changed {
			value = v.state[key]
		}
		if key == objectKey(c.id, id) || value == nil {
			continue
		}
		for _, o := range objectsOf(decodeObject(value).content()) {
			if o.UID == uid {
				return o
			}
		}
	}
	return nil
}
