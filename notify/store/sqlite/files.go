package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"allim.dev/allim/notify"
)

// makeFolder makes the data folder and an empty data file, for the owner's eyes only: SQLite gives its log the
// permissions of the file.
func makeFolder(dir, path string) error {
	if dir == "" {
		return notify.Errorf(notify.CodeInvalid, "no data folder is given")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// lockFolder takes the folder for this process until unlockFolder or the process's end.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "allim.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	switch err := tryLock(f); {
	case errors.Is(err, errLocked):
		holder := make([]byte, 32)
		n, _ := f.ReadAt(holder, 0) // only to say more
		by := ""
		if pid := strings.TrimSpace(string(holder[:n])); pid != "" {
			by = " (process " + pid + ")"
		}
		return nil, errors.Join(notify.Errorf(notify.CodeWrongState,
			"another hub%s is running on the data folder %s; stop it first, or give this one a folder of its own", by, dir), f.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock the data folder %s: %w", dir, err), f.Close())
	}
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(fmt.Sprintln(os.Getpid())), 0)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock the data folder %s: %w", dir, err), f.Close())
		}
	}
	return f, nil
}

// unlockFolder gives the folder back: the lock goes with the open file.
func unlockFolder(f *os.File) error { return f.Close() }
