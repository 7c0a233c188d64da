package api

import (
	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

func (a *API) postToken(c *call, in *wire.TokenInput) (*wire.Token, error) {
	if len(in.Name) > 128 {
		return nil, invalid("the token is not valid", []notify.FieldError{{Path: "name", Message: "is longer than 128 bytes"}})
	}
	key, secret := NewToken(c.param("id"), in.Name, a.clock)
	if err := a.store.PutKey(c.ctx, key, notify.HashSecret(secret)); err != nil {
		return nil, err
	}
	out := toToken(key)
	out.Token = secret
	return &out, nil
}

func (a *API) listTokens(c *call, _ *wire.None) (*wire.TokenList, error) {
	if _, err := a.store.User(c.ctx, c.param("id")); err != nil {
		return nil, err
	}
	list, err := a.store.Keys(c.ctx, c.param("id"))
	if err != nil {
		return nil, err
	}
	return &wire.TokenList{Tokens: mapped(list, toToken)}, nil
}

func (a *API) deleteToken(c *call, _ *wire.None) (*wire.None, error) {
	if _, err := a.store.User(c.ctx, c.param("id")); err != nil {
		return nil, err
	}
	err := a.store.RevokeKey(c.ctx, c.param("token"), c.param("id"))
	a.keys.clear()
	return nil, err
}

func toToken(k notify.Key) wire.Token {
	return wire.Token{ID: k.ID, User: k.User, Name: k.Name, CreatedAt: k.CreatedAt, LastUsedAt: k.LastUsedAt}
}
