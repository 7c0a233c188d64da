package notify

import (
	"context"
	"time"
)

// Role is a person's part in running the hub.
type Role string

// The roles, from the least to the most. Everybody is a person; the others may enter the console.
const (
	RolePerson   Role = ""         // reads and sets what is their own
	RoleAuditor  Role = "auditor"  // sees the console, changes nothing
	RoleOperator Role = "operator" // also sends, steers, and keeps people, devices and accounts
	RoleAdmin    Role = "admin"    // also keys, roles, merging and erasing
)

// Valid tells whether r is one of the roles.
func (r Role) Valid() bool {
	return r == RolePerson || r == RoleAuditor || r == RoleOperator || r == RoleAdmin
}

// Covers tells whether r may do what needs the role other.
func (r Role) Covers(other Role) bool { return rank(r) >= rank(other) }

func rank(r Role) int {
	switch r {
	case RoleAuditor:
		return 1
	case RoleOperator:
		return 2
	case RoleAdmin:
		return 3
	}
	return 0
}

// The prefixes of a session's and an invitation's secret.
const (
	SessionPrefix    = "allim_session_"
	InvitationPrefix = "allim_invite_"
)

// How long they are good for.
const (
	SessionLife    = 30 * 24 * time.Hour // since it was last used
	SessionMost    = 90 * 24 * time.Hour // in all
	InvitationLife = 72 * time.Hour
)

// Session is a browser in which a person signed in. Its secret is the cookie; only its hash is stored.
type Session struct {
	ID        string
	User      string
	Way       string // invitation, password, oidc
	Agent     string // the browser's own word for itself, at most 200 bytes
	CreatedAt time.Time
	UsedAt    time.Time // to the hour
	ExpiresAt time.Time
}

// Key is the session as the API takes it: it stands for a person's own token.
func (s Session) Key() Key {
	return Key{ID: s.ID, Name: s.Way, User: s.User, Scopes: []Scope{ScopeUser}, CreatedAt: s.CreatedAt, LastUsedAt: s.UsedAt}
}

// Invitation lets a person in once. Its secret is in the link; only its hash is stored.
type Invitation struct {
	ID        string
	User      string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// SessionStore keeps who is signed in where, and who may.
type SessionStore interface {
	// PutSession stores a new session; CodeUnknownUser.
	PutSession(ctx context.Context, s Session, hash []byte) error
	// SessionByHash finds one that has not ended; CodeUnknownKey.
	SessionByHash(ctx context.Context, hash []byte, now time.Time) (Session, error)
	// Sessions lists a person's open ones, newest first; CodeUnknownUser.
	Sessions(ctx context.Context, user string, now time.Time) ([]Session, error)
	// RevokeSession ends one of the person's; CodeUnknownKey.
	RevokeSession(ctx context.Context, id, user string) error
	// TouchSession stores that it was used, and how long it is good for now.
	TouchSession(ctx context.Context, id string, used, expires time.Time) error
	// PutInvitation stores a new invitation; the person's former ones end. CodeUnknownUser.
	PutInvitation(ctx context.Context, i Invitation, hash []byte) error
	// Invited looks at an invitation without using it: CodeUnknownKey (wrong, used or expired).
	Invited(ctx context.Context, hash []byte, now time.Time) (Invitation, error)
	// UseInvitation takes it, once; CodeUnknownKey as above.
	UseInvitation(ctx context.Context, hash []byte, now time.Time) (Invitation, error)
	// SetRole gives a person a role; CodeUnknownUser.
	SetRole(ctx context.Context, user string, r Role) error
	// RoleOf gives it; CodeUnknownUser.
	RoleOf(ctx context.Context, user string) (Role, error)
	// Staff lists those who have a role other than RolePerson, by id.
	Staff(ctx context.Context) (map[string]Role, error)
	// AccountsOf lists the accounts of which a person is told, secrets left empty. CodeUnknownUser.
	AccountsOf(ctx context.Context, user string) ([]Account, error)
}

// SignInChecker is a connector that can tell whether a password is that of a mailbox: people may sign in with it. Errors:
// CodeForbidden when the server refused it, CodeUnavailable when it could not be asked.
type SignInChecker interface {
	CheckSignIn(ctx context.Context, login, password string) error
}
