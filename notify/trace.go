package notify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// Trace tells the life of one event, notification or delivery, step by step, by its id. CodeNotFound.
func (h *Hub) Trace(ctx context.Context, id string) ([]TraceStep, error) {
	for _, look := range []func(context.Context, string) ([]TraceStep, error){h.traceDelivery, h.traceNotification, h.traceEvent} {
		steps, err := look(ctx, id)
		switch CodeOf(err) {
		case "":
			slices.SortStableFunc(steps, func(a, b TraceStep) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
			return steps, nil
		case CodeUnknownDelivery, CodeUnknownNotification, CodeNotFound:
		default:
			return nil, err
		}
	}
	return nil, Errorf(CodeNotFound, "there is no event, notification or delivery with the id %q", id)
}

func (h *Hub) traceEvent(ctx context.Context, id string) ([]TraceStep, error) {
	e, err := h.store.Event(ctx, id)
	if err != nil {
		return nil, err
	}
	steps := []TraceStep{{e.At, "happened", e.ID, string(e.Type) + " at " + e.Source},
		{e.SeenAt, "seen", e.ID, "by the connector, in account " + e.Account}}
	told, err := h.store.Notifications(ctx, NotificationFilter{Event: id}, Page{})
	if err != nil {
		return nil, err
	}
	if len(told) == 0 {
		steps = append(steps, TraceStep{e.SeenAt, "planned", e.ID, "nobody to tell, told before, or not planned yet"})
	}
	for _, n := range told {
		more, err := h.traceOne(ctx, n)
		if err != nil {
			return nil, err
		}
		steps = append(steps, more...)
	}
	return steps, nil
}

func (h *Hub) traceNotification(ctx context.Context, id string) ([]TraceStep, error) {
	n, err := h.store.Notification(ctx, id)
	if err != nil {
		return nil, err
	}
	return h.traceOne(ctx, n)
}

func (h *Hub) traceOne(ctx context.Context, n Notification) ([]TraceStep, error) {
	from := "posted by " + n.By
	if n.Event != "" {
		from = "for event " + n.Event
	}
	reach := fmt.Sprintf("%d deliveries targeted", n.Counts.Targeted)
	if n.Counts.Targeted == 0 {
		reach = "nobody has a device for it: it is in the inbox only"
	}
	steps := []TraceStep{{n.CreatedAt, "accepted", n.ID, from + ", " + reach}}
	if !n.SendAt.IsZero() {
		steps = append(steps, TraceStep{n.SendAt, "scheduled", n.ID, "to start then"})
	}
	if !n.DoneAt.IsZero() {
		steps = append(steps, TraceStep{n.DoneAt, string(n.State), n.ID, fmt.Sprintf("%d accepted, %d failed, %d gone, %d expired, %d suppressed",
			n.Counts.Accepted, n.Counts.Failed, n.Counts.Gone, n.Counts.Expired, n.Counts.Suppressed)})
	}
	rows, err := h.store.Deliveries(ctx, n.ID, "", Page{Limit: 1000})
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if r.CreatedAt.Before(n.CreatedAt) { // the store's transaction had begun a moment before
			r.CreatedAt = n.CreatedAt
		}
		steps = append(steps, traceRow(r)...)
	}
	return steps, nil
}

func (h *Hub) traceDelivery(ctx context.Context, id string) ([]TraceStep, error) {
	row, err := h.store.Delivery(ctx, id)
	if err != nil {
		return nil, err
	}
	return traceRow(row), nil
}

func traceRow(r DeliveryRow) []TraceStep {
	about := fmt.Sprintf("to device %s of %s on %s", r.Device, r.User, r.Lane)
	steps := []TraceStep{{r.CreatedAt, "dispatched", r.ID, about}}
	text := fmt.Sprintf("%s, attempt %d", about, r.Attempt)
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	if r.State == DeliveryPending && !r.NextAt.IsZero() {
		text += ", again at " + r.NextAt.UTC().Format("2006-01-02T15:04:05Z")
	}
	state := r.State
	if state == DeliveryConfirmed { // a step of its own, below
		state = DeliveryAccepted
	}
	steps = append(steps, TraceStep{r.UpdatedAt, string(state), r.ID, text})
	if !r.ConfirmedAt.IsZero() {
		steps = append(steps, TraceStep{r.ConfirmedAt, "confirmed", r.ID, "by the app"})
	}
	if !r.OpenedAt.IsZero() {
		steps = append(steps, TraceStep{r.OpenedAt, "opened", r.ID, "by the person"})
	}
	return steps
}
