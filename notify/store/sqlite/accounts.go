package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"allim.dev/allim/notify"
)

// States of an account, as stored. What is not watched is hidden from every listing.
const (
	accountWatched = iota
	accountGone    // its identity went; its state is kept for a day
	accountDeleted // kept without login and secret, for its planned events
)

const (
	sqlAccountColumns = `SELECT a.key, a.id, a.source, a.login, a.secret, a.explicit, a.last_active, a.created_at, a.health, a.topic FROM accounts a `
	sqlAccount        = sqlAccountColumns + `WHERE a.id=? AND a.state=0`
	sqlAccountByKey   = sqlAccountColumns + `WHERE a.key=?`
	sqlAccounts       = sqlAccountColumns + `WHERE a.state=0 AND (a.source, a.login)>(?, ?) ORDER BY a.source, a.login LIMIT ?`
	sqlAccountsOf     = sqlAccountColumns + `WHERE a.state=0 AND a.source=? AND a.login>? ORDER BY a.login LIMIT ?`
	sqlAccountUsers   = `SELECT u.id FROM account_users a JOIN users u ON u.key=a.user WHERE a.account=? ORDER BY u.id`
)

type accountRow struct {
	key    int64
	sealed []byte
	notify.Account
}

func scanAccount(r scanner) (accountRow, error) {
	var a accountRow
	var health string
	var active, created int64
	err := r.Scan(&a.key, (*id)(&a.ID), &a.Source, (*text)(&a.Login), &a.sealed, &a.Explicit, &active, &created, &health, (*text)(&a.Topic))
	if err != nil {
		return a, err
	}
	a.LastActive, a.CreatedAt = at(active), at(created)
	if err := json.Unmarshal([]byte(health), &a.Health); err != nil {
		return a, fmt.Errorf("health of account %s: %w", a.ID, err)
	}
	return a, nil
}

// account completes a row with its users.
func account(q querier, row accountRow) (notify.Account, error) {
	var err error
	row.Users, err = collect(q, scanOne[string], sqlAccountUsers, row.key)
	return row.Account, err
}

// unseal puts the secret into the account. One that cannot be opened is the account's trouble, told in its health.
func (s *Store) unseal(a notify.Account, sealed []byte) notify.Account {
	secret, err := s.sealer.open(sealed, a.ID, a.Source)
	if err != nil {
		a.Health.State, a.Health.LastError, a.Health.LastErrorAt = notify.HealthAuthFailed, err.Error(), s.clock.Now()
	}
	a.Secret = secret
	return a
}

// Account implements notify.AccountStore. The secret is left empty.
func (s *Store) Account(ctx context.Context, id string) (notify.Account, error) {
	return snapshot(ctx, s, "read account", func(q querier) (notify.Account, error) {
		row, err := scanAccount(q.row(sqlAccount, uid(id)))
		if err != nil {
			return notify.Account{}, missing(err, notify.CodeUnknownAccount, "there is no account %q", id)
		}
		a, err := account(q, row)
		a = s.unseal(a, row.sealed)
		a.Secret = ""
		return a, err
	})
}

