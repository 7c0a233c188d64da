package sqlite

import (
	"context"
	"time"

	"allim.dev/allim/notify"
)

const (
	sqlInsertSession = `INSERT INTO sessions (id, user, hash, way, agent, created_at, used_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	sqlSessionFrom   = `SELECT s.id, u.id, s.way, s.agent, s.created_at, s.used_at, s.expires_at FROM sessions s JOIN users u ON u.key=s.user `
	sqlSessionByHash = sqlSessionFrom + `WHERE s.hash=? AND s.expires_at>?`
	sqlSessions      = sqlSessionFrom + `WHERE s.user=? AND s.expires_at>? ORDER BY s.created_at DESC, s.id LIMIT 100`
	sqlEndSession    = `DELETE FROM sessions WHERE id=? AND user=(SELECT key FROM users WHERE id=?)`
	sqlTouchSession  = `UPDATE sessions SET used_at=max(used_at, ?), expires_at=? WHERE id=?`
	sqlTrimSessions  = `DELETE FROM sessions WHERE user=?1 AND id NOT IN (SELECT id FROM sessions WHERE user=?1 ORDER BY created_at DESC LIMIT ?2)`

	sqlInsertInvitation = `INSERT INTO invitations (id, user, hash, created_at, expires_at, used_at) VALUES (?, ?, ?, ?, ?, 0)`
	sqlEndInvitations   = `DELETE FROM invitations WHERE user=?`
	sqlInvited          = `SELECT i.id, u.id, i.created_at, i.expires_at FROM invitations i JOIN users u ON u.key=i.user
		WHERE i.hash=? AND i.used_at=0 AND i.expires_at>?`
	sqlUseInvitation = `UPDATE invitations SET used_at=? WHERE id=?`
)

// sessionsKept is how many a person may have: the oldest ends.
const sessionsKept = 50

// PutSession implements notify.SessionStore.
func (s *Store) PutSession(ctx context.Context, n notify.Session, hash []byte) error {
	return s.change(ctx, "put session", func(t *tx) error {
		user, err := userKey(t, n.User)
		if err != nil {
			return err
		}
		err = t.run(sqlInsertSession, n.ID, user, hash, n.Way, n.Agent, ms(n.CreatedAt), ms(n.UsedAt), ms(n.ExpiresAt))
		if err != nil {
			return err
		}
		return t.run(sqlTrimSessions, user, sessionsKept)
	})
}

func scanSession(r scanner) (n notify.Session, err error) {
	var created, used, expires int64
	err = r.Scan(&n.ID, &n.User, &n.Way, &n.Agent, &created, &used, &expires)
	n.CreatedAt, n.UsedAt, n.ExpiresAt = at(created), at(used), at(expires)
	return n, err
}

// SessionByHash implements notify.SessionStore.
func (s *Store) SessionByHash(ctx context.Context, hash []byte, now time.Time) (notify.Session, error) {
	return read(ctx, s, "find session", func(q querier) (notify.Session, error) {
		n, err := scanSession(q.row(sqlSessionByHash, hash, ms(now)))
		return n, missing(err, notify.CodeUnknownKey, "there is no such session")
	})
}

// Sessions implements notify.SessionStore.
func (s *Store) Sessions(ctx context.Context, user string, now time.Time) ([]notify.Session, error) {
	return snapshot(ctx, s, "list sessions", func(q querier) ([]notify.Session, error) {
		key, err := userKey(q, user)
		if err != nil {
			return nil, err
		}
		return collect(q, scanSession, sqlSessions, key, ms(now))
	})
}

// RevokeSession implements notify.SessionStore.
func (s *Store) RevokeSession(ctx context.Context, id, user string) error {
	return s.change(ctx, "revoke session", func(t *tx) error {
		n, err := t.changed(sqlEndSession, id, user)
		if err == nil && n == 0 {
			err = notify.Errorf(notify.CodeUnknownKey, "there is no session %q", id)
		}
		return err
	})
}

// TouchSession implements notify.SessionStore.
func (s *Store) TouchSession(ctx context.Context, id string, used, expires time.Time) error {
	return s.change(ctx, "touch session", func(t *tx) error { return t.run(sqlTouchSession, ms(used), ms(expires), id) })
}

// PutInvitation implements notify.SessionStore.
func (s *Store) PutInvitation(ctx context.Context, i notify.Invitation, hash []byte) error {
	return s.change(ctx, "put invitation", func(t *tx) error {
		user, err := userKey(t, i.User)
		if err != nil {
			return err
		}
		if err := t.run(sqlEndInvitations, user); err != nil {
			return err
		}
		return t.run(sqlInsertInvitation, i.ID, user, hash, ms(i.CreatedAt), ms(i.ExpiresAt))
	})
}

// Invited implements notify.SessionStore.
func (s *Store) Invited(ctx context.Context, hash []byte, now time.Time) (notify.Invitation, error) {
	return read(ctx, s, "find invitation", func(q querier) (notify.Invitation, error) { return invited(q, hash, now) })
}

func invited(q querier, hash []byte, now time.Time) (i notify.Invitation, err error) {
	var created, expires int64
	err = q.row(sqlInvited, hash, ms(now)).Scan(&i.ID, &i.User, &created, &expires)
	i.CreatedAt, i.ExpiresAt = at(created), at(expires)
	return i, missing(err, notify.CodeUnknownKey, "the invitation is not known, was used, or has expired")
}

// UseInvitation implements notify.SessionStore.
func (s *Store) UseInvitation(ctx context.Context, hash []byte, now time.Time) (notify.Invitation, error) {
	return write(ctx, s, "use invitation", func(t *tx) (notify.Invitation, error) {
		i, err := invited(t, hash, now)
		if err != nil {
			return i, err
		}
		return i, t.run(sqlUseInvitation, ms(now), i.ID)
	})
}

const (
	sqlSetRole = `UPDATE users SET role=? WHERE id=?`
	sqlRoleOf  = `SELECT role FROM users WHERE id=?`
	sqlStaff   = `SELECT id, role FROM users INDEXED BY users_role WHERE role>'' LIMIT 1000`
	sqlOwnOnes = sqlAccountColumns + `JOIN account_users x ON x.account=a.key WHERE a.state=0 AND x.user=? ORDER BY a.source, a.login LIMIT 200`
)

// SetRole implements notify.SessionStore.
func (s *Store) SetRole(ctx context.Context, user string, r notify.Role) error {
	return s.change(ctx, "set role", func(t *tx) error {
		n, err := t.changed(sqlSetRole, string(r), user)
		if err == nil && n == 0 {
			err = notify.Errorf(notify.CodeUnknownUser, "there is no user %q", user)
		}
		return err
	})
}

// RoleOf implements notify.SessionStore.
func (s *Store) RoleOf(ctx context.Context, user string) (notify.Role, error) {
	return read(ctx, s, "read role", func(q querier) (notify.Role, error) {
		var r string
		err := q.row(sqlRoleOf, user).Scan(&r)
		return notify.Role(r), missing(err, notify.CodeUnknownUser, "there is no user %q", user)
	})
}

// Staff implements notify.SessionStore.
func (s *Store) Staff(ctx context.Context) (map[string]notify.Role, error) {
	return read(ctx, s, "list roles", func(q querier) (map[string]notify.Role, error) {
		staff := map[string]notify.Role{}
		_, err := collect(q, func(r scanner) (none struct{}, err error) {
			var user, role string
			err = r.Scan(&user, &role)
			staff[user] = notify.Role(role)
			return none, err
		}, sqlStaff)
		return staff, err
	})
}

// AccountsOf implements notify.SessionStore.
func (s *Store) AccountsOf(ctx context.Context, user string) ([]notify.Account, error) {
	return snapshot(ctx, s, "list accounts", func(q querier) ([]notify.Account, error) {
		key, err := userKey(q, user)
		if err != nil {
			return nil, err
		}
		rows, err := collect(q, scanAccount, sqlOwnOnes, key)
		if err != nil {
			return nil, err
		}
		accounts := make([]notify.Account, len(rows))
		for i, row := range rows {
			if accounts[i], err = account(q, row); err != nil {
				return nil, err
			}
		}
		return accounts, nil
	})
}
