package api

import (
	"net/http"
	"strings"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api/wire"
)

// testTTL is how long a test to one's own device is tried.
const testTTL = 10 * time.Minute

// sessionTouch is how exactly the use of a session is stored.
const sessionTouch = time.Hour

// session finds the session of a cookie and keeps it alive. Errors as keyOf.
func (a *API) session(r *http.Request, hash []byte) (notify.Key, error) {
	now := a.clock.Now()
	s, err := a.store.SessionByHash(r.Context(), hash, now)
	if err != nil {
		return notify.Key{}, err
	}
	if now.Sub(s.UsedAt) >= sessionTouch {
		expires := s.CreatedAt.Add(notify.SessionMost)
		if soon := now.Add(notify.SessionLife); soon.Before(expires) {
			expires = soon
		}
		if err := a.store.TouchSession(r.Context(), s.ID, now, expires); err != nil {
			return notify.Key{}, err
		}
	}
	return s.Key(), nil
}

// Forget drops what is remembered of keys, tokens and sessions for a moment: one was revoked.
func (a *API) Forget() { a.keys.clear() }

// NewInvitation makes an invitation: what to store, and the secret for the link.
func NewInvitation(user string, clock notify.Clock) (notify.Invitation, string) {
	now := clock.Now()
	return notify.Invitation{ID: notify.NewID(), User: user, CreatedAt: now, ExpiresAt: now.Add(notify.InvitationLife)},
		notify.NewSecret(notify.InvitationPrefix)
}

// InvitationPath is the page that an invitation leads to. The secret stands behind #, so that it is in no log of a proxy
// and is not given on to other pages.
func InvitationPath(secret string) string { return "/join#" + secret }

func (a *API) postInvitation(c *call, _ *wire.None) (*wire.Invitation, error) {
	i, secret := NewInvitation(c.param("id"), a.clock)
	if err := a.store.PutInvitation(c.ctx, i, notify.HashSecret(secret)); err != nil {
		return nil, err
	}
	return &wire.Invitation{ID: i.ID, User: i.User, URL: strings.TrimRight(a.url, "/") + InvitationPath(secret), ExpiresAt: i.ExpiresAt}, nil
}

func (a *API) putRole(c *call, in *wire.RoleInput) (*wire.None, error) {
	role, err := ParseRole(string(in.Role))
	if err != nil {
		return nil, err
	}
	return nil, a.store.SetRole(c.ctx, c.param("id"), role)
}

// ParseRole reads a role's outside word; RolePerson is "person". CodeInvalid.
func ParseRole(word string) (notify.Role, error) {
	role := notify.Role(word)
	switch {
	case word == "person":
		return notify.RolePerson, nil
	case word == "" || !role.Valid():
		return "", invalid("the role is not valid", []notify.FieldError{{Path: "role", Message: "must be person, auditor, operator or admin"}})
	}
	return role, nil
}

// audited stores an administrative act that a key did. The act is done: that it cannot be written down is logged.
func (a *API) audited(c *call, r Route) {
	if r.Method == get || len(r.Scopes) != 1 || r.Scopes[0] != notify.ScopeAdmin {
		return
	}
	a.act(c, r.name(), c.gin.Request.URL.Path)
}

func (a *API) act(c *call, name, subject string) {
	act := notify.Act{At: a.clock.Now(), Actor: "key:" + c.key.ID, Act: name, Subject: subject}
	if err := a.store.PutAct(c.ctx, act); err != nil {
		a.log.Error("an administrative act is not in the audit trail", "act", act.Act, "key", c.key.ID, "error", err)
	}
}
