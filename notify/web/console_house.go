package web

import (
	"context"
	"errors"
	"strings"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
)

// houseRoutes are sources with their accounts, and keys.
func houseRoutes() []Route {
	return []Route{
		{"GET", "/admin/sources", forAuditor, "", (*Pages).sources},
		{"POST", "/admin/accounts", forOperator, "account.add", (*Pages).addAccount},
		{"POST", "/admin/accounts/{id}/check", forOperator, "account.check", (*Pages).checkAccount},
		{"POST", "/admin/accounts/{id}/remove", forOperator, "account.remove", (*Pages).removeAccount},
		{"GET", "/admin/keys", forAdmin, "", (*Pages).keys},
		{"POST", "/admin/keys", forAdmin, "key.create", (*Pages).makeKey},
		{"POST", "/admin/keys/{id}/revoke", forAdmin, "key.revoke", (*Pages).revokeKey},
	}
}

// sourcesData is the sources page's.
type sourcesData struct {
	Sources  []notify.SourceStatus
	Source   string
	Accounts []notify.Account
	Next     string
	Checked  string // what trying a login said
	OK       bool
}

func (p *Pages) sources(v *visit) error {
	return p.showSources(v, v.r.URL.Query().Get("source"), "", false)
}

func (p *Pages) showSources(v *visit, source, checked string, ok bool) error {
	d := sourcesData{Sources: p.o.Hub.Sources(), Source: source, Checked: checked, OK: ok}
	if d.Source == "" && len(d.Sources) > 0 {
		d.Source = d.Sources[0].ID
	}
	if d.Source != "" {
		accounts := func(ctx context.Context, page notify.Page) ([]notify.Account, error) {
			return p.o.Store.Accounts(ctx, d.Source, page)
		}
		var err error
		if d.Accounts, d.Next, err = paged(v, accounts, func(a notify.Account) string { return a.Login }); err != nil {
			return err
		}
	}
	return p.show(v, "sources", d)
}

func (p *Pages) addAccount(v *visit) error {
	f := v.r.PostForm
	a, _, err := p.o.Hub.AddAccount(v.ctx, notify.Account{Source: f.Get("source"), Login: strings.TrimSpace(f.Get("login")), Secret: f.Get("password"), Users: names(f.Get("users"))})
	if err != nil {
		return err
	}
	p.did(v, a.ID, a.Source)
	return v.said("/admin/sources?source="+a.Source, "account")
}

// checkAccount tries the login now and shows what the server said.
func (p *Pages) checkAccount(v *visit) error {
	id := v.r.PathValue("id")
	a, err := p.o.Store.Account(v.ctx, id)
	if err != nil {
		return err
	}
	err = p.o.Hub.CheckAccount(v.ctx, id)
	p.did(v, id, "")
	if err == nil {
		return p.showSources(v, a.Source, text(v.lang, "sources.works", a.Login), true)
	}
	var e *notify.Error
	if errors.As(err, &e) && e.Code == notify.CodeUnknownAccount {
		return err
	}
	said := err.Error()
	if words := plain(v.lang, said); words != "" {
		said = words + " (" + said + ")"
	}
	return p.showSources(v, a.Source, a.Login+": "+said, false)
}

func (p *Pages) removeAccount(v *visit) error {
	id := v.r.PathValue("id")
	a, err := p.o.Store.Account(v.ctx, id)
	if err != nil {
		return err
	}
	if err := p.o.Hub.RemoveAccount(v.ctx, id); err != nil {
		return err
	}
	p.did(v, id, a.Source)
	return v.said("/admin/sources?source="+a.Source, "accountgone")
}

// keysData is the keys page's.
type keysData struct {
	Keys   []notify.Key
	Scopes []notify.Scope
	Secret string // of a key that was made just now
	Staff  map[string]notify.Role
	Lanes  []notify.LaneStatus
}

func (p *Pages) keys(v *visit) error { return p.showKeys(v, "") }

func (p *Pages) showKeys(v *visit, secret string) error {
	d := keysData{Secret: secret, Scopes: notify.KeyScopes()}
	var err1, err2, err3 error
	d.Keys, err1 = p.o.Store.Keys(v.ctx, "")
	d.Staff, err2 = p.o.Store.Staff(v.ctx)
	d.Lanes, err3 = p.o.Hub.Lanes(v.ctx)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	return p.show(v, "keys", d)
}

// makeKey shows the secret this once.
func (p *Pages) makeKey(v *visit) error {
	var scopes []notify.Scope
	for _, s := range v.r.PostForm["scope"] {
		scopes = append(scopes, notify.Scope(s))
	}
	key, secret, err := api.NewKey(strings.TrimSpace(v.r.PostFormValue("name")), scopes, p.o.Clock)
	if err != nil {
		return err
	}
	if err := p.o.Store.PutKey(v.ctx, key, notify.HashSecret(secret)); err != nil {
		return err
	}
	p.did(v, key.ID, key.Name)
	return p.showKeys(v, secret)
}

func (p *Pages) revokeKey(v *visit) error {
	id := v.r.PathValue("id")
	if err := p.o.Store.RevokeKey(v.ctx, id, ""); err != nil {
		return err
	}
	p.o.API.Forget()
	p.did(v, id, "")
	return v.said("/admin/keys", "revoked")
}
