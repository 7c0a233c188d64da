package client

import (
	"context"
	"net/http"
	"strconv"

	"allim.dev/allim/notify/api/wire"
)

// NameMyDevice gives one of the person's devices a name.
func (c *Client) NameMyDevice(ctx context.Context, id, name string) (wire.Device, error) {
	return call[wire.Device](ctx, c, request{method: http.MethodPut, path: at("me", "devices", id), in: &wire.DeviceUpdate{Name: name}})
}

// RenewMyDevice gives one of the person's devices the address that its platform gave it in place of the old one: a token, or
// a browser's subscription.
func (c *Client) RenewMyDevice(ctx context.Context, id string, in wire.DeviceUpdate) (wire.Device, error) {
	return call[wire.Device](ctx, c, request{method: http.MethodPut, path: at("me", "devices", id), in: &in})
}

// TestMyDevice sends a test to one of the person's devices.
func (c *Client) TestMyDevice(ctx context.Context, id string) (wire.Notification, error) {
	return call[wire.Notification](ctx, c, request{method: http.MethodPost, path: at("me", "devices", id, "test")})
}

// Preferences gives what the person wishes.
func (c *Client) Preferences(ctx context.Context) (wire.Preferences, error) {
	return list[wire.Preferences](ctx, c, at("me", "preferences"), nil)
}

// PutPreferences replaces what the person wishes.
func (c *Client) PutPreferences(ctx context.Context, in wire.Preferences) (wire.Preferences, error) {
	return call[wire.Preferences](ctx, c, request{method: http.MethodPut, path: at("me", "preferences"), in: &in})
}

// Mark says that the person saw items of the inbox, by the ids of their notifications, or, with read, has read them.
func (c *Client) Mark(ctx context.Context, read bool, ids ...string) error {
	_, err := c.do(ctx, request{method: http.MethodPost, path: at("me", "marks"), in: &wire.MarkInput{IDs: ids, Read: read}})
	return err
}

// MarksEnd gives the number of the newest mark, to ask Marks with later.
func (c *Client) MarksEnd(ctx context.Context) (int64, error) {
	l, err := list[wire.MarkList](ctx, c, at("me", "marks"), nil)
	return l.Next, err
}

// Marks gives what was seen or read after a number: 0, or Next of an answer before.
func (c *Client) Marks(ctx context.Context, after int64) (wire.MarkList, error) {
	return list[wire.MarkList](ctx, c, at("me", "marks"), Page{}.query("after", strconv.FormatInt(after, 10)))
}

// Sessions lists the browsers in which the person is signed in.
func (c *Client) Sessions(ctx context.Context) (wire.SessionList, error) {
	return list[wire.SessionList](ctx, c, at("me", "sessions"), nil)
}

// EndSession signs the person out of one of them.
func (c *Client) EndSession(ctx context.Context, id string) error {
	return c.nothing(ctx, http.MethodDelete, at("me", "sessions", id))
}
