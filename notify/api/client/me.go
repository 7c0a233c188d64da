package client

import (
	"context"
	"net/http"

	"allim.dev/allim/notify/api/wire"
)

// Me gives the person whose token the client has.
func (c *Client) Me(ctx context.Context) (wire.Me, error) {
	return list[wire.Me](ctx, c, at("me"), nil)
}

// Inbox gives a stretch of the person's inbox.
func (c *Client) Inbox(ctx context.Context, p Page) (wire.Inbox, error) {
	return list[wire.Inbox](ctx, c, at("me", "inbox"), p.query())
}

// RegisterMyDevice registers a device of the person.
func (c *Client) RegisterMyDevice(ctx context.Context, in wire.DeviceInput) (d wire.Device, created bool, err error) {
	d, status, err := callStatus[wire.Device](ctx, c, request{method: http.MethodPost, path: at("me", "devices"), in: &in})
	return d, status == http.StatusCreated, err
}

// MyDevices lists the person's devices.
func (c *Client) MyDevices(ctx context.Context) (wire.DeviceList, error) {
	return list[wire.DeviceList](ctx, c, at("me", "devices"), nil)
}

// DeleteMyDevice removes one of the person's devices.
func (c *Client) DeleteMyDevice(ctx context.Context, id string) error {
	return c.nothing(ctx, http.MethodDelete, at("me", "devices", id))
}

// Receive tells the hub that the app got a delivery, or that the person opened it.
func (c *Client) Receive(ctx context.Context, delivery string, state wire.Word) error {
	_, err := c.do(ctx, request{method: http.MethodPost, path: at("receipts"),
		in: &wire.Receipt{Delivery: wire.Word(delivery), State: state}})
	return err
}
