package api

import (
	"net/http"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

func (a *API) putUser(c *call, in *wire.UserInput) (*wire.User, error) {
	u := notify.User{ID: c.param("id"), Name: in.Name, Locale: in.Locale, TimeZone: in.TimeZone,
		Identities: mapped(in.Identities, fromIdentity)}
	stored, created, err := a.hub.PutUser(c.ctx, u)
	if err != nil {
		return nil, err
	}
	if created {
		c.status = http.StatusCreated
	}
	out := toUser(stored)
	return &out, nil
}

func (a *API) getUser(c *call, _ *wire.None) (*wire.User, error) {
	u, err := a.store.User(c.ctx, c.param("id"))
	if err != nil {
		return nil, err
	}
	out := toUser(u)
	return &out, nil
}

func (a *API) deleteUser(c *call, _ *wire.None) (*wire.None, error) {
	err := a.hub.DeleteUser(c.ctx, c.param("id"))
	a.keys.clear() // the person's tokens are gone
	return nil, err
}

// listUsers lists all, or the one that an identity names.
func (a *API) listUsers(c *call, _ *wire.None) (*wire.UserList, error) {
	if s := c.query("identity"); s != "" {
		i, err := notify.ParseIdentity(s)
		if err != nil {
			return nil, err
		}
		u, err := a.hub.FindUser(c.ctx, i)
		if err != nil {
			return nil, err
		}
		return &wire.UserList{Users: []wire.User{toUser(u)}}, nil
	}
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	list, err := a.store.Users(c.ctx, p)
	if err != nil {
		return nil, err
	}
	return &wire.UserList{Users: mapped(list, toUser),
		Next: next(p, list, func(u notify.User) string { return u.ID })}, nil
}

func (a *API) mergeUser(c *call, in *wire.Merge) (*wire.User, error) {
	if in.Into == "" {
		return nil, invalid("the merge is not valid", []notify.FieldError{{Path: "into", Message: "is required"}})
	}
	if err := a.hub.MergeUser(c.ctx, c.param("id"), in.Into); err != nil {
		return nil, err
	}
	a.keys.clear() // tokens changed their user
	u, err := a.store.User(c.ctx, in.Into)
	if err != nil {
		return nil, err
	}
	out := toUser(u)
	return &out, nil
}

func toUser(u notify.User) wire.User {
	return wire.User{ID: u.ID, Name: u.Name, Locale: u.Locale, TimeZone: u.TimeZone,
		Identities: mapped(u.Identities, toIdentity), CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt}
}

func toIdentity(i notify.Identity) wire.Identity { return wire.Identity{Kind: i.Kind, Value: i.Value} }

func fromIdentity(i wire.Identity) notify.Identity {
	return notify.Identity{Kind: i.Kind, Value: i.Value}
}
