package client

import (
	"context"
	"net/http"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

// AddAccount adds a mailbox or calendar home.
func (c *Client) AddAccount(ctx context.Context, in wire.AccountInput) (a wire.Account, created bool, err error) {
	a, status, err := callStatus[wire.Account](ctx, c, request{method: http.MethodPost, path: at("accounts"), in: &in})
	return a, status == http.StatusCreated, err
}

// Accounts gives a page of a source's accounts; of all sources when source is empty.
func (c *Client) Accounts(ctx context.Context, source string, p Page) (wire.AccountList, error) {
	return list[wire.AccountList](ctx, c, at("accounts"), p.query("source", source))
}

// Account gives one.
func (c *Client) Account(ctx context.Context, id string) (wire.Account, error) {
	return list[wire.Account](ctx, c, at("accounts", id), nil)
}

// DeleteAccount stops watching one.
func (c *Client) DeleteAccount(ctx context.Context, id string) error {
	return c.nothing(ctx, http.MethodDelete, at("accounts", id))
}

// Sources lists the sources with their health.
func (c *Client) Sources(ctx context.Context) (wire.SourceList, error) {
	return list[wire.SourceList](ctx, c, at("sources"), nil)
}

// Lanes lists the lanes.
func (c *Client) Lanes(ctx context.Context) (wire.LaneList, error) {
	return list[wire.LaneList](ctx, c, at("lanes"), nil)
}

// WebPushKey gives an app's public VAPID key.
func (c *Client) WebPushKey(ctx context.Context, app string) (wire.WebPushKey, error) {
	return list[wire.WebPushKey](ctx, c, at("apps", app, "webpush-key"), nil)
}

// NewKey makes an API key; its Secret is shown this once.
func (c *Client) NewKey(ctx context.Context, name string, scopes ...notify.Scope) (wire.Key, error) {
	return call[wire.Key](ctx, c, request{method: http.MethodPost, path: at("keys"), in: &wire.KeyInput{Name: name, Scopes: scopes}})
}

// Keys lists all API keys.
func (c *Client) Keys(ctx context.Context) (wire.KeyList, error) {
	return list[wire.KeyList](ctx, c, at("keys"), nil)
}

// RevokeKey ends an API key, by its id.
func (c *Client) RevokeKey(ctx context.Context, id string) error {
	return c.nothing(ctx, http.MethodDelete, at("keys", id))
}

// Ready tells how the hub is; a hub that is not ready is not an error.
func (c *Client) Ready(ctx context.Context) (wire.Status, error) {
	return call[wire.Status](ctx, c, request{method: http.MethodGet, path: "/readyz", also: http.StatusServiceUnavailable})
}
