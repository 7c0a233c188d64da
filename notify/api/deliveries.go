package api

import (
	"strconv"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

func (a *API) listDeliveries(c *call, _ *wire.None) (*wire.DeliveryList, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	state := notify.DeliveryState(c.query("state"))
	switch state {
	case "", notify.DeliveryPending, notify.DeliveryAccepted, notify.DeliveryConfirmed, notify.DeliveryFailed,
		notify.DeliveryGone, notify.DeliveryExpired, notify.DeliverySuppressed:
	default:
		return nil, invalid(badQuery, []notify.FieldError{{Path: "state",
			Message: "must be pending, accepted, confirmed, failed, gone, expired or suppressed"}})
	}
	if _, err := a.visible(c, notify.ScopeRead); err != nil {
		return nil, err
	}
	rows, err := a.store.Deliveries(c.ctx, c.param("id"), state, p)
	return deliveryList(p, rows, err)
}

func (a *API) listDead(c *call, _ *wire.None) (*wire.DeliveryList, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.store.Dead(c.ctx, p)
	return deliveryList(p, rows, err)
}

func (a *API) replay(c *call, _ *wire.None) (*wire.Delivery, error) {
	row, err := a.hub.Replay(c.ctx, c.param("id"))
	if err != nil {
		return nil, err
	}
	out := toDelivery(row)
	return &out, nil
}

// postReceipt takes the app's word: with a person's token for that person's devices, with a key for any.
func (a *API) postReceipt(c *call, in *wire.Receipt) (*wire.None, error) {
	var bad []notify.FieldError
	if _, _, ok := notify.ParseDeliveryID(string(in.Delivery)); !ok {
		bad = append(bad, notify.FieldError{Path: "delivery", Message: "is not a delivery's id"})
	}
	if in.State != wire.ReceiptReceived && in.State != wire.ReceiptOpened {
		bad = append(bad, notify.FieldError{Path: "state", Message: "must be received or opened"})
	}
	if err := invalid("the receipt is not valid", bad); err != nil {
		return nil, err
	}
	receipt := notify.Receipt{Delivery: string(in.Delivery), Opened: in.State == wire.ReceiptOpened, At: a.clock.Now()}
	results, err := a.store.Confirm(c.ctx, c.key.User, []notify.Receipt{receipt})
	if err != nil {
		return nil, err
	}
	return nil, results[0]
}

func (a *API) trace(c *call, _ *wire.None) (*wire.Trace, error) {
	steps, err := a.hub.Trace(c.ctx, c.param("id"))
	if err != nil {
		return nil, err
	}
	return &wire.Trace{ID: c.param("id"), Steps: mapped(steps, func(s notify.TraceStep) wire.Step { return wire.Step(s) })}, nil
}

func deliveryList(p notify.Page, rows []notify.DeliveryRow, err error) (*wire.DeliveryList, error) {
	if err != nil {
		return nil, err
	}
	return &wire.DeliveryList{Deliveries: mapped(rows, toDelivery),
		Next: next(p, rows, func(r notify.DeliveryRow) string { return r.ID })}, nil
}

func toDelivery(r notify.DeliveryRow) wire.Delivery {
	return wire.Delivery{ID: r.ID, Notification: r.Notification, Device: r.Device, User: r.User, App: r.Lane.App,
		Platform: r.Lane.Platform, State: r.State, Attempt: r.Attempt, NextAt: r.NextAt, Reason: r.Reason,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, ConfirmedAt: r.ConfirmedAt, OpenedAt: r.OpenedAt}
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

func indexed(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
