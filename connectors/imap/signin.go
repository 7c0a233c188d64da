package imap

import (
	"context"

	"allim.dev/allim/notify"
)

var _ notify.SignInChecker = (*connector)(nil)

// CheckSignIn implements notify.SignInChecker: it logs in with the person's own password, whatever way the source itself
// has, and out again.
func (c *connector) CheckSignIn(ctx context.Context, login, password string) error {
	if login == "" || password == "" {
		return notify.Errorf(notify.CodeForbidden, "the login or the password is empty")
	}
	own := *c.settings
	own.Auth.Method = methodPassword
	d := *c.dialer
	d.settings = &own
	l, _, err := d.connect(ctx, identity{login, password})
	if err != nil {
		if t := asTrouble(err); t.kind == kindAuth {
			return notify.Errorf(notify.CodeForbidden, "the mail server refused the login")
		}
		return notify.Wrap(notify.CodeUnavailable, err, "the mail server cannot be asked")
	}
	l.logout()
	return nil
}
