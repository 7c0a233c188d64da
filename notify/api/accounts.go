package api

import (
	"net/http"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

func (a *API) postAccount(c *call, in *wire.AccountInput) (*wire.Account, error) {
	stored, created, err := a.hub.AddAccount(c.ctx, notify.Account{Source: in.Source, Login: in.Login, Secret: in.Password,
		Users: in.Users})
	if err != nil {
		return nil, err
	}
	if !created {
		c.status = http.StatusOK
	}
	out := toAccount(stored)
	return &out, nil
}

func (a *API) listAccounts(c *call, _ *wire.None) (*wire.AccountList, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	source := c.query("source")
	list, err := a.store.Accounts(c.ctx, source, p)
	if err != nil {
		return nil, err
	}
	return &wire.AccountList{Accounts: mapped(list, toAccount),
		Next: next(p, list, func(x notify.Account) string {
			if source != "" {
				return x.Login
			}
			return x.Source + "\n" + x.Login
		})}, nil
}

func (a *API) getAccount(c *call, _ *wire.None) (*wire.Account, error) {
	x, err := a.store.Account(c.ctx, c.param("id"))
	if err != nil {
		return nil, err
	}
	out := toAccount(x)
	return &out, nil
}

func (a *API) deleteAccount(c *call, _ *wire.None) (*wire.None, error) {
	return nil, a.hub.RemoveAccount(c.ctx, c.param("id"))
}

func (a *API) listSources(*call, *wire.None) (*wire.SourceList, error) {
	return &wire.SourceList{Sources: mapped(a.hub.Sources(), toSource)}, nil
}

func (a *API) listLanes(c *call, _ *wire.None) (*wire.LaneList, error) {
	list, err := a.hub.Lanes(c.ctx)
	if err != nil {
		return nil, err
	}
	return &wire.LaneList{Lanes: mapped(list, toLane)}, nil
}

func (a *API) getWebPushKey(c *call, _ *wire.None) (*wire.WebPushKey, error) {
	key, err := a.hub.PublicKey(c.param("app"))
	if err != nil {
		return nil, err
	}
	return &wire.WebPushKey{PublicKey: key}, nil
}

func toAccount(x notify.Account) wire.Account {
	h := x.Health
	if h.State == "" {
		h.State = notify.HealthStarting
	}
	if h.LastEventAt.IsZero() {
		h.LastEventAt = x.LastActive
	}
	return wire.Account{ID: x.ID, Source: x.Source, Login: x.Login, Users: mapped(x.Users, func(u string) string { return u }),
		Explicit: x.Explicit, CreatedAt: x.CreatedAt,
		Health: wire.Health{State: h.State, Since: h.Since, LastEventAt: h.LastEventAt, LastOKAt: h.LastOKAt,
			LastError: h.LastError, LastErrorAt: h.LastErrorAt, NextTryAt: h.NextTryAt, Notes: h.Notes}}
}

func toSource(s notify.SourceStatus) wire.Source {
	counts := make(map[string]int64, len(s.Accounts))
	for state, n := range s.Accounts {
		counts[string(state)] = int64(n)
	}
	return wire.Source{ID: s.ID, Kind: s.Kind, Accounts: counts,
		Health: wire.Health{State: s.State, LastEventAt: s.LastEventAt, LastError: s.LastError, LastErrorAt: s.LastErrorAt}}
}

func toLane(l notify.LaneStatus) wire.Lane {
	return wire.Lane{App: l.Lane.App, Platform: l.Lane.Platform, State: l.State, Reason: l.Reason, Since: l.Since,
		NotBefore: l.NotBefore, Depth: l.Depth, CredentialExpiry: l.CredentialExpiry}
}
