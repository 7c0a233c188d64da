package notify

import (
	"context"
	"time"
)

// ApprovalStore starts what waited for a second person's word.
type ApprovalStore interface {
	// Approve starts a notification that is StateAwaitingApproval: it becomes StateScheduled when its SendAt is to come,
	// else StateSending. Its time to live begins now. CodeUnknownNotification, CodeWrongState.
	Approve(ctx context.Context, id string, now time.Time, lanes []Lane) (Notification, error)
}

// Propose stores a notification that waits for a second person's word (Approve). Errors as Send.
func (h *Hub) Propose(ctx context.Context, n Notification) (Notification, error) {
	n, err := h.admit(n, h.clock.Now())
	if err != nil {
		return n, err
	}
	n.State = StateAwaitingApproval
	n, _, err = h.store.Accept(ctx, n, h.lanesFor(n.To), Idempotency{})
	return n, err
}

// Approve starts a notification that waits for a second person's word. CodeForbidden for who sent it.
func (h *Hub) Approve(ctx context.Context, id, by string) (Notification, error) {
	n, err := h.store.Notification(ctx, id)
	if err != nil {
		return n, err
	}
	if n.By == by {
		return n, Errorf(CodeForbidden, "somebody else than who sent it must approve it")
	}
	if n, err = h.store.Approve(ctx, id, h.clock.Now(), h.names); err == nil {
		h.wakeFor(n)
	}
	return n, err
}
