package client

import (
	"context"
	"net/http"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

// Send sends a notification. With an idempotency key that was used within a day the first answer comes again, and
// nothing is sent twice; empty: none.
func (c *Client) Send(ctx context.Context, in wire.NotificationInput, idempotencyKey string) (wire.Accepted, error) {
	r := request{method: http.MethodPost, path: at("notifications"), in: &in}
	if idempotencyKey != "" {
		r.header = http.Header{"Idempotency-Key": {idempotencyKey}}
	}
	return call[wire.Accepted](ctx, c, r)
}

// Notification gives one with how far it is.
func (c *Client) Notification(ctx context.Context, id string) (wire.Notification, error) {
	return list[wire.Notification](ctx, c, at("notifications", id), nil)
}

// NotificationFilter narrows a listing; what is empty does not.
type NotificationFilter struct {
	State notify.State
	User  string
	Event string
}

// Notifications gives a page of all, newest first.
func (c *Client) Notifications(ctx context.Context, f NotificationFilter, p Page) (wire.NotificationList, error) {
	return list[wire.NotificationList](ctx, c, at("notifications"),
		p.query("state", string(f.State), "user", f.User, "event", f.Event))
}

// Deliveries gives a page of a notification's rows; an empty state means all.
func (c *Client) Deliveries(ctx context.Context, id string, state notify.DeliveryState, p Page) (wire.DeliveryList, error) {
	return list[wire.DeliveryList](ctx, c, at("notifications", id, "deliveries"), p.query("state", string(state)))
}

// Pause stops a notification under way, for a while.
func (c *Client) Pause(ctx context.Context, id string) (wire.Notification, error) {
	return c.steer(ctx, id, "pause")
}

// Resume goes on with a paused one.
func (c *Client) Resume(ctx context.Context, id string) (wire.Notification, error) {
	return c.steer(ctx, id, "resume")
}

// Cancel ends one; what was not sent is suppressed.
func (c *Client) Cancel(ctx context.Context, id string) (wire.Notification, error) {
	return c.steer(ctx, id, "cancel")
}

// Approve starts one that waits for a second person's word; not with the key that sent it.
func (c *Client) Approve(ctx context.Context, id string) (wire.Notification, error) {
	return c.steer(ctx, id, "approve")
}

// Refuse ends one that waits for a second person's word.
func (c *Client) Refuse(ctx context.Context, id string) (wire.Notification, error) {
	return c.steer(ctx, id, "refuse")
}

func (c *Client) steer(ctx context.Context, id, what string) (wire.Notification, error) {
	return call[wire.Notification](ctx, c, request{method: http.MethodPost, path: at("notifications", id, what)})
}

// The pace at which Wait looks: quick at first, then slower.
const (
	waitFirst = 100 * time.Millisecond
	waitMost  = 2 * time.Second
)

// Wait follows a notification until it is done or cancelled, or ctx ends; progress (nil: none) is told of each look.
func (c *Client) Wait(ctx context.Context, id string, progress func(wire.Notification)) (wire.Notification, error) {
	for pause := waitFirst; ; pause = min(waitMost, pause*5/4) {
		n, err := c.Notification(ctx, id)
		if err != nil {
			return n, err
		}
		if progress != nil {
			progress(n)
		}
		if n.State == notify.StateDone || n.State == notify.StateCancelled {
			return n, nil
		}
		timer := c.clock.NewTimer(pause)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return n, ctx.Err()
		}
	}
}

// Dead gives a page of the deliveries that were given up, newest first.
func (c *Client) Dead(ctx context.Context, p Page) (wire.DeliveryList, error) {
	return list[wire.DeliveryList](ctx, c, at("dead"), p.query())
}

// Replay gives a dead delivery another try.
func (c *Client) Replay(ctx context.Context, id string) (wire.Delivery, error) {
	return call[wire.Delivery](ctx, c, request{method: http.MethodPost, path: at("dead", id, "replay")})
}

// Trace tells the life of an event, notification or delivery.
func (c *Client) Trace(ctx context.Context, id string) (wire.Trace, error) {
	return list[wire.Trace](ctx, c, at("trace", id), nil)
}
