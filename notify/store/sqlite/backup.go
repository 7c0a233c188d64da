package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"allim.dev/allim/notify"
)

// The names of the files in a data folder.
const (
	dataFile = "allim.db"
	keyFile  = "secret.key"
)

// Backup writes a copy of the data of a folder, as it is at one moment, to a file that must not be there yet. It works
// beside a running hub, which goes on writing meanwhile. It gives the version of the schema.
// Errors: CodeNotFound when the folder holds no data.
func Backup(ctx context.Context, dir, to string) (version int, err error) {
	path := filepath.Join(dir, dataFile)
	if _, err := os.Stat(path); err != nil {
		return 0, notify.Wrap(notify.CodeNotFound, err, "the folder "+dir+" holds no data of a hub")
	}
	db, err := sql.Open("sqlite", dsn(path, Options{}, true))
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	// The copy is of one moment, and holds nothing that was erased (https://sqlite.org/lang_vacuum.html).
	if _, err := db.ExecContext(ctx, `PRAGMA query_only(0)`); err != nil {
		return 0, fmt.Errorf("copy %s: %w", path, err)
	}
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, to); err != nil {
		return 0, fmt.Errorf("copy %s: %w", path, err)
	}
	return fileVersion(ctx, to)
}

// fileVersion gives the version of a file's schema, after a look at whether the file is whole.
func fileVersion(ctx context.Context, path string) (version int, err error) {
	db, err := sql.Open("sqlite", dsn(path, Options{}, true))
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var verdict string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict); err != nil {
		return 0, fmt.Errorf("look at %s: %w", path, err)
	}
	if verdict != "ok" {
		return 0, notify.Errorf(notify.CodeInvalid, "%s is damaged: %s", path, verdict)
	}
	if err := db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return 0, fmt.Errorf("look at %s: %w", path, err)
	}
	return version, nil
}
