package notify

import (
	"cmp"
	"context"
	"maps"
	"time"
)

// What happens at the moment of a reminder: it becomes an event, which goes the way of all events.

const (
	// remindChunk is how many reminders one transaction fires: many that are due in the same second do not hold up the
	// store's other callers.
	remindChunk = 250
	// remindTick is how often the clock is compared with the next reminder's time, so that a clock that was set, or a
	// machine that slept, costs a second at most. The store is asked only when something is due, was put, or at
	// remindLook.
	remindTick = time.Second
	remindLook = time.Minute
	// reminderLate is from when on a reminder is marked late; reminderStale from when on it is not told any more.
	reminderLate  = time.Minute
	reminderStale = 2 * time.Hour
)

// ParamLate is the param of a reminder's event that fired late, after a downtime.
const ParamLate = "late"

// remind fires reminders at their second until ctx ends.
func (h *Hub) remind(ctx context.Context) error {
	sub := h.bus.Subscribe(SubjectReminders)
	defer sub.Close()
	var next, look time.Time // when something is due, when to ask in any case
	woken := true
	for ctx.Err() == nil {
		now := h.clock.Now()
		if due := !next.IsZero() && !now.Before(next); woken || due || !now.Before(look) || look.Sub(now) > remindLook { // the clock may jump back
			next = h.fireDue(ctx, now)
			look = now.Add(remindLook)
		}
		wait := remindTick
		if !next.IsZero() {
			wait = min(wait, next.Sub(h.clock.Now())) // perhaps it is due by now: then the timer fires at once
		}
		t := h.clock.NewTimer(wait)
		woken = false
		select {
		case <-ctx.Done():
		case <-sub.C():
			woken = true
		case <-t.C():
		}
		t.Stop()
	}
	return nil
}

// fireDue fires all that is due at now, a chunk at a time, and gives when the next one is due.
func (h *Hub) fireDue(ctx context.Context, now time.Time) (next time.Time) {
	for ctx.Err() == nil {
		fired, err := h.store.FireReminders(ctx, now, remindChunk, func(d DueReminder) (Event, Firing) { return d.fire(now) })
		if err != nil {
			if ctx.Err() == nil {
				h.log.Error("reminders could not be fired; another try follows", "error", err)
			}
			return now.Add(time.Second)
		}
		h.tellFired(fired)
		if fired.Count < remindChunk {
			return fired.Next
		}
	}
	return time.Time{}
}

// tellFired passes the events on and counts what became of the reminders.
func (h *Hub) tellFired(f Fired) {
	for _, e := range f.Events {
		h.metrics.events.WithLabelValues(e.Source, string(e.Type)).Inc()
		h.planner.offer(e)
	}
	for outcome, n := range f.Outcomes {
		h.metrics.reminders.WithLabelValues(string(outcome)).Add(float64(n))
	}
	if n := f.Outcomes[FiredNot]; n > 0 {
		h.log.Info("reminders dropped: they came too late to be of use", "reminders", n)
	}
}

// fire decides on a due reminder. What is more than reminderStale late, over, or followed by a later one that is due as
// well, is not told any more; a moderate lateness is told once and marked.
func (d DueReminder) fire(now time.Time) (Event, Firing) {
	late := now.Sub(d.FireAt)
	if late > reminderStale || !d.Until.IsZero() && !now.Before(d.Until) || late > reminderLate && d.Superseded {
		return Event{}, FiredNot
	}
	e := d.Event
	e.Key, e.SeenAt, e.Local = d.Key(), now, d.Local
	if e.At.IsZero() {
		e.At = d.FireAt
	}
	if late <= reminderLate {
		return e, FiredOnTime
	}
	return e.late(), FiredLate
}

// late marks an event as late.
func (e Event) late() Event {
	params := make(map[string]string, len(e.Params)+1)
	maps.Copy(params, e.Params)
	params[ParamLate] = "true"
	e.Params = params
	return e
}

// lifetime is how long an event is worth telling. A reminder's ends with the meeting: one that waits for a phone that is
// off, or for the end of quiet hours, must not come after it.
func lifetime(e Event, now time.Time) time.Duration {
	if e.Type != CalendarReminder {
		return DefaultTTL
	}
	written := cmp.Or(e.Params["end"], e.Params["start"])
	end, err := time.Parse(time.RFC3339, written)
	if local, fault := time.Parse(localTime, written); fault == nil && e.Local != nil { // by the same clock as its moment
		end, err = e.At.Add(local.Sub(e.Local.Wall)), nil
	}
	if err != nil { // a whole day
		return DefaultTTL
	}
	return max(min(end.Sub(now), DefaultTTL), time.Minute)
}