// Accounts implements notify.AccountStore. The cursor is the login, or source and login with a line break between.
func (s *Store) Accounts(ctx context.Context, source string, p notify.Page) ([]notify.Account, error) {
	return snapshot(ctx, s, "list accounts", func(q querier) ([]notify.Account, error) {
		var rows []accountRow
		var err error
		if source != "" {
			rows, err = collect(q, scanAccount, sqlAccountsOf, source, p.After, limitOf(p))
		} else {
			src, login, _ := strings.Cut(p.After, "\n")
			rows, err = collect(q, scanAccount, sqlAccounts, src, login, limitOf(p))
		}
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

const sqlWatched = `SELECT a.key, a.id, a.source, a.login, a.secret, a.explicit, a.last_active, a.created_at, a.health, a.topic, u.id, u.time_zone
	FROM accounts a LEFT JOIN account_users au ON au.account=a.key LEFT JOIN users u ON u.key=au.user
	WHERE a.source=? AND a.state=0 ORDER BY a.login, u.id`

// WatchedAccounts implements notify.AccountStore. An account whose secret cannot be decrypted comes without it, and with
// the reason in its health.
func (s *Store) WatchedAccounts(ctx context.Context, source string) ([]notify.Account, error) {
	return snapshot(ctx, s, "read accounts", func(q querier) ([]notify.Account, error) { // two queries of one moment
		rows, err := q.rows(sqlWatched, source)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		var out []notify.Account
		for rows.Next() {
			var user, zone text
			row, err := scanAccount(also{rows, []any{&user, &zone}})
			if err != nil {
				return nil, err
			}
			if n := len(out); n == 0 || out[n-1].ID != row.ID {
				out = append(out, s.unseal(row.Account, row.sealed))
			}
			if user != "" {
				a := &out[len(out)-1]
				a.Users = append(a.Users, string(user))
				if a.TimeZone == "" {
					a.TimeZone = string(zone)
				}
				if i, there := slices.BinarySearch(a.Zones, string(zone)); !there {
					a.Zones = slices.Insert(a.Zones, i, string(zone))
				}
			}
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
		if err := addZones(q, out); err != nil {
			return nil, err
		}
		return out, addAddresses(q, source, out)
	})
}

// sqlAllZones goes from one zone to the next in the index of users: there are a few dozen, however many users there are.
const sqlAllZones = `WITH RECURSIVE zones(zone) AS (SELECT min(time_zone) FROM users
	UNION ALL SELECT (SELECT min(time_zone) FROM users WHERE time_zone>zones.zone) FROM zones WHERE zones.zone IS NOT NULL)
	SELECT zone FROM zones WHERE zone IS NOT NULL`

// addZones fills in the zones of accounts that tell a topic: those of all users, so that they do not depend on who joins and
// leaves it.
func addZones(q querier, accounts []notify.Account) error {
	for i := range accounts {
		if accounts[i].Topic == "" {
			continue
		}
		zones, err := collect(q, scanOne[string], sqlAllZones)
		if err != nil {
			return err
		}
		zones = append(zones, accounts[i].Zones...)
		slices.Sort(zones)
		accounts[i].Zones = slices.Compact(zones)
	}
	return nil
}

const sqlWatchedAddresses = `SELECT DISTINCT a.id, i.value FROM accounts a JOIN account_users au ON au.account=a.key
	JOIN identities i ON i.user=au.user AND i.kind=? WHERE a.source=? AND a.state=0 ORDER BY a.id, i.value`

// addAddresses fills in the e-mail addresses of the accounts' people.
func addAddresses(q querier, source string, accounts []notify.Account) error {
	at := make(map[string]int, len(accounts))
	for i, a := range accounts {
		at[a.ID] = i
	}
	type pair struct{ account, address string }
	pairs, err := collect(q, func(r scanner) (p pair, err error) {
		err = r.Scan((*id)(&p.account), &p.address)
		return p, err
	}, sqlWatchedAddresses, notify.KindEmail, source)
	for _, p := range pairs {
		if i, ok := at[p.account]; ok {
			accounts[i].Addresses = append(accounts[i].Addresses, p.address)
		}
	}
	return err
}

// also scans more columns than the scan function that it is given to knows of.
type also struct {
	scanner
	more []any
}

// Scan implements scanner.
func (a also) Scan(dest ...any) error { return a.scanner.Scan(append(dest, a.more...)...) }

const (
	sqlAccountByLogin = sqlAccountColumns + `WHERE a.source=? AND a.login=?`
	sqlAccountState   = `SELECT state FROM accounts WHERE key=?`
	sqlInsertAccount  = `INSERT INTO accounts (id, source, login, secret, explicit, state, state_since, last_active, created_at, health, topic)
		VALUES (?, ?, ?, ?, ?, 0, ?, 0, ?, ?, ?)`
	sqlUpdateAccount  = `UPDATE accounts SET state=0, explicit=max(explicit, ?), secret=coalesce(?, secret), topic=? WHERE key=?`
	sqlAddAccountUser = `INSERT OR IGNORE INTO account_users (account, user) VALUES (?, ?)`
	sqlDropUsers      = `DELETE FROM account_users WHERE account=?`
)

// PutAccount implements notify.AccountStore. The answer's secret is left empty.
func (s *Store) PutAccount(ctx context.Context, a notify.Account) (notify.Account, bool, error) {
	type answer struct {
		a       notify.Account
		created bool
	}
	got, err := write(ctx, s, "put account", func(t *tx) (got answer, err error) {
		users, err := t.userKeys(a.Users)
		if err != nil {
			return got, err
		}
		key, created, err := t.putAccount(s.sealer, a)
		if err != nil {
			return got, err
		}
		t.committed(func() { s.follow.changed() })
		for _, u := range users {
			if err := t.run(sqlAddAccountUser, key, u); err != nil {
				return got, err
			}
		}
		row, err := scanAccount(t.row(sqlAccountByKey, key))
		if err != nil {
			return got, err
		}
		got.created = created
		got.a, err = account(t, row)
		return got, err
	})
	return got.a, got.created, err
}

// userKeys resolves users, naming all unknown ones at once.
func (t *tx) userKeys(ids []string) ([]int64, error) {
	var bad []notify.FieldError
	keys := make([]int64, 0, len(ids))
	for i, id := range ids {
		var key int64
		ok, err := found(t.row(sqlUserKey, id).Scan(&key))
		if err != nil {
			return nil, err
		}
		if !ok {
			bad = append(bad, notify.FieldError{Path: fmt.Sprintf("users[%d]", i), Message: fmt.Sprintf("there is no user %q", id)})
		}
		keys = append(keys, key)
	}
	if bad != nil {
		return nil, &notify.Error{Code: notify.CodeUnknownUser, Detail: "some users are not known", Fields: bad}
	}
	return keys, nil
}

// putAccount makes the account's row or updates it; one that had gone comes back with its state and without its users.
func (t *tx) putAccount(sealer *sealer, a notify.Account) (key int64, created bool, err error) {
	old, err := scanAccount(t.row(sqlAccountByLogin, a.Source, a.Login))
	known, err := found(err)
	if err != nil {
		return 0, false, err
	}
	if known {
		var state int
		if err := t.row(sqlAccountState, old.key).Scan(&state); err != nil {
			return 0, false, err
		}
		if state != accountWatched {
			if err := t.run(sqlDropUsers, old.key); err != nil {
				return 0, false, err
			}
		}
		sealed, err := sealer.seal(a.Secret, old.ID, a.Source)
		if err != nil {
			return 0, false, err
		}
		return old.key, state != accountWatched, t.run(sqlUpdateAccount, flag(a.Explicit), sealed, orNull(a.Topic), old.key)
	}
	if a.ID == "" {
		a.ID = notify.NewID()
	}
	if a.CreatedAt.IsZero() {
		a.CreatedAt = t.now
	}
	if a.Health.State == "" {
		a.Health.State = notify.HealthStarting
	}
	sealed, err := sealer.seal(a.Secret, a.ID, a.Source)
	if err != nil {
		return 0, false, err
	}
	key, err = t.insert(sqlInsertAccount, uid(a.ID), a.Source, a.Login, sealed, flag(a.Explicit), ms(t.now), ms(a.CreatedAt), toJSON(a.Health),
		orNull(a.Topic))
	return key, true, err
}
