package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"allim.dev/allim/notify"
)

const (
	sqlPutPreferences = `UPDATE users SET preferences=? WHERE id=?`
	sqlPreferences    = `SELECT preferences FROM users WHERE id=?`
)

// PutPreferences implements notify.PreferenceStore.
func (s *Store) PutPreferences(ctx context.Context, user string, p notify.Preferences) error {
	doc := ""
	if !p.IsZero() {
		doc = toJSON(p)
	}
	return s.change(ctx, "put preferences", func(t *tx) error {
		n, err := t.changed(sqlPutPreferences, doc, user)
		if err == nil && n == 0 {
			err = notify.Errorf(notify.CodeUnknownUser, "there is no user %q", user)
		}
		return err
	})
}

// Preferences implements notify.PreferenceStore.
func (s *Store) Preferences(ctx context.Context, user string) (notify.Preferences, error) {
	return read(ctx, s, "read preferences", func(q querier) (p notify.Preferences, err error) {
		var doc string
		if err := q.row(sqlPreferences, user).Scan(&doc); err != nil {
			return p, missing(err, notify.CodeUnknownUser, "there is no user %q", user)
		}
		if doc != "" {
			err = json.Unmarshal([]byte(doc), &p)
		}
		return p, err
	})
}

// wishes remembers preferences by their text: a walk comes to many people who wish the same.
type wishes struct {
	mu   sync.Mutex
	kept map[string]*notify.Preferences
}

const wishesKept = 4096 // past it, all are forgotten

// of decodes a user's preferences; nil for none.
func (w *wishes) of(doc string) (*notify.Preferences, error) {
	if doc == "" {
		return nil, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if p := w.kept[doc]; p != nil {
		return p, nil
	}
	p := new(notify.Preferences)
	if err := json.Unmarshal([]byte(doc), p); err != nil {
		return nil, fmt.Errorf("stored preferences: %w", err)
	}
	if w.kept == nil || len(w.kept) >= wishesKept {
		w.kept = map[string]*notify.Preferences{}
	}
	w.kept[doc] = p
	return p, nil
}
