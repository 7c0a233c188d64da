package api

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

func (a *API) postDevice(c *call, in *wire.DeviceInput) (*wire.Device, error) {
	return a.register(c, c.param("id"), in)
}

// register answers 201 for a new device and 200 for a known one.
func (a *API) register(c *call, user string, in *wire.DeviceInput) (*wire.Device, error) {
	out, created, err := a.registered(c, user, in)
	if err != nil {
		return nil, err
	}
	if !created {
		c.status = http.StatusOK
	}
	return &out, nil
}

func (a *API) registered(c *call, user string, in *wire.DeviceInput) (out wire.Device, created bool, err error) {
	d, err := fromDevice(in)
	if err != nil {
		return out, false, err
	}
	d.User = user
	stored, created, err := a.hub.RegisterDevice(c.ctx, d)
	if err != nil {
		return out, false, err
	}
	return toDevice(stored), created, nil
}

func (a *API) listDevicesOf(c *call, _ *wire.None) (*wire.DeviceList, error) {
	return a.devicesOf(c, c.param("id"))
}

func (a *API) devicesOf(c *call, user string) (*wire.DeviceList, error) {
	list, err := a.store.DevicesOf(c.ctx, user)
	if err != nil {
		return nil, err
	}
	return &wire.DeviceList{Devices: mapped(list, toDevice)}, nil
}

func (a *API) listDevices(c *call, _ *wire.None) (*wire.DeviceList, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	list, err := a.store.Devices(c.ctx, p)
	if err != nil {
		return nil, err
	}
	return &wire.DeviceList{Devices: mapped(list, toDevice),
		Next: next(p, list, func(d notify.Device) string { return strconv.FormatInt(d.Key, 10) })}, nil
}

func (a *API) getDevice(c *call, _ *wire.None) (*wire.Device, error) {
	d, err := a.store.Device(c.ctx, c.param("id"))
	if err != nil {
		return nil, err
	}
	out := toDevice(d)
	return &out, nil
}

func (a *API) deleteDevice(c *call, _ *wire.None) (*wire.None, error) {
	return nil, a.store.DeleteDevice(c.ctx, c.param("id"))
}

// fromDevice takes the subscription apart. Everything else is checked by the hub and the platform's adapter.
func fromDevice(in *wire.DeviceInput) (notify.Device, error) {
	d := notify.Device{App: in.App, Platform: in.Platform, Token: in.Token, Name: in.Name, Locale: in.Locale,
		TimeZone: in.TimeZone, Environment: string(in.Environment)}
	s := in.Subscription
	if s == nil {
		return d, nil
	}
	var bad []notify.FieldError
	add := func(path, message string) { bad = append(bad, notify.FieldError{Path: path, Message: message}) }
	if in.Token != "" {
		add("token", "cannot stand beside a subscription")
	}
	if in.Platform != notify.WebPush {
		add("subscription", "is for webpush only; other platforms have a token")
	}
	if s.Endpoint == "" {
		add("subscription.endpoint", "is required")
	}
	var err error
	d.Token = s.Endpoint
	if d.P256dh, err = anyBase64(string(s.Keys.P256dh)); err != nil || len(d.P256dh) != 65 {
		add("subscription.keys.p256dh", "must be 65 bytes in base64url (RFC 8291 section 3.1)")
	}
	if d.Auth, err = anyBase64(string(s.Keys.Auth)); err != nil || len(d.Auth) != 16 {
		add("subscription.keys.auth", "must be 16 bytes in base64url (RFC 8291 section 3.2)")
	}
	return d, invalid("the subscription is not valid", bad)
}

// anyBase64 reads base64url and base64, with and without padding: libraries give all four.
func anyBase64(s string) ([]byte, error) {
	s = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(s, "="))
	return base64.RawURLEncoding.DecodeString(s)
}

func toDevice(d notify.Device) wire.Device {
	return wire.Device{ID: d.ID, User: d.User, App: d.App, Platform: d.Platform, Token: shortToken(d.Token), Name: d.Name,
		Locale: d.Locale, TimeZone: d.TimeZone, Environment: d.Environment, State: d.State, StateReason: d.StateReason,
		StateSince: d.StateSince, CreatedAt: d.CreatedAt, RegisteredAt: d.RegisteredAt}
}

// shortToken keeps enough of a token to recognise it and too little to push with it.
func shortToken(token string) string {
	if u, err := url.Parse(token); err == nil && u.Host != "" {
		origin := u.Scheme + "://" + u.Host
		return origin + "/…" + lastOf(strings.TrimPrefix(token, origin), 4)
	}
	if len(token) < 16 {
		return "…"
	}
	return strings.ToValidUTF8(token[:6], "") + "…" + lastOf(token, 4)
}

// lastOf gives the last n bytes of s if they are at most a quarter of it.
func lastOf(s string, n int) string {
	if len(s) < 4*n {
		return ""
	}
	return strings.ToValidUTF8(s[len(s)-n:], "")
}
