package sqlite

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"allim.dev/allim/notify"
)

// Restored is what was found in a folder that came from a backup.
type Restored struct {
	Users      int64
	Accounts   int64
	Ended      int // notifications that were under way when the backup was made
	Passwords  int // stored passwords
	Unreadable int // of them: those that the folder's key does not open
}

// skipped is by how much the numbers go on after a restore: more than a hub gave out between a backup and its loss. Ids
// are made of numbers; none may name two things.
const skipped = 1 << 24

// What a copy of the past must not do: tell again what was told after it was made. So what was under way counts as told,
// connectors begin anew (what is there now is not news), and reminders come anew with their objects. Signing in again
// closes what was closed since.
var sqlRestore = []string{
	`UPDATE events SET planned=1 WHERE planned=0`,
	`DELETE FROM account_state`,
	`DELETE FROM reminders`,
	`DELETE FROM sessions`,
	`DELETE FROM invitations`,
	`DELETE FROM leases`,
	`UPDATE lanes SET state='', reason='', since=0, not_before=0`,
	`UPDATE sqlite_sequence SET seq=seq+` + fmt.Sprint(skipped),
}

// Those that are being sent, are paused, or are scheduled and should have begun.
const sqlUnderWay = `SELECT seq, state FROM notifications WHERE state IN (2, 3) OR state=1 AND send_at<=?`

// Restore makes a folder that came from a backup ready for a hub: it is brought to this version, and made not to tell
// again what was told after the backup was made. It must be called before a hub runs on the folder; a second call does
// no harm.
func Restore(ctx context.Context, o Options) (found Restored, err error) {
	s, err := Open(ctx, o)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var epoch [4]byte
	if _, err := rand.Read(epoch[:]); err != nil {
		return found, fmt.Errorf("no randomness: %w", err)
	}
	return writeAlone(ctx, s, "restore", func(t *tx) (Restored, error) {
		r, err := t.endUnderWay()
		if err != nil {
			return r, err
		}
		for _, q := range sqlRestore {
			if err := t.run(q); err != nil {
				return r, err
			}
		}
		// Open pages notice by the epoch that their place in the inbox is of another life.
		if err := t.run(`UPDATE meta SET value=? WHERE name=?`, hex.EncodeToString(epoch[:]), metaEpoch); err != nil {
			return r, err
		}
		if err := t.row(`SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM accounts WHERE login IS NOT NULL)`).
			Scan(&r.Users, &r.Accounts); err != nil {
			return r, err
		}
		r.Passwords, r.Unreadable, err = t.tryPasswords(s.sealer)
		return r, err
	})
}

// endUnderWay cancels the notifications that were being sent or should have begun; paused ones wait for a person anyway,
// but the person may have resumed them since.
func (t *tx) endUnderWay() (r Restored, err error) {
	type notice struct {
		seq   int64
		state int
	}
	list, err := collect(t, func(r scanner) (n notice, err error) {
		err = r.Scan(&n.seq, &n.state)
		return n, err
	}, sqlUnderWay, ms(t.now))
	if err != nil {
		return r, err
	}
	for _, n := range list {
		if err := t.steer(n.seq, stateOf(n.state), notify.StateCancelled); err != nil {
			return r, err
		}
	}
	r.Ended = len(list)
	return r, nil
}

// sealedSecret is an account with its password as it is stored.
type sealedSecret struct {
	key        int64
	id, source string
	secret     []byte
}

func (t *tx) sealedSecrets() ([]sealedSecret, error) {
	return collect(t, func(r scanner) (s sealedSecret, err error) {
		err = r.Scan(&s.key, (*id)(&s.id), &s.source, &s.secret)
		return s, err
	}, `SELECT key, id, source, secret FROM accounts WHERE secret IS NOT NULL`)
}

// tryPasswords counts the stored passwords, and those of them that the key does not open.
func (t *tx) tryPasswords(sealer *sealer) (all, unreadable int, err error) {
	list, err := t.sealedSecrets()
	for _, s := range list {
		if _, err := sealer.open(s.secret, s.id, s.source); err != nil {
			unreadable++
		}
	}
	return len(list), unreadable, err
}
