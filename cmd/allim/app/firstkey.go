package app

import (
	"context"
	"fmt"
	"strings"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/api"
	"allim.dev/allim/notify/store/sqlite"
)

// firstKey makes and prints an administrator's key when there is no key yet, so that a new hub can be used at once.
func (a *App) firstKey(ctx context.Context) error {
	if a.stdout == nil {
		return nil
	}
	keys, err := a.store.Keys(ctx, "")
	if err != nil {
		return fmt.Errorf("look for keys: %w", err)
	}
	if len(keys) > 0 {
		return nil
	}
	_, secret, err := createKey(ctx, a.store, a.clock, KeyRequest{Name: "first", Scopes: []notify.Scope{notify.ScopeAdmin}})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "The first admin key, shown only now: %s\n", secret)
	return err
}

// KeyRequest is an API key to be made.
type KeyRequest struct {
	Name   string
	Scopes []notify.Scope
}

// CreateKey makes an API key on a data folder on which no hub runs, and gives it with its secret.
// Errors: CodeWrongState when a hub runs on it, CodeInvalid.
func CreateKey(ctx context.Context, dir string, r KeyRequest) (key notify.Key, secret string, err error) {
	clock := notify.SystemClock{}
	store, err := sqlite.Open(ctx, sqlite.Options{Dir: dir, Clock: clock})
	if err != nil {
		return notify.Key{}, "", err
	}
	key, secret, err = createKey(ctx, store, clock, r)
	if cerr := store.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("close the data folder: %w", cerr)
	}
	return key, secret, err
}

// HubRuns tells whether a data folder could not be opened because a hub has it; the other reason of that code is a
// database of a newer program.
func HubRuns(err error) bool {
	return notify.CodeOf(err) == notify.CodeWrongState && strings.Contains(err.Error(), "another hub")
}

func createKey(ctx context.Context, s notify.KeyStore, clock notify.Clock, r KeyRequest) (notify.Key, string, error) {
	key, secret, err := api.NewKey(r.Name, r.Scopes, clock)
	if err != nil {
		return notify.Key{}, "", err
	}
	if err := s.PutKey(ctx, key, notify.HashSecret(secret)); err != nil {
		return notify.Key{}, "", fmt.Errorf("store the key: %w", err)
	}
	return key, secret, nil
}
