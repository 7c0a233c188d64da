package sqlite

import (
	"context"
	"strings"
	"time"

	"allim.dev/allim/notify"
)

const (
	sqlInsertKey = `INSERT INTO api_keys (id, name, scopes, user, hash, created_at, last_used_at, revoked_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	sqlKeyColumns = `SELECT k.id, k.name, k.scopes, u.id, k.created_at, k.last_used_at, k.revoked_at
		FROM api_keys k LEFT JOIN users u ON u.key=k.user `
	sqlKeyByHash = sqlKeyColumns + `WHERE k.hash=? AND k.revoked_at=0`
	sqlKeys      = sqlKeyColumns + `WHERE k.user IS NULL ORDER BY k.created_at, k.id`
	sqlTokens    = sqlKeyColumns + `WHERE k.user=(SELECT key FROM users WHERE id=?) ORDER BY k.created_at, k.id`
	sqlRevokeKey = `UPDATE api_keys SET revoked_at=? WHERE id=? AND revoked_at=0 AND user IS (SELECT key FROM users WHERE id=?)`
	sqlTouchKey  = `UPDATE api_keys SET last_used_at=max(last_used_at, ?) WHERE id=?`
)

// PutKey implements notify.KeyStore.
func (s *Store) PutKey(ctx context.Context, k notify.Key, hash []byte) error {
	return s.change(ctx, "put key", func(t *tx) error {
		var user any
		if k.User != "" {
			key, err := userKey(t, k.User)
			if err != nil {
				return err
			}
			user = key
		}
		scopes := make([]string, len(k.Scopes))
		for i, sc := range k.Scopes {
			scopes[i] = string(sc)
		}
		if k.CreatedAt.IsZero() {
			k.CreatedAt = t.now
		}
		return t.run(sqlInsertKey, k.ID, k.Name, strings.Join(scopes, " "), user, hash, ms(k.CreatedAt), ms(k.LastUsedAt), ms(k.RevokedAt))
	})
}

func scanKey(r scanner) (notify.Key, error) {
	var k notify.Key
	var scopes string
	var user text
	var created, used, revoked int64
	if err := r.Scan(&k.ID, &k.Name, &scopes, &user, &created, &used, &revoked); err != nil {
		return k, err
	}
	for sc := range strings.FieldsSeq(scopes) {
		k.Scopes = append(k.Scopes, notify.Scope(sc))
	}
	k.User = string(user)
	k.CreatedAt, k.LastUsedAt, k.RevokedAt = at(created), at(used), at(revoked)
	return k, nil
}

// KeyByHash implements notify.KeyStore.
func (s *Store) KeyByHash(ctx context.Context, hash []byte) (notify.Key, error) {
	return read(ctx, s, "find key", func(q querier) (notify.Key, error) {
		k, err := scanKey(q.row(sqlKeyByHash, hash))
		return k, missing(err, notify.CodeUnknownKey, "there is no such key")
	})
}

// Keys implements notify.KeyStore.
func (s *Store) Keys(ctx context.Context, user string) ([]notify.Key, error) {
	return read(ctx, s, "list keys", func(q querier) ([]notify.Key, error) {
		if user == "" {
			return collect(q, scanKey, sqlKeys)
		}
		return collect(q, scanKey, sqlTokens, user)
	})
}

// RevokeKey implements notify.KeyStore.
func (s *Store) RevokeKey(ctx context.Context, id, user string) error {
	return s.change(ctx, "revoke key", func(t *tx) error {
		var owner any
		if user != "" {
			if _, err := userKey(t, user); err != nil {
				return notify.Errorf(notify.CodeUnknownKey, "there is no key %q", id)
			}
			owner = user
		}
		n, err := t.changed(sqlRevokeKey, ms(t.now), id, owner)
		if err == nil && n == 0 {
			err = notify.Errorf(notify.CodeUnknownKey, "there is no key %q", id)
		}
		return err
	})
}

// TouchKeys implements notify.KeyStore.
func (s *Store) TouchKeys(ctx context.Context, used map[string]time.Time) error {
	return s.change(ctx, "touch keys", func(t *tx) error {
		for id, when := range used {
			if err := t.run(sqlTouchKey, ms(when), id); err != nil {
				return err
			}
		}
		return nil
	})
}
