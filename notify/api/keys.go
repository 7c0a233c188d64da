package api

import (
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

func (a *API) postKey(c *call, in *wire.KeyInput) (*wire.Key, error) {
	key, secret, err := NewKey(in.Name, in.Scopes, a.clock)
	if err != nil {
		return nil, err
	}
	if err := a.store.PutKey(c.ctx, key, notify.HashSecret(secret)); err != nil {
		return nil, err
	}
	out := toKey(key)
	out.Secret = secret
	return &out, nil
}

func (a *API) listKeys(c *call, _ *wire.None) (*wire.KeyList, error) {
	list, err := a.store.Keys(c.ctx, "")
	if err != nil {
		return nil, err
	}
	return &wire.KeyList{Keys: mapped(list, toKey)}, nil
}

func (a *API) deleteKey(c *call, _ *wire.None) (*wire.None, error) {
	err := a.store.RevokeKey(c.ctx, c.param("id"), "")
	a.keys.clear()
	return nil, err
}

func toKey(k notify.Key) wire.Key {
	return wire.Key{ID: k.ID, Name: k.Name, Scopes: k.Scopes, CreatedAt: k.CreatedAt, LastUsedAt: k.LastUsedAt,
		RevokedAt: k.RevokedAt}
}
