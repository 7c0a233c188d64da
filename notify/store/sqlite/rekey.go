package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Rekey encrypts the stored passwords with a new key, and gives how many there are. No hub may run on the folder. Killed
// at any moment it leaves a folder that works: while passwords under both keys can be there, the key file holds both,
// the new one first. Errors: CodeWrongState when a hub runs; a password that the old key does not open, before anything
// is changed for good.
func Rekey(ctx context.Context, o Options) (passwords int, err error) {
	s, err := Open(ctx, o)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	path := filepath.Join(o.Dir, keyFile)
	old, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("key of the stored passwords: %w", err)
	}
	fresh, err := newKey()
	if err != nil {
		return 0, err
	}
	if err := writeKey(path, append(bytes.Clone(fresh), old...)); err != nil {
		return 0, fmt.Errorf("key of the stored passwords: %w", err)
	}
	next, err := newSealer(append(bytes.Clone(fresh), old...))
	if err != nil {
		return 0, err
	}
	passwords, err = writeAlone(ctx, s, "rekey", func(t *tx) (int, error) { return t.reseal(s.sealer, next) })
	if err != nil { // nothing was sealed with the new key
		return 0, errors.Join(err, writeKey(path, old))
	}
	if err := writeKey(path, fresh); err != nil {
		return 0, fmt.Errorf("key of the stored passwords: %w", err)
	}
	return passwords, nil
}

// reseal opens every password with one sealer and stores it as the other seals it.
func (t *tx) reseal(from, to *sealer) (int, error) {
	list, err := t.sealedSecrets()
	if err != nil {
		return 0, err
	}
	for _, a := range list {
		plain, err := from.open(a.secret, a.id, a.source)
		if err != nil {
			return 0, fmt.Errorf("account %s of %s: %w", a.id, a.source, err)
		}
		sealed, err := to.seal(plain, a.id, a.source)
		if err != nil {
			return 0, err
		}
		if err := t.run(`UPDATE accounts SET secret=? WHERE key=?`, sealed, a.key); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}
