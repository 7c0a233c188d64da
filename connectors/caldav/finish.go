package caldav

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"allim.dev/allim/connectors/ical"
	"allim.dev/allim/notify"
)

// finish stores the rest of what a collection's look found: what is gone, what is absent, and how far it was seen.
func (v *visit) finish(ctx context.Context, d *diff) error {
	for _, id := range d.gone {
		o := d.known[id]
		v.mean(d, id, o, meaning{before: objectsOf(o.content()), silent: d.silent || o.Silent})
		v.forget(d.c, id, o)
		if err := v.flush(ctx, false); err != nil {
			return err
		}
	}
	v.absences(d)
	d.next.Again = d.next.HeldUntil.IsZero() && len(d.absent) > 0
	d.next.Absent = 0
	v.held(d)
	v.batch.State[collectionKey(d.c.id)] = encodeJSON(d.next)
	if err := v.flush(ctx, true); err != nil {
		return err
	}
	d.c.state = d.next
	return nil
}

// absences keeps count of what a listing did not have.
func (v *visit) absences(d *diff) {
	if d.here == nil {
		return
	}
	for id, o := range d.known {
		missing := 0
		if d.absent[id] {
			missing = o.Absent + 1
		}
		if o.Absent != missing && (missing < 3 || o.Absent == 0) && !slices.Contains(d.gone, id) {
			next := *o
			next.Absent = missing
			v.keep(d, id, next)
		}
	}
}

// held flags a collection of which much vanished at once.
func (v *visit) held(d *diff) {
	about := d.next.URL + " (held)"
	if d.next.HeldUntil.IsZero() {
		v.a.health.unnote(about)
		return
	}
	v.a.health.note(about, "much of this collection vanished at once; that is not believed before "+d.next.HeldUntil.Format(time.RFC3339))
}

// replan plans the reminders of all objects again, from what is stored: once a day, because the horizon moves on, and when
// the person's time zone or the defaults changed. It asks the server for nothing.
func (v *visit) replan(ctx context.Context) error {
	a := v.a
	of := a.planned()
	if a.plan.Of == of && v.now.Sub(a.plan.At) < a.daily() && !v.now.Before(a.plan.At) {
		return nil
	}
	first := a.plan.At.IsZero() // everything was planned a moment ago
	for _, id := range slices.Sorted(maps.Keys(a.collections)) {
		c := a.collections[id]
		if first || c.state.Since.IsZero() {
			continue
		}
		known, err := v.objects(ctx, id)
		if err != nil {
			return err
		}
		for oid, o := range known {
			v.replanOne(c, oid, o)
			if err := v.flush(ctx, false); err != nil {
				return err
			}
		}
	}
	plan := planState{At: v.now, Of: of}
	v.batch.State[keyPlan] = encodeJSON(plan)
	if err := v.flush(ctx, true); err != nil {
		return err
	}
	a.plan = plan
	return nil
}

// replanOne plans the reminders of one object; what would be the same is left alone.
func (v *visit) replanOne(c *collection, id string, o *objectState) {
	var reminders []notify.Reminder
	for _, x := range objectsOf(o.content()) {
		out := v.a.src.reader.Look(ical.Change{Old: x, New: x, Owner: v.a.owner(c), Now: v.now,
			Since: later(c.state.Since, v.now.Add(-lateness))})
		reminders = append(reminders, out.Reminders...)
	}
	plan := planOf(reminders)
	if plan == o.Plan {
		return
	}
	next := *o
	next.Plan = plan
	v.batch.Reminders[object(c.id, id)] = reminders
	v.batch.State[objectKey(c.id, id)] = next.encode()
}

// planned says what reminders depend on beside the objects.
func (a *account) planned() string {
	parts := append([]string{a.src.settings.Reminders.Default.String()}, a.owner(&collection{}).Addresses...)
	for _, z := range a.zones {
		parts = append(parts, "zone "+z.Name+" "+z.Location.String())
	}
	return shortHash(strings.Join(parts, "\n"))
}
