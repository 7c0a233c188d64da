package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"allim.dev/allim/notify"
	"allim.dev/allim/schemas"
)

// The file's version is PRAGMA user_version: it is set in the migration's own transaction and needs no table, no
// annotations in the files and no library.

// migrate brings the file to the newest version, each step in a transaction of its own.
func migrate(ctx context.Context, db *sql.DB, path string) error {
	return migrateWith(ctx, db, path, schemas.SQL())
}

func migrateWith(ctx context.Context, db *sql.DB, path string, files fs.FS) error {
	names, err := fs.Glob(files, "*.sql") // sorted
	if err != nil {
		return fmt.Errorf("list migrations: %w", err)
	}
	var version int
	if err := db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	if version > len(names) {
		return notify.Errorf(notify.CodeWrongState, "%s has version %d and was written by a newer allim; this one knows versions up to %d",
			path, version, len(names))
	}
	for i, name := range names {
		if n := i + 1; fmt.Sprintf("%04d_", n) != name[:min(5, len(name))] {
			return fmt.Errorf("migration %s stands where number %d belongs", name, n)
		}
		if i < version {
			continue
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return fmt.Errorf("migration %s: %w", name, err)
		}
		if err := step(ctx, db, string(text), i+1); err != nil {
			return fmt.Errorf("migration %s of %s: %w", name, path, err)
		}
	}
	return nil
}

func step(ctx context.Context, db *sql.DB, text string, version int) error {
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, text); err != nil {
		return errors.Join(err, t.Rollback())
	}
	if _, err := t.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version=%d`, version)); err != nil {
		return errors.Join(err, t.Rollback())
	}
	return t.Commit()
}
