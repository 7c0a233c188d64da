package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"allim.dev/allim/notify"
)

// makeFolders makes the folders that files go to.
func (r *run) makeFolders() error {
	if _, err := os.Stat(r.settings.Path); err != nil {
		return fmt.Errorf("the folder cannot be read: %w", err)
	}
	for _, dir := range []string{r.settings.Done, r.settings.Failed} {
		if err := os.MkdirAll(r.settings.below(dir), 0o750); err != nil {
			return fmt.Errorf("a folder for files that were dealt with cannot be made: %w", err)
		}
	}
	return nil
}

// move moves a file into a folder, and returns when no loss of power brings it back. One of the same name there stays:
// the new one gets the time in its name. With a reason it leaves a file beside it that says it.
func (r *run) move(name, dir string, why error) error {
	to, err := r.free(dir, name)
	if err != nil {
		return err
	}
	if why != nil {
		if err := r.explain(to, name, why); err != nil {
			return err
		}
	}
	if err := os.Rename(filepath.Join(r.settings.Path, name), to); err != nil {
		return err
	}
	return errors.Join(syncFolder(dir), syncFolder(r.settings.Path))
}

// free gives a path in dir that nothing has.
func (r *run) free(dir, name string) (string, error) {
	path := filepath.Join(dir, name)
	for i := 0; ; i++ {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return path, nil
		} else if err != nil {
			return "", err
		}
		path = filepath.Join(dir, name+"."+r.clock.Now().UTC().Format("20060102T150405.000Z"))
		if i > 0 {
			path += fmt.Sprintf(".%d", i)
		}
	}
}

// syncFolder makes the names in a folder durable, where the system can.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrInvalid) { // some network file systems
		err = nil
	}
	return errors.Join(err, d.Close())
}

// explain writes a file beside where the refused one is going to be.
func (r *run) explain(to, name string, why error) error {
	var b strings.Builder
	fmt.Fprintf(&b, "file: %s\nmapping: %s\nat: %s\n", name, r.mapping.ID(), r.clock.Now().Format("2006-01-02T15:04:05Z07:00"))
	var e *notify.Error
	if errors.As(why, &e) {
		fmt.Fprintf(&b, "code: %s\nreason: %s\n", e.Code, e.Detail)
		for _, f := range e.Fields {
			fmt.Fprintf(&b, "  %s: %s\n", f.Path, f.Message)
		}
	} else {
		fmt.Fprintf(&b, "reason: %s\n", why)
	}
	b.WriteString("Nothing of the file was sent. Put it back when it is right.\n")
	to += ".error.txt"
	if err := os.WriteFile(to+".tmp", []byte(b.String()), 0o640); err != nil {
		return err
	}
	return os.Rename(to+".tmp", to)
}
