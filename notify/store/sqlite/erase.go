package sqlite

import (
	"context"
)

const (
	sqlNamedIn     = `SELECT DISTINCT notification FROM audience WHERE user=?`
	sqlForgetName  = `DELETE FROM audience WHERE user=?`
	sqlAnybodyElse = `SELECT 1 FROM audience WHERE notification=? LIMIT 1`
	sqlOwnDevices  = `SELECT key, user FROM devices WHERE user=?`
	sqlPendingRows = `SELECT d.notification, d.walk, d.device FROM deliveries d WHERE d.user=? AND d.state<2 AND d.state<>2`
	sqlOnlyTheirs  = `SELECT account FROM account_users a WHERE user=?1 AND NOT EXISTS
		(SELECT 1 FROM account_users b WHERE b.account=a.account AND b.user<>?1)`
	sqlAnyExplicit = `SELECT 1 FROM account_users u JOIN accounts a ON a.key=u.account WHERE u.user=? AND a.explicit=1 LIMIT 1`
)

// eraseRows removes all deliveries to ?1, and their receipts, which may be of devices that were handed over since.
func eraseRows() []string {
	return []string{
		`DELETE FROM receipts WHERE (notification, device) IN (SELECT notification, device FROM deliveries WHERE` + sqlIndexed + `)`,
		`DELETE FROM receipts WHERE notification IN (SELECT notification FROM audience WHERE user=?1)
			AND EXISTS (SELECT 1 FROM deliveries d WHERE d.notification=receipts.notification AND d.device=receipts.device AND d.user=?1)`,
		`DELETE FROM deliveries WHERE` + sqlIndexed,
		`DELETE FROM deliveries WHERE` + sqlNamed,
	}
}

// DeleteUser implements notify.UserStore. What went to the person alone is erased with the person.
func (s *Store) DeleteUser(ctx context.Context, id string) error {
	return s.changeAlone(ctx, "delete user", func(t *tx) error {
		user, err := userKey(t, id)
		if err != nil {
			return err
		}
		// An explicit account that goes may have stood in the place of one that follows somebody else's identity.
		var one int
		explicit, err := found(t.row(sqlAnyExplicit, user).Scan(&one))
		if err != nil {
			return err
		}
		t.committed(func() {
			s.follow.changed(user)
			if explicit {
				s.follow.changed()
			}
		})
		if err := t.eraseDevices(user); err != nil {
			return err
		}
		if err := t.eraseNotices(user); err != nil {
			return err
		}
		if err := t.eraseAccounts(user); err != nil {
			return err
		}
		// Identities, memberships, tokens and moves go with the row.
		for _, q := range []string{`DELETE FROM told WHERE user=?`, `DELETE FROM events WHERE only=?`, `DELETE FROM users WHERE key=?`} {
			if err := t.run(q, user); err != nil {
				return err
			}
		}
		return nil
	})
}

// eraseDevices removes the devices and every delivery to the person. What is pending counts as suppressed.
func (t *tx) eraseDevices(user int64) error {
	type pending struct{ seq, walk, device int64 }
	rows, err := collect(t, func(r scanner) (p pending, err error) {
		err = r.Scan(&p.seq, &p.walk, &p.device)
		return p, err
	}, sqlPendingRows, user)
	if err != nil {
		return err
	}
	for _, p := range rows {
		if err := t.settlePending(ownedDevice{key: p.device, user: user}, stateSuppressed, ""); err != nil {
			return err
		}
	}
	devices, err := collect(t, scanOwned, sqlOwnDevices, user)
	if err != nil {
		return err
	}
	for _, d := range devices {
		if err := t.run(`DELETE FROM receipts WHERE device=?`, d.key); err != nil {
			return err
		}
		if err := t.run(sqlDeleteDevice, d.key); err != nil {
			return err
		}
	}
	for _, q := range eraseRows() {
		if err := t.run(q, user); err != nil {
			return err
		}
	}
	return nil
}

