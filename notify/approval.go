package notify

import (
	"context"
	"time"
)

// What goes to everybody cannot be taken back. Where the configuration asks for it, it waits for a second person's word,
// whoever posted it: a person in the console, a key of the API, a file of a folder. Only a key that has ScopeBroadcast by
// name is let through, for systems that must tell everybody at night.

// ApprovalStore starts or ends what waits for a second person's word.
type ApprovalStore interface {
	// Approve starts a notification that is StateAwaitingApproval: it becomes StateScheduled when its SendAt is to come,
	// else StateSending. Its time to live begins now. CodeUnknownNotification, CodeWrongState.
	Approve(ctx context.Context, id string, now time.Time, lanes []Lane) (Notification, error)
	// Refuse ends a notification that is StateAwaitingApproval: it becomes StateCancelled. CodeUnknownNotification,
	// CodeWrongState.
	Refuse(ctx context.Context, id string) (Notification, error)
}

// mustWait tells whether a posted notification waits for a second person's word.
func (h *Hub) mustWait(n Notification) bool {
	return h.opts.ApproveBroadcasts && n.To.All && !n.Released
}

// Approve starts a notification that waits for a second person's word; by is a key's id, or user: and a person's.
// CodeForbidden for who sent it.
func (h *Hub) Approve(ctx context.Context, id, by string) (Notification, error) {
	n, err := h.store.Notification(ctx, id)
	if err != nil {
		return n, err
	}
	if n.By == by {
		return n, Errorf(CodeForbidden, "somebody else than who sent it must approve it")
	}
	since := h.clock.Now()
	if n, err = h.store.Approve(ctx, id, since, h.names); err == nil {
		h.wakeFor(n, since)
	}
	return n, err
}

// Refuse ends a notification that waits for a second person's word; nobody is told.
func (h *Hub) Refuse(ctx context.Context, id string) (Notification, error) {
	return h.store.Refuse(ctx, id)
}
