package client

import (
	"context"
	"net/http"

	"allim.dev/allim/notify/api/wire"
)

// PutUser makes or replaces a user.
func (c *Client) PutUser(ctx context.Context, id string, in wire.UserInput) (u wire.User, created bool, err error) {
	u, status, err := callStatus[wire.User](ctx, c, request{method: http.MethodPut, path: at("users", id), in: &in})
	return u, status == http.StatusCreated, err
}

// User gives one.
func (c *Client) User(ctx context.Context, id string) (wire.User, error) {
	return list[wire.User](ctx, c, at("users", id), nil)
}

// FindUser gives the user that has an identity, such as "email:kim@example.com".
func (c *Client) FindUser(ctx context.Context, identity string) (wire.User, error) {
	l, err := list[wire.UserList](ctx, c, at("users"), Page{}.query("identity", identity))
	if err != nil || len(l.Users) == 0 {
		return wire.User{}, err
	}
	return l.Users[0], nil
}

// Users gives a page of all users, by id.
func (c *Client) Users(ctx context.Context, p Page) (wire.UserList, error) {
	return list[wire.UserList](ctx, c, at("users"), p.query())
}

// DeleteUser erases a person.
func (c *Client) DeleteUser(ctx context.Context, id string) error {
	return c.nothing(ctx, http.MethodDelete, at("users", id))
}

// MergeUser makes a user a part of another one.
func (c *Client) MergeUser(ctx context.Context, id, into string) (wire.User, error) {
	return call[wire.User](ctx, c, request{method: http.MethodPost, path: at("users", id, "merge"), in: &wire.Merge{Into: into}})
}

// NewToken makes a person's own token; its Token is shown this once.
func (c *Client) NewToken(ctx context.Context, user, name string) (wire.Token, error) {
	return call[wire.Token](ctx, c, request{method: http.MethodPost, path: at("users", user, "tokens"), in: &wire.TokenInput{Name: name}})
}

// Tokens lists a person's tokens.
func (c *Client) Tokens(ctx context.Context, user string) (wire.TokenList, error) {
	return list[wire.TokenList](ctx, c, at("users", user, "tokens"), nil)
}

// RevokeToken ends a person's token, by its id.
func (c *Client) RevokeToken(ctx context.Context, user, id string) error {
	return c.nothing(ctx, http.MethodDelete, at("users", user, "tokens", id))
}

// RegisterDevice registers a device of a user.
func (c *Client) RegisterDevice(ctx context.Context, user string, in wire.DeviceInput) (d wire.Device, created bool, err error) {
	d, status, err := callStatus[wire.Device](ctx, c, request{method: http.MethodPost, path: at("users", user, "devices"), in: &in})
	return d, status == http.StatusCreated, err
}

// DevicesOf lists a user's devices.
func (c *Client) DevicesOf(ctx context.Context, user string) (wire.DeviceList, error) {
	return list[wire.DeviceList](ctx, c, at("users", user, "devices"), nil)
}

// Devices gives a page of all devices, oldest first.
func (c *Client) Devices(ctx context.Context, p Page) (wire.DeviceList, error) {
	return list[wire.DeviceList](ctx, c, at("devices"), p.query())
}

// Device gives one.
func (c *Client) Device(ctx context.Context, id string) (wire.Device, error) {
	return list[wire.Device](ctx, c, at("devices", id), nil)
}

// DeleteDevice removes one.
func (c *Client) DeleteDevice(ctx context.Context, id string) error {
	return c.nothing(ctx, http.MethodDelete, at("devices", id))
}

// AddMember puts a user into a topic.
func (c *Client) AddMember(ctx context.Context, topic, user string) error {
	return c.nothing(ctx, http.MethodPut, at("topics", topic, "members", user))
}

// RemoveMember takes a user out of a topic.
func (c *Client) RemoveMember(ctx context.Context, topic, user string) error {
	return c.nothing(ctx, http.MethodDelete, at("topics", topic, "members", user))
}

// Topics gives a page of the topics, by name.
func (c *Client) Topics(ctx context.Context, p Page) (wire.TopicList, error) {
	return list[wire.TopicList](ctx, c, at("topics"), p.query())
}

// Topic gives a page of a topic's members.
func (c *Client) Topic(ctx context.Context, name string, p Page) (wire.Topic, error) {
	return list[wire.Topic](ctx, c, at("topics", name), p.query())
}

// Invite makes a link that lets the person in once.
func (c *Client) Invite(ctx context.Context, user string) (wire.Invitation, error) {
	out, _, err := callStatus[wire.Invitation](ctx, c, request{method: http.MethodPost, path: at("users", user, "invitations")})
	return out, err
}

// SetRole says what part the person has in running the hub: person, auditor, operator or admin.
func (c *Client) SetRole(ctx context.Context, user string, role wire.Word) error {
	_, err := c.do(ctx, request{method: http.MethodPut, path: at("users", user, "role"), in: &wire.RoleInput{Role: role}})
	return err
}