// eraseNotices takes the person out of every audience, and removes the notifications that have no other.
func (t *tx) eraseNotices(user int64) error {
	named, err := collect(t, scanOne[int64], sqlNamedIn, user)
	if err != nil {
		return err
	}
	if err := t.run(sqlForgetName, user); err != nil {
		return err
	}
	for _, seq := range named {
		var one int
		others, err := found(t.row(sqlAnybodyElse, seq).Scan(&one))
		if err != nil {
			return err
		}
		if !others {
			if err := t.dropNotification(seq); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropNotification removes a notification with everything that hangs on it.
func (t *tx) dropNotification(seq int64) error {
	for _, q := range []string{`DELETE FROM audience WHERE notification=?`,
		`DELETE FROM sleepers WHERE walk IN (SELECT id FROM walks WHERE notification=?)`, `DELETE FROM walks WHERE notification=?`,
		`DELETE FROM deliveries WHERE notification=?`, `DELETE FROM receipts WHERE notification=?`,
		`DELETE FROM marks WHERE notification=?`, `DELETE FROM idempotency WHERE notification=?`, `DELETE FROM notifications WHERE seq=?`} {
		if err := t.run(q, seq); err != nil {
			return err
		}
	}
	return nil
}

// eraseAccounts removes the accounts that only this person had, with all that was seen there.
func (t *tx) eraseAccounts(user int64) error {
	own, err := collect(t, scanOne[int64], sqlOnlyTheirs, user)
	if err != nil {
		return err
	}
	for _, account := range own {
		// State, reminders, events and users go with the row.
		if err := t.run(sqlDeleteAccount, account); err != nil {
			return err
		}
	}
	return t.run(`DELETE FROM account_users WHERE user=?`, user)
}

// MergeUser implements notify.UserStore. It is the same person: what is pending stays pending.
func (s *Store) MergeUser(ctx context.Context, from, into string) error {
	return s.changeAlone(ctx, "merge users", func(t *tx) error {
		source, err := userKey(t, from)
		if err != nil {
			return err
		}
		target, err := userKey(t, into)
		if err != nil || source == target {
			return err
		}
		t.committed(func() { s.follow.changed(source, target) })
		for _, q := range mergeSteps() {
			if err := t.run(q, source, target); err != nil {
				return err
			}
		}
		return t.run(`DELETE FROM users WHERE key=?`, source)
	})
}

// mergeSteps move ?1's rows to ?2. Where both have one, the target's stays; a person has one inbox item of a notification.
func mergeSteps() []string {
	return []string{
		`UPDATE identities SET place=place+(SELECT count(*) FROM identities WHERE user=?2), user=?2 WHERE user=?1`,
		`UPDATE devices SET user=?2 WHERE user=?1`,
		`UPDATE deliveries SET user=?2 WHERE` + sqlIndexed, // before the audience, along which the others are found
		`UPDATE deliveries SET user=?2 WHERE` + sqlNamed,
		`UPDATE api_keys SET user=?2 WHERE user=?1`,
		`INSERT INTO members (topic, user, joined) SELECT topic, ?2, joined FROM members WHERE user=?1
			ON CONFLICT (topic, user) DO UPDATE SET joined=min(joined, excluded.joined)`,
		`DELETE FROM members WHERE user=?1 AND ?2>0`,
		`UPDATE users SET joined=min(joined, (SELECT joined FROM users WHERE key=?1)) WHERE key=?2`,
		`UPDATE sessions SET user=?2 WHERE user=?1`,
		`UPDATE OR IGNORE marks SET user=?2 WHERE user=?1`,
		`DELETE FROM invitations WHERE user=?1 AND ?2>0`,
		`UPDATE users SET preferences=(SELECT preferences FROM users WHERE key=?1) WHERE key=?2 AND preferences=''`,
		`UPDATE events SET only=?2 WHERE only=?1`,
		`UPDATE OR IGNORE told SET user=?2 WHERE user=?1`,
		`DELETE FROM told WHERE user=?1 AND ?2>0`,
		`UPDATE OR IGNORE account_users SET user=?2 WHERE user=?1`,
		`DELETE FROM account_users WHERE user=?1 AND ?2>0`,
		`UPDATE audience SET shown=0 WHERE user=?1 AND shown=1 AND notification IN (SELECT notification FROM audience WHERE user=?2 AND shown=1)`,
		`UPDATE audience SET user=?2, ref=CASE WHEN kind<2 THEN ?2 ELSE ref END WHERE user=?1`,
	}
}
