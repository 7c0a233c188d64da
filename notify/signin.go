package notify

import (
	"context"
)

// SignIn finds the person whose mailbox has the password, by asking the servers that know the mailbox. address is an
// e-mail address or the mailbox's login. Errors: CodeForbidden when nobody has it or the password is wrong, which is not
// told apart; CodeUnavailable when no server could be asked.
func (h *Hub) SignIn(ctx context.Context, address, password string) (User, error) {
	wrong := Errorf(CodeForbidden, "the address or the password is wrong")
	u, err := h.whoHas(ctx, address)
	if err != nil {
		return User{}, wrong
	}
	accounts, err := h.store.AccountsOf(ctx, u.ID)
	if err != nil {
		return User{}, err
	}
	var down error
	for _, a := range accounts {
		if len(a.Users) != 1 || !h.ownsLogin(u, a) { // a shared mailbox's password is not the person's
			continue
		}
		w := h.sources[a.Source]
		if w == nil {
			continue
		}
		c, ok := w.connector.(SignInChecker)
		if !ok {
			continue
		}
		switch err := c.CheckSignIn(ctx, a.Login, password); CodeOf(err) {
		case "":
			return u, nil
		case CodeForbidden:
		default:
			down = err
		}
	}
	if down != nil {
		return User{}, Wrap(CodeUnavailable, down, "the mail server cannot be asked at the moment; try again later")
	}
	return User{}, wrong
}

// whoHas finds a person by an e-mail address, else by a login.
func (h *Hub) whoHas(ctx context.Context, address string) (User, error) {
	u, err := h.FindUser(ctx, Identity{Kind: KindEmail, Value: address})
	if err != nil {
		u, err = h.FindUser(ctx, Identity{Kind: KindLogin, Value: address})
	}
	return u, err
}

// ownsLogin tells whether an account's login names the person: IT may have a colleague told of somebody's mailbox.
func (h *Hub) ownsLogin(u User, a Account) bool {
	for _, kind := range []string{KindEmail, KindLogin} {
		if i, err := h.norm.Normalize(Identity{Kind: kind, Value: a.Login}); err == nil && contains(u.Identities, i) {
			return true
		}
	}
	return false
}

// CheckAccount tries an account's login now; the error is plain words. CodeUnknownAccount, CodeWrongState when its source
// cannot be asked for that.
func (h *Hub) CheckAccount(ctx context.Context, id string) error {
	a, err := h.store.Account(ctx, id)
	if err != nil {
		return err
	}
	w := h.sources[a.Source]
	if w == nil {
		return Errorf(CodeUnknownSource, "the configuration has no source %s", a.Source)
	}
	c, ok := w.connector.(AccountChecker)
	if !ok {
		return Errorf(CodeWrongState, "sources of the kind %s cannot try a login", w.source.Kind)
	}
	all, err := h.store.WatchedAccounts(ctx, a.Source)
	if err != nil {
		return err
	}
	for _, full := range all { // with its secret
		if full.ID == id {
			return c.CheckAccount(ctx, full)
		}
	}
	return Errorf(CodeUnknownAccount, "there is no account %q", id)
}

// Reach counts the people and devices that an audience would reach now.
func (h *Hub) Reach(ctx context.Context, to Audience) (people, devices int64, err error) {
	var p problems
	to = to.validate(&p, h.norm)
	if err := p.err("the audience is not valid"); err != nil {
		return 0, 0, err
	}
	return h.store.CountAudience(ctx, to, h.lanesFor(to))
}

// Apps gives the apps of the configuration that a browser can subscribe to.
func (h *Hub) Apps() (apps []string) {
	for _, l := range h.names {
		if l.Platform == WebPush {
			apps = append(apps, l.App)
		}
	}
	return apps
}
