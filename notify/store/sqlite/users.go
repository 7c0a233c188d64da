package sqlite

import (
	"context"
	"fmt"
	"slices"

	"allim.dev/allim/notify"
)

const sqlUserKey = `SELECT key FROM users WHERE id=?`

// userKey gives the user's key; CodeUnknownUser.
func userKey(q querier, id string) (key int64, err error) {
	err = q.row(sqlUserKey, id).Scan(&key)
	return key, missing(err, notify.CodeUnknownUser, "there is no user %q", id)
}

const (
	sqlInsertUser = `INSERT INTO users (id, name, locale, time_zone, joined, created_at, updated_at)
		VALUES (?, ?, ?, ?, ` + sqlInboxEnd + `, ?, ?)`
	sqlUpdateUser     = `UPDATE users SET name=?, locale=?, time_zone=?, updated_at=? WHERE key=?`
	sqlTakenBy        = `SELECT user FROM identities WHERE kind=? AND value=?`
	sqlDropIdentities = `DELETE FROM identities WHERE user=?`
	sqlInsertIdentity = `INSERT INTO identities (kind, value, user, place) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
)

// PutUser implements notify.UserStore.
func (s *Store) PutUser(ctx context.Context, u notify.User) (created bool, err error) {
	return write(ctx, s, "put user", func(t *tx) (bool, error) {
		p, err := t.putUser(u)
		if p.changed {
			t.committed(func() { s.follow.changed(p.key) })
		}
		return p.created, err
	})
}

// putUser is what became of a user who was put.
type putUser struct {
	key              int64
	created, changed bool // changed: the identities
}

func (t *tx) putUser(u notify.User) (p putUser, err error) {
	if u.UpdatedAt.IsZero() {
		u.UpdatedAt = t.now
	}
	if u.CreatedAt.IsZero() {
		u.CreatedAt = u.UpdatedAt
	}
	known, err := found(t.row(sqlUserKey, u.ID).Scan(&p.key))
	if err != nil {
		return p, err
	}
	if err := t.checkIdentities(u, p.key); err != nil {
		return p, err
	}
	var old []notify.Identity
	if known {
		if err := t.moveTo(p.key, u.TimeZone); err != nil {
			return p, err
		}
		if err := t.run(sqlUpdateUser, u.Name, u.Locale, u.TimeZone, ms(u.UpdatedAt), p.key); err != nil {
			return p, err
		}
		old, err = collect(t, scanIdentity, sqlIdentities, p.key)
	} else {
		p.key, err = t.insert(sqlInsertUser, u.ID, u.Name, u.Locale, u.TimeZone, ms(u.CreatedAt), ms(u.UpdatedAt))
	}
	p.created, p.changed = !known, !slices.Equal(old, u.Identities)
	if err != nil || !p.changed {
		return p, err
	}
	return p, t.putIdentities(p.key, u.Identities)
}

func (t *tx) putIdentities(user int64, identities []notify.Identity) error {
	if err := t.run(sqlDropIdentities, user); err != nil {
		return err
	}
	for i, id := range identities {
		if err := t.run(sqlInsertIdentity, id.Kind, id.Value, user, i); err != nil {
			return err
		}
	}
	return nil
}

// checkIdentities names every identity that another user has.
func (t *tx) checkIdentities(u notify.User, key int64) error {
	var taken []notify.FieldError
	for i, id := range u.Identities {
		var owner int64
		has, err := found(t.row(sqlTakenBy, id.Kind, id.Value).Scan(&owner))
		if err != nil {
			return err
		}
		if has && owner != key {
			taken = append(taken, notify.FieldError{Path: fmt.Sprintf("identities[%d]", i), Message: id.String() + " belongs to another user"})
		}
	}
	if taken != nil {
		return &notify.Error{Code: notify.CodeIdentityTaken, Detail: "some identities belong to other users", Fields: taken}
	}
	return nil
}

const (
	sqlUserColumns = `SELECT u.key, u.id, u.name, u.locale, u.time_zone, u.created_at, u.updated_at FROM users u `
	sqlUser        = sqlUserColumns + `WHERE u.id=?`
	sqlUserBy      = sqlUserColumns + `JOIN identities i ON i.user=u.key WHERE i.kind=? AND i.value=?`
	sqlUsers       = sqlUserColumns + `WHERE u.id>? ORDER BY u.id LIMIT ?`
	sqlIdentities  = `SELECT kind, value FROM identities WHERE user=? ORDER BY place`
)

type userRow struct {
	key int64
	notify.User
}

func scanUser(r scanner) (u userRow, err error) {
	var created, updated int64
	err = r.Scan(&u.key, &u.ID, &u.Name, &u.Locale, &u.TimeZone, &created, &updated)
	u.CreatedAt, u.UpdatedAt = at(created), at(updated)
	return u, err
}

func scanIdentity(r scanner) (i notify.Identity, err error) {
	err = r.Scan(&i.Kind, &i.Value)
	return i, err
}

func withIdentities(q querier, u userRow) (notify.User, error) {
	var err error
	u.Identities, err = collect(q, scanIdentity, sqlIdentities, u.key)
	return u.User, err
}

// User implements notify.UserStore.
func (s *Store) User(ctx context.Context, id string) (notify.User, error) {
	return snapshot(ctx, s, "read user", func(q querier) (notify.User, error) {
		u, err := scanUser(q.row(sqlUser, id))
		if err != nil {
			return notify.User{}, missing(err, notify.CodeUnknownUser, "there is no user %q", id)
		}
		return withIdentities(q, u)
	})
}

// UserByIdentity implements notify.UserStore.
func (s *Store) UserByIdentity(ctx context.Context, i notify.Identity) (notify.User, error) {
	return snapshot(ctx, s, "find user", func(q querier) (notify.User, error) {
		u, err := scanUser(q.row(sqlUserBy, i.Kind, i.Value))
		if err != nil {
			return notify.User{}, missing(err, notify.CodeUnknownIdentity, "no user has the identity %s", i)
		}
		return withIdentities(q, u)
	})
}

// Users implements notify.UserStore.
func (s *Store) Users(ctx context.Context, p notify.Page) ([]notify.User, error) {
	return snapshot(ctx, s, "list users", func(q querier) ([]notify.User, error) {
		rows, err := collect(q, scanUser, sqlUsers, p.After, limitOf(p))
		if err != nil {
			return nil, err
		}
		users := make([]notify.User, len(rows))
		for i, u := range rows {
			if users[i], err = withIdentities(q, u); err != nil {
				return nil, err
			}
		}
		return users, nil
	})
}
