package app_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"allim.dev/allim/cmd/allim/app"
	"allim.dev/allim/notify"
)

// TestHubRuns tells a folder that a hub has from one of a newer program, which is the same code.
func TestHubRuns(t *testing.T) {
	dir := t.TempDir()
	a, err := app.New(t.Context(), options(parse(t, dir, "")))
	if err != nil {
		t.Fatal(err)
	}
	open := func() error {
		_, _, err := app.CreateKey(t.Context(), filepath.Join(dir, "data"), app.KeyRequest{Name: "x", Scopes: []notify.Scope{notify.ScopeAdmin}})
		return err
	}
	if err := open(); !app.HubRuns(err) {
		t.Errorf("beside a hub: %v", err)
	}
	stop(t, a)
	db, err := sql.Open("sqlite", filepath.Join(dir, "data", "allim.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "PRAGMA user_version = 9999")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if err := open(); err == nil || app.HubRuns(err) {
		t.Errorf("a newer database: %v", err)
	}
	if app.HubRuns(nil) {
		t.Error("no error")
	}
}
