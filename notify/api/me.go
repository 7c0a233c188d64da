package api

import (
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

// getMe takes the cursor first, so that a stream from there on misses nothing that is not in this answer.
func (a *API) getMe(c *call, _ *wire.None) (*wire.Me, error) {
	end, err := a.store.InboxEnd(c.ctx, c.key.User)
	if err != nil {
		return nil, err
	}
	u, err := a.store.User(c.ctx, c.key.User)
	if err != nil {
		return nil, err
	}
	return &wire.Me{ID: u.ID, Name: u.Name, Locale: u.Locale, TimeZone: u.TimeZone,
		Identities: mapped(u.Identities, toIdentity), Cursor: end.String()}, nil
}

func (a *API) getMyInbox(c *call, _ *wire.None) (*wire.Inbox, error) {
	limit, bad := c.limit()
	var after notify.Cursor
	if s := c.query("cursor"); s != "" {
		var err error
		if after, err = notify.ParseCursor(s); err != nil {
			bad = append(bad, badCursor())
		}
	}
	if err := invalid(badQuery, bad); err != nil {
		return nil, err
	}
	u, err := a.store.User(c.ctx, c.key.User)
	if err != nil {
		return nil, err
	}
	page, err := a.store.Inbox(c.ctx, c.key.User, after, limit)
	if err != nil {
		return nil, err
	}
	marks, err := a.store.Marks(c.ctx, c.key.User, mapped(page.Items, func(i notify.InboxItem) string { return i.Notification.ID }))
	if err != nil {
		return nil, err
	}
	return &wire.Inbox{Items: mapped(page.Items, func(i notify.InboxItem) wire.InboxItem {
		item := toItem(i, u)
		item.ReadAt = marks[item.ID].ReadAt
		return item
	}), Next: page.Next.String(), Resync: page.Resync}, nil
}

func (a *API) postMyDevice(c *call, in *wire.DeviceInput) (*wire.Device, error) {
	return a.register(c, c.key.User, in)
}

func (a *API) listMyDevices(c *call, _ *wire.None) (*wire.DeviceList, error) {
	return a.devicesOf(c, c.key.User)
}

func (a *API) deleteMyDevice(c *call, _ *wire.None) (*wire.None, error) {
	d, err := a.myDevice(c)
	if err != nil {
		return nil, err
	}
	return nil, a.store.DeleteDevice(c.ctx, d.ID)
}

func toItem(i notify.InboxItem, reader notify.User) wire.InboxItem {
	n := i.Notification
	return wire.InboxItem{ID: n.ID, Seq: i.Seq, Event: n.Event,
		Content:     toContent(n.In(n.VariantFor(reader.Locale, reader.TimeZone, ""))),
		CollapseKey: n.Collapse(), Priority: n.Priority, Urgent: n.Urgent, Silent: n.Silent,
		CreatedAt: i.CreatedAt, ExpiresAt: n.ExpiresAt}
}
