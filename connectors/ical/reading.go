package ical

import "allim.dev/allim/notify"

// Look tells what a change means to its owner.
func (r *Reader) Look(c Change) Outcome {
	var out Outcome
	if c.Silent || c.New == nil || c.Old != nil {
		return out
	}
	out.Events = append(out.Events, notify.Event{
		Key: "created/" + c.New.UID, Type: notify.CalendarCreated, At: c.Now, SeenAt: c.Now,
		Params: map[string]string{"title": notify.CleanText(c.New.master.text("SUMMARY"))},
	})
	return out
}
