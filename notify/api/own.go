package api

import (
	"math"
	"strconv"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

func (a *API) getPreferences(c *call, _ *wire.None) (*wire.Preferences, error) {
	p, err := a.store.Preferences(c.ctx, c.key.User)
	if err != nil {
		return nil, err
	}
	out := toPreferences(p)
	return &out, nil
}

func (a *API) putPreferences(c *call, in *wire.Preferences) (*wire.Preferences, error) {
	if err := a.hub.PutPreferences(c.ctx, c.key.User, fromPreferences(in)); err != nil {
		return nil, err
	}
	return in, nil
}

func toPreferences(p notify.Preferences) wire.Preferences {
	out := wire.Preferences{Bundle: p.Bundle, Privacy: p.Privacy, Language: p.Language, LiveFirst: p.LiveFirst,
		KeepRead: p.KeepRead, Rule: p.Rule, Choices: mapped(p.Choices, func(c notify.Choice) wire.Choice { return wire.Choice(c) })}
	if q := p.Quiet; !q.IsZero() {
		quiet := wire.Quiet(q)
		out.Quiet = &quiet
	}
	return out
}

func fromPreferences(in *wire.Preferences) notify.Preferences {
	p := notify.Preferences{Bundle: in.Bundle, Privacy: in.Privacy, Language: in.Language, LiveFirst: in.LiveFirst,
		KeepRead: in.KeepRead, Rule: in.Rule, Choices: mapped(in.Choices, func(c wire.Choice) notify.Choice { return notify.Choice(c) })}
	if in.Quiet != nil {
		p.Quiet = notify.Quiet(*in.Quiet)
	}
	return p
}

func (a *API) postMarks(c *call, in *wire.MarkInput) (*wire.None, error) {
	if len(in.IDs) == 0 {
		return nil, invalid("the marks are not valid", []notify.FieldError{{Path: "ids", Message: "is required"}})
	}
	return nil, a.hub.MarkInbox(c.ctx, c.key.User, in.IDs, in.Read)
}

func (a *API) listMarks(c *call, _ *wire.None) (*wire.MarkList, error) {
	limit, bad := c.limit()
	after := int64(math.MaxInt64) // only where they end
	if s := c.query("after"); s != "" {
		var err error
		if after, err = strconv.ParseInt(s, 10, 64); err != nil || after < 0 {
			bad = append(bad, notify.FieldError{Path: "after", Message: "must be next of an answer before"})
		}
	}
	if err := invalid(badQuery, bad); err != nil {
		return nil, err
	}
	marks, end, err := a.store.MarksAfter(c.ctx, c.key.User, after, limit)
	if err != nil {
		return nil, err
	}
	out := &wire.MarkList{Next: end, Marks: mapped(marks, func(m notify.ReadMark) wire.Mark {
		return wire.Mark{Notification: m.Notification, SeenAt: m.Mark.SeenAt, ReadAt: m.Mark.ReadAt}
	})}
	if n := len(marks); n == limit {
		out.Next = marks[n-1].Seq
	}
	return out, nil
}

// myDevice answers the same for a device that is not there and one of somebody else.
func (a *API) myDevice(c *call) (notify.Device, error) {
	d, err := a.store.Device(c.ctx, c.param("id"))
	if err == nil && d.User != c.key.User {
		err = notify.Errorf(notify.CodeUnknownDevice, "you have no device with the id %q", c.param("id"))
	}
	return d, err
}

func (a *API) putMyDevice(c *call, in *wire.DeviceUpdate) (*wire.Device, error) {
	d, err := a.myDevice(c)
	if err != nil {
		return nil, err
	}
	if in.Token != "" || in.Subscription != nil {
		return a.renewed(c, d, in)
	}
	if d.State == notify.DeviceRetired {
		return nil, notify.Errorf(notify.CodeWrongState, "the device is retired; register it again")
	}
	d.Name = in.Name
	stored, _, err := a.hub.RegisterDevice(c.ctx, d)
	if err != nil {
		return nil, err
	}
	out := toDevice(stored)
	return &out, nil
}

// renewed gives a device of the person's its new address; a retired one comes back by it.
func (a *API) renewed(c *call, d notify.Device, in *wire.DeviceUpdate) (*wire.Device, error) {
	renewed, err := fromDevice(&wire.DeviceInput{App: d.App, Platform: d.Platform, Token: in.Token, Subscription: in.Subscription})
	if err != nil {
		return nil, err
	}
	d.Token, d.P256dh, d.Auth = renewed.Token, renewed.P256dh, renewed.Auth
	if in.Name != "" {
		d.Name = in.Name
	}
	stored, err := a.hub.RenewDevice(c.ctx, d)
	if err != nil {
		return nil, err
	}
	out := toDevice(stored)
	return &out, nil
}

// TestNotice is what a person sends to one of their own devices to see whether it arrives.
func TestNotice(d notify.Device, locale string) notify.Notification {
	c := notify.Content{Title: "Test from Allim", Body: "Notices reach this device.", Sound: "default"}
	if notify.Language(locale) == "ko" {
		c.Title, c.Body = "알림 시험", "이 기기로 알림이 도착합니다."
	}
	return notify.Notification{To: notify.Audience{Devices: []string{d.ID}}, Content: c, Urgent: true, Priority: notify.PriorityHigh,
		TTL: testTTL, By: "user:" + d.User}
}

func (a *API) testMyDevice(c *call, _ *wire.None) (*wire.Notification, error) {
	d, err := a.myDevice(c)
	if err != nil {
		return nil, err
	}
	u, err := a.store.User(c.ctx, c.key.User)
	if err != nil {
		return nil, err
	}
	n, _, err := a.hub.Send(c.ctx, TestNotice(d, u.Locale), notify.Idempotency{})
	if err != nil {
		return nil, err
	}
	return a.shown(n), nil
}

func (a *API) listSessions(c *call, _ *wire.None) (*wire.SessionList, error) {
	list, err := a.store.Sessions(c.ctx, c.key.User, a.clock.Now())
	if err != nil {
		return nil, err
	}
	return &wire.SessionList{Sessions: mapped(list, func(s notify.Session) wire.Session {
		return wire.Session{ID: s.ID, Way: s.Way, Agent: s.Agent, Current: s.ID == c.key.ID, CreatedAt: s.CreatedAt, UsedAt: s.UsedAt,
			ExpiresAt: s.ExpiresAt}
	})}, nil
}

func (a *API) deleteSession(c *call, _ *wire.None) (*wire.None, error) {
	err := a.store.RevokeSession(c.ctx, c.param("id"), c.key.User)
	a.Forget()
	return nil, err
}
