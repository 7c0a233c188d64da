package app

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"allim.dev/allim/notify"
	"allim.dev/allim/notify/store/sqlite"
)

// A backup is a tar file, which any tool can look into: the manifest, the data, and, unless that was not wanted, the keys
// that lie beside the data.
const (
	manifestFile = "manifest.json"
	dataFile     = "allim.db"
)

// keyFiles are the names of the files with keys in a data folder: of the stored passwords, and of Web Push.
var keyFiles = regexp.MustCompile(`^(?:secret\.key|webpush-[A-Za-z0-9_.-]+\.pem)$`)

// Manifest says what is in a backup.
type Manifest struct {
	Format  int       `json:"format"`  // 1
	Schema  int       `json:"schema"`  // the version of the data
	Program string    `json:"program"` // the allim that made it
	MadeAt  time.Time `json:"madeAt"`
	Keys    []string  `json:"keys"` // the key files that are in it; none: they were left out
}

// BackupOptions says what is backed up, and whereto.
type BackupOptions struct {
	Dir     string // the data folder; a hub may run on it
	File    string // must not be there yet
	NoKeys  bool   // leaves the keys out
	Program string // the version of this program
}

// Backup writes a backup: the file is there whole or not at all. Errors: CodeNotFound when there is no data; CodeWrongState
// when the file is there already.
func Backup(ctx context.Context, o BackupOptions) (m Manifest, err error) {
	if _, err := os.Lstat(o.File); err == nil {
		return m, notify.Errorf(notify.CodeWrongState, "%s is there already; give the backup another name", o.File)
	}
	temp, err := os.MkdirTemp(filepath.Dir(o.File), ".allim-backup-") // on the same disk; 0700
	if err != nil {
		return m, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	m = Manifest{Format: 1, Program: o.Program, MadeAt: time.Now().UTC().Truncate(time.Second), Keys: []string{}}
	data := filepath.Join(temp, dataFile)
	if m.Schema, err = sqlite.Backup(ctx, o.Dir, data); err != nil {
		return m, err
	}
	if !o.NoKeys {
		if m.Keys, err = keysIn(o.Dir); err != nil {
			return m, err
		}
	}
	packed := filepath.Join(temp, "backup.tar")
	if err := pack(packed, m, data, o.Dir); err != nil {
		return m, fmt.Errorf("write the backup: %w", err)
	}
	if err := os.Link(packed, o.File); err != nil { // unlike a rename it never takes another file's place
		return m, fmt.Errorf("write the backup: %w", err)
	}
	return m, nil
}

// keysIn gives the names of the key files in a folder.
func keysIn(dir string) ([]string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("look for keys: %w", err)
	}
	keys := []string{}
	for _, e := range list {
		if e.Type().IsRegular() && keyFiles.MatchString(e.Name()) {
			keys = append(keys, e.Name())
		}
	}
	return keys, nil
}

// pack writes the tar file and sees to it that it is on the disk.
func pack(to string, m Manifest, data, dir string) (err error) {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Sync(), f.Close()) }()
	t := tar.NewWriter(f)
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	head := &tar.Header{Name: manifestFile, Mode: 0o600, Size: int64(len(text)), ModTime: m.MadeAt}
	if err := t.WriteHeader(head); err != nil {
		return err
	}
	if _, err := t.Write(text); err != nil {
		return err
	}
	for _, path := range append([]string{data}, paths(dir, m.Keys)...) {
		if err := packFile(t, path); err != nil {
			return err
		}
	}
	return t.Close()
}

func paths(dir string, names []string) []string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = filepath.Join(dir, n)
	}
	return list
}

func packFile(t *tar.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	head := &tar.Header{Name: filepath.Base(path), Mode: 0o600, Size: info.Size(), ModTime: info.ModTime()}
	if err := t.WriteHeader(head); err != nil {
		return err
	}
	_, err = io.Copy(t, f)
	return err
}

// RestoreReport is what a restore found.
type RestoreReport struct {
	Manifest
	sqlite.Restored
}

// Restore puts a backup into a data folder that holds no data yet; keys that lie there already serve where the backup has
// none. The data is in its place only when all is done. Errors: CodeWrongState when there is data, CodeInvalid for what is
// no backup, and that of a backup by a newer allim.
func Restore(ctx context.Context, file, dir string) (r RestoreReport, err error) {
	if _, err := os.Lstat(filepath.Join(dir, dataFile)); err == nil {
		return r, notify.Errorf(notify.CodeWrongState, "%s holds the data of a hub; stop that hub and move its folder away first", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return r, fmt.Errorf("make the data folder: %w", err)
	}
	temp, err := os.MkdirTemp(dir, ".restore-")
	if err != nil {
		return r, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	if r.Manifest, err = unpack(file, temp); err != nil {
		return r, err
	}
	there, err := keysIn(dir)
	if err != nil {
		return r, err
	}
	for _, name := range there {
		if slices.Contains(r.Keys, name) {
			return r, notify.Errorf(notify.CodeWrongState, "%s is in %s and in the backup; move one of them away", name, dir)
		}
		if err := copyFile(filepath.Join(dir, name), filepath.Join(temp, name)); err != nil {
			return r, fmt.Errorf("take over %s: %w", name, err)
		}
	}
	if r.Restored, err = sqlite.Restore(ctx, sqlite.Options{Dir: temp}); err != nil {
		return r, err
	}
	return r, move(temp, dir)
}

// move puts the files in their place, the data last: a folder without it is no hub's yet.
func move(from, to string) error {
	list, err := os.ReadDir(from)
	if err != nil {
		return fmt.Errorf("put the data in its place: %w", err)
	}
	names := []string{}
	for _, e := range list {
		if keyFiles.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	for _, name := range append(names, dataFile) {
		if err := os.Rename(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return fmt.Errorf("put the data in its place: %w", err)
		}
	}
	d, err := os.Open(to)
	if err != nil {
		return fmt.Errorf("put the data in its place: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// unpack writes the files of a backup into a folder. Only the names that a backup has are taken, so that a file from
// elsewhere cannot write anywhere.
func unpack(file, dir string) (m Manifest, err error) {
	bad := func(err error, what string) error {
		return notify.Wrap(notify.CodeInvalid, err, file+" is no backup of a hub: "+what)
	}
	f, err := os.Open(file)
	if err != nil {
		return m, fmt.Errorf("read the backup: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	t := tar.NewReader(f)
	head, err := t.Next()
	if err != nil || head.Name != manifestFile {
		return m, bad(err, "it does not begin with "+manifestFile)
	}
	if err := json.NewDecoder(io.LimitReader(t, 1<<20)).Decode(&m); err != nil || m.Format != 1 {
		return m, bad(err, "its manifest is not of format 1")
	}
	found := map[string]bool{}
	for {
		head, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return m, bad(err, "it is damaged")
		}
		if head.Typeflag != tar.TypeReg || found[head.Name] || head.Name != dataFile && !keyFiles.MatchString(head.Name) {
			return m, bad(nil, fmt.Sprintf("%q does not belong in it", head.Name))
		}
		found[head.Name] = true
		if err := unpackFile(t, filepath.Join(dir, head.Name)); err != nil {
			return m, bad(err, "it is damaged")
		}
	}
	if !found[dataFile] {
		return m, bad(nil, "the data is missing")
	}
	return m, nil
}

func unpackFile(from io.Reader, to string) (err error) {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Sync(), f.Close()) }()
	_, err = io.Copy(f, from)
	return err
}

func copyFile(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return unpackFile(f, to)
}
