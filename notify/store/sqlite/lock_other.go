//go:build !unix

package sqlite

import (
	"errors"
	"os"
)

var errLocked = errors.New("locked by another process")

// tryLock refuses: without a lock, two hubs on one folder would tell everything twice.
func tryLock(*os.File) error {
	return errors.New("the SQLite store runs on Unix systems only: it needs flock to keep a second hub off its folder")
}
